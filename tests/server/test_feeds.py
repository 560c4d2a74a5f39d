"""What a connection is fed from a node's list: live, after a wait, in a replay; what becomes of its texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bus.interface import Bounds, Peer, PeerState
from bus.record import ClientId, Kind, Origin, Record
from server.feeds import Asked, Feeds

HERE, A, B = "here.1", "a.1", "b.1"
LOBBY = "r/lobby"


class Mesh:
    """The bus as far as feeds need it, set by hand."""

    origin = HERE

    def __init__(self) -> None:
        self.known: dict[tuple[str, ClientId], list[Record]] = {}
        self.copied: dict[tuple[Origin, int], int] = {}
        self.waits: list[tuple[Mapping[Origin, int], Callable[[], None]]] = []
        self.highs: dict[Origin, int] = {}
        self.others: dict[Origin, int] = {}
        """Those who are there, and how far each holds its own log."""

    def places(self, session: str, id: ClientId) -> Sequence[Record]:
        return self.known.get((session, id), [])

    def held(self, origin: Origin) -> int:
        return self.highs.get(origin, 0)

    def copies(self, origin: Origin, seq: int) -> int:
        return self.copied.get((origin, seq), 2)

    def peers(self) -> Sequence[Peer]:
        return [Peer(origin, origin, PeerState.UP, "", 0.0, None, b"") for origin in self.others]

    def holdings(self, node: str) -> Mapping[Origin, int] | None:
        return {node: self.others[node]}

    def when_held(self, places: Mapping[Origin, int], ready: Callable[[], None]) -> Callable[[], None]:
        self.waits.append((dict(places), ready))
        return lambda: self.waits.clear()


class Client:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.room = True

    @property
    def outlet(self) -> Client:
        return self

    def text(self, frame: bytes) -> None:
        self.heard.append(frame.decode())

    def has_room(self) -> bool:
        return self.room

    def went_live(self) -> None:
        self.heard.append("live")

    def missed(self, audiences: list[str]) -> None:
        self.heard.append(f"missed {' '.join(audiences)}")

    def was_overtaken(self) -> None:
        self.heard.append("overtaken")


class Scene:
    """A node's feeds, and the logs that it works."""

    def __init__(self, **bounds: int) -> None:
        self.mesh = Mesh()
        self.rendered = 0
        self.feeds = Feeds(self.mesh, bounds=Bounds(**bounds), render=self._render)  # type: ignore[arg-type]
        self.told: list[tuple[ClientId, Origin, int, int, bool]] = []

    def _render(self, record: Record) -> bytes:
        self.rendered += 1
        return record.payload

    def text(self, origin: Origin, seq: int, *, id: ClientId | None = None, by: str = "ann") -> Record:
        """A text that this node holds."""
        id = f"{origin}:{seq}" if id is None else id
        record = Record(1, Kind.TEXT, origin, seq, seq, "lobby", by, id, str(id).encode())
        self.mesh.known.setdefault((by, id), []).append(record)
        self.mesh.highs[origin] = seq
        return record

    def work(self, origin: Origin, seq: int, *, id: ClientId | None = None, by: str = "ann") -> bool:
        return self.feeds.work(self.text(origin, seq, id=id, by=by), LOBBY)

    def begin(self, session: str) -> Client:
        client = Client()
        self.feeds.begin(session, client, audiences=[LOBBY])
        return client

    def resume(self, session: str, cursors: dict[Origin, int]) -> Client:
        client = Client()
        self.feeds.resume(session, client, audiences=[LOBBY], cursors=cursors)
        return client

    def reach(self) -> None:
        """All that is waited for is held."""
        waits, self.mesh.waits = self.mesh.waits, []
        for _, ready in waits:
            ready()

    def say(self, session: str, id: ClientId, *, due: float = 7.0) -> list[dict[Origin, int]]:
        """What the text was to stand after, if it was written."""
        written = []

        def write(after: dict[Origin, int]) -> Record:
            written.append(after)
            return self.text(HERE, self.mesh.held(HERE) + 1, id=id, by=session)

        def shown(record: Record, copies: int, asked: bool) -> None:
            self.told.append((id, record.origin, record.seq, copies, asked))

        self.feeds.say(Asked(session, id, due, shown, lambda: self.told.append((id, "", 0, 0, False))), write)
        return written


def test_live_traffic_goes_to_all_of_an_audience_but_its_sender() -> None:
    scene = Scene()
    ann, bob = scene.begin("ann"), scene.begin("bob")
    scene.work(A, 1, id="hi")
    assert (ann.heard, bob.heard) == ([], ["hi"])
    scene.feeds.listen(scene.feeds.feeds["bob"], ["r/other"])
    scene.work(A, 2)
    assert (bob.heard, scene.feeds.take_sent(), scene.feeds.take_sent()) == (["hi"], 1, 0)


def test_a_resume_waits_then_replays_what_cursors_do_not_cover_then_lives() -> None:
    scene = Scene()
    for place in ((A, 1), (B, 1), (A, 2)):
        scene.work(*place)
    bob = scene.resume("bob", {A: 1, B: 9})
    scene.work(A, 3)
    assert (bob.heard, scene.mesh.waits[0][0]) == ([], {A: 1, B: 9})
    scene.reach()
    assert bob.heard == ["a.1:2", "a.1:3", "live"]
    scene.work(A, 4)
    scene.work(B, 2)  # its client has seen it elsewhere, though this node has given it up
    assert bob.heard[3:] == ["a.1:4"]
    scene.work(B, 10)
    assert bob.heard[4:] == ["b.1:10"]


def test_a_text_is_old_for_who_has_seen_it_at_another_place() -> None:
    scene = Scene()
    scene.text(B, 4, id="x")
    scene.work(A, 1, id="x")
    bob, cid = scene.resume("bob", {B: 4}), scene.resume("cid", {B: 3})
    scene.reach()
    assert (bob.heard, cid.heard) == (["live"], ["x", "live"])
    scene.text(B, 3, id="y")
    scene.work(A, 2, id="y")
    assert (bob.heard[1:], cid.heard[2:]) == ([], [])


def test_of_the_log_of_a_node_that_is_there_nobody_has_seen_more_than_it_holds() -> None:
    scene = Scene()
    scene.work(A, 1)
    scene.work(HERE, 1)
    scene.mesh.others = {A: 2}
    bob = scene.resume("bob", {A: 99, B: 99, HERE: 99})
    scene.reach()
    assert bob.heard == ["live"]
    for seq in (2, 3):
        scene.work(A, seq)
        scene.work(B, seq)
        scene.work(HERE, seq)
    assert bob.heard[1:] == ["here.1:2", "a.1:3", "here.1:3"]


def test_who_has_seen_logs_that_nobody_knows_any_more_costs_nothing_later() -> None:
    scene = Scene()
    scene.work(A, 1)
    guests = [scene.resume(f"guest {number}", {A: 1, "dead.1": 7}) for number in range(3)]
    scene.reach()
    assert [guest.heard for guest in guests] == [["live"]] * 3
    rendered = scene.rendered
    scene.work(A, 2)
    assert [guest.heard[1:] for guest in guests] == [["a.1:2"]] * 3
    assert scene.rendered == rendered + 1, "one frame serves them all"
    scene.feeds.listen(scene.feeds.feeds["guest 0"], ["r/other"])
    scene.feeds.end(scene.feeds.feeds["guest 1"])
    scene.work(A, 3)
    assert [guest.heard[2:] for guest in guests] == [[], [], ["a.1:3"]]
    scene.work("dead.1", 7)  # it is found after all
    assert guests[2].heard[3:] == []
    scene.feeds.tick(0.0)
    scene.work(B, 1, id="dead.1:7")
    scene.work("dead.1", 8)
    assert guests[2].heard[3:] == ["dead.1:8"]


def test_a_replay_takes_the_time_that_its_client_takes() -> None:
    scene = Scene()
    for seq in range(1, 6):
        scene.work(A, seq)
    bob = scene.resume("bob", {})
    bob.room = False
    scene.reach()
    scene.work(A, 6)
    assert bob.heard == []
    bob.room = True
    scene.feeds.go_on(scene.feeds.feeds["bob"])
    assert bob.heard == [f"a.1:{seq}" for seq in range(1, 7)] + ["live"]


def test_who_is_too_slow_for_the_list_is_overtaken() -> None:
    scene = Scene(records=3)
    for seq in (1, 2, 3):
        scene.work(A, seq)
    bob = scene.resume("bob", {A: 1})
    scene.reach()
    cid = scene.resume("cid", {A: 1})
    cid.room = False
    scene.reach()
    for seq in range(4, 10):
        scene.work(A, seq)
    assert (bob.heard[-1], cid.heard) == ("a.1:9", ["overtaken"])
    assert "cid" not in scene.feeds.feeds


def test_what_the_list_holds_no_more_is_said_before_anything_is_sent() -> None:
    scene = Scene(records=2)
    for seq in range(1, 6):
        scene.work(A, seq)
    assert scene.feeds.missing({A: 2}, [LOBBY]) == [LOBBY]
    bob, cid = scene.resume("bob", {A: 2}), scene.resume("cid", {A: 3})
    scene.reach()
    assert bob.heard == [f"missed {LOBBY}", "a.1:4", "a.1:5", "live"]
    assert cid.heard == ["a.1:4", "a.1:5", "live"]


def test_a_gap_is_said_to_who_is_live() -> None:
    scene = Scene()
    bob = scene.begin("bob")
    scene.feeds.gap(A, 7)
    scene.feeds.gap(A, 7)
    assert bob.heard == [f"missed {LOBBY}"]


def test_the_first_text_after_a_resume_stands_behind_what_its_session_has_seen_and_is_held() -> None:
    scene = Scene()
    scene.work(A, 5)
    scene.work(HERE, 1)
    scene.resume("bob", {A: 3, B: 7, HERE: 1})
    scene.reach()
    assert scene.say("bob", 1) == [{A: 3}]
    assert scene.say("bob", 2) == [{}]


def test_the_first_text_after_a_repeat_stands_behind_the_place_of_the_repeat() -> None:
    scene = Scene()
    scene.begin("bob")
    scene.work(A, 8, id=1, by="bob")
    assert scene.say("bob", 1) == []
    assert scene.told == [(1, A, 8, 2, True)]
    assert scene.say("bob", 2) == [{A: 8}]


def test_a_repeat_is_answered_once_its_place_is_worked_and_two_hold_it() -> None:
    scene = Scene()
    scene.begin("bob")
    record = scene.text(A, 8, id=1, by="bob")
    scene.mesh.copied[A, 8] = 0
    scene.say("bob", 1)
    scene.feeds.work(record, LOBBY)
    scene.feeds.tick(1.0)
    assert scene.told == []
    scene.mesh.copied[A, 8] = 3
    scene.feeds.tick(1.1)
    assert scene.told == [(1, A, 8, 3, True)]
    scene.mesh.copied[A, 8] = 4
    scene.say("bob", 1)
    assert scene.told[1:] == [(1, A, 8, 3, True)]


def test_who_waited_too_long_is_told_once_and_later_only_by_asking_again() -> None:
    scene = Scene()
    scene.begin("bob")
    scene.mesh.copied[HERE, 1] = 0
    scene.say("bob", 1)
    scene.feeds.timeline.work(HERE, 1)
    scene.feeds.tick(6.9)
    assert scene.told == []
    scene.feeds.tick(7.0)
    scene.feeds.tick(9.0)
    assert scene.told == [(1, "", 0, 0, False)]
    scene.mesh.copied[HERE, 1] = 2
    scene.feeds.tick(9.1)
    assert scene.told[1:] == [(1, HERE, 1, 2, False)]
    assert scene.say("bob", 1, due=20.0) == []
    assert scene.told[2:] == [(1, HERE, 1, 2, True)]


def test_a_session_is_fed_at_one_connection() -> None:
    scene = Scene()
    first = scene.begin("bob")
    second = scene.resume("bob", {})
    scene.reach()
    scene.work(B, 1)
    assert (first.heard, second.heard) == ([], ["live", f"{B}:1"])


def test_a_connection_that_ends_while_it_waits_is_waited_for_no_more() -> None:
    scene = Scene()
    bob = scene.resume("bob", {A: 7})
    scene.feeds.end(scene.feeds.feeds["bob"])
    assert scene.mesh.waits == []
    scene.work(A, 1)
    assert bob.heard == []
