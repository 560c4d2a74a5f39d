"""That the pictures of the console can be taken, and that nobody would stumble over what is written on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TAKE = Path(__file__).resolve().parents[1] / "pictures" / "take.py"
SCENES = {"first-run", "flow", "keys", "nodes", "nodes-launch", "nodes-lost", "nodes-resumed", "palette", "rooms"}
SCENES |= {"rooms-resumed", "audit", "reports"}


@pytest.mark.timeout(240)
def test_nothing_on_the_pictures_is_cut_off_on_each_other_or_too_faint(tmp_path: Path) -> None:
    """A whole demo is played for it, in both themes and two sizes of the window; at its end the views are empty."""
    done = subprocess.run(
        [sys.executable, str(TAKE), "--into", str(tmp_path), "--seconds", "5"],
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert {path.stem for path in tmp_path.iterdir()} == {
        f"{scene}-{look}" for scene in SCENES for look in ("dark", "light")
    }
