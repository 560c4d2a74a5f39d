"""Where a store is: the URL of `--store`, checked, and as people may see it; pure."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePath
from typing import Literal, Self

Kind = Literal["sqlite", "mysql", "postgresql"]

_KINDS: dict[str, tuple[Kind, str]] = {
    "sqlite": ("sqlite", "sqlite+aiosqlite"),
    "mysql": ("mysql", "mysql+asyncmy"),
    "mariadb": ("mysql", "mariadb+asyncmy"),
    "postgresql": ("postgresql", "postgresql+asyncpg"),
    "postgres": ("postgresql", "postgresql+asyncpg"),
}
"""What may stand before ``://`` without a driver, and with the one that there is."""

_URL = re.compile(r"(?P<scheme>[a-z]+(?:\+[a-z0-9_]+)?)://(?P<rest>.*)", re.DOTALL)
_SERVER = re.compile(r"(?:(?P<user>[^:/@?]*)(?::(?P<password>[^@]*))?@)?(?P<place>[^?]*)(?P<query>\?.*)?", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class StoreAddress:
    """The place of a database. Text made from it, `repr` too, holds no password."""

    kind: Kind
    url: str = dataclasses.field(repr=False)
    """As SQLAlchemy takes it, driver and password included; of SQLite the path alone."""
    shown: str
    has_password: bool = dataclasses.field(default=False, repr=False)

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def of_file(cls, path: str) -> Self:
        """An SQLite database at `path`."""
        return cls("sqlite", path, path)

    def below(self, folder: PurePath) -> StoreAddress:
        """The same place as meant by somebody who sits in `folder`."""
        return StoreAddress.of_file(str(folder / self.url)) if self.kind == "sqlite" else self

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that an operator wrote. Raises ValueError with a sentence that repeats no part of it."""
        found = _URL.fullmatch(text)
        if found is None:
            raise ValueError("it is not a URL such as sqlite:///FILE, mariadb://USER@HOST/NAME or postgresql://…")
        scheme, rest = found["scheme"], found["rest"]
        name, plus, _ = scheme.partition("+")
        if name not in _KINDS:
            raise ValueError(f"{name} is not a kind of store: it is one of {', '.join(_KINDS)}")
        kind, full = _KINDS[name]
        if plus and scheme != full:
            raise ValueError(f"the driver is {full.partition('+')[2]}: leave out what stands behind {name}")
        if kind == "sqlite":
            path = rest.removeprefix("/")
            if not rest.startswith("/") or not path or path == ":memory:" or "?" in path or "\0" in path:
                raise ValueError("sqlite needs a file and nothing else: sqlite:///store.db, sqlite:////srv/store.db")
            return cls.of_file(path)
        parts = _SERVER.fullmatch(rest)
        if parts is None or not parts["place"].partition("/")[2]:
            raise ValueError(f"{name} needs the name of a database: {name}://USER@HOST/NAME")
        user = f"{parts['user']}@" if parts["user"] else ""
        query = parts["query"] or ""
        secret = parts["password"] is not None or "pass" in query.lower()
        return cls(kind, f"{full}://{rest}", f"{name}://{user}{parts['place']}", secret)
