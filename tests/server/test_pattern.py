"""Patterns that cannot run away, held against those of `re`."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pattern import Pattern, PatternError

FOUND = [
    ("", ""),
    ("b", "abc"),
    ("B", "abc"),
    ("^a", "abc"),
    ("c$", "abc"),
    ("^abc$", "abc"),
    ("^$", ""),
    ("a.c", "xabcx"),
    ("a|z", "xyz"),
    ("^(ann|bob)$", "bob"),
    ("ab*c", "ac"),
    ("ab+c", "abbbc"),
    ("ab?c", "abc"),
    ("^(ab){2}$", "abab"),
    ("^a{2,}$", "aaaa"),
    ("^a{2,3}$", "aaa"),
    ("^a{0}$", ""),
    ("[a-c]x", "bx"),
    ("[^a-c]x", "dx"),
    ("[A-C]x", "bx"),
    ("[]x]", "]"),
    (r"^\d\w\s$", "1a "),
    (r"^\D\W\S$", "a-b"),
    (r"\.\*", "a.*"),
    (r"[\d-]", "-"),
    ("(?:ab)+", "xxabab"),
    ("小", "小林"),
    ("É", "é"),
    ("a$|b", "bc"),
]

FOUND_NOT = [
    ("^b", "abc"),
    ("b$", "abc"),
    ("^$", "a"),
    ("a.c", "a\nc"),
    ("^(ab){2}$", "ab"),
    ("^a{2,3}$", "aaaa"),
    ("[^a]", "a"),
    (r"\d", "x"),
    ("ab+c", "ac"),
    ("a^b", "ab"),
    ("a$b", "ab"),
]


@pytest.mark.parametrize(("source", "text"), FOUND)
def test_found(source: str, text: str) -> None:
    assert Pattern(source).found(text)


@pytest.mark.parametrize(("source", "text"), FOUND_NOT)
def test_not_found(source: str, text: str) -> None:
    assert not Pattern(source).found(text)


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("(a", 0),
        ("a)", 1),
        ("[a", 0),
        ("[z-a]", 1),
        ("*a", 0),
        ("a**", 2),
        ("a{x}", 2),
        ("a{3,2}", 0),
        ("a{100}", 2),
        ("a{1", 3),
        ("a\\", 1),
        (r"\b", 0),
        ("(?=a)", 1),
        ("a" * 101, 100),
        ("(" * 21 + ")" * 21, 20),
        ("(a{50}){50}", 0),
    ],
)
def test_what_cannot_be_read_is_said_at_its_place(source: str, position: int) -> None:
    with pytest.raises(PatternError) as error:
        Pattern(source)
    assert error.value.position == position


CATASTROPHES = (
    *("(a+)+$b", "(a|aa)+$b", "(a*)*b", "(a|a)*b", "(a?){25}(a){25}b", "(.*)(.*)(.*)(.*)(.*)x"),
    "(|||)" * 16 + "b",
)


@pytest.mark.parametrize("source", CATASTROPHES)
def test_patterns_that_are_catastrophes_elsewhere_end_here(source: str) -> None:
    assert not Pattern(source).found("a" * 4000 + "!")


alphabet = st.sampled_from("abAB1_ -\n")
atoms = st.one_of(
    st.sampled_from(["a", "b", "1", " ", ".", "[ab]", "[^a]", "[a-b1]", r"\d", r"\w", r"\s", r"\W", r"\-"]),
    st.sampled_from(["a|b", "ab", "^a", "b$"]).map(lambda inner: f"({inner})"),
)
repeats = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}"])
sources = st.lists(st.tuples(atoms, repeats).map("".join), max_size=5).map("".join)


@given(sources, st.text(alphabet, max_size=12))
def test_it_finds_what_re_finds(source: str, text: str) -> None:
    expected = re.search(source.replace("$", r"\Z"), text, re.IGNORECASE) is not None
    assert Pattern(source).found(text) == expected


@given(st.text(max_size=30) | st.text(string.punctuation + "ab1", max_size=30), st.text(max_size=30))
def test_nothing_but_a_pattern_error_is_raised(source: str, text: str) -> None:
    wrong: PatternError | None = None
    try:
        Pattern(source).found(text)
    except PatternError as error:
        wrong = error
    assert wrong is None or 0 <= wrong.position <= len(source)


def test_characters_that_are_one_to_a_pattern_are_one_step() -> None:
    pattern = Pattern("[a-c]x")
    assert not pattern.found("".join(map(chr, range(0x4E00, 0x5E00))))
    assert len(pattern._known) == 1, "not one for each of 4,096 signs"
