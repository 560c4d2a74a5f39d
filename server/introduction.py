"""Who a client is, by its hello (protocol.md section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.identity import TokenError
from server.session import Role, SessionRecord
from server.wire import names, native
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

CURSORS = 1000


def introduce(node: Node, hello: native.Hello, *, ip: str) -> SessionRecord:
    """The record of a client's new session. Raises TokenError, FieldError, Refused."""
    check_cursors(hello)
    session, role, scope = node.clock.new_session(), Role.USER, None
    name = None if hello.name is None else names.person_name(hello.name)
    user = None if hello.user is None else names.user_name(hello.user)
    if hello.token is not None:
        claims = node.tokens.verify(hello.token)
        user, (role, scope) = claims.user, claims.rights
        name = names.person_name(claims.name) if claims.name else name
    elif node.config.auth == "token":
        raise TokenError("a token is required here")
    name = name or (user[: names.NAME_CHARS] if user else "Guest")
    client = program_name(hello)
    return SessionRecord(
        session=session,
        user=user or f"guest-{session[2:10]}",
        name=name,
        role=role,
        node=node.node_id,
        node_name=node.name,
        n=hello.n or 1,
        connected=node.clock.wall_ms(),
        client=client,
        ip=ip,
        scope=scope,
    )


def check_cursors(hello: native.Hello) -> None:
    """Raise Refused for more cursors than a client can have."""
    if len(hello.cursors or ()) > CURSORS:
        raise Refused(Code.TOO_LARGE, f"cursors has more than {CURSORS} entries", field="cursors")


def program_name(hello: native.Hello) -> str:
    """What a client says of its program. Raises FieldError."""
    return names.chat_text(hello.client, field="client", limit=names.CLIENT_CHARS) if hello.client else ""
