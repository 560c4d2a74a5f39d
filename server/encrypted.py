"""TLS between a socket and its connection, on the memory buffers of `ssl`; nothing waits in it.

asyncio's own TLS transport keeps up to 64 KiB between its two halves, in which voice would grow old unseen, and
cannot end one half of a connection. Here each write of a loop turn is one write to the socket, as it is without TLS.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, cast

logger = logging.getLogger(__name__)

RECORD_BYTES = 16_384
"""The most that one record of TLS holds."""
HANDSHAKE = 0x16
"""First byte of every TLS connection."""


class Encrypted(asyncio.Transport, asyncio.Protocol):
    """A protocol to the socket, and to the connection a transport."""

    __slots__ = (
        "_app",
        "_begun",
        "_ended",
        "_in",
        "_in_line",
        "_lets_in",
        "_out",
        "_paused",
        "_raw",
        "_refusal",
        "_shaking",
        "_ssl",
    )

    def __init__(
        self,
        app: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        refusal: bytes,
        lets_in: Callable[[Encrypted], bool] = lambda _: True,
    ) -> None:
        """Serve `app`, which learns of the socket at once, so that its deadline covers the handshake of TLS too.

        `refusal` is what a client is told that speaks HTTP without TLS. `lets_in` is asked before a step of the
        handshake, which costs a node more than all else of a newcomer; where it says no, `read_held` is called later.
        """
        self._app: asyncio.Protocol | None = app
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._in, self._out, server_side=True)
        self._refusal = refusal
        self._lets_in = lets_in
        self._begun = self._ended = self._paused = self._in_line = False
        self._shaking = True

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._raw = cast(asyncio.Transport, transport)
        assert self._app is not None
        self._app.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._begun:
            self._begun = True
            if data[0] != HANDSHAKE:
                self._refuse(data)
        if self._ended:
            return
        self._in.write(data)
        if self._shaking and not self._in_line and not self._lets_in(self):
            self._in_line = True
            self._raw.pause_reading()
        elif not self._in_line:
            self._go_on()

    def eof_received(self) -> bool | None:
        """See asyncio.Protocol; the transport closes itself after it."""
        if self._app is not None and not self._ended:
            self._app.eof_received()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        app, self._app = self._app, None  # they hold each other, and nobody looks for such knots
        self._ended = True
        if app is not None:
            app.connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._app is not None:
            self._app.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._app is not None:
            self._app.resume_writing()

    # What the connection calls.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """See asyncio.Transport; before the handshake there is nothing to say."""
        if self._ended or self._shaking:
            return
        done = self._ssl.write(data)
        if done < len(data):  # one record has room for so much
            rest = memoryview(data)
            while done < len(rest):
                done += self._ssl.write(rest[done:])
        self._raw.write(self._out.read())

    def write_eof(self) -> None:
        """See asyncio.Transport: the other side is told that nothing more comes; what it still sends is not read."""
        if self._ended:
            return
        self._ended = True
        try:
            self._ssl.unwrap()
        except ssl.SSLError:  # it wants to hear the same from the other side, which is not waited for
            pass
        self._flush()
        if not self._raw.is_closing():
            self._raw.write_eof()

    def can_write_eof(self) -> bool:
        """See asyncio.Transport."""
        return True

    def close(self) -> None:
        """See asyncio.Transport."""
        self._raw.close()

    def abort(self) -> None:
        """See asyncio.Transport."""
        self._ended = True
        self._raw.abort()

    def is_closing(self) -> bool:
        """See asyncio.Transport."""
        return self._raw.is_closing()

    def pause_reading(self) -> None:
        """See asyncio.Transport."""
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """See asyncio.Transport."""
        if not self._paused:
            return
        self._paused = False
        self._raw.resume_reading()
        if self._in.pending or self._ssl.pending():
            # In a turn of its own: whoever resumes is in the middle of reading what came before.
            asyncio.get_running_loop().call_soon(self._catch_up)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio.Transport."""
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """See asyncio.Transport."""
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio.BaseTransport."""
        return self._raw.get_extra_info(name, default)

    # The rest is its own.

    def _refuse(self, data: bytes) -> None:
        """Whoever speaks HTTP without TLS is told so, anybody else nothing."""
        self._ended = True
        if data[:1].isalpha():
            self._raw.write(self._refusal)
            self._raw.write_eof()
        else:
            self._raw.close()

    def read_held(self) -> None:
        """Go on with a handshake that stood in line."""
        self._in_line = False
        if self._app is not None and not self._ended:
            self._raw.resume_reading()
            self._catch_up()

    def _catch_up(self) -> None:
        """Hand on what came while nobody read; what fails in that ends the connection, as asyncio does it."""
        try:
            self._go_on()
        except Exception:
            logger.exception("a client could not be read")
            self.abort()

    def _go_on(self) -> None:
        """Hand on what can be read of what has come."""
        try:
            if self._shaking:
                self._ssl.do_handshake()
                self._shaking = False
            while (self._in.pending or self._ssl.pending()) and not (self._paused or self._ended):
                data = self._ssl.read(RECORD_BYTES)
                if not data:
                    self._hear_end()
                    return
                assert self._app is not None
                self._app.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # among them the end that was said in due form
            self._hear_end()
            return
        self._flush()

    def _hear_end(self) -> None:
        """Nothing more can be read, because the other side said so or because what it sends is not TLS."""
        if self._app is not None and not self._ended and not self._shaking:
            self._app.eof_received()
        self._ended = True
        self._flush()  # the alert that says why
        self._raw.close()

    def _flush(self) -> None:
        if self._out.pending and not self._raw.is_closing():
            self._raw.write(self._out.read())
