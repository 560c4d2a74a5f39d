"""Verification of the audit: whatever is changed, taken away or moved in a store is found, and its line named."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import chain
from server.chain import Asked, Began, Came, Entry, Head, Missed, Pen, Person, Result
from server.filing import row_of
from server.session import Actor, Role
from server.store.rows import AuditRow, HeadRow
from server.verification import Fault, Verifier

NODES = ("a" * 16, "b" * 16, "c" * 16)
MO = Actor("s_mo", "mo", "Mo", Role.MODERATOR)


@dataclasses.dataclass
class Kept:
    """What a store holds."""

    rows: list[AuditRow]
    heads: list[HeadRow]

    def faults(self) -> list[Fault]:
        """What verification says of it."""
        verifier = Verifier()
        for head in self.heads:
            verifier.expect(head)
        for row in sorted(self.rows, key=lambda row: (row.chain, row.n, row.hash)):
            verifier.check(row)
        return verifier.finish()

    def at(self, origin: str, n: int) -> int:
        """Where a line is among the rows."""
        return next(at for at, row in enumerate(self.rows) if (row.chain, row.n) == (origin, n))


class Cluster:
    """Nodes that write lines, each of which all of them see."""

    def __init__(self) -> None:
        self.kept = Kept([], [])
        self._lives = dict.fromkeys(NODES, 0)
        self._pens: dict[str, Pen] = {}
        self._last: dict[str, Head] = {}
        self._untold: dict[str, dict[str, Head]] = {node: {} for node in NODES}

    def restart(self, node: str, *, lost: bool = False) -> None:
        """A node begins another life."""
        self._lives[node] += 1
        before = None if lost else self._last.get(node)
        self._pens[node] = Pen(f"{node}.{self._lives[node]}", f"node {node[0]}", before)
        self.write(node, Began(before, lost))

    def write(self, node: str, entry: Entry) -> None:
        """A node writes a line."""
        if node not in self._pens:
            self.restart(node)
        pen, untold = self._pens[node], self._untold[node]
        payload = pen.write(entry, at=1_700_000_000_000 + len(self.kept.rows), seen=list(untold.values()))
        untold.clear()
        head = self._last[node] = pen.head or pytest.fail("it has written")
        for other in NODES:
            if other != node:
                self._untold[other][head.chain] = head
        self.kept.rows.append(row_of(head.chain, len(self.kept.rows) + 1, payload))
        known = [kept for kept in self.kept.heads if kept.chain != head.chain]
        self.kept.heads = [*known, HeadRow(chain=head.chain, n=head.n, hash=head.hash, at=0)]


def asked(text: str = "shouting", *, act: str = "act") -> Asked:
    return Asked(
        act=act, by=MO, action="kick", target="bob", person=Person("s_bob", "bob", "Bob"), room="lobby", reason=text
    )


ENTRIES = st.one_of(
    st.builds(asked, st.text(max_size=20)),
    st.builds(lambda ms: Came("act", (Result("n1", "done", ms, "s_bob"),)), st.floats(0, 1000)),
    st.just("restart"),
)


@st.composite
def clusters(draw: st.DrawFn, *, least: int = 1) -> Kept:
    """What is kept after some nodes have lived and written."""
    cluster = Cluster()
    for node, what in draw(st.lists(st.tuples(st.sampled_from(NODES), ENTRIES), min_size=least, max_size=30)):
        if isinstance(what, str):
            cluster.restart(node)
        else:
            cluster.write(node, what)
    return cluster.kept


@given(clusters())
def test_what_was_written_holds(kept: Kept) -> None:
    assert kept.faults() == []


@given(clusters(), st.data())
def test_a_flipped_byte_is_found_in_its_line(kept: Kept, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(kept.rows) - 1))
    row = kept.rows[at]
    field = data.draw(st.sampled_from(["line", "prev", "hash", "act", "by", "action", "user", "room", "kind"]))
    text = getattr(row, field)
    if text:
        where = data.draw(st.integers(0, len(text) - 1))
        changed = (
            text[:where] + chr(ord(text[where]) ^ data.draw(st.sampled_from([1, 2, 4, 8, 16]))) + text[where + 1 :]
        )
    else:
        changed = "x"
    kept.rows[at] = msgspec.structs.replace(row, **{field: changed})
    assert [(fault.chain, fault.n) for fault in kept.faults()] == [(row.chain, row.n)]


@given(clusters(), st.data())
def test_a_deleted_line_is_named(kept: Kept, data: st.DataObject) -> None:
    """Wherever it was: also the last one, of which others, or the list of heads, know."""
    row = kept.rows.pop(data.draw(st.integers(0, len(kept.rows) - 1)))
    assert [(fault.chain, fault.n) for fault in kept.faults()] == [(row.chain, row.n)]
    assert kept.faults()[0].why == "it is missing"


@given(clusters(), st.data())
def test_of_a_tail_that_was_cut_the_first_line_is_named(kept: Kept, data: st.DataObject) -> None:
    row = kept.rows[data.draw(st.integers(0, len(kept.rows) - 1))]
    kept.rows = [other for other in kept.rows if other.chain != row.chain or other.n < row.n]
    assert Fault(row.chain, row.n, "it is missing") in kept.faults()


@given(clusters(least=3), st.data())
def test_two_lines_that_were_swapped_are_found(kept: Kept, data: st.DataObject) -> None:
    one, two = (data.draw(st.integers(0, len(kept.rows) - 1)) for _ in range(2))
    first, second = sorted((kept.rows[one], kept.rows[two]), key=lambda row: (row.chain, row.n))
    kept.rows[kept.at(first.chain, first.n)] = msgspec.structs.replace(second, chain=first.chain, n=first.n)
    kept.rows[kept.at(second.chain, second.n)] = msgspec.structs.replace(first, chain=second.chain, n=second.n)
    found = [(fault.chain, fault.n) for fault in kept.faults()]
    if first == second:
        assert found == []
    elif first.chain == second.chain:
        assert found == [(first.chain, first.n)]
    else:
        assert found == [(first.chain, first.n), (second.chain, second.n)]


@given(clusters(least=3), st.data())
def test_who_writes_a_chain_anew_is_betrayed_by_those_who_saw_it(kept: Kept, data: st.DataObject) -> None:
    """All hashes of one chain fit again, and its head too; other chains name what stood there."""
    row = kept.rows[data.draw(st.integers(0, len(kept.rows) - 1))]
    last = max((other for other in kept.rows if other.chain == row.chain), key=lambda other: other.n)
    seen = [
        head
        for other in kept.rows
        for head in _heads_in(chain.unpack(other.line).entry, chain.unpack(other.line).seen)
        if head.chain == row.chain and head.n >= row.n
    ]
    prev = row.prev
    for n in range(row.n, last.n + 1):
        at = kept.at(row.chain, n)
        line = msgspec.structs.replace(chain.unpack(kept.rows[at].line), prev=prev)
        if n == row.n:
            line = msgspec.structs.replace(line, at=line.at + 1)
        kept.rows[at] = row_of(row.chain, kept.rows[at].seq, chain.encode(line))
        prev = kept.rows[at].hash
    kept.heads = [
        msgspec.structs.replace(head, hash=prev) if head.chain == row.chain else head for head in kept.heads
    ]
    assert bool(kept.faults()) == bool(seen)


def _heads_in(entry: Entry, seen: tuple[Head, ...]) -> list[Head]:
    return [*seen, *([entry.before] if isinstance(entry, Began) and entry.before else [])]


@given(clusters(), st.data())
def test_a_line_that_was_put_in_is_found(kept: Kept, data: st.DataObject) -> None:
    row = kept.rows[data.draw(st.integers(0, len(kept.rows) - 1))]
    line = msgspec.structs.replace(chain.unpack(row.line), at=1)
    kept.rows.append(row_of(row.chain, row.seq, chain.encode(line)))
    assert [(fault.chain, fault.n) for fault in kept.faults()] == [(row.chain, row.n)]


def test_a_chain_goes_on_over_a_restart() -> None:
    cluster = Cluster()
    cluster.write(NODES[0], asked())
    cluster.restart(NODES[0])
    first, second, third = (chain.unpack(row.line) for row in cluster.kept.rows)
    assert third.prev == cluster.kept.rows[1].hash
    assert isinstance(third.entry, Began)
    assert third.entry.before == Head(f"{NODES[0]}.1", 2, cluster.kept.rows[1].hash)
    del cluster.kept.rows[1], cluster.kept.heads[0]
    assert cluster.kept.faults() == [Fault(f"{NODES[0]}.1", 2, "it is missing")]


def test_lines_that_a_node_never_had_are_no_fault_where_it_says_so() -> None:
    cluster = Cluster()
    for _ in range(6):
        cluster.write(NODES[0], asked())
    origin = f"{NODES[0]}.1"
    cluster.kept.rows = [row for row in cluster.kept.rows if row.n not in (1, 2, 5)]
    assert cluster.kept.faults() == [Fault(origin, 1, "it is missing")]
    cluster.write(NODES[1], Missed(origin, 1, 2))
    assert cluster.kept.faults() == [Fault(origin, 5, "it is missing")]
    cluster.write(NODES[1], Missed(origin, 5, 5))
    assert cluster.kept.faults() == []


def test_a_chain_that_began_anew_is_told() -> None:
    cluster = Cluster()
    cluster.write(NODES[0], asked())
    cluster.restart(NODES[0], lost=True)
    verifier = Verifier()
    for row in cluster.kept.rows:
        verifier.check(row)
    assert verifier.finish() == []
    assert verifier.lost == [f"{NODES[0]}.2"]
    assert {head.n for head in verifier.heads.values()} == {1, 2}
