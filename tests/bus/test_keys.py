"""The identity of a node and who may hold it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bus.interface import BusStartError
from bus.keys import claim


def test_an_identity_is_kept_and_its_incarnation_rises(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    before = time.time_ns() // 1_000_000
    with claim(folder) as first:
        assert len(bytes.fromhex(first.node)) == 8
        assert first.incarnation >= before
        assert json.loads((folder / "identity-1.node").read_text()) == first.node
        assert json.loads((folder / "identity-1.json").read_text()) == {"incarnation": first.incarnation}
    with claim(folder) as second:
        assert second.node == first.node
        assert second.incarnation > first.incarnation
        assert second.origin == f"{second.node}.{second.incarnation}"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    with claim(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        for file in (tmp_path / "data").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_clock_that_went_back_does_not_lower_the_incarnation(tmp_path: Path) -> None:
    (tmp_path / "identity-1.node").write_text(json.dumps("a" * 16))
    (tmp_path / "identity-1.json").write_text(json.dumps({"incarnation": 1 << 45}))
    with claim(tmp_path) as identity:
        assert (identity.node, identity.incarnation) == ("a" * 16, (1 << 45) + 1)


def test_an_id_that_an_earlier_version_kept_with_the_number_is_kept(tmp_path: Path) -> None:
    (tmp_path / "identity-1.json").write_text(json.dumps({"node": "a" * 16, "incarnation": 1 << 45}))
    for number in (1, 2):
        with claim(tmp_path) as identity:
            assert (identity.node, identity.incarnation) == ("a" * 16, (1 << 45) + number)


@pytest.mark.parametrize("damaged", [None, b"", b"{", b'{"incarnation":-1}', b'{"incarnation":"1"}', b"\xff" * 100])
def test_a_number_that_was_lost_leaves_the_id_and_the_next_one_is_higher(
    tmp_path: Path, damaged: bytes | None
) -> None:
    with claim(tmp_path) as first:
        pass
    if damaged is None:
        (tmp_path / "identity-1.json").unlink()
    else:
        (tmp_path / "identity-1.json").write_bytes(damaged)
    with claim(tmp_path) as second:
        assert second.node == first.node
        assert second.incarnation > first.incarnation


@pytest.mark.parametrize(
    "damaged", [None, b"", b'"', b"7", b'"short"', b'"\xff"', b'"AAAAAAAAAAAAAAAA"', b"\xff" * 100]
)
def test_an_id_that_was_lost_makes_a_new_node(tmp_path: Path, damaged: bytes | None) -> None:
    with claim(tmp_path) as first:
        pass
    if damaged is None:
        (tmp_path / "identity-1.node").unlink()
    else:
        (tmp_path / "identity-1.node").write_bytes(damaged)
    with claim(tmp_path) as second:
        assert len(bytes.fromhex(second.node)) == 8
        assert second.node != first.node
        assert second.incarnation > first.incarnation
    with claim(tmp_path) as again:
        assert again.node == second.node


def test_processes_that_share_a_folder_have_identities_of_their_own(tmp_path: Path) -> None:
    program = "import sys, pathlib; from bus.keys import claim\nheld = claim(pathlib.Path(sys.argv[1]))\n"
    program += "print(held.node, flush=True); sys.stdin.read()"
    with claim(tmp_path) as mine:
        other = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        with other:
            assert other.stdin is not None
            assert other.stdout is not None
            theirs = other.stdout.readline().strip()
            assert len(theirs) == 16
            assert theirs != mine.node
            with claim(tmp_path) as third:
                assert third.node not in (mine.node, theirs)
            other.stdin.close()
    with claim(tmp_path) as first, claim(tmp_path) as second:
        assert (first.node, second.node) == (mine.node, theirs)


def test_a_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BusStartError) as caught:
        claim(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    assert "\n" not in str(caught.value)
    (tmp_path / "data" / "identity-1.json").mkdir(parents=True)
    with pytest.raises(BusStartError, match="--data-dir"):
        claim(tmp_path / "data")


def test_the_peers_of_the_life_before_are_known(tmp_path: Path) -> None:
    with claim(tmp_path) as first:
        assert first.peers == ()
        first.remember(["127.0.0.1:1", "[::1]:2"])
        first.remember(["127.0.0.1:3", "[::1]:2"])
        assert stat.S_IMODE((tmp_path / "identity-1.peers.json").stat().st_mode) == 0o600
        with claim(tmp_path) as other:
            assert other.peers == ()
    first.remember(["127.0.0.1:4"])  # another may have the identity by now
    with claim(tmp_path) as second:
        assert (second.node, second.peers) == (first.node, ("127.0.0.1:3", "[::1]:2"))
        second.remember([])
    with claim(tmp_path) as third:
        assert third.peers == ()


@pytest.mark.parametrize(
    "damaged", [b"", b"[", b"{}", b"[1]", b'["\xff"]', b'["' + b"x" * 100 + b'"]', json.dumps(["a:1"] * 129).encode()]
)
def test_damaged_peers_are_nobody(tmp_path: Path, damaged: bytes) -> None:
    with claim(tmp_path) as first:
        pass
    (tmp_path / "identity-1.peers.json").write_bytes(damaged)
    with claim(tmp_path) as second:
        assert (second.node, second.peers) == (first.node, ())


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    identity = claim(tmp_path)
    identity.close()
    identity.close()
