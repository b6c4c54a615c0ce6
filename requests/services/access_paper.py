"""The answer about a person's data as a paper for people and as JSON for machines."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext

from registry.papers import Paper
from requests.models import AccessAnswer
from requests.services.access_parts import Section

FORMAT = "personal-data-answer/1"
# Wider columns for what is longer.
_WIDE = {
    "value": 2.4, "category": 2.0, "operations": 2.0, "basis": 2.0, "purpose": 2.0, "why": 2.0,
    "consent": 1.8, "what": 2.0,
}  # fmt: skip


def answer_paper(answer: AccessAnswer, sections: list[Section], *, now: datetime) -> bytes:
    """PDF in the answer's language; the same facts and moment give the same bytes."""
    row = answer.request
    operator = row.operator
    paper = Paper(
        gettext("Answer about your personal data"),
        language=answer.language,
        number=gettext("No. %(number)s") % {"number": answer},
        subtitle=gettext("As of %(day)s") % {"day": _day(now.astimezone(operator.zone).date())},
        made_at=now,
        footer=operator.name,
    )
    for section in sections:
        law = f" ({section.article})" if section.article else ""
        paper.heading(f"{section.title}{law}")
        for line in section.lines:
            paper.text(line)
        if section.code == "letters":
            _letters(paper, section)
        elif section.code == "operator":
            paper.facts((_cell(one["what"]), _cell(one["value"])) for one in section.rows)
        elif section.columns and section.rows:
            names = list(section.columns)
            paper.table(
                list(section.columns.values()),
                [[_cell(one.get(name)) for name in names] for one in section.rows],
                widths=[_WIDE.get(name, 1.2) for name in names],
            )
        elif section.columns:
            paper.text(gettext("Nothing."))
    return paper.render()


def _letters(paper: Paper, section: Section) -> None:
    """A letter is read as a letter, not in a cell of a table."""
    for one in section.rows:
        told = [one.get("number"), one.get("at"), one.get("way")]
        head = " · ".join(_cell(cell) for cell in told if cell)
        if one.get("files"):
            head += " · " + gettext("files: %(count)s") % {"count": one["files"]}
        paper.text(f"{head}:" if one.get("text") else head)
        if one.get("text"):
            paper.quote(_cell(one["text"]))
    if not section.rows:
        paper.text(gettext("Nothing."))


def _cell(cell: Any) -> str:
    if isinstance(cell, list):
        return ", ".join(cell)
    if isinstance(cell, date):
        return _day(cell)
    return str(cell or "")


def _day(day: date) -> str:
    return date_format(day, "d.m.Y")


def answer_json(answer: AccessAnswer, sections: list[Section], *, now: datetime) -> bytes:
    """The same as UTF-8 JSON: days as ISO 8601, keys that are never translated."""
    told = {
        "format": FORMAT,
        "number": str(answer),
        "request": answer.request.number,
        "language": answer.language,
        "made_at": now.isoformat(),
        "sections": [
            {
                "code": section.code,
                "article": section.article,
                "title": section.title,
                "lines": section.lines,
                "rows": [
                    {name: _plain(cell) for name, cell in row.items() if name != "key"}
                    for row in section.rows
                ],
            }
            for section in sections
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def _plain(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, date) else cell
