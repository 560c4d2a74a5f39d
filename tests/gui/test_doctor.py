"""The libraries that the doctor knows are those that `make run` looks for."""

from __future__ import annotations

import re

from gui.doctor import PACKAGES, ROOT


def test_doctor_and_setup_name_the_same_packages() -> None:
    setup = (ROOT / ".ci/setup").read_text()
    block = re.search(r"need_qt\(\).*?<<'LIBRARIES'\n(.*?)LIBRARIES", setup, flags=re.S)
    assert block is not None
    assert dict(line.split() for line in block[1].splitlines()) == PACKAGES
