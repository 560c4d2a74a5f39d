"""The filter language: what fits, what is refused and where, what is coloured."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.query import QUERY_CHARS, Field, Fields, Query, QueryError, Type, parse
from server.query_lexer import spans

FIELDS = Fields(
    Field("room", Type.NAME, "name of the room", searched=True),
    Field("node", Type.NAME, "where"),
    Field("from", Type.NAME, "who", searched=True),
    Field("text", Type.TEXT, "what", searched=True),
    Field("latency", Type.TIME, "how long"),
    Field("bytes", Type.BYTES, "how much"),
    Field("seq", Type.COUNT, "which"),
    flags={"slow": "slow", "muted": "muted"},
)

KESTREL = {
    "room": "night-shift",
    "node": "sgp-1",
    "from": "kestrel",
    "text": "just talk over her lol",
    "latency": 171.2,
    "bytes": 248,
    "seq": 41_206,
    "is": ("slow",),
}
MIRA = {"room": "my room", "node": "fra-1", "from": "Mira", "latency": None, "bytes": 2_500, "seq": 7, "is": ()}

FITS = [
    "",
    "   ",
    "room:night-shift",
    "ROOM:Night-Shift",
    "room : night-shift",
    "room:lobby,night-shift",
    "room:night*",
    "room:*shift",
    "room:n*t-s*t",
    "room:*",
    "not room:night",
    "text:TALK",
    "kes",
    "night",
    '"over her"',
    "text:over*lol",
    "text:lol*over or kestrel",
    "~^kes.*l$~",
    "from:~^(ann|kestrel)$~",
    "text:~tal(k|l) ~",
    "latency>171ms",
    "latency>=171.2",
    "latency<0.2s",
    "latency:171",
    "latency:171..172",
    "latency:0,100..200ms",
    "bytes<2k",
    "bytes>0.2KB",
    "bytes<1M",
    "seq>41k",
    "is:slow",
    "is:muted,slow",
    "not is:muted",
    "latency>3ms  not node:fra-2  (from:kestrel or bytes<2k)",
    "from:mira or from:kestrel",
    "from:mira room:lobby or from:kestrel",
    "from:kestrel and room:night-shift",
    "not (from:mira room:my)",
    "not not kestrel",
    "NOT mira OR mira",
]

FITS_NOT = [
    "room:night",
    "room:shift*",
    "room:*night",
    'room:"night*"',
    "from:mira",
    "mira",
    "text:nobody",
    "from:~^est~",
    "latency<171",
    "latency:100..170",
    "bytes>2k",
    "is:muted",
    "not kestrel",
    "kestrel mira",
    "from:kestrel (room:lobby or mira)",
    "(from:mira or from:kestrel) room:lobby",
    "not (kestrel or mira)",
]


@pytest.mark.parametrize("text", FITS)
def test_fits(text: str) -> None:
    assert parse(text, FIELDS).matches(KESTREL)
    assert parse(text, FIELDS).matches(KESTREL.get)


@pytest.mark.parametrize("text", FITS_NOT)
def test_fits_not(text: str) -> None:
    assert not parse(text, FIELDS).matches(KESTREL)


@pytest.mark.parametrize("text", ["latency>0", "latency<1s", "latency:0..9s", "text:a", "text:*", "is:slow"])
def test_what_is_not_known_fits_nothing_and_so_fits_not(text: str) -> None:
    assert not parse(text, FIELDS).matches(MIRA)
    assert parse(f"not {text}", FIELDS).matches(MIRA)


def test_quotes_hold_what_would_mean_something_else() -> None:
    assert parse('room:"my room"', FIELDS).matches(MIRA)
    assert parse('"or" or mira', FIELDS).matches(MIRA)
    assert parse(r'text:"say \"hi\" \\o/"', FIELDS).matches({"text": r'they say "hi" \o/'})


ERRORS = [
    ("room:", 4, 1, "after : a value is missing"),
    ("room:a,", 6, 1, "after , a value is missing"),
    ("room:,a", 5, 1, "here a value is missing"),
    ("room:(a)", 5, 1, "here a value is missing"),
    ("foo:1", 0, 3, "there is no field foo; there are room, node, from, text, latency, bytes, seq, is"),
    ("a foo>1", 2, 3, "there is no field foo; there are room, node, from, text, latency, bytes, seq, is"),
    ("room>3", 4, 1, "room cannot be compared; use room:"),
    ("latency>fast", 8, 4, "latency takes a number"),
    ("latency:3..x", 11, 1, "latency takes a number"),
    ("latency:9..3", 8, 4, "this range ends before it begins"),
    ("latency>3parsec", 8, 7, "parsec is no unit of latency; there are ms, s, min, h"),
    ("bytes>3ms", 6, 3, "ms is no unit of bytes; there are b, k, kb, m, mb"),
    ("latency>" + "9" * 18 + "s", 8, 19, "latency takes a number of 18 digits at most"),
    ("is:loud", 3, 4, "is:loud is not known; there are slow, muted"),
    ("is>3", 2, 1, "is takes a colon"),
    ("(a", 0, 1, "the closing bracket is missing"),
    ("a)", 1, 1, "this bracket closes nothing"),
    ("()", 1, 1, "before ) something is missing"),
    ("not", 0, 3, "after not something is missing"),
    ("a or", 2, 2, "after or something is missing"),
    ("or a", 0, 2, "before or something is missing"),
    (":a", 0, 1, ": needs the name of a field before it"),
    ("12>3 >4", 5, 1, "> needs the name of a field before it"),
    ('text:"abc', 5, 4, 'the closing " is missing'),
    ("~abc", 0, 4, "the closing ~ is missing"),
    ("~a(~", 2, 1, "the closing bracket is missing"),
    ("room:~a**~", 8, 1, "a repeat cannot be repeated"),
    ("(" * 21 + "a" + ")" * 21, 20, 1, "a filter is 20 levels deep at most"),
    ("a " * 51, 100, 1, "a filter has 50 terms at most"),
    ("a" * 501, 500, 1, "a filter has 500 characters at most"),
]


@pytest.mark.parametrize(("text", "position", "length", "message"), ERRORS, ids=[text[:20] for text, *_ in ERRORS])
def test_what_is_wrong_is_said_at_its_place(text: str, position: int, length: int, message: str) -> None:
    with pytest.raises(QueryError) as error:
        parse(text, FIELDS)
    assert (error.value.position, error.value.length, error.value.message) == (position, length, message)


def test_an_empty_filter_is_everything() -> None:
    assert parse("", FIELDS).everything
    assert not parse("a", FIELDS).everything
    assert str(parse(" ", FIELDS)) == ""


def test_a_filter_tells_what_it_asks_for() -> None:
    assert parse("latency>3 not (is:slow or node:a)", FIELDS).fields == {"latency", "is", "node"}
    assert parse("word", FIELDS).fields == {"room", "from", "text"}


def test_colours() -> None:
    text = 'room:"a b",c not hello or latency>3ms ~x~ "open'
    assert [(text[start : start + length], kind) for start, length, kind in spans(text)] == [
        ("room", "field"),
        (":", "operator"),
        ('"a b"', "value"),
        (",", "operator"),
        ("c", "value"),
        ("not", "operator"),
        ("hello", "word"),
        ("or", "operator"),
        ("latency", "field"),
        (">", "operator"),
        ("3ms", "value"),
        ("~x~", "word"),
        ('"open', "error"),
    ]


WORDS = ("room", "latency", "is", "text", "lobby", "slow", "3ms", "2k", "not ", "or ", "and ", " ", "\u2028", "ſ")
SIGNS = (":", ">", "<=", "..", ",", "(", ")", '"', "~", "\\", "*", "a|b", "[a-z]", "x+", "{2,3}")
pieces = st.lists(st.sampled_from((*WORDS, *SIGNS))).map("".join)


@given(pieces | st.text())
@example("room:\u3000x")
def test_nothing_but_a_query_error_is_raised_and_it_points_into_the_text(text: str) -> None:
    wrong: QueryError | None = None
    try:
        query = parse(text, FIELDS)
    except QueryError as error:
        wrong = error
    else:
        query.matches(KESTREL)
        query.matches(MIRA)
    if wrong is not None:
        assert 0 <= wrong.position < wrong.position + wrong.length <= len(text)
        assert wrong.message


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


odd = st.text(
    alphabet=st.sampled_from(",:<>~*\\\"'()ab \x1c\x9d\u2028\ufffdſ") | st.characters(), min_size=1, max_size=8
)
bare = odd.map(lambda text: "".join(char for char in text if not char.isspace() and char not in '",()')).filter(bool)
amounts = st.tuples(st.integers(0, 10**19), st.sampled_from(("", ".5", "s", "h", "ms"))).map(
    lambda two: f"{two[0]}{two[1]}"
)
values = st.lists(st.one_of(odd.map(_quoted), bare), min_size=1, max_size=3).map(",".join)
terms = st.one_of(
    odd.map(_quoted),
    bare,
    st.tuples(st.sampled_from(("room", "text")), values).map(":".join),
    st.tuples(st.sampled_from(("latency>", "latency:", "latency:0..")), amounts).map("".join),
    st.sampled_from(("is:slow", "~a\\~b~", "room:~x~")),
)


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.sampled_from((" ", "", " and ", " or ")).flatmap(
        lambda between: st.lists(parts, min_size=1, max_size=3).map(between.join)
    )
    return several.map(lambda text: f"({text})") | parts.map(lambda text: f"not {text}") | several


written = st.recursive(terms, _joined, max_leaves=12)


@given(pieces | st.text() | written)
@example('room:a",b"')
@example('room:a and ",b"')
@example(f"{'not ' * 19}(a or b c)")
@example("(a or b c) " * 11)
def test_what_is_printed_reads_as_the_same(text: str) -> None:
    try:
        query = parse(text, FIELDS)
    except QueryError:
        return
    printed = str(query)
    if len(printed) <= QUERY_CHARS:
        assert parse(printed, FIELDS) == query
        assert str(parse(printed, FIELDS)) == printed


@given(pieces | st.text())
def test_colours_cover_everything_but_spaces_in_order(text: str) -> None:
    covered = [False] * len(text)
    last = 0
    for start, length, _ in spans(text):
        assert start >= last
        last = start + length
        covered[start:last] = [True] * length
    assert all(is_covered or char.isspace() for is_covered, char in zip(covered, text, strict=True))


words = st.text(min_size=1, max_size=20)


@given(words)
def test_any_text_can_be_searched_for_in_quotes(word: str) -> None:
    quoted = _quoted(word)
    assert parse(quoted, FIELDS).matches({"text": f"before {word} after"})
    assert parse(f"room:{quoted}", FIELDS).matches({"room": word})
    assert not parse(f"room:{quoted}", FIELDS).matches({"room": word + "x"})


filters = st.sampled_from([*FITS, *FITS_NOT])


@given(filters, filters)
def test_the_laws_of_and_or_and_not(left: str, right: str) -> None:
    def fits(text: str) -> bool:
        return Query.matches(parse(text, FIELDS), KESTREL)

    one, other = left.strip() or '""', right.strip() or '""'
    assert fits(f"({one}) ({other})") == (fits(left) and fits(right))
    assert fits(f"({one}) or ({other})") == (fits(left) or fits(right))
    assert fits(f"not ({one})") == (not fits(left))
