"""Limits that count a /64 of IPv6 as one address, on hosts of their own; row 22 over IPv6 is in `test_rows`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.faults.field import SPARE, Field, Load
from tests.faults.network import network
from tests.faults.strangers import stranger

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MOST = 4
"""Connections that one address may have."""


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
