"""The filter language: what a filter says, as a tree that is read from a text and held against rows; pure.

Words beside each other are and, commas within a value are or; there are ``not``, ``or``, ``and``, brackets,
comparisons with units, ``~patterns~`` and quotes. docs/flow.md has the whole of it.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Collection, Mapping

from server.pattern import Pattern, PatternError
from server.query_lexer import Kind, Token, as_value, as_word, tokens

QUERY_CHARS = 500
DEPTH = 20
"""Brackets and ``not`` within each other."""
TERMS = 50
MATCHED_CHARS = 4096
"""How much of a long text is looked at."""
LIKE_CHARS = 512
"""The same for patterns, which take longer."""

Getter = Callable[[str], object]
Row = Mapping[str, object] | Getter
Predicate = Callable[[Getter], bool]


class QueryError(ValueError):
    """A filter that cannot be read: which part of it, and why in one plain sentence."""

    def __init__(self, position: int, length: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.length = length
        self.message = message


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


# The tree. Its text reads as the same tree again.


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
        return " or ".join(map(_bracketed, self.parts))


Node = Word | Named | Within | Compared | Is | Not | All | Either


def _bracketed(node: Node) -> str:
    return f"({node})" if isinstance(node, All | Either) else str(node)


def _number(thousandths: int) -> str:
    whole, rest = divmod(thousandths, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


class Query:
    """A filter that was read. Its text is the filter in its plainest form; equal trees are equal."""

    __slots__ = ("_fits", "fields", "tree")

    def __init__(self, tree: Node, fields: Fields) -> None:
        self.tree = tree
        self.fields = frozenset(_fields_of(tree, fields))
        """What it asks of a row."""
        self._fits = _compile(tree, fields)

    def __str__(self) -> str:
        return str(self.tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and other.tree == self.tree

    def __hash__(self) -> int:
        return hash(self.tree)

    @property
    def everything(self) -> bool:
        """Whether every row fits."""
        return self.tree == All(())

    def matches(self, row: Row) -> bool:
        """Whether a row fits: a mapping, or a function, from the name of a field to a text, a number or None.

        None is what is not known, and fits nothing. ``is`` is the collection of the flags that are set.
        """
        return self._fits(row if callable(row) else row.get)


def parse(text: str, fields: Fields) -> Query:
    """The filter that `text` says; an empty one fits every row. Raises QueryError."""
    if len(text) > QUERY_CHARS:
        raise QueryError(QUERY_CHARS, len(text) - QUERY_CHARS, f"a filter has {QUERY_CHARS} characters at most")
    return Query(_Parser(text, fields).read(), fields)


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._tokens = list(tokens(text))
        self._fields = fields
        self._at = 0
        self._depth = 0
        self._terms = 0

    def read(self) -> Node:
        """The whole filter."""
        if self._next.kind is Kind.END:
            return All(())
        node = self._either()
        rest = self._next
        if rest.kind is not Kind.END:
            raise _error(rest, "this bracket closes nothing")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        if token.kind is Kind.ERROR:
            raise _error(token, token.text)
        self._at += 1
        return token

    def _either(self) -> Node:
        parts = [self._all()]
        while self._next.kind is Kind.OR:
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(_flat(parts, Either))

    def _all(self) -> Node:
        parts = [self._part()]
        while self._next.kind not in (Kind.END, Kind.CLOSE, Kind.OR):
            if self._next.kind is Kind.AND:
                self._take()
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else All(_flat(parts, All))

    def _part(self) -> Node:
        token = self._take()
        self._terms += 1
        if self._terms > TERMS:
            raise _error(token, f"a filter has {TERMS} terms at most")
        match token.kind:
            case Kind.NOT | Kind.OPEN:
                return self._inner(token)
            case Kind.FIELD:
                return self._field(token)
            case Kind.BARE | Kind.QUOTED:
                return Word(Wanted(token.text))
            case Kind.PATTERN:
                return Word(_like(token))
            case Kind.END:
                before = self._tokens[self._at - 2]
                raise _error(before, f"after {before.text.lower()} something is missing")
            case _:
                raise _error(token, f"before {token.text.lower()} something is missing")

    def _inner(self, token: Token) -> Node:
        self._depth += 1
        if self._depth > DEPTH:
            raise _error(token, f"a filter is {DEPTH} levels deep at most")
        if token.kind is Kind.NOT:
            node: Node = Not(self._part())
        else:
            node = self._either()
            if self._next.kind is not Kind.CLOSE:
                raise _error(token, "the closing bracket is missing")
            self._take()
        self._depth -= 1
        return node

    def _field(self, token: Token) -> Node:
        name = token.text.lower()
        operator = self._take()
        if name == "is" and self._fields.flags:
            if operator.kind is not Kind.COLON:
                raise _error(operator, "is takes a colon")
            return Is(tuple(self._flag(value) for value in self._values(token)))
        field = self._fields.all.get(name)
        if field is None:
            known = ", ".join(self._fields.names())
            raise _error(token, f"there is no field {name}; there are {known}")
        if operator.kind is Kind.COMPARISON:
            if not field.is_number:
                raise _error(operator, f"{name} cannot be compared; use {name}:")
            return Compared(name, operator.text, self._amount(field, self._value(operator)))
        values = self._values(operator)
        if field.is_number:
            return Within(name, tuple(self._span(field, value) for value in values))
        return Named(name, tuple(_wanted(value) for value in values))

    def _values(self, before: Token) -> list[Token]:
        values = [self._value(before)]
        while self._next.kind is Kind.COMMA:
            values.append(self._value(self._take()))
        return values

    def _value(self, before: Token) -> Token:
        if self._next.kind is Kind.END:
            raise _error(before, f"after {before.text} a value is missing")
        return self._take()

    def _flag(self, token: Token) -> str:
        flag = token.text.lower()
        if token.kind is Kind.PATTERN or flag not in self._fields.flags:
            raise _error(token, f"is:{token.text} is not known; there are {', '.join(self._fields.flags)}")
        return flag

    def _span(self, field: Field, token: Token) -> Span:
        low, dots, high = token.text.partition("..")
        if not dots or token.kind is not Kind.BARE:
            amount = self._amount(field, token)
            return Span(amount, amount)
        first = self._amount(field, token._replace(text=low, length=len(low)))
        start = token.start + len(low) + 2
        second = self._amount(field, token._replace(start=start, length=len(high), text=high))
        if second < first:
            raise _error(token, "this range ends before it begins")
        return Span(first, second)

    def _amount(self, field: Field, token: Token) -> int:
        """A number in thousandths."""
        units = UNITS[field.type]
        found = _NUMBER.fullmatch(token.text) if token.kind is Kind.BARE else None
        if found is None:
            raise _error(token, f"{field.name} takes a number")
        factor = units.get(found[3].lower())
        if factor is None:
            known = ", ".join(filter(None, units))
            raise _error(token, f"{found[3]} is no unit of {field.name}; there are {known}")
        return int(found[1] + (found[2] or "").ljust(3, "0")) * factor


_NUMBER = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,3}))?([^\W\d_]*)")


def _flat(parts: list[Node], kind: type[All] | type[Either]) -> tuple[Node, ...]:
    """Parts of the same kind opened, as their brackets change nothing."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else [part])
    return tuple(flat)


def _error(token: Token, message: str) -> QueryError:
    return QueryError(token.start, token.length, message)


def _like(token: Token) -> Like:
    try:
        return Like(Pattern(token.text))
    except PatternError as error:
        raise QueryError(token.start + 1 + min(error.position, len(token.text)), 1, str(error)) from None


def _wanted(token: Token) -> Wanted | Like:
    if token.kind is Kind.PATTERN:
        return _like(token)
    return Wanted(token.text, wild=token.kind is Kind.BARE and "*" in token.text)


# From the tree to what looks at rows.


def _fields_of(node: Node, fields: Fields) -> Collection[str]:
    match node:
        case Word():
            return fields.searched
        case Named(name) | Within(name) | Compared(name):
            return (name,)
        case Is():
            return ("is",)
        case Not(part):
            return _fields_of(part, fields)
        case All(parts) | Either(parts):
            return {name for part in parts for name in _fields_of(part, fields)}


def _compile(node: Node, fields: Fields) -> Predicate:
    match node:
        case Word(wanted):
            fits = _finder(wanted)
            searched = fields.searched
            return lambda get: any(fits(value) for name in searched if isinstance(value := get(name), str))
        case Named(name, wanted):
            return _compile_named(name, wanted, whole=fields.all[name].type is Type.NAME)
        case Within(name, spans):
            return _compile_within(name, spans)
        case Compared(name, operator, number):
            return _compile_compared(name, operator, number)
        case Is(flags):
            return lambda get: isinstance(have := get("is"), Collection) and any(flag in have for flag in flags)
        case Not(part):
            inner = _compile(part, fields)
            return lambda get: not inner(get)
        case All(parts):
            every = [_compile(part, fields) for part in parts]
            return lambda get: all(part(get) for part in every)
        case Either(parts):
            some = [_compile(part, fields) for part in parts]
            return lambda get: any(part(get) for part in some)


def _compile_named(name: str, wanted: tuple[Wanted | Like, ...], *, whole: bool) -> Predicate:
    if whole and all(isinstance(one, Wanted) and not one.wild for one in wanted):
        texts = frozenset(one.text.casefold() for one in wanted if isinstance(one, Wanted))
        return lambda get: isinstance(value := get(name), str) and value.casefold() in texts
    tests = [_finder(one, whole=whole) for one in wanted]
    return lambda get: isinstance(value := get(name), str) and any(test(value) for test in tests)


def _finder(wanted: Wanted | Like, *, whole: bool = False) -> Callable[[str], bool]:
    if isinstance(wanted, Like):
        found = wanted.pattern.found
        return lambda value: found(value[:LIKE_CHARS])
    text = wanted.text.casefold()
    if wanted.wild:
        parts = [part for part in text.split("*") if part]
        start = bool(whole and parts and not text.startswith("*"))
        end = bool(whole and parts and not text.endswith("*"))
        return lambda value: _in_order(parts, value[:MATCHED_CHARS].casefold(), start=start, end=end)
    if whole:
        return lambda value: value.casefold() == text
    return lambda value: text in value[:MATCHED_CHARS].casefold()


def _in_order(parts: list[str], value: str, *, start: bool, end: bool) -> bool:
    """Whether `parts` stand in `value` one behind the other, the first at its start, the last at its end."""
    if start and not value.startswith(parts[0]):
        return False
    at = 0
    for part in parts[:-1] if end else parts:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not end or (len(value) - at >= len(parts[-1]) and value.endswith(parts[-1]))


def _compile_within(name: str, spans: tuple[Span, ...]) -> Predicate:
    # A whole number stands for all that is shown as it: 20 ms is from 19.5 ms on.
    bounds = [(s.low / 1000 - _half(s.low), s.high / 1000 + _half(s.high)) for s in spans]

    def fits(get: Getter) -> bool:
        value = get(name)
        return isinstance(value, int | float) and any(low <= value < high for low, high in bounds)

    return fits


def _half(thousandths: int) -> float:
    return 0.5 if thousandths % 1000 == 0 else 0.0005


def _compile_compared(name: str, operator: str, number: int) -> Predicate:
    wanted = number / 1000

    def fits(get: Getter) -> bool:
        value = get(name)
        if not isinstance(value, int | float):
            return False
        match operator:
            case ">":
                return value > wanted
            case ">=":
                return value >= wanted
            case "<":
                return value < wanted
            case _:
                return value <= wanted

    return fits
