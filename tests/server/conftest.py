"""Fixtures of the server's tests: nodes that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.nodes import Served, Serving

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # how long an example takes says something of the machine and nothing of the server


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
