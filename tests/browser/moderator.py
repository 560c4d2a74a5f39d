"""A moderator without a page, who asks what no page offers."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.client import ClientConnection


class Moderator:
    """A moderator's connection to the first node."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._asked = 0

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self._asked += 1
        await self._connection.send(json.dumps({"type": type, "id": self._asked, **fields}))
        while (answer := json.loads(await self._connection.recv())).get("id") != self._asked:
            pass
        return dict(answer)
