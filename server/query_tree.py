"""What a filter says: the fields that rows have, and the tree of what is asked of them; pure."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

from server.pattern import Pattern
from server.query_lexer import as_value, as_word


class Type(enum.Enum):
    """What the values of a field are."""

    NAME = "name"
    """Compared as a whole, without case; ``*`` stands for anything."""
    TEXT = "text"
    """Looked for anywhere in it, without case."""
    TIME = "ms"
    """Milliseconds."""
    BYTES = "B"
    COUNT = ""


UNITS: dict[Type, dict[str, int]] = {
    Type.TIME: {"": 1, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000},
    Type.BYTES: {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 1_000_000, "mb": 1_000_000},
    Type.COUNT: {"": 1, "k": 1000, "m": 1_000_000},
}
"""What a number is multiplied by, by its unit in small letters."""


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """Something that rows have, by its name in filters."""

    name: str
    type: Type
    hint: str
    """What it is, in a few words, for the list of completions."""
    searched: bool = False
    """Words without a field are looked for in it."""

    @property
    def is_number(self) -> bool:
        """Whether it can be compared."""
        return self.type in UNITS


class Fields:
    """What the rows of one kind have."""

    def __init__(self, *fields: Field, flags: Mapping[str, str] | None = None) -> None:
        """`flags` are what can stand after ``is:``, each with its hint; rows have those that are set as ``is``."""
        self.all = {field.name: field for field in fields}
        self.flags = dict(flags or {})
        self.searched = tuple(field.name for field in fields if field.searched)

    def names(self) -> list[str]:
        """Everything that can stand before a colon."""
        return [*self.all, *(["is"] if self.flags else [])]


# The tree. Its text reads as the same tree again; numbers without their units can make it longer than what was read.


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """One text that is looked for."""

    text: str
    wild: bool = False
    """``*`` in it stands for anything."""

    def __str__(self) -> str:
        return self.text if self.wild else as_value(self.text)


@dataclasses.dataclass(frozen=True, slots=True)
class Like:
    """A pattern that is looked for."""

    pattern: Pattern

    def __str__(self) -> str:
        return "~" + self.pattern.source.replace("~", "\\~") + "~"


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`, both in it, in thousandths."""

    low: int
    high: int

    def __str__(self) -> str:
        return _number(self.low) if self.low == self.high else f"{_number(self.low)}..{_number(self.high)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word anywhere in what is searched."""

    wanted: Wanted | Like

    def __str__(self) -> str:
        return as_word(self.wanted.text) if isinstance(self.wanted, Wanted) else str(self.wanted)


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """A field with one of some texts."""

    field: str
    wanted: tuple[Wanted | Like, ...]

    def __str__(self) -> str:
        return f"{self.field}:{','.join(map(str, self.wanted))}"


@dataclasses.dataclass(frozen=True, slots=True)
class Within:
    """A number in one of some spans."""

    field: str
    spans: tuple[Span, ...]

    def __str__(self) -> str:
        return f"{self.field}:{','.join(map(str, self.spans))}"


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """A number above or below another, in thousandths."""

    field: str
    operator: str
    number: int

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{_number(self.number)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Is:
    """One of some flags is set."""

    flags: tuple[str, ...]

    def __str__(self) -> str:
        return f"is:{','.join(self.flags)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """What does not fit."""

    part: Node

    def __str__(self) -> str:
        return f"not {_bracketed(self.part)}"


@dataclasses.dataclass(frozen=True, slots=True)
class All:
    """What fits everything; without parts that is every row."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(map(_bracketed, self.parts))


@dataclasses.dataclass(frozen=True, slots=True)
class Either:
    """What fits one of several."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


Node = Word | Named | Within | Compared | Is | Not | All | Either


def _bracketed(node: Node) -> str:
    return f"({node})" if isinstance(node, All | Either) else str(node)


def _number(thousandths: int) -> str:
    whole, rest = divmod(thousandths, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)
