"""The checker: it passes a history in which all is well, and finds each thing that may be wrong in one."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.check import Line, judge

CHECKER = Path(__file__).with_name("check.py")
READERS = ("ann", "bob", "cid", "dan")
TEXTS = 5
RESUMED = 4
"""Before this text cid's node dies; cid goes on elsewhere and is live again after that round."""


def history() -> list[Line]:
    """Four people in a room say five texts each that the others read; bob leaves before the last one.

    The node of cid is killed in the middle: its fourth text is said again, and what was missed is read at last.
    """
    lines = [line for line in _lines() if line["event"] == "killed"]
    for session in READERS:
        own = [line for line in _lines() if line.get("session") == session]
        lines += [line | {"where": f"{session}.jsonl:{number}"} for number, line in enumerate(own, 1)]
    return lines


def _lines() -> Iterator[Line]:
    at = 1.0
    for number, session in enumerate(READERS):
        others = list(READERS[: number + 1])
        yield {
            "event": "joined",
            "session": session,
            "room": "r",
            "members": others,
            "node": f"node of {session}",
            "at": at,
        }
        for other in READERS[:number]:
            yield {"event": "told", "session": other, "room": "r", "what": "joined", "member": session, "at": at}
    missed = []
    for number in range(1, TEXTS + 1):
        if number == RESUMED:
            yield {"event": "killed", "node": "node of cid", "at": at + 0.5}
            yield {"event": "away", "session": "cid", "node": "node of cid", "code": 1006, "at": at + 0.6}
            for other in ("ann", "bob", "dan"):
                yield {
                    "event": "told",
                    "session": other,
                    "room": "r",
                    "what": "reconnecting",
                    "member": "cid",
                    "at": at + 0.6,
                }
        if number == TEXTS:
            yield {"event": "gone", "session": "bob", "code": 1000, "meant": True, "at": at}
            for other in ("ann", "dan"):
                yield {
                    "event": "told",
                    "session": other,
                    "room": "r",
                    "what": "left",
                    "reason": "left",
                    "member": "bob",
                    "at": at,
                }
        for sender in READERS:
            at += 1
            text = {"session": sender, "room": "r", "id": f"t{number}", "text": f"{sender} {number}"}
            if (sender, number) == ("bob", TEXTS):
                continue
            yield {"event": "said", **text, "at": at}
            late = 0.0
            if (sender, number) == ("cid", RESUMED):
                late = 2.5
                yield {"event": "repeated", "session": sender, "id": text["id"], "at": at + late}
            place = {"origin": f"node of {sender}", "seq": number}
            if sender == "cid" and number >= RESUMED:
                place = {"origin": "another node", "seq": number}
            yield {"event": "sent", "session": sender, "id": text["id"], "copies": 2, **place, "at": at + late + 0.1}
            for reader in READERS:
                if reader != sender and (reader, number) != ("bob", TEXTS):
                    line = {
                        "event": "read",
                        **text,
                        "session": reader,
                        "sender": sender,
                        **place,
                        "at": at + late + 0.2,
                    }
                    if (reader, number) == ("cid", RESUMED):
                        missed.append(line)
                    else:
                        yield line
        if number == RESUMED:
            there = {"session": "cid", "node": "another node"}
            yield {"event": "welcomed", **there, "recovered": True, "members": {"r": list(READERS)}, "at": at + 0.3}
            yield from (line | {"at": at + 0.4} for line in missed)
            yield {"event": "live", **there, "at": at + 0.5}


def reading(lines: list[Line], reader: str, sender: str, number: int) -> int:
    """Where in the history somebody reads something."""
    return next(
        index
        for index, line in enumerate(lines)
        if (line["event"], line.get("session"), line.get("sender"), line.get("id"))
        == ("read", reader, sender, f"t{number}")
    )


def place(line: Line) -> str:
    return f"({line['where']})"


def test_a_good_history_has_no_fault() -> None:
    verdict = judge(history())
    assert verdict.faults == []
    assert (verdict.said, verdict.sent, verdict.alone) == (19, 19, 0)
    assert verdict.read == 54
    assert (verdict.resumed, verdict.unrecovered) == (1, 0)


def test_one_text_lost() -> None:
    lines = history()
    sent = next(
        line for line in lines if (line["event"], line.get("session"), line.get("id")) == ("sent", "ann", "t3")
    )
    del lines[reading(lines, "cid", "ann", 3)]
    assert judge(lines).faults == [f"missing: 't3' of ann at cid {place(sent)}"]


def test_one_text_lost_while_its_reader_was_away() -> None:
    lines = history()
    del lines[reading(lines, "cid", "ann", RESUMED)]
    (fault,) = judge(lines).faults
    assert fault.startswith(f"missing: 't{RESUMED}' of ann at cid")


def test_a_text_lost_with_a_word_about_it() -> None:
    lines = history()
    del lines[reading(lines, "cid", "ann", RESUMED)]
    next(line for line in lines if line["event"] == "welcomed").update(recovered=False, gaps=["r"])
    verdict = judge(lines)
    assert verdict.faults == []
    assert verdict.unrecovered == 1
    del lines[reading(lines, "cid", "ann", TEXTS)]
    assert len(judge(lines).missing) == 1, "what was said later is in no gap"


def test_one_text_doubled() -> None:
    lines = history()
    doubled = lines[reading(lines, "cid", "ann", 3)]
    lines.append(doubled | {"where": "cid.jsonl:99"})
    assert judge(lines).faults == ["doubled: 't3' of ann at cid (cid.jsonl:99)"]


def test_one_text_read_before_a_loss_and_again_after_it() -> None:
    lines = history()
    again = next(index for index, line in enumerate(lines) if line["event"] == "live")
    lines.insert(again, lines[reading(lines, "cid", "ann", 3)] | {"where": "cid.jsonl:99"})
    assert judge(lines).faults == ["doubled: 't3' of ann at cid (cid.jsonl:99)"]


def test_two_texts_swapped() -> None:
    lines = history()
    one, other = reading(lines, "cid", "ann", 2), reading(lines, "cid", "ann", 3)
    lines[one], lines[other] = lines[other], lines[one]
    late = place(lines[other])
    assert judge(lines).faults == [
        f"swapped: 't2' of ann at cid after 't3' {late}",
        f"sunk: 't2' of ann at cid {late}",
    ]


def test_a_text_altered_or_forged_or_in_another_room() -> None:
    lines = history()
    places = {number: place(lines[reading(lines, "cid", "ann", number)]) for number in (2, 3)}
    forged = lines[reading(lines, "cid", "bob", 1)]
    lines[reading(lines, "cid", "ann", 2)] |= {"text": "ann 4"}
    lines[reading(lines, "cid", "ann", 3)] |= {"room": "s"}
    forged |= {"sender": "eve"}
    assert [fault for fault in judge(lines).faults if not fault.startswith("missing: 't1' of bob at cid")] == [
        f"altered: 't1' of eve at cid {place(forged)}",
        f"altered: 't2' of ann at cid {places[2]}",
        f"altered: 't3' of ann at cid {places[3]}",
    ]


def test_a_text_that_came_back_to_its_sender() -> None:
    lines = history()
    lines.append({**lines[reading(lines, "cid", "ann", 3)], "session": "ann", "seq": 99})
    (fault,) = judge(lines).faults
    assert fault.startswith("altered: 't3' of ann at ann")


def test_a_place_below_one_before() -> None:
    lines = history()
    wrong = lines[reading(lines, "cid", "ann", 3)]
    wrong |= {"seq": 2}
    assert judge(lines).faults == [f"sunk: 't3' of ann at cid {place(wrong)}"]


def test_a_first_acknowledgement_below_a_place_before_and_one_that_was_asked_for_again() -> None:
    lines = history()
    first, again = (
        next(line for line in lines if (line["event"], line.get("session"), line.get("id")) == ("sent", *text))
        for text in (("ann", "t3"), ("cid", f"t{RESUMED}"))
    )
    first["seq"] = again["seq"] = 1
    assert judge(lines).sunk == [f"'sent' of 't3' at ann {place(first)}"]


def told(session: str, what: str, member: str, at: float, *, reason: str = "") -> Line:
    """One is told something of another."""
    fields = {"session": session, "room": "r", "what": what, "member": member, "reason": reason, "at": at}
    return {"event": "told", **fields, "where": f"{session}.jsonl:99"}


@pytest.mark.parametrize("reason", ["left", "lost", "kicked"])
def test_one_is_said_to_have_left_who_had_not(reason: str) -> None:
    lines = history()
    lines.append(told("ann", "left", "cid", 15.0, reason=reason))
    assert judge(lines).faults == [f"rumoured: cid left r ({reason}), it is said (ann.jsonl:99)"]


def test_one_who_is_away_for_long_enough_may_be_called_lost() -> None:
    lines = history()
    lines.append(told("ann", "left", "cid", 17.0, reason="lost"))
    assert judge(lines, lost_seconds=3).faults == []
    assert len(judge(lines, lost_seconds=5).faults) == 1


@pytest.mark.parametrize("member", ["dan", "eve"])
def test_one_is_said_to_have_joined_who_was_there_or_does_not_exist(member: str) -> None:
    lines = history()
    lines.append(told("ann", "joined", member, 15.0))
    assert judge(lines).faults == [f"rumoured: {member} joined r, it is said (ann.jsonl:99)"]


def test_one_is_missing_when_another_comes_again() -> None:
    lines = history()
    welcomed = next(line for line in lines if line["event"] == "welcomed")
    welcomed["members"]["r"].remove("ann")
    assert judge(lines).faults == [f"rumoured: ann is missing in r {place(welcomed)}"]


def test_one_is_no_longer_in_its_room_when_it_comes_again() -> None:
    lines = history()
    welcomed = next(line for line in lines if line["event"] == "welcomed")
    del welcomed["members"]["r"]
    assert judge(lines).faults == [f"stranded: cid is no longer in its room {place(welcomed)}"]


def test_one_does_not_come_again() -> None:
    lines = [line for line in history() if line["event"] != "live"]
    away = next(line for line in lines if line["event"] == "away")
    assert judge(lines).faults == [f"stranded: cid lost its connection {place(away)}"]


def test_a_session_that_a_node_ended() -> None:
    lines = history()
    gone = next(line for line in lines if line["event"] == "gone")
    gone |= {"meant": False, "code": 4410, "why": "over"}
    assert judge(lines).faults == [f"ended: bob: 4410 over {place(gone)}"]


def test_a_text_that_was_refused_and_one_of_which_nothing_was_known() -> None:
    lines = history()
    where = {"session": "ann", "id": "t9", "at": 30.0, "where": "ann.jsonl:99"}
    lines.append({"event": "not sent", "code": "unavailable", **where})
    assert judge(lines).faults == []
    lines.append({"event": "not sent", "code": "not_found", **where})
    assert judge(lines).faults == ["refused: 't9' of ann: not_found (ann.jsonl:99)"]


def test_how_long_it_took_to_be_live_after_the_death_of_a_node() -> None:
    lines = history()
    killed = next(line for line in lines if line["event"] == "killed")
    live = next(line for line in lines if line["event"] == "live")
    assert judge(lines).live_after == [pytest.approx(live["at"] - killed["at"])]
    away = next(line for line in lines if line["event"] == "away")
    away["meant"] = True
    assert (judge(lines).live_after, len(judge(lines).roamed_after)) == ([], 1)


def test_how_long_a_speaker_was_not_heard() -> None:
    lines = history()
    away = next(line for line in lines if line["event"] == "away")["at"]
    heard = {"event": "heard", "session": "ann", "speaker": "cid", "frames": 50}
    again = {"event": "heard again", "session": "ann", "speaker": "cid"}
    lines += [
        {**again, "after": None, "at": 1.0},
        {**again, "after": 0.4, "at": 3.0},
        {**again, "after": 0.9, "at": away + 0.8},
        {**heard, "at": 18.0, "last": 18.0},
    ]
    assert (judge(lines).unheard, judge(lines).stuttered) == ([0.9], [0.4])
    lines.append({"event": "hushed", "at": 19.0})
    assert judge(lines).unheard == [0.9]
    lines.append({"event": "hushed", "at": 30.0})
    assert judge(lines).unheard == [0.9, 12.0]


def test_a_speaker_who_hears_the_own_voice() -> None:
    lines = history()
    line = {"event": "heard", "session": "ann", "speaker": "ann", "frames": 2, "at": 9.0, "last": 9.0}
    lines.append({**line, "where": "ann.jsonl:99"})
    assert judge(lines).faults == ["echoed: ann heard 2 frames of its own (ann.jsonl:99)"]


def test_what_nobody_acknowledged_may_be_missing_and_what_one_node_held_only_if_it_is_asked_for() -> None:
    lines = history()
    del lines[reading(lines, "cid", "ann", 3)]
    sent = next(
        line for line in lines if (line["event"], line.get("session"), line.get("id")) == ("sent", "ann", "t3")
    )
    assert judge([line for line in lines if line is not sent]).faults == []
    sent["copies"] = 1
    assert judge(lines).faults == []
    assert judge(lines, alone=True).faults == [f"missing: 't3' of ann at cid {place(sent)}"]


def test_who_came_later_or_did_not_stay_need_not_have_read_it() -> None:
    lines = history()
    lines.append({"event": "joined", "session": "eve", "room": "r", "members": ["eve"], "node": "e", "at": 100.0})
    del lines[reading(lines, "bob", "ann", 3)]
    assert judge(lines).faults == []


def test_how_long_it_took_after_the_fault() -> None:
    lines = history()
    assert judge(lines).healed_after == 0
    late = lines[reading(lines, "cid", "ann", TEXTS)]
    lines.append({"event": "healed", "at": late["at"] + 5})
    late["at"] += 7
    assert judge(lines).healed_after == pytest.approx(2)


def test_it_imports_nothing_of_ours() -> None:
    tree = ast.parse(CHECKER.read_text(encoding="utf-8"))
    named = [
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
    ]
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


@pytest.mark.parametrize("forged", ["", "lost", "doubled", "swapped", "left", "sunk"])
def test_as_a_program_it_reads_files_and_exits_with_1_for_a_fault_and_names_the_line(
    tmp_path: Path, forged: str
) -> None:
    files = {name: [line for line in history() if line.get("session") == name] for name in READERS}
    files["field"] = [line for line in history() if line["event"] == "killed"]
    own, number = files["dan"], reading(files["dan"], "dan", "ann", 3)
    expected = f"dan.jsonl:{number + 1}"
    match forged:
        case "lost":
            del own[number]
            sent = next(
                i for i, line in enumerate(files["ann"], 1) if (line["event"], line.get("id")) == ("sent", "t3")
            )
            expected = f"ann.jsonl:{sent}"
        case "doubled":
            own.insert(number, own[number])
            expected = f"dan.jsonl:{number + 2}"
        case "swapped":
            before = reading(own, "dan", "ann", 2)
            own[before], own[number] = own[number], own[before]
        case "left":
            own.insert(number, told("dan", "left", "ann", own[number]["at"], reason="left"))
        case "sunk":
            own[number] |= {"seq": 1}
    paths = [tmp_path / f"{name}.jsonl" for name in files]
    for path, lines in zip(paths, files.values(), strict=True):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = subprocess.run(
        [sys.executable, "-I", CHECKER, *paths], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == bool(forged)
    assert (f"({expected})" in done.stdout) == bool(forged)
