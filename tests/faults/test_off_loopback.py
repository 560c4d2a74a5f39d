"""A cluster off loopback, with people who talk, among strangers: they get nothing, and the window names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.off_loopback import play


@pytest.mark.faults
@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_strangers_get_nothing_and_disturb_nobody_and_the_window_names_them(tmp_path: Path) -> None:
    result = await play(tmp_path, tmp_path / "window.png")
    print(*(what for _, what in result.checks), *result.figures, sep="\n")
    assert result.checks
    assert result.wrong == []
