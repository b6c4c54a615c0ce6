"""Two people at one incident at once, each in a thread of their own, on committed rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override

from requests.models import AffectedPerson, Incident, IncidentSending
from requests.services import incident_export as exporting
from requests.services.incident_export import exports_sweep
from requests.services.incident_notices import NoticeSentAlready
from requests.services.incident_people import affected_by_activity
from requests.services.incidents import IncidentChanged, incident_version
from subjects.models import DestructionItem
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests import happening as h
from tests.requests.happening import LATER, NOW, activity, category, found, known, notify
from tests.requests.test_inquiry_races import at_once
from tests.subjects.persons import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def test_of_two_who_record_the_same_notice_one_is_told_of_the_other(live_office: Office) -> None:
    team = live_office.ipm
    row = known(team)
    outcomes = at_once(*(lambda n=n: notify(row, team, reference=f"17-{n}") for n in (1, 2)))
    assert sorted(type(one).__name__ for one in outcomes) == [
        "IncidentSending", NoticeSentAlready.__name__,
    ]  # fmt: skip
    sent = IncidentSending.objects.get()
    clock = h.clock(row)
    assert clock.met_at == sent.sent_at
    # Started and met, and nothing of the other's half.
    assert clock.history.count() == 2
    assert h.journal(row).count("notice") == 1


def test_incidents_registered_at_once_get_different_numbers(live_office: Office) -> None:
    rows = at_once(*(lambda: found(live_office.ipm) for _ in range(4)))
    assert sorted(row.number for row in rows) == [f"INC-2026-000{n}" for n in (1, 2, 3, 4)]


def test_of_two_descriptions_at_once_one_is_told_to_look_first(live_office: Office) -> None:
    team = live_office.ipm
    row = found(team)
    read = incident_version(row)
    outcomes = at_once(
        lambda: h.describe(row, team, description="One.", read=read),
        lambda: h.describe(row, team, description="Two.", read=read),
    )
    (refusal,) = [one for one in outcomes if isinstance(one, Exception)]
    assert isinstance(refusal, IncidentChanged)
    assert Incident.objects.get().description in {"One.", "Two."}


def test_people_that_two_add_at_once_stand_there_once(live_office: Office) -> None:
    team = live_office.pandev
    person(team)
    row = found(team)
    chosen = [activity(team, "accounts")]
    outcomes = at_once(
        *(
            lambda: affected_by_activity(incident=row, activities=chosen, by=team.dpo, now=NOW)
            for _ in range(2)
        )
    )
    assert sorted((one.added, one.known) for one in outcomes) == [(0, 1), (1, 0)]
    assert AffectedPerson.objects.count() == 1


def test_two_sweeps_end_an_export_once(live_office: Office) -> None:
    team = live_office.pandev
    known_person = person(team)
    row = h.describe(found(team), team, data_categories=[category(team, "email")])
    h.affect(row, team, known_person.card)
    file = h.export(row, team).file
    assert file is not None and file.path.exists()
    late = LATER.replace(year=2027)
    outcomes = at_once(lambda: exports_sweep(now=late), lambda: exports_sweep(now=late))
    assert sum(one["exports"] for one in outcomes) == 1
    assert sum(one["failed"] for one in outcomes) == 0
    assert DestructionItem.objects.filter(kind=Sealed.EXPORT).count() == 1
    assert not file.path.exists()


def test_nobody_of_the_operator_waits_while_an_export_is_made(
    live_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer; elsewhere the operator's row is free while values are gathered."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, whoever it is")
    team = live_office.pandev
    row = h.describe(found(team), team, data_categories=[category(team, "email")])
    h.affect(row, team, person(team).card)
    begun, let_go = threading.Event(), threading.Event()
    real = exporting._told

    def told(*args: Any) -> Any:
        begun.set()
        assert let_go.wait(30)
        return real(*args)

    monkeypatch.setattr(exporting, "_told", told)

    def register_meanwhile() -> Any:
        assert begun.wait(30)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            return found(team)
        finally:
            let_go.set()

    export, other = at_once(lambda: h.export(row, team), register_meanwhile)
    assert export.file is not None
    assert other.number == "INC-2026-0002"
