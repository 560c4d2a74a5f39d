"""Who is asked for what a log lacks: any holder, first those that are up."""

from __future__ import annotations

from bus.log import Log
from bus.membership import LOST_TICKS, Membership
from bus.packets import Digest
from bus.record import Origin
from bus.repair import ASK_AFTER, ASK_AGAIN, Repair

ME, AUTHOR, OTHER = "a" * 16 + ".1", "c" * 16 + ".1", "b" * 16 + ".1"
ADDRESSES = {AUTHOR: "c:1", OTHER: "b:1"}


def asked(*, lost: Origin | None = None, deaf: Origin | None = None) -> list[str]:
    """Whom a node asks first for a log that its author and another hold.

    The connection to one may be `lost`, or one may be `deaf`, and hear nothing of this node.
    """
    membership = Membership(ME, ADDRESSES.values())
    for origin, address in ADDRESSES.items():
        membership.links[address] = 0 if origin == lost else None
        hears = [] if origin == deaf else [ME]
        membership.meet(Digest(origin, address, (), {AUTHOR: (1, 3)}, hears, {}, b""), 0.0)
    membership.ticks = LOST_TICKS
    logs: dict[Origin, Log] = {}
    repair = Repair(logs, membership)
    repair.want(AUTHOR, 0.0)
    return [question.address for question in repair.due(ASK_AFTER)]


def test_the_node_whose_log_it_is_comes_first() -> None:
    assert asked() == ["c:1"]


def test_another_comes_before_it_while_it_is_suspect() -> None:
    assert asked(lost=AUTHOR) == ["b:1"]
    assert asked(deaf=AUTHOR) == ["b:1"]
    assert asked(lost=OTHER) == ["c:1"]


def test_what_its_holders_have_forgotten_is_asked_for_no_more() -> None:
    membership = Membership(ME, [])
    membership.links[ADDRESSES[OTHER]] = None
    repair = Repair({}, membership)
    held = {AUTHOR: (1, 3), OTHER: (0, 1)}
    membership.meet(Digest(OTHER, ADDRESSES[OTHER], (), held, [ME], {}, b""), 0.0)
    repair.want(AUTHOR, 0.0)
    assert [question.origin for question in repair.due(ASK_AFTER)] == [AUTHOR]
    del held[AUTHOR]
    membership.meet(Digest(OTHER, ADDRESSES[OTHER], (), held, [ME], {}, b""), 0.0)
    assert list(repair.due(ASK_AFTER + ASK_AGAIN)) == []
    assert not repair
