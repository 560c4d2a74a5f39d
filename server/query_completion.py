"""What can stand at the cursor of a filter; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import islice

from server.query_lexer import Kind, Token, as_value, tokens
from server.query_tree import UNITS, Field, Fields

MOST = 12
"""Completions offered at once."""

KEYWORDS = {"not": "what does not fit", "or": "either of both"}


@dataclasses.dataclass(frozen=True, slots=True)
class Completion:
    """A proposal: put `insert` in the place of what stands from `start` to `end`."""

    start: int
    end: int
    insert: str
    label: str
    hint: str


def complete(text: str, cursor: int, fields: Fields, values: Callable[[str], Iterable[str]]) -> list[Completion]:
    """What fits at `cursor`, likeliest first; `values` gives the known values of a field. Never raises."""
    found = list(tokens(text))
    index = next((i for i, token in enumerate(found) if token.start < cursor <= token.end), None)
    token = None if index is None else found[index]
    if (
        token is not None
        and token.kind in (Kind.QUOTED, Kind.ERROR)
        and not text[token.start : cursor].startswith('"')
    ):
        return []
    before = [one for one in found if one.end <= (cursor if token is None else token.start) and one.length]
    if token is not None and token.kind in (Kind.COLON, Kind.COMPARISON, Kind.COMMA):
        before.append(token)
        token = None
    field = _field_of(before)
    if field is not None and (token is None or token.is_value or token.kind is Kind.ERROR):
        return _values(text, cursor, token, field, fields, values)
    if token is None or token.kind in (Kind.BARE, Kind.FIELD, Kind.NOT, Kind.AND, Kind.OR):
        return _words(text, cursor, token, before, fields, values)
    return []


def _field_of(before: list[Token]) -> str | None:
    """The field whose value stands, or may stand, behind these tokens."""
    if not before or before[-1].kind not in (Kind.COLON, Kind.COMPARISON, Kind.COMMA):
        return None
    return next((token.text.lower() for token in reversed(before) if token.kind is Kind.FIELD), None)


def _values(
    text: str, cursor: int, token: Token | None, name: str, fields: Fields, values: Callable[[str], Iterable[str]]
) -> list[Completion]:
    start, end = (cursor, cursor) if token is None else (token.start, token.end)
    typed = text[start:cursor].lstrip('"').casefold()
    if name == "is":
        known = [(flag, hint) for flag, hint in fields.flags.items() if flag.startswith(typed)]
        return [Completion(start, end, flag, flag, hint) for flag, hint in known]
    field = fields.all.get(name)
    if field is None:
        return []
    if field.is_number:
        return _units(start, end, typed, field)
    return [Completion(start, end, as_value(value), value, "") for value in _fitting(typed, values(name))]


def _units(start: int, end: int, typed: str, field: Field) -> list[Completion]:
    digits = typed.rstrip("abcdefghijklmnopqrstuvwxyz")
    if not digits or not digits[-1].isdecimal():
        return []
    unit = typed[len(digits) :]
    offered = [one for one in UNITS[field.type] if one and one.startswith(unit) and one != unit]
    return [Completion(start, end, digits + one, digits + one, "") for one in offered]


def _words(
    text: str,
    cursor: int,
    token: Token | None,
    before: list[Token],
    fields: Fields,
    values: Callable[[str], Iterable[str]],
) -> list[Completion]:
    start, end = (cursor, cursor) if token is None else (token.start, token.end)
    typed = text[start:cursor].casefold()
    is_field = token is not None and token.kind is Kind.FIELD
    offered = []
    for name in fields.names():
        if name.startswith(typed):
            field = fields.all.get(name)
            operator = "" if is_field else ">" if field is not None and field.is_number else ":"
            hint = "what it is" if field is None else field.hint
            offered.append(Completion(start, end, name + operator, name, hint))
    if is_field:
        return offered
    for keyword, hint in KEYWORDS.items():
        fits = keyword == "not" or (before and before[-1].kind not in (Kind.OPEN, Kind.NOT, Kind.AND, Kind.OR))
        if keyword.startswith(typed) and fits and (typed or before):
            offered.append(Completion(start, end, keyword + " ", keyword, hint))
    if typed:
        for flag, hint in fields.flags.items():
            if flag.startswith(typed):
                offered.append(Completion(start, end, f"is:{flag}", f"is:{flag}", hint))
        for name in fields.searched:
            for value in _fitting(typed, values(name)):
                offered.append(Completion(start, end, f"{name}:{as_value(value)}", f"{name}:{value}", ""))
    return offered[:MOST]


def _fitting(typed: str, values: Iterable[str]) -> list[str]:
    """Those that begin with what is typed, then those that hold it."""
    known = [(value.casefold(), value) for value in dict.fromkeys(values) if value]
    begin = (value for folded, value in known if folded.startswith(typed))
    hold = (value for folded, value in known if typed and typed in folded and not folded.startswith(typed))
    return [*islice(begin, MOST), *islice(hold, MOST)][:MOST]
