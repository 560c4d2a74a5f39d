"""Of two processes with one node id the older one knows which it is."""

from __future__ import annotations

import pytest

from bus.fence import Fence
from bus.packets import Bye, Digest, Outlived, Packet

ME, OTHER = f"{1:016x}", f"{2:016x}"
MINE = f"{ME}.9"


def digest(sender: str, *hears: str) -> Digest:
    return Digest(sender, "h:1", (), {}, list(hears), {}, b"")


@pytest.mark.parametrize(
    ("packet", "newer"),
    [
        (Bye(f"{ME}.10"), f"{ME}.10"),
        (digest(f"{OTHER}.1", MINE, f"{ME}.11"), f"{ME}.11"),
        (Outlived(f"{OTHER}.1", f"{ME}.12"), f"{ME}.12"),
        (Bye(f"{ME}.8"), None),
        (digest(f"{OTHER}.99", MINE, f"{ME}.2"), None),
        (Outlived(f"{OTHER}.99", f"{OTHER}.98"), None),
    ],
)
def test_a_newer_life_of_its_id_is_seen_wherever_it_is_named(packet: Packet, newer: str | None) -> None:
    assert Fence(MINE).newer(packet) == newer
