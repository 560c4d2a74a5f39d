"""What waits for a store: what must last always finds room, texts as long as there is some."""

from __future__ import annotations

from server.store.queue import BATCH, Queue
from server.store.rows import Row
from tests.stored import line, ruling, said


def test_what_must_last_goes_first_and_each_sort_in_its_order() -> None:
    queue = Queue()
    rows: list[Row] = [said(1), ruling(), said(2), line()]
    for row in rows:
        queue.put(row)
    assert queue.first() == [rows[1], rows[3], rows[0], rows[2]]
    assert (len(queue), queue.urgent, queue.taken, queue.kept) == (4, True, 2, 0)


def test_what_is_being_written_stays_until_it_is() -> None:
    queue = Queue()
    for n in range(1, 3 * BATCH):
        queue.put(said(n))
    batch = queue.first()
    assert batch == [said(n) for n in range(1, BATCH + 1)]
    queue.put(ruling())
    queue.done(batch)
    following = queue.first()
    assert following[0] == ruling()
    assert following[1] == said(BATCH + 1)
    queue.done(following)
    assert queue.kept == queue.taken == 1


def test_beyond_its_room_texts_are_dropped_and_counted_and_nothing_else() -> None:
    queue = Queue(most_texts=3)
    for n in range(1, 6):
        queue.put(said(n))
    for n in range(1, 100):
        queue.put(line(n))
    assert queue.dropped == 2
    assert [row for row in queue.first() if isinstance(row, type(said()))] == [said(1), said(2), said(3)]
    assert queue.taken == 99


def test_long_texts_take_more_room() -> None:
    queue = Queue(most_chars=100)
    for n in range(1, 6):
        queue.put(said(n, text="x" * 40))
    assert (len(queue), queue.dropped) == (2, 3)
    queue.done(queue.first())
    queue.put(said(9, text="x" * 100))
    assert (len(queue), queue.dropped) == (1, 3)
