"""Leftover values: given what was destroyed, look for it in everything that remains.

Knows no Django. A result never holds a value, nor a name that has one in it.
"""

from subjects.traces.needles import Needles, NoValues, ValueTooShort
from subjects.traces.pieces import Row, Trouble
from subjects.traces.results import NOT_READ_BY_DATABASE, Counts, Limits, Trace, Unread
from subjects.traces.search import Search
from subjects.traces.walk import search_paths

__all__ = [
    "NOT_READ_BY_DATABASE",
    "Counts",
    "Limits",
    "Needles",
    "NoValues",
    "Row",
    "Search",
    "Trace",
    "Trouble",
    "Unread",
    "ValueTooShort",
    "search_paths",
]
