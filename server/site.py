"""The files of the browser client, as they lie in a folder."""

from __future__ import annotations

from pathlib import Path

from server.config import StartError

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


def read_site(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Read the browser client: path to content type and content. Raises StartError."""
    try:
        files = {
            f"/{path.relative_to(folder).as_posix()}": (CONTENT_TYPES[path.suffix], path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.suffix in CONTENT_TYPES
        }
        return {**files, "/": files["/index.html"]}
    except (OSError, KeyError) as error:
        raise StartError(f"the browser client in {folder} is not complete ({error}): get the sources again") from None
