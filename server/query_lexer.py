"""The filter language as tokens with their places, and as spans to colour; pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

SpanKind = Literal["field", "operator", "value", "word", "error"]


class Kind(enum.Enum):
    """What a piece of a filter is."""

    FIELD = enum.auto()
    """A name with an operator behind it."""
    COLON = enum.auto()
    COMPARISON = enum.auto()
    COMMA = enum.auto()
    """Between alternatives of one field."""
    NOT = enum.auto()
    AND = enum.auto()
    OR = enum.auto()
    OPEN = enum.auto()
    CLOSE = enum.auto()
    BARE = enum.auto()
    """A run of characters as it stands."""
    QUOTED = enum.auto()
    PATTERN = enum.auto()
    ERROR = enum.auto()
    """What cannot be read; `Token.text` is the sentence that says why."""
    END = enum.auto()


class Token(NamedTuple):
    """One piece of a filter."""

    kind: Kind
    start: int
    length: int
    text: str
    """What it means: without quotes and escapes."""
    is_value: bool = False
    """It belongs to the field before it."""

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.start + self.length


_FIELD = re.compile(r"([A-Za-z_]+)(?=\s*[:<>])")
_OPERATOR = re.compile(r":|[<>]=?")
_BARE = re.compile(r'[^\s()"]+')
_BARE_VALUE = re.compile(r'[^\s()",]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PATTERN = re.compile(r"~((?:[^~\\]|\\.)*)~", re.DOTALL)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WORDS = {"not": Kind.NOT, "and": Kind.AND, "or": Kind.OR}
_SPANS: dict[Kind, SpanKind] = {
    Kind.FIELD: "field",
    Kind.BARE: "word",
    Kind.QUOTED: "word",
    Kind.PATTERN: "word",
    Kind.ERROR: "error",
}


def tokens(text: str) -> Iterator[Token]:
    """The pieces of a filter in order, an `END` last. Never raises."""
    at, is_value = _skip(text, 0), False
    while at < len(text):
        token = _value(text, at) if is_value else _token(text, at)
        yield token
        at = _skip(text, token.end)
        is_value = token.kind in (Kind.COLON, Kind.COMPARISON, Kind.COMMA)
        if token.is_value and text[at : at + 1] == ",":
            yield Token(Kind.COMMA, at, 1, ",")
            at, is_value = _skip(text, at + 1), True
    yield Token(Kind.END, len(text), 0, "")


def spans(text: str) -> list[tuple[int, int, SpanKind]]:
    """Start, length and kind of everything in `text` that is no space, in order. Never raises."""
    return [
        (token.start, token.length, "value" if token.is_value else _SPANS.get(token.kind, "operator"))
        for token in tokens(text)
        if token.length
    ]


def quoted(text: str) -> str:
    """`text` so that it is read as it stands."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_value(text: str) -> str:
    """`text` as the value of a field, in quotes where it needs them."""
    plain = _BARE_VALUE.fullmatch(text) and text[0] != "~" and "*" not in text
    return text if plain else quoted(text)


def as_word(text: str) -> str:
    """`text` as a word that is searched for, in quotes where it needs them, whatever stands before it."""
    found = list(tokens(text))
    plain = len(found) == 2 and found[0].kind is Kind.BARE and found[0].text == text and text[0] != ","
    return text if plain else quoted(text)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _token(text: str, at: int) -> Token:
    if found := _FIELD.match(text, at):
        return Token(Kind.FIELD, at, len(found[0]), found[0])
    if found := _OPERATOR.match(text, at):
        if at == 0 or not _FIELD.search(text, _word_start(text, at), at + 1):
            return Token(Kind.ERROR, at, len(found[0]), f"{found[0]} needs the name of a field before it")
        return Token(Kind.COLON if found[0] == ":" else Kind.COMPARISON, at, len(found[0]), found[0])
    if text[at] in "()":
        return Token(Kind.OPEN if text[at] == "(" else Kind.CLOSE, at, 1, text[at])
    if text[at] in '"~':
        return _enclosed(text, at, is_value=False)
    run = _run(_BARE, text, at)
    return Token(_WORDS.get(run.lower(), Kind.BARE), at, len(run), run)


def _word_start(text: str, at: int) -> int:
    """Where the name before an operator at `at` begins."""
    end = len(text[:at].rstrip())
    while end and ((text[end - 1].isascii() and text[end - 1].isalpha()) or text[end - 1] == "_"):
        end -= 1
    return end


def _value(text: str, at: int) -> Token:
    if text[at] in '"~':
        return _enclosed(text, at, is_value=True)
    if text[at] in "(),":
        return Token(Kind.ERROR, at, 1, "here a value is missing")
    run = _run(_BARE_VALUE, text, at)
    return Token(Kind.BARE, at, len(run), run, is_value=True)


def _enclosed(text: str, at: int, *, is_value: bool) -> Token:
    """What stands in quotes or between tildes."""
    quote = text[at] == '"'
    found = (_QUOTED if quote else _PATTERN).match(text, at)
    if found is None:
        return Token(Kind.ERROR, at, len(text) - at, f"the closing {text[at]} is missing")
    inner = found[1]
    if quote:
        return Token(Kind.QUOTED, at, len(found[0]), _ESCAPED.sub(r"\1", inner), is_value)
    return Token(Kind.PATTERN, at, len(found[0]), inner.replace("\\~", "~"), is_value)


def _run(pattern: re.Pattern[str], text: str, at: int) -> str:
    found = pattern.match(text, at)
    assert found is not None, "what is no space, bracket or quote runs"
    return found[0]
