"""The filter language: reads a filter, and says whether rows fit it; pure.

Words beside each other are and, commas within a value are or; there are ``not``, ``or``, ``and``, brackets,
comparisons with units, ``~patterns~`` and quotes. docs/flow.md has the whole of it.
"""

from __future__ import annotations

import re

from server.pattern import Pattern, PatternError
from server.query_lexer import Kind, Token, tokens
from server.query_match import Row, compiled, fields_of
from server.query_tree import (
    UNITS,
    All,
    Compared,
    Either,
    Field,
    Fields,
    Is,
    Like,
    Named,
    Node,
    Not,
    Span,
    Type,
    Wanted,
    Within,
    Word,
)

__all__ = ["Field", "Fields", "Query", "QueryError", "Type", "parse"]

QUERY_CHARS = 500
DEPTH = 20
"""Brackets and ``not`` within each other."""
TERMS = 50
DIGITS = 18
"""Of a number before its point, in the smallest unit of its field."""


class QueryError(ValueError):
    """A filter that cannot be read: which part of it, and why in one plain sentence."""

    def __init__(self, position: int, length: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.length = length
        self.message = message


class Query:
    """A filter that was read. Its text is the filter in its plainest form; equal trees are equal."""

    __slots__ = ("_fits", "fields", "tree")

    def __init__(self, tree: Node, fields: Fields) -> None:
        self.tree = tree
        self.fields = frozenset(fields_of(tree, fields))
        """What it asks of a row."""
        self._fits = compiled(tree, fields)

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
        amount = int(found[1] + (found[2] or "").ljust(3, "0")) * factor
        if amount >= 1000 * 10**DIGITS:
            raise _error(token, f"{field.name} takes a number of {DIGITS} digits at most")
        return amount


_NUMBER = re.compile(rf"([0-9]{{1,{DIGITS}}})(?:\.([0-9]{{1,3}}))?([^\W\d_]*)")


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
