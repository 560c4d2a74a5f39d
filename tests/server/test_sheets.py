"""Files for spreadsheets: what is read from them is what was written, and nothing in them is worked out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sheets import DANGEROUS, cell, csv_line

TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.builds(
        "".join, st.lists(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", '"', "'", ",", ";", "a", "1"]))
    ),
)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=4), max_size=5))
def test_a_file_is_read_as_it_was_written_and_no_cell_begins_like_a_formula(rows: list[list[str]]) -> None:
    text = "".join(csv_line(row) for row in rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert len(read) == len(rows)
    for row, found in zip(rows, read, strict=True):
        for value, shown in zip(row, found, strict=True):
            assert not shown.startswith(DANGEROUS)
            assert shown == (f"'{value}" if value.startswith(DANGEROUS) else value)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_work_out_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "shown"), [(None, ""), (12, "12"), ("a=1", "a=1"), ("'", "'"), (-1.5, "'-1.5")])
def test_all_else_is_as_it_is(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_every_cell_is_quoted() -> None:
    assert csv_line(["a", 1, None, 'say "hi"']) == '"a","1","","say ""hi"""\r\n'
