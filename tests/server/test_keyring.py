"""Keys of resume tokens that the cluster's secret makes, and what becomes of them when it is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bus.memory import MemoryBus
from server.identity import TokenError
from server.keyring import FILE, PURPOSE
from tests.nodes import Served, Serving

OLD, NEW = b"o" * 32, b"n" * 32


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serving]:
    made = Serving(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the secret of the mesh makes now."""
    held = [OLD]
    monkeypatch.setattr(MemoryBus, "derived", lambda self, purpose: list(held) if purpose == PURPOSE else [])
    return held


async def token_of(served: Served) -> str:
    guest = await served.enter("Ann")
    return guest.token


def reads(served: Served, token: str) -> bool:
    try:
        served.node.keyring.tokens.read(token)
    except TokenError:
        return False
    return True


async def test_nodes_with_one_secret_read_each_others_tokens_and_keep_and_tell_no_key(
    serve: Serving, derived: list[bytes], tmp_path: Path
) -> None:
    a, b = await serve(), await serve()
    assert reads(b, await token_of(a))
    assert not (tmp_path / FILE).exists()
    assert a.node.keyring.answer() == b"\x90"
    assert a.node.keyring.tokens.secrets == [OLD]


async def test_a_token_of_before_a_change_is_good_until_it_expires_and_no_longer(
    serve: Serving, derived: list[bytes]
) -> None:
    served = await serve(resume_seconds=10)
    old = await token_of(served)
    derived[:] = [OLD, NEW]
    served.advance(2)
    assert served.node.keyring.tokens.secrets[0] in (OLD, NEW)
    derived[:] = [NEW]
    served.advance(2)
    new = await token_of(served)
    assert reads(served, old)
    assert reads(served, new)
    served.wait(60)
    assert served.node.keyring.tokens.secrets == [NEW]
    assert not reads(served, old)


async def test_while_both_hold_the_one_that_all_know_signs(serve: Serving, derived: list[bytes]) -> None:
    a, b = await serve(), await serve()
    derived[:] = [OLD, NEW]
    a.advance(2)  # b has not heard of it yet
    assert reads(b, await token_of(a))
