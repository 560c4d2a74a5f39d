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
READERS = ("ann", "bob", "cid")
TEXTS = 5


def history() -> list[Line]:
    """Three members of a room, each of whom says five texts that the two others read; bob left before the last."""
    return list(_lines())


def _lines() -> Iterator[Line]:
    at = 1.0
    for session in READERS:
        yield {"event": "joined", "session": session, "room": "r", "at": at}
    for number in range(1, TEXTS + 1):
        if number == TEXTS:
            yield {"event": "gone", "session": "bob", "at": at}
        for sender in READERS:
            at += 1
            text = {"session": sender, "room": "r", "id": f"t{number}", "text": f"{sender} {number}"}
            if (sender, number) == ("bob", TEXTS):
                continue
            yield {"event": "said", **text, "at": at}
            yield {"event": "sent", "session": sender, "id": f"t{number}", "copies": 2, "at": at + 0.1}
            for reader in READERS:
                if reader != sender and (reader, number) != ("bob", TEXTS):
                    place = {"origin": f"node of {sender}", "seq": number, "at": at + 0.2}
                    yield {"event": "read", **text, "session": reader, "sender": sender, **place}


def reading(lines: list[Line], reader: str, sender: str, number: int) -> int:
    """Where in the history somebody reads something."""
    return next(
        index
        for index, line in enumerate(lines)
        if (line["event"], line["session"], line.get("sender"), line.get("id"))
        == ("read", reader, sender, f"t{number}")
    )


def test_a_good_history_has_no_fault() -> None:
    verdict = judge(history())
    assert verdict.faults == []
    assert (verdict.said, verdict.sent, verdict.alone) == (14, 14, 0)
    assert verdict.read == 26


def test_one_text_lost() -> None:
    lines = history()
    del lines[reading(lines, "cid", "ann", 3)]
    assert judge(lines).faults == ["missing: 't3' of ann at cid"]


def test_one_text_doubled() -> None:
    lines = history()
    lines.append(lines[reading(lines, "cid", "ann", 3)])
    assert judge(lines).faults == ["doubled: 't3' of ann at cid"]


def test_two_texts_swapped() -> None:
    lines = history()
    one, other = reading(lines, "cid", "ann", 3), reading(lines, "cid", "ann", 4)
    lines[one], lines[other] = lines[other], lines[one]
    assert judge(lines).faults == ["swapped: 't3' of ann at cid after 't4'", "sunk: 't3' of ann at cid"]


def test_a_text_altered_or_forged_or_in_another_room() -> None:
    lines = history()
    lines[reading(lines, "cid", "ann", 3)] |= {"text": "ann 4"}
    lines[reading(lines, "cid", "ann", 4)] |= {"room": "s"}
    lines[reading(lines, "cid", "bob", 1)] |= {"sender": "eve"}
    assert judge(lines).faults == [
        "missing: 't1' of bob at cid",
        "altered: 't1' of eve at cid",
        "altered: 't3' of ann at cid",
        "altered: 't4' of ann at cid",
    ]


def test_a_text_that_came_back_to_its_sender() -> None:
    lines = history()
    lines.append({**lines[reading(lines, "cid", "ann", 3)], "session": "ann", "seq": 99})
    assert judge(lines).faults == ["altered: 't3' of ann at ann"]


def test_a_place_below_one_before() -> None:
    lines = history()
    lines[reading(lines, "cid", "ann", 4)] |= {"seq": 2}
    assert judge(lines).faults == ["sunk: 't4' of ann at cid"]


def test_what_nobody_acknowledged_may_be_missing_and_what_one_node_held_only_if_it_is_asked_for() -> None:
    lines = history()
    del lines[reading(lines, "cid", "ann", 3)]
    sent = next(line for line in lines if (line["event"], line["session"], line.get("id")) == ("sent", "ann", "t3"))
    assert judge([line for line in lines if line is not sent]).faults == []
    sent["copies"] = 1
    assert judge(lines).faults == []
    assert judge(lines, alone=True).faults == ["missing: 't3' of ann at cid"]


def test_who_came_later_or_did_not_stay_need_not_have_read_it() -> None:
    lines = history()
    lines.append({"event": "joined", "session": "dan", "room": "r", "at": 100.0})
    del lines[reading(lines, "bob", "ann", 3)]
    assert judge(lines).faults == []


def test_how_long_it_took_after_the_fault() -> None:
    lines = history()
    assert judge(lines).healed_after == 0
    late = lines[reading(lines, "cid", "ann", 3)]
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


@pytest.mark.parametrize("lost", [False, True])
def test_as_a_program_it_reads_files_and_exits_with_1_for_a_fault(tmp_path: Path, lost: bool) -> None:
    lines = history()
    if lost:
        del lines[reading(lines, "cid", "ann", 3)]
    paths = []
    for session in READERS:
        paths.append(tmp_path / f"{session}.jsonl")
        own = (line for line in lines if line["session"] == session)
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in own))
    done = subprocess.run(
        [sys.executable, "-I", CHECKER, *paths], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == lost
    assert ("missing: 't3' of ann at cid" in done.stdout) == lost
