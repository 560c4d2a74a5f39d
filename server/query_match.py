"""From what a filter says to what looks at rows; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from server.query_tree import (
    All,
    Compared,
    Either,
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

MATCHED_CHARS = 4096
"""How much of a long text is looked at."""

LIKE_CHARS = 512
"""The same for patterns, which take longer."""

Getter = Callable[[str], object]
Row = Mapping[str, object] | Getter
Predicate = Callable[[Getter], bool]


def fields_of(node: Node, fields: Fields) -> Collection[str]:
    """The fields of which a filter asks."""
    match node:
        case Word():
            return fields.searched
        case Named(name) | Within(name) | Compared(name):
            return (name,)
        case Is():
            return ("is",)
        case Not(part):
            return fields_of(part, fields)
        case All(parts) | Either(parts):
            return {name for part in parts for name in fields_of(part, fields)}


def compiled(node: Node, fields: Fields) -> Predicate:
    """A filter as a function of a row's getter."""
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
            inner = compiled(part, fields)
            return lambda get: not inner(get)
        case All(parts):
            every = [compiled(part, fields) for part in parts]
            return lambda get: all(part(get) for part in every)
        case Either(parts):
            some = [compiled(part, fields) for part in parts]
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
