"""Tables as files for spreadsheets, in which no cell is ever taken for a formula; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a cell begins that a spreadsheet would work out instead of showing it."""


def cell(value: object) -> str:
    """A value as it is to stand in a cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def csv_line(values: Sequence[object]) -> str:
    """One line of a CSV file, its end included; every cell is quoted."""
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([cell(value) for value in values])
    return line.getvalue()
