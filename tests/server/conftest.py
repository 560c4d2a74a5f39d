"""Fixtures of the server's tests: nodes that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.nodes import Served, Serving


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serving]:
    """Starts nodes."""
    serving = Serving(tmp_path)
    yield serving
    await serving.close()


@pytest.fixture
async def served(serve: Serving) -> Served:
    """One node alone."""
    return await serve()
