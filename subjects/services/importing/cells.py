"""A record of the file: its cells, each checked for itself. No Django, no database."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from registry.errors import OperatorError
from subjects import values
from subjects.services.importing import errors
from subjects.services.importing.parts import ACCOUNT, FACTS, Facts, Read, Reject, Setup, refusal

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Cells:
    """Reads row after row of one run."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.zone = ZoneInfo(setup.zone)
        self.check = lru_cache(maxsize=20_000)(values.check)
        self.moment = lru_cache(maxsize=5_000)(self._moment)
        self.day = lru_cache(maxsize=5_000)(self._day)
        places = [place for place, name in enumerate(setup.header) if name not in FACTS]
        self.said_in = itemgetter(*places)
        # The cells of the row before, and what they said: an account's rows mostly repeat them.
        self.before: tuple[Any, dict[str, str]] = (None, {})

    def row(self, line: int, raw: bytes, wrong: list[Reject]) -> Read | None:
        """The row with its values checked; None for an empty line, or when ``wrong`` says why."""
        cells = self._cells(line, raw, wrong)
        if cells is None:
            return None
        told = self.said_in(cells)
        said = self.before[1] if told == self.before[0] else self._said(line, cells, wrong)
        facts = {
            name: cell.strip()
            for name, cell in zip(self.setup.header, cells, strict=True)
            if name in FACTS
        }
        read, evidence = self._facts(line, facts, wrong)
        if wrong:
            return None
        self.before = (told, said)
        return line, said, read, evidence

    def _said(self, line: int, cells: list[str], wrong: list[Reject]) -> dict[str, str]:
        """The values of the row, each checked by the format of its category."""
        said: dict[str, str] = {}
        for name, cell in zip(self.setup.header, cells, strict=True):
            if name in FACTS or not cell or cell.isspace():
                continue
            try:
                # A cell under an unnamed column is one cell too many.
                if not name:
                    raise errors.CellsWrong(cells=len(cells), wanted=len(cells) - 1)
                said[name] = self.check(self.setup.column(name).format, cell)
            except OperatorError as error:
                wrong.append(refusal(line, name, error))
        if ACCOUNT not in said and not any(reject.column == ACCOUNT for reject in wrong):
            wrong.append(refusal(line, ACCOUNT, errors.CellMissing()))
        return said

    def _cells(self, line: int, raw: bytes, wrong: list[Reject]) -> list[str] | None:
        text = raw.decode().rstrip("\r\n")
        if not text.strip():
            return None
        if '"' in text:
            try:
                rows = list(csv.reader([text], delimiter=self.setup.delimiter, strict=True))
            except csv.Error:
                rows = []
            if len(rows) != 1:
                wrong.append(refusal(line, "", errors.QuotesWrong()))
                return None
            cells = rows[0]
        else:
            cells = text.split(self.setup.delimiter)
        wanted = len(self.setup.header)
        if len(cells) != wanted:
            wrong.append(refusal(line, "", errors.CellsWrong(cells=len(cells), wanted=wanted)))
            return None
        return cells

    def _facts(self, line: int, facts: dict[str, str], wrong: list[Reject]) -> tuple[Facts, str]:
        def attempt(name: str, read: Any, *args: Any) -> Any:
            if not facts.get(name):
                return None
            try:
                return read(facts[name], *args)
            except OperatorError as error:
                wrong.append(refusal(line, name, error))
                return None

        started_on = attempt("started_on", self.day)
        given_at, given_on = attempt("accepted_at", self.moment) or (None, None)
        evidence = attempt("evidence", partial(self.check, values.TEXT)) or ""
        found = Facts(
            activity=facts.get("activity", ""),
            basis=facts.get("basis", ""),
            text=facts.get("consent_text", ""),
            scopes=facts.get("scopes", ""),
            channel=facts.get("channel", ""),
            started_on=started_on,
            given_at=given_at,
            given_on=given_on,
            proven=bool(evidence),
        )
        return found, evidence

    @staticmethod
    def _day(text: str) -> date:
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise errors.DayWrong()

    def _moment(self, text: str) -> tuple[datetime, date]:
        """A moment and its day with the operator; without a zone it is the operator's own time."""
        moment = datetime.fromisoformat(values.check(values.MOMENT, text))
        local = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        try:
            # The first and the last hours of the calendar have no date in every zone.
            return local, local.astimezone(self.zone).date()
        except OverflowError:
            raise errors.DayWrong() from None
