"""Who is asked for what a log lacks: any holder, first those that a question can reach."""

from __future__ import annotations

from bus.log import Log
from bus.membership import Membership
from bus.packets import Digest
from bus.record import Origin
from bus.repair import ASK_AFTER, Repair

ME, AUTHOR, OTHER = "a" * 16 + ".1", "c" * 16 + ".1", "b" * 16 + ".1"
ADDRESSES = {AUTHOR: "c:1", OTHER: "b:1"}


def asked(*, lost: Origin | None) -> list[str]:
    """Whom a node asks first for a log that its author and another hold; one of the ways may be lost."""
    membership = Membership(ME, ADDRESSES.values())
    for origin, address in ADDRESSES.items():
        membership.links[address] = 0 if origin == lost else None
        membership.meet(Digest(origin, address, (), {AUTHOR: (1, 3)}, [ME], [], b""), 0.0)
    logs: dict[Origin, Log] = {}
    repair = Repair(logs, membership)
    repair.want(AUTHOR, 0.0)
    return [question.address for question in repair.due(ASK_AFTER)]


def test_the_node_whose_log_it_is_comes_first() -> None:
    assert asked(lost=None) == ["c:1"]


def test_one_that_is_connected_comes_before_it_when_it_is_not() -> None:
    assert asked(lost=AUTHOR) == ["b:1"]
    assert asked(lost=OTHER) == ["c:1"]
