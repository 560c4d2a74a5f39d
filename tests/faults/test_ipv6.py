"""A mesh and its people over IPv6, on hosts of their own: row 22 as over IPv4, and limits that count a /64 as one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.faults.field import SMALL, SPARE, Field, Load, field
from tests.faults.intruders import kept_out
from tests.faults.network import network
from tests.faults.strangers import stranger

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MOST = 4
"""Connections that one address may have."""


async def test_people_are_served_strangers_refused_and_the_key_is_changed_over_ipv6(tmp_path: Path) -> None:
    async with field(tmp_path, SMALL, keyed=True, version=6) as ground:
        if ground.network.why:
            print(f"namespaces are not permitted here ({ground.network.why}): through proxies of IPv4 instead")
        else:
            assert all(node.ready["bus"].startswith("[fd00:") for node in ground.nodes.values())
            assert all(node.ready["url"].startswith("ws://[fd00:") for node in ground.nodes.values())
        result = await kept_out(ground, False)
    print(*(what for _, what in result.checks), *result.figures, sep="\n")
    assert result.checks
    assert result.wrong == []


async def test_a_64_has_as_many_connections_as_one_address_and_its_neighbour_as_many_again(tmp_path: Path) -> None:
    async with network("b", "c", SPARE, open_air=True, version=6) as net, contextlib.AsyncExitStack() as stack:
        if net.why:
            print(f"namespaces are not permitted here ({net.why}): only tests/server/test_entrance.py says it then")
            return
        ground = Field(
            net, tmp_path, Load(), stack, mesh=("b",), keyed=True, options=[f"--address-connections={MOST}"]
        )
        await ground.start("b")
        for host in (SPARE, "c"):
            own = net.address(host)
            sources = [own.removesuffix("1") + str(number) for number in (1, 2, 3)]
            many = await stack.enter_async_context(stranger(ground, "crowd", host=host, count=9, sources=sources))
            answers = (await many.until("there"))["answers"]
            assert answers.pop("HTTP/1.1 101") == MOST
            assert sum(answers.values()) == 9 - MOST, answers
