"""An incident: saved by a moment alone, described as more is known, ended and opened again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from registry.models import Operator
from registry.services.clocks import NotOnTheStaff
from registry.states import ForbiddenTransition
from requests import states
from requests.models import Incident
from requests.services.incident_rows import EntryEmpty, EntryTooLong, entry_words
from requests.services.incidents import (
    BeganAfterDetection,
    DetectedBeforeLetter,
    DetectedInFuture,
    EndedBeforeItBegan,
    IncidentChanged,
    IncidentOfLetterKnown,
    LetterNotOut,
    NoticeDue,
    incident_version,
)
from requests.services.inquiries import FieldsRefused, NotYet, OperatorInactive, ReasonMissing
from requests.services.moving import ReasonTooLong, UnknownChoice
from subjects.services.people import ForeignRow
from tests.conftest import Office
from tests.requests import asking
from tests.requests import corresponding as c
from tests.requests import happening as h
from tests.requests.happening import DETECTED, LATER, NOW, found, refused

SECOND = timedelta(seconds=1)


# --- registration --------------------------------------------------------------------------------
def test_the_moment_of_detection_is_enough(office: Office) -> None:
    row = found(office.ipm)
    assert (row.number, row.state, row.kind, row.description) == ("INC-2026-0001", "open", "", "")
    assert (row.detected_at, row.registered_at, row.registered_by) == (
        DETECTED, NOW, office.ipm.clerk,
    )  # fmt: skip
    assert h.journal(row) == ["detected"]
    entry = row.history.get()
    assert (entry.history_user, entry.history_change_reason) == (office.ipm.clerk, "registered")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def test_numbers_go_up_by_operator_and_year(office: Office) -> None:
    assert [found(office.ipm).number for _ in range(2)] == ["INC-2026-0001", "INC-2026-0002"]
    assert found(office.pandev).number == "INC-2026-0001"
    Incident.objects.filter(operator=office.ipm.operator).order_by("-pk")[:1].get()
    Incident.objects.filter(number="INC-2026-0002").update(number="INC-2026-9999")
    assert found(office.ipm).number == "INC-2026-10000"
    assert found(office.ipm).number == "INC-2026-10001"


def test_it_cannot_be_detected_in_the_future(office: Office) -> None:
    with refused(DetectedInFuture):
        found(office.ipm, detected_at=NOW + SECOND)
    assert found(office.ipm, detected_at=NOW).number == "INC-2026-0001"
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.update(detected_at=NOW + SECOND)


def test_an_operator_that_takes_no_cases_registers_none(office: Office) -> None:
    Operator.objects.filter(pk=office.ipm.operator.pk).update(is_active=False)
    with refused(OperatorInactive):
        found(office.ipm)


def test_a_kind_that_nobody_knows_is_refused(office: Office) -> None:
    with refused(FieldsRefused, "What happened"):
        found(office.ipm, kind="flood")


# --- what is known -------------------------------------------------------------------------------
def test_what_is_known_is_written_down_bit_by_bit(office: Office) -> None:
    team = office.pandev
    row = h.describe(found(team), team, kind="leak")
    row = h.describe(row, team, description="A table.\r\nOpen.", people_estimate=7)
    assert (row.kind, row.description, row.people_estimate) == ("leak", "A table.\nOpen.", 7)
    row = h.describe(row, team, kind="", systems=[h.system(team)], contact=team.deputy)
    assert (row.kind, list(row.systems.all()), row.contact) == ("", [h.system(team)], team.deputy)
    assert h.journal(row) == ["detected", *["described"] * 3]
    told = [entry_words(entry) for entry in row.entries.order_by("pk")]
    assert told[1] == "Written down: what happened."
    last = row.history.first()
    assert last is not None and last.history_user == team.clerk
    assert {one.history_change_reason for one in row.history.all()} == {"registered", "described"}
    assert last.systems.count() == 1


def test_two_who_write_at_once_lose_nothing(office: Office) -> None:
    team = office.ipm
    row = found(team)
    read = incident_version(row)
    h.describe(row, team, description="Hers.", read=read)
    with refused(IncidentChanged):
        h.describe(row, team, description="His.", read=read)
    with refused(IncidentChanged):
        h.describe(row, team, systems=[h.system(team)], read=read)
    # A second click of the same is no conflict, and writes nothing.
    before = h.everything()
    h.describe(row, team, description="Hers.", read=read)
    assert h.everything() == before


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"happened_from": NOW + SECOND}, NotYet),
        ({"happened_until": NOW + SECOND}, NotYet),
        ({"happened_from": DETECTED + SECOND}, BeganAfterDetection),
        (
            {"happened_from": DETECTED - SECOND, "happened_until": DETECTED - 2 * SECOND},
            EndedBeforeItBegan,
        ),
        ({"kind": "flood"}, FieldsRefused),
        ({"people_estimate": -1}, FieldsRefused),
        ({"description": "x" * 20_001}, EntryTooLong),
        ({"number": "INC-1"}, UnknownChoice),
    ],
)
def test_what_cannot_be_is_refused(office: Office, said: dict[str, Any], refusal: Any) -> None:
    row = found(office.ipm)
    with refused(refusal):
        h.describe(row, office.ipm, **said)
    assert h.describe(row, office.ipm, description="x" * 20_000).description


def test_rows_and_people_of_others_are_refused(office: Office) -> None:
    row = found(office.ipm)
    foreign = h.system(office.pandev)
    with refused(ForeignRow):
        h.describe(row, office.ipm, systems=[foreign])
    with refused(NotOnTheStaff):
        h.describe(row, office.ipm, contact=office.pandev.clerk)


def test_the_database_holds_the_order_of_times_too(office: Office) -> None:
    row = found(office.ipm)
    row.happened_from, row.happened_until = DETECTED, DETECTED - SECOND
    with pytest.raises(ValidationError, match="ended before"):
        row.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


# --- the journal ---------------------------------------------------------------------------------
def test_the_journal_says_what_was_done_when(office: Office) -> None:
    team = office.ipm
    row = found(team)
    entry = h.note(row, team, happened_at=DETECTED - timedelta(days=1), text=" Closed by 100%. ")
    assert (entry.kind, entry.text, entry.recorded_by) == ("measure", "Closed by 100%.", team.clerk)
    with override("ru"):
        assert entry_words(entry) == "Closed by 100%."
    h.note(row, team, kind="investigation", text="The logs.")
    assert h.journal(row) == ["detected", "measure", "investigation"]
    with refused(NotYet):
        h.note(row, team, happened_at=NOW + SECOND)
    with refused(EntryEmpty):
        h.note(row, team, text=" \n ")
    # What the office writes itself, nobody writes by hand.
    for kind in ("notice", "state", "rumour"):
        with refused(UnknownChoice):
            h.note(row, team, kind=kind)


def test_the_journal_cannot_be_bent(office: Office) -> None:
    row = found(office.ipm)
    for bend in (
        lambda: row.entries.update(text="Nothing."), lambda: row.entries.all().delete(),
    ):  # fmt: skip
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            bend()
    assert row.entries.count() == 1


# --- its end -------------------------------------------------------------------------------------
def test_it_is_not_closed_while_a_notice_is_due(office: Office) -> None:
    team = office.ipm
    row = h.known(team)
    with refused(NoticeDue):
        h.close(row, team)
    h.notify(row, team)
    with refused(NoticeDue):
        h.close(row, team)
    h.notify(row, team, "findings")
    row = h.close(row, team)
    assert (row.state, row.ended_at, row.ended_reason) == ("closed", LATER, "all done")
    assert h.journal(row)[-1] == "state"


def test_a_dismissed_one_has_no_clocks_and_says_why(office: Office) -> None:
    team = office.pandev
    row = found(team)
    with refused(ReasonMissing):
        h.dismiss(row, team, reason=" ")
    with refused(ReasonTooLong):
        h.dismiss(row, team, reason="x" * 301)
    row = h.dismiss(row, team)
    assert row.state == "dismissed" and not row.deadlines.filter(voided_at=None).exists()
    assert entry_words(row.entries.order_by("pk").last()) == "No incident: a test table"  # type: ignore[arg-type]


def test_it_is_opened_again_for_a_reason(office: Office) -> None:
    team = office.pandev
    row = h.dismiss(found(team), team)
    with refused(ReasonMissing):
        h.reopen(row, team, reason="")
    row = h.reopen(row, team)
    assert (row.state, row.ended_at, row.ended_reason) == ("open", None, "")


VERBS = {
    "describe": lambda row, team: h.describe(row, team, description="More."),
    "note": h.note,
    "affect": lambda row, team: h.affect(row, team, asking.known_to(team).card),
    "notify": h.notify,
    "export": h.export,
    "correct": h.redetect,
    "close": h.close,
    "dismiss": h.dismiss,
    "reopen": h.reopen,
}


@pytest.mark.parametrize("state", [states.OPEN, states.CLOSED, states.DISMISSED])
def test_each_state_allows_its_own_verbs(office: Office, state: str) -> None:
    team = office.pandev
    row = found(team)
    if state == states.CLOSED:
        row.deadlines.all().delete()
        h.close(row, team)
    elif state == states.DISMISSED:
        h.dismiss(row, team)
    assert set().union(*map(set, states.INCIDENT.values())) == set(VERBS)
    for verb, act in VERBS.items():
        if verb not in states.INCIDENT[state]:
            with refused(ForbiddenTransition):
                act(h.fresh(row), team)


# --- a letter that went to the wrong person ------------------------------------------------------
def _sent(office: Office, code: str = "pandev") -> Any:
    team = getattr(office, code)
    known, request = c.decided(team)
    letter = c.draft(request, team)
    return team, known, letter


def test_a_misdirected_letter_opens_an_incident_with_its_people(office: Office) -> None:
    team, known, letter = _sent(office)
    c.send(letter, team, now=LATER + timedelta(days=10))
    letter = c.fresh(letter)
    letter.state = "sent"
    letter.sent_at = letter.made_at
    letter.save()
    at = LATER + timedelta(days=20)
    row = found(team, letter=letter, detected_at=at, now=at)
    assert (row.kind, row.letter) == ("misdirected", letter)
    assert [one.subject for one in row.affected.all()] == [known.card]
    assert h.journal(row) == ["detected", "people"]
    assert row.deadlines.count() == 1
    with refused(IncidentOfLetterKnown, row.number):
        found(team, letter=letter, detected_at=at, now=at)
    # Dismissed, it may be one after all: by a new incident, and then not by the old one.
    h.dismiss(row, team, now=at)
    second = found(team, letter=letter, detected_at=at, now=at)
    with refused(IncidentOfLetterKnown, second.number):
        h.reopen(row, team, now=at)


def test_a_letter_that_never_went_is_no_incident(office: Office) -> None:
    team, _known, letter = _sent(office)
    at = LATER + timedelta(days=20)
    with refused(LetterNotOut):
        found(team, letter=letter, detected_at=at, now=at)
    letter.state = "printed"
    letter.by = "post"
    letter.save()
    with refused(DetectedBeforeLetter):
        found(team, letter=letter, detected_at=letter.made_at - SECOND, now=at)
    with refused(ForeignRow):
        found(office.ipm, letter=letter, detected_at=at, now=at)
    assert found(team, letter=letter, detected_at=at, now=at).letter == letter
