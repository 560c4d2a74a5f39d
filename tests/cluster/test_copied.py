"""Two processes from copies of one data folder: the newer stays, the older ends loudly (cluster.md rule 1)."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster.nodes import Cluster


async def test_a_node_whose_data_folder_was_copied_ends_and_sends_its_clients_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    assert (await bob.say("before"))["copies"] == 2
    shutil.copytree(tmp_path / "b", tmp_path / "copy", ignore=shutil.ignore_patterns("*.lock"))
    copy = await cluster.start("copy", a)
    assert copy.id == b.id
    code, _reason = await bob.closed()
    assert code == 1012
    exit_code, out, err = await b.process.end()
    assert (exit_code, out) == (3, "")
    assert err.splitlines()[-1].startswith("switchboard: another process runs from a copy of this data folder")
    b.stopped = True
    await cluster.meet()
    assert (await ann.say("after"))["copies"] == 2
    late = await cluster.enter(copy, "Late")
    assert [line["text"] for line in (await late.join())["history"]] == ["before", "after"]
