"""Whose pages may connect (protocol.md section 1, `--origin`; RFC 6455, 10.2); pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

_PORTS = {"http": ":80", "https": ":443"}


def is_allowed(
    origins: Sequence[str],
    hosts: Sequence[str],
    *,
    named: Collection[str],
    schemes: Collection[str],
    is_own_host: Callable[[str], bool],
    is_page_of_other: Callable[[str], bool],
) -> bool:
    """Whether a page of that origin may connect; a client without `Origin` is no page.

    Args:
        origins: The ``Origin`` headers of the request.
        hosts: Its ``Host`` headers.
        named: The origins that were allowed by name; ``*`` is all.
        schemes: By which of ``http`` and ``https`` the page of this node is reached here.
        is_own_host: Whether a ``Host`` can mean this node.
        is_page_of_other: Whether another node of the cluster serves pages of an origin.
    """
    if not origins or "*" in named:
        return True
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin, host = origins[0].lower(), hosts[0].lower()
    same = any(origin in (f"{each}://{host}", f"{each}://{host.removesuffix(_PORTS[each])}") for each in schemes)
    return (same and is_own_host(host)) or origin in named or is_page_of_other(origin)
