"""What counts as loopback; the forms themselves are tested as options."""

from __future__ import annotations

import pytest

from server.addresses import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.0.9", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", ""])
def test_not_surely_loopback(host: str) -> None:
    assert not is_loopback(host)
