"""The printed journals and the statistics of a year."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override
from pypdf import PdfReader

from registry.errors import OperatorError
from registry.workdays import CalendarMissing
from requests.models import SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.deciding import item_refuse
from requests.services.journals import PeriodTooLong, journal_export
from requests.services.statistics import (
    NoSuchYear,
    numbers,
    statistics_csv,
    statistics_of,
)
from requests.services.subject_requests import Demand, request_receive, request_withdraw
from subjects.models import AccessEvent, VaultKey
from subjects.services.disclosure_register import PeriodUpsideDown
from tests.conftest import Office, Team
from tests.requests.asking import NOW, RECEIVED, TOLD

SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)
JOURNALS = "/admin/requests/subjectrequest/journals/"
STATISTICS = "/admin/requests/subjectrequest/statistics/"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with override("en"), time_machine.travel(NOW, tick=False):
        yield


def received(team: Team, *kinds: str, at: datetime = RECEIVED, **told: Any) -> SubjectRequest:
    given: dict[str, Any] = {
        "channel": "email", "language": "ru", "answer_by": "email", "by": team.clerk, "now": NOW,
    }  # fmt: skip
    return request_receive(
        operator=team.operator, received_at=at, items=[Demand(kind) for kind in kinds],
        **given | {"name": TOLD["name"], "email": TOLD["email"]} | told,
    )  # fmt: skip


def journal(team: Team, of: str = "requests", **changed: Any) -> list[list[str]]:
    given: dict[str, Any] = {
        "operator": team.operator, "of": of, "since": SINCE, "until": UNTIL, "media": "csv",
        "language": "en", "opened": True, "by": team.dpo, "now": NOW,
    }  # fmt: skip
    content = journal_export(**given | changed)
    return list(csv.reader(io.StringIO(content.decode())))


@contextmanager
def refused(error: type[OperatorError]) -> Iterator[None]:
    """The refusal leaves no trace: nothing was printed."""
    before = AccessEvent.objects.count()
    with pytest.raises(OperatorError) as refusal:
        yield
    assert type(refusal.value) is error
    assert AccessEvent.objects.count() == before


# --- of requests -------------------------------------------------------------------------------
def test_a_line_says_what_came_and_what_became_of_it(office: Office) -> None:
    team = office.ipm
    row = received(team, RequestKind.INFORMATION, RequestKind.MARKETING)
    item_refuse(
        item=row.items.first(), refusal="RU.14.8.4", reasons="Of others.", by=team.dpo, now=NOW
    )
    taken = received(team, RequestKind.OTHER)
    request_withdraw(subject_request=taken, reason="by phone", by=team.dpo, now=NOW)
    received(team, RequestKind.OTHER, at=datetime(2026, 2, 27, 9, tzinfo=UTC))
    heads, first, second = journal(team)
    assert len(heads) == len(first) == 6
    assert first[0] == "1" and first[1] == f"{row.number}\n2026-03-05"
    assert first[2] == TOLD["name"]
    assert first[3] == "information about the data; stop marketing"
    assert first[4] == (
        "information about the data: refused (14(8)(4)) 2026-03-06\nstop marketing: not decided"
    )
    assert first[5] == ""
    assert second[4] == "withdrawn\n2026-03-06"


def test_names_only_for_whoever_may_open_and_only_while_they_are_there(
    office: Office, as_user: Any
) -> None:
    team = office.ipm
    row = received(team, RequestKind.OTHER)
    assert journal(team, opened=False)[1][2] == "–"
    VaultKey.objects.filter(pk=row.name_key).delete()
    assert journal(team)[1][2] == "–"  # lost is not destroyed

    data = {
        "operator": team.operator.pk, "of": "requests", "since": "2026-03-01",
        "until": "2026-03-31", "media": "csv", "language": "en",
    }  # fmt: skip
    named = received(team, RequestKind.OTHER)
    for user, status, sees in (
        (team.dpo, 200, True), (team.clerk, 200, True), (team.auditor, 200, False),
        (office.nobody, 403, False), (office.admin, 403, False), (office.pandev.dpo, 200, False),
    ):  # fmt: skip
        answer = as_user(user).post(JOURNALS, data)
        assert answer.status_code == status, user
        assert (TOLD["name"] in answer.content.decode()) == sees, user
        # Another operator is no choice: the form comes back.
        assert (named.number in answer.content.decode()) == (
            status == 200 and user != office.pandev.dpo
        ), user


def test_each_printing_is_recorded(office: Office) -> None:
    team = office.ipm
    received(team, RequestKind.OTHER)
    journal(team)
    event = AccessEvent.objects.latest("pk")
    assert (event.user, event.what, event.reason) == (team.dpo, "export", "2026-03-01 – 2026-03-31")
    assert event.details == {"journal": "requests", "lines": 1, "opened": True, "form": "csv"}


def test_the_paper_has_room_for_signatures(office: Office) -> None:
    team = office.ipm
    row = received(team, RequestKind.OTHER)
    content = journal_export(
        operator=team.operator, of="requests", since=SINCE, until=UNTIL, media="pdf",
        language="ru", opened=True, by=team.dpo, now=NOW,
    )  # fmt: skip
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    with override("ru"):
        signature = gettext("Signature")
    for words in (row.number, "2026-03-05", "Серікова", signature):
        assert "".join(words.split()) in "".join(text.split()), words
    empty = journal_export(
        operator=team.operator, of="inquiries", since=SINCE, until=UNTIL, media="pdf",
        language="en", opened=True, by=team.dpo, now=NOW,
    )  # fmt: skip
    assert "Nothing came on these days." in PdfReader(io.BytesIO(empty)).pages[0].extract_text()


def test_days_are_those_of_the_operator(office: Office) -> None:
    team = office.pandev
    # The first of March in Almaty is still the last of February in UTC.
    received(team, RequestKind.OTHER, at=datetime(2026, 2, 28, 19, 30, tzinfo=UTC))
    assert len(journal(team)) == 2
    assert journal(team)[1][1].endswith("2026-03-01")


def test_bad_periods_are_refused(office: Office) -> None:
    team = office.ipm
    with refused(PeriodUpsideDown):
        journal(team, since=UNTIL, until=SINCE)
    with refused(PeriodTooLong):
        journal(team, since=date(2020, 1, 1), until=date(2026, 1, 1))
    for day in (date.min, date.max):
        with refused(CalendarMissing):
            journal(team, since=day, until=day)


def test_a_cell_is_no_formula(office: Office) -> None:
    received(office.ipm, RequestKind.OTHER, name="=HYPERLINK(1)")
    assert journal(office.ipm)[1][2] == "'=HYPERLINK(1)"


# --- statistics --------------------------------------------------------------------------------
def test_counts_by_kind_and_month(office: Office) -> None:
    team = office.ipm
    march = received(team, RequestKind.INFORMATION)
    received(team, RequestKind.OTHER, at=datetime(2026, 1, 12, 9, tzinfo=UTC))
    taken = received(team, RequestKind.OTHER)
    request_withdraw(subject_request=taken, reason="by phone", by=team.dpo, now=NOW)
    received(team, RequestKind.OTHER, at=datetime(2025, 12, 30, 9, tzinfo=UTC))
    item_refuse(item=march.items.get(), refusal="RU.14.8.4", reasons="Twice.", by=team.dpo, now=NOW)
    clock = march.items.get().deadlines.get()
    found = statistics_of(operator=team.operator, year=2026, now=NOW)
    # received, in time, late, running, refused, withdrawn
    assert numbers(found.cells["information"][3]) == [1, 0, 0, 1, 1, 0]
    # Ten working days from 12 January are over on 6 March.
    assert numbers(found.cells["other"][1]) == [1, 0, 1, 0, 0, 0]
    assert numbers(found.cells["other"][3]) == [1, 0, 0, 0, 0, 1]
    assert numbers(found.whole) == [3, 0, 1, 1, 1, 1]
    assert numbers(found.of_month(3)) == [2, 0, 0, 1, 1, 1]
    clock.met_at = clock.ends_at
    clock.save()
    late = statistics_of(operator=team.operator, year=2026, now=NOW)
    assert late.cells["information"][3].late == 1
    clock.met_at = NOW
    clock.save()
    met = statistics_of(operator=team.operator, year=2026, now=NOW)
    assert numbers(met.cells["information"][3])[:4] == [1, 1, 0, 0]
    lines = list(csv.reader(io.StringIO(statistics_csv(met).decode())))
    assert ["2026-03", "information about the data", "1", "1", "0", "0", "1", "0"] in lines
    with pytest.raises(NoSuchYear):
        statistics_of(operator=team.operator, year=1, now=NOW)


def test_the_page_of_statistics(office: Office, as_user: Any) -> None:
    team = office.ipm
    received(team, RequestKind.INFORMATION)
    page = as_user(team.auditor).get(STATISTICS)
    assert page.status_code == 200
    text = page.content.decode()
    assert "information about the data" in text and '<svg class="chart"' in text
    assert as_user(team.dpo).get(STATISTICS, {"as": "csv"})["Content-Type"].startswith("text/csv")
    assert as_user(team.dpo).get(STATISTICS, {"year": "x"}).status_code == 422
    other = {"operator": str(office.pandev.operator.pk)}
    assert as_user(team.dpo).get(STATISTICS, other).status_code == 422
    assert as_user(office.nobody).get(STATISTICS).status_code == 403
    empty = as_user(team.dpo).get(STATISTICS, {"year": "2019"})
    assert "Nothing came in this year." in empty.content.decode()


def test_queries_do_not_grow(office: Office) -> None:
    team = office.ipm
    received(team, RequestKind.OTHER)
    statistics_of(operator=team.operator, year=2026, now=NOW)  # knows its kinds of rows from now on
    with CaptureQueriesContext(connection) as few:
        statistics_of(operator=team.operator, year=2026, now=NOW)
        journal(team)
    for _ in range(12):
        received(team, RequestKind.OTHER)
    with CaptureQueriesContext(connection) as many:
        statistics_of(operator=team.operator, year=2026, now=NOW)
        journal(team)
    assert len(many) == len(few) <= 12
