"""The register on paper: the card, each activity as a block of facts, and the other tables.

Rows of many particulars are blocks in a table of two columns, which on A4 takes half the pages
that lists of facts would take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

from registry.explain import long_day
from registry.papers import Paper
from registry.services.export_rows import Snapshot
from registry.services.export_tables import CARD, TABLES, Column, Row, Shown, Table

# A row of more particulars than fit beside each other is a block.
MOST_COLUMNS = 5
BLOCK_WIDTHS = (1.0, 3.0)
# Particulars of fewer letters share a line: hundreds of rows would else take hundreds of pages.
SHORT = 36
AS_BLOCKS = frozenset({
    "activities", "transfers", "instructions", "consent_texts", "promises", "papers",
    "policy_versions",
})  # fmt: skip
DAYS = {"en": "j M Y"}
USUAL_DAY = "d.m.Y"


def as_pdf(snapshot: Snapshot, language: str) -> bytes:
    """The file, with a line for the responsible person to sign; ``language`` is active."""
    operator, moment = snapshot.operator, snapshot.moment
    paper = Paper(
        gettext("Register of the processing of personal data"),
        language=language,
        subtitle=operator.name,
        made_at=moment,
        footer=f"{operator.name} · {_written(moment)}",
    )
    paper.facts([
        (gettext("As of"), f"{long_day(moment.date())}, {moment:%H:%M} ({operator.zone})"),
        *_pairs(CARD.readable, snapshot.card),
    ])  # fmt: skip
    nothing = []
    for table in TABLES:
        rows = snapshot.rows[table.key]
        if not rows:
            nothing.append(table.title)
            continue
        paper.heading(f"{table.title}: {len(rows)}")
        if table.key in AS_BLOCKS or len(_filled(table, rows)) > MOST_COLUMNS:
            _blocks(paper, table, rows)
        else:
            _table(paper, table, rows)
    if nothing:
        paper.heading(gettext("Nothing is recorded"))
        paper.text("; ".join(nothing))
    responsible = operator.responsible
    paper.signatures([(
        gettext("Responsible for the processing of personal data"),
        responsible.get_full_name() if responsible is not None else "",
    )])  # fmt: skip
    return paper.render()


def _blocks(paper: Paper, table: Table, rows: Sequence[Row]) -> None:
    first, *others = table.readable
    told = [
        [f"{number}. {_cell(first.shown(row))}", _lines(_pairs(others, row))]
        for number, row in enumerate(rows, 1)
    ]
    paper.table([first.heading, gettext("Particulars")], told, widths=BLOCK_WIDTHS)


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Particulars in their order: a long one has a line of its own, short ones share theirs."""
    lines: list[list[str]] = []
    for label, value in pairs:
        told = f"{label}: {value}"
        fits = len(told) <= SHORT and "\n" not in told
        if fits and lines and lines[-1][-1:] != [""]:
            lines[-1].append(told)
        else:
            # The mark of a line that nothing may join.
            lines.append([told] if fits else [told, ""])
    return "\n".join(" · ".join(filter(None, line)) for line in lines)


def _table(paper: Paper, table: Table, rows: Sequence[Row]) -> None:
    columns = _filled(table, rows)
    paper.table(
        [column.heading for column in columns],
        [[_cell(column.shown(row)) for column in columns] for row in rows],
    )


def _filled(table: Table, rows: Sequence[Row]) -> list[Column]:
    """The columns that say something of any row: paper has no room for empty ones."""
    return [column for column in table.readable if any(_cell(column.shown(row)) for row in rows)]


def _pairs(columns: Sequence[Column], row: Row) -> Iterator[tuple[str, str]]:
    for column in columns:
        value = _cell(column.shown(row))
        if value:
            yield column.heading, value


def _cell(value: Shown) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "; ".join(value)
    return _written(value) if isinstance(value, date) else str(value)


def _written(when: date) -> str:
    """A day, or a moment on the operator's clock."""
    day = date_format(when, DAYS.get(get_language() or "en", USUAL_DAY))
    return f"{day}, {when:%H:%M}" if isinstance(when, datetime) else day
