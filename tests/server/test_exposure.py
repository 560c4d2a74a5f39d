"""What an operator is told of how clients come in."""

from __future__ import annotations

import pytest

from server.certificates import Certificate
from server.exposure import Exposure

CERTIFICATE = Certificate(("voice.example", "192.0.2.7"), "", 0, "")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_on_loopback_nothing_needs_to_be_said(host: str) -> None:
    exposure = Exposure(host=host)
    assert not exposure.is_open
    assert exposure.remarks(f"ws://{host}:8765/ws") == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_in_plain_text_off_loopback_one_warning_names_both_ways_out(host: str) -> None:
    exposure = Exposure(host=host)
    assert exposure.is_open
    [remark] = exposure.remarks("ws://192.0.2.7:8765/ws")
    for word in ("microphone", "--tls-cert", "--tls-key", "proxy", "--trusted-proxy"):
        assert word in remark


def test_behind_a_proxy_that_speaks_tls_nothing_is_open() -> None:
    assert not Exposure(host="192.0.2.7", behind=True).is_open


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("wss://voice.example:8765/ws", None),
        ("wss://192.0.2.7/ws", None),
        ("wss://other.example/ws", "--public-url"),
        ("ws://voice.example/ws", "--public-url says ws://"),
    ],
)
def test_an_address_that_the_certificate_is_not_for_is_warned_of(url: str, said: str | None) -> None:
    remarks = Exposure(host="0.0.0.0", encrypted=True, certificate=CERTIFICATE).remarks(url)
    assert [said in remark for remark in remarks if said] == [True] * (said is not None)
    assert len(remarks) == (said is not None)


def test_where_all_addresses_are_listened_on_the_one_that_clients_are_told_is_a_guess() -> None:
    assert "--public-url" in Exposure(host="0.0.0.0").hint("ws://192.0.2.7/ws")
    assert Exposure(host="192.0.2.7").hint("ws://192.0.2.7/ws") == ""
