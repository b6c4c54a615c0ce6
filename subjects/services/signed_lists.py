"""A work list as it comes back: which of its lines say that they are done."""

from __future__ import annotations

import csv
import io

from registry.errors import OperatorError, gettext_noop
from subjects.services.cards import code_of

DELIMITERS = ",;\t"
# What a line of a list says when it is done, in the languages of the office.
DONE = frozenset({"1", "x", "х", "+", "yes", "да", "иә"})
LINES_LIMIT = 200_000


class ListUnreadable(OperatorError):
    template = gettext_noop(
        "The list is no CSV in UTF-8 as the office gave it: its first column holds the code of "
        "the card, its last one says whether it is done."
    )


class ListOfNobody(OperatorError):
    template = gettext_noop("No line of the list says that it is done.")


def done_lines(content: bytes) -> dict[int, str]:
    """Number of the line -> code of the card, of the lines that say that they are done."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListUnreadable() from None
    head = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count)
    )  # fmt: skip
    found: dict[int, str] = {}
    try:
        for number, cells in enumerate(reader, 1):
            if number > LINES_LIMIT:
                raise ListUnreadable()
            if len(cells) > 1 and number > 1 and cells[-1].strip().casefold() in DONE:
                found[number] = code_of(cells[0].strip().removeprefix("'"))
    except csv.Error:
        raise ListUnreadable() from None
    if not found:
        raise ListOfNobody()
    return found
