"""The register as XLSX: a sheet for each table, and one before them that says whose it is.

Every text is written as text: what begins like a formula or an address stays what people typed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter
from django.utils.translation import get_language, gettext

from registry.services.export_rows import Snapshot
from registry.services.export_tables import CARD, TABLES, Column, Row, Shown, Table

MOST_LETTERS = 32767  # in a cell; Excel counts in UTF-16
LONGEST_TITLE = 31  # of a sheet
FORBIDDEN_IN_TITLE = str.maketrans("[]:*?/\\'", "        ")
EXCEL_BEGINS = 1900  # its calendar knows no earlier year
DAYS = {"en": "yyyy-mm-dd"}  # the others as people write them here
USUAL_DAY = "dd.mm.yyyy"
# Widths in letters: no narrower, no wider, whatever a column holds.
NARROW, WIDE = 10, 60
# Of how many rows the widths are taken: a later long text wraps.
MEASURED = 200


def as_xlsx(snapshot: Snapshot) -> bytes:
    """The file, in the active language."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
    })  # fmt: skip
    title = gettext("Register of the processing of personal data")
    book.set_properties({
        "title": title, "company": snapshot.operator.name,
        # The moment of the register: the clock of the machine would make every file another.
        "created": snapshot.moment.astimezone(UTC).replace(tzinfo=None, microsecond=0),
    })  # fmt: skip
    sheets = Sheets(book)
    contents = sheets.add(gettext("Register"))
    names = {}
    for table in TABLES:
        names[table.key] = sheets.table(table, snapshot.rows[table.key])
    sheets.contents(contents, title, snapshot, names)
    book.close()
    return content.getvalue()


class Sheets:
    """The sheets of one file and the looks of their cells."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.titles: set[str] = set()
        day = DAYS.get(get_language() or "en", USUAL_DAY)
        top: dict[str, Any] = {"valign": "top"}
        self.looks = {
            "title": book.add_format({"bold": True, "font_size": 16}),
            "heading": book.add_format({
                "bold": True, "text_wrap": True, "valign": "top", "bottom": 1,
                "bg_color": "#E8EDF2",
            }),
            "label": book.add_format(top | {"text_wrap": True, "font_color": "#555555"}),
            "text": book.add_format(top | {"text_wrap": True}),
            "number": book.add_format(top | {"align": "left"}),
            "day": book.add_format(top | {"num_format": day, "align": "left"}),
            "moment": book.add_format(top | {"num_format": f"{day} hh:mm", "align": "left"}),
            "link": book.add_format(top | {"font_color": "#0B5394", "underline": 1}),
        }  # fmt: skip

    def add(self, title: str) -> Any:
        sheet = self.book.add_worksheet(self._free(title))
        sheet.set_paper(9)  # A4
        return sheet

    def _free(self, title: str) -> str:
        """The title as Excel allows it: short, without its signs, no two alike."""
        plain = " ".join(title.translate(FORBIDDEN_IN_TITLE).split())
        for tail in ("", *(f" {number}" for number in range(2, 100))):
            room = LONGEST_TITLE - len(tail)
            short = plain if len(plain) <= room else f"{plain[: room - 1].rstrip()}…"
            if (short + tail).casefold() not in self.titles:
                break
        self.titles.add((short + tail).casefold())
        return short + tail

    def table(self, table: Table, rows: Sequence[Row]) -> Any:
        """A sheet with a row of headings that stays in sight, and a filter over all of it."""
        sheet, columns = self.add(table.title), table.readable
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 1)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.heading, self.looks["heading"])
            sheet.set_column(place, place, _width(column, rows))
        for line, row in enumerate(rows, 1):
            for place, column in enumerate(columns):
                self._write(sheet, line, place, column.shown(row))
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        return sheet

    def contents(self, sheet: Any, title: str, snapshot: Snapshot, sheets: dict[str, Any]) -> None:
        """Whose register it is, as of when, and how much of what there is."""
        sheet.set_column(0, 0, 42)
        sheet.set_column(1, 1, WIDE)
        sheet.write_string(0, 0, title, self.looks["title"])
        line = 2
        for label, value in _head(snapshot):
            sheet.write_string(line, 0, label, self.looks["label"])
            self._write(sheet, line, 1, value)
            line += 1
        line += 1
        for place, heading in enumerate((gettext("Sheet"), gettext("Rows"))):
            sheet.write_string(line, place, heading, self.looks["heading"])
        for table in TABLES:
            line += 1
            name = sheets[table.key].get_name()
            sheet.write_url(line, 0, f"internal:'{name}'!A1", self.looks["link"], table.title)
            sheet.write_number(line, 1, len(snapshot.rows[table.key]), self.looks["number"])

    def _write(self, sheet: Any, line: int, place: int, value: Shown) -> None:
        if value is None or value == "" or value == ():
            return
        if isinstance(value, bool):
            raise ValueError("A flag is shown as a word.")
        if isinstance(value, int):
            sheet.write_number(line, place, value, self.looks["number"])
        elif isinstance(value, date) and value.year >= EXCEL_BEGINS:
            self._write_date(sheet, line, place, value)
        else:
            sheet.write_string(line, place, _text(value), self.looks["text"])

    def _write_date(self, sheet: Any, line: int, place: int, value: date) -> None:
        if isinstance(value, datetime):
            # Excel knows no zones: it is the operator's clock, and the first sheet says which.
            local = value.replace(tzinfo=None, microsecond=0)
            sheet.write_datetime(line, place, local, self.looks["moment"])
        else:
            sheet.write_datetime(line, place, value, self.looks["day"])


def _head(snapshot: Snapshot) -> Iterator[tuple[str, Shown]]:
    yield gettext("As of"), snapshot.moment
    yield gettext("Moments on the clock of"), str(snapshot.operator.zone)
    for column in CARD.readable:
        yield column.heading, column.shown(snapshot.card)


def _text(value: Any) -> str:
    """One text for a cell; what Excel could not hold is cut, and says so by its last letter."""
    text = "\n".join(value) if isinstance(value, tuple) else str(value)
    units = text.encode("utf-16-le")
    if len(units) // 2 <= MOST_LETTERS:
        return text
    return units[: (MOST_LETTERS - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _width(column: Column, rows: Sequence[Row]) -> int:
    """As wide as its texts, and no word of the heading broken."""
    wide = max(len(word) for word in column.heading.split()) + 4
    for row in rows[:MEASURED]:
        value = column.shown(row)
        if isinstance(value, datetime):
            wide = max(wide, 17)
        elif value is not None:
            wide = max(wide, *(len(line) + 2 for line in _text(value).split("\n")))
    return min(max(wide, NARROW), WIDE)
