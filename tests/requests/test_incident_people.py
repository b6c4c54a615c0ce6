"""Whom an incident concerns: by system, by activity, by a list, by hand; each person once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from requests.models import AffectedPerson, Incident
from requests.services import incident_lists
from requests.services.incident_lists import ListEmpty, ListNotText, ListTooLong
from requests.services.incident_people import (
    Affected,
    NobodyToRemove,
    NothingToLookBy,
    affected_by_activity,
    affected_by_file,
    affected_by_system,
    affected_cards,
    found_by,
    people_counted,
)
from requests.services.incident_rows import entry_words
from requests.services.inquiries import ReasonMissing
from subjects.choices import HeldIn
from subjects.models import AccessEvent, DataSubject, PersonalDatum
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.people import ForeignRow
from subjects.services.stops import block_place
from tests.conftest import Office, Team
from tests.requests import asking
from tests.requests import happening as h
from tests.requests.happening import DETECTED, NOW, activity, category, found, refused
from tests.subjects.persons import SINCE, VALUES, Person, person, register

TWO = VALUES | {
    "full_name": "Другой Человек", "iin": "850202300024", "email": "other@example.kz",
    "phone": "+77010000000", "account": "other-account",
}  # fmt: skip


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def by_system(row: Incident, team: Team, *systems: Any, **changed: Any) -> Affected:
    return affected_by_system(
        **{"incident": row, "systems": systems, "by": team.dpo, "now": NOW} | changed
    )


def by_activity(row: Incident, team: Team, *codes: str) -> Affected:
    chosen = [activity(team, code) for code in codes]
    return affected_by_activity(incident=row, activities=chosen, by=team.dpo, now=NOW)


def by_list(row: Incident, team: Team, *lines: str) -> Affected:
    content = "\n".join(lines).encode()
    return affected_by_file(incident=row, content=content, by=team.dpo, now=NOW)


def codes(row: Incident) -> list[str]:
    return [card.code for card in affected_cards(row)]


def crm_of(team: Team, *names: str) -> Any:
    crm = h.system(team)
    for name in names:
        activity(team, name).systems.add(crm)
    return crm


def gone(known: Person, at: Any) -> None:
    keys = [row.key_number for row in known.data.values()]
    keys_destroy([key for key in keys if key], reason="x", by=None, now=at)


def merge(team: Team, into: DataSubject, other: DataSubject) -> None:
    cards_merge(
        into=into, other=other, by=team.dpo, now=NOW, reason="one person",
        other_ends="purpose_achieved",
    )  # fmt: skip


# --- by system and by activity -------------------------------------------------------------------
def test_by_activity_are_those_with_a_ground_and_data_of_it(office: Office) -> None:
    team = office.pandev
    known, bare = person(team), register(team)
    asking.known_to(office.ipm)
    row = found(team)
    assert by_activity(row, team, "accounts") == Affected(1, 0)
    assert codes(row) == [known.card.code] and bare.code not in codes(row)
    # Twice adds nobody twice.
    assert by_activity(row, team, "accounts", "identification") == Affected(0, 1)
    assert people_counted([row]) == {row.pk: 1}
    assert by_activity(found(team), team, "services") == Affected(0, 0)


def test_by_system_are_those_whose_activities_use_it_and_whose_data_lie_there(
    office: Office,
) -> None:
    team = office.pandev
    one, two = person(team), person(team, TWO)
    row = found(team)
    other = h.system(team, "mail")
    assert by_system(row, team, other) == Affected(0, 0)
    # Only the fact that it lies there: the value is elsewhere.
    PersonalDatum.objects.create(
        subject=two.card, category=category(team, "phone"), held_in=HeldIn.SYSTEM, system=other,
        collected_on=SINCE,
    )  # fmt: skip
    assert by_system(row, team, other) == Affected(1, 0)
    assert codes(row) == [two.card.code]
    crm = crm_of(team, "accounts")
    assert by_system(row, team, crm, other) == Affected(1, 1)
    assert set(codes(row)) == {one.card.code, two.card.code}
    assert found_by(row) == [("by information system", 2)]


def test_only_people_with_data_in_the_categories_of_the_incident(office: Office) -> None:
    team = office.pandev
    one = person(team)
    without = person(team, {name: TWO[name] for name in ("email", "account")})
    row = h.describe(found(team), team, data_categories=[category(team, "phone")])
    assert by_activity(row, team, "accounts", "identification") == Affected(1, 0)
    assert codes(row) == [one.card.code]
    both = [category(team, "phone"), category(team, "email")]
    row = h.describe(row, team, data_categories=both)
    assert by_activity(row, team, "accounts", "identification") == Affected(1, 1)
    assert without.card.code in codes(row)


def test_data_collected_after_it_ended_are_not_concerned(office: Office) -> None:
    team = office.pandev
    person(team)
    # The data and one of the grounds are of 1 February.
    for until, count in (("2026-01-31", 0), ("2026-02-01", 1)):
        at = datetime.fromisoformat(f"{until}T12:00:00+00:00")
        row = h.describe(found(team), team, happened_from=at, happened_until=at)
        assert by_activity(row, team, "accounts").added == count, until


def test_whoever_was_destroyed_before_it_happened_is_not_concerned(office: Office) -> None:
    team = office.pandev
    known = person(team)
    gone(known, DETECTED - timedelta(hours=2))
    # Nobody knows since when: what is there at the detection counts.
    row = found(team)
    assert by_activity(row, team, "accounts") == Affected(0, 0)
    earlier = h.describe(row, team, happened_from=DETECTED - timedelta(hours=3))
    assert by_activity(earlier, team, "accounts") == Affected(1, 0)


def test_another_operators_rows_are_refused_and_nothing_to_look_by_too(office: Office) -> None:
    team = office.pandev
    row = found(team)
    with refused(ForeignRow):
        by_system(row, team, h.system(office.ipm))
    with refused(ForeignRow):
        h.affect(row, team, register(office.ipm))
    with refused(NothingToLookBy):
        by_system(row, team)
    with refused(NothingToLookBy):
        by_activity(row, team)
    with refused(NothingToLookBy):
        h.affect(row, team)


def test_the_cost_does_not_grow_with_the_people(office: Office) -> None:
    team = office.pandev
    row = found(team)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            by_activity(row, team, "accounts")
        return len(captured)

    person(team)
    few = asked()
    for number in range(5):
        values = {"email": f"u{number}@example.kz", "account": f"u-{number}"}
        person(team, values)
    assert asked() == few <= 15
    assert people_counted([row]) == {row.pk: 6}


# --- by a list -----------------------------------------------------------------------------------
def test_a_list_names_people_by_codes_and_identifiers(office: Office) -> None:
    team = office.pandev
    one, two, three = person(team), person(team, TWO), register(team)
    row = found(team)
    result = by_list(
        row, team, "email;x", f"{VALUES['email'].upper()};1", "8 701 000-00-00", three.code.lower(),
        VALUES["iin"], "other-account",
    )  # fmt: skip
    assert (result.added, result.known) == (3, 0)
    assert set(codes(row)) == {one.card.code, two.card.code, three.code}
    assert result.listed is not None
    assert result.listed.nobody == [] and result.listed.unread == []


def test_of_a_line_that_names_nobody_only_its_number_is_told(office: Office) -> None:
    team = office.pandev
    known = person(team)
    foreign = register(office.ipm)
    row = found(team)
    typed = ["nobody.canary@example.kz", "", "Серікова Әсел", foreign.code, "x" * 301, "0012"]
    result = by_list(row, team, VALUES["email"], *typed)
    assert result.listed is not None
    # A foreign code could be an account; a name and four digits are no identifiers.
    assert result.listed.nobody == [2, 5, 7]
    assert result.listed.unread == [4, 6]
    entry = row.entries.order_by("pk").last()
    assert entry is not None
    words = entry_words(entry)
    assert "name nobody: 2, 5, 7" in words and "identifier: 4, 6" in words
    for value in (*typed, VALUES["email"]):
        assert not value or value not in str(entry.params) + words
    event = AccessEvent.objects.get(what="search")
    assert (event.user, event.reason, event.details) == (
        team.dpo, row.number, {"kind": "list", "hits": 1},
    )  # fmt: skip
    assert codes(row) == [known.card.code]


def test_what_is_no_list_is_refused(office: Office, monkeypatch: Any) -> None:
    team = office.pandev
    row = found(team)
    for content in (b"\xff\xfe\x00", "Әсел".encode("utf-16"), b"a" * 200_000):
        with refused(ListNotText):
            affected_by_file(incident=row, content=content, by=team.dpo, now=NOW)
    for content in (b"", b"\n\n", b"code\n"):
        with refused(ListEmpty):
            affected_by_file(incident=row, content=content, by=team.dpo, now=NOW)
    monkeypatch.setattr(incident_lists, "LINES_LIMIT", 3)
    with refused(ListTooLong):
        by_list(row, team, *["a@example.kz"] * 4)
    assert by_list(row, team, *["a@example.kz"] * 3).listed is not None


# --- one human being, several cards --------------------------------------------------------------
def test_a_merged_card_leads_to_the_one_that_holds_its_data(office: Office) -> None:
    team = office.pandev
    one, two = person(team), person(team, TWO)
    merge(team, two.card, one.card)
    row = found(team)
    assert h.affect(row, team, one.card) == Affected(1, 0)
    assert codes(row) == [two.card.code]
    assert by_list(row, team, one.card.code).known == 1
    assert by_activity(row, team, "accounts") == Affected(0, 1)


def test_whoever_is_merged_later_is_still_one_person(office: Office) -> None:
    team = office.pandev
    one, two = person(team), person(team, TWO)
    row = found(team)
    h.affect(row, team, one.card)
    merge(team, two.card, one.card)
    assert codes(row) == [two.card.code]
    # The journal of the incident is not rewritten: the row stays where it was.
    assert AffectedPerson.objects.get().subject == one.card
    assert by_activity(row, team, "accounts") == Affected(0, 1)
    assert people_counted([row]) == {row.pk: 1}


def test_two_affected_cards_that_are_merged_count_once(office: Office) -> None:
    team = office.pandev
    one, two = person(team), person(team, TWO)
    row = found(team)
    h.affect(row, team, one.card, two.card)
    assert people_counted([row]) == {row.pk: 2}
    merge(team, two.card, one.card)
    assert people_counted([row]) == {row.pk: 1} and codes(row) == [two.card.code]


# --- not affected after all ----------------------------------------------------------------------
def test_removing_wants_a_reason_and_says_whom(office: Office) -> None:
    team = office.pandev
    one, two = register(team), register(team)
    row = found(team)
    h.affect(row, team, one)
    with refused(ReasonMissing):
        h.remove(row, team, one, reason=" ")
    with refused(NobodyToRemove):
        h.remove(row, team, two)
    assert h.remove(row, team, one, two) == 1
    assert codes(row) == []
    entry = row.entries.order_by("pk").last()
    assert entry is not None and entry_words(entry) == f"Removed ({one.code}): not hers"


def test_a_merged_person_is_removed_by_either_code(office: Office) -> None:
    team = office.pandev
    one, two = person(team), person(team, TWO)
    row = found(team)
    h.affect(row, team, one.card)
    merge(team, two.card, one.card)
    assert h.remove(row, team, two.card) == 1
    assert not AffectedPerson.objects.standing().exists()
    gone = AffectedPerson.objects.get()
    assert (gone.removed_by, gone.removed_at) == (team.dpo, h.LATER)
    # Affected after all: a row of its own, beside the one that was removed.
    assert h.affect(row, team, two.card).added == 1
    assert AffectedPerson.objects.count() == 2


def test_each_step_stands_in_the_journal(office: Office) -> None:
    team = office.pandev
    known = person(team)
    row = found(team)
    by_activity(row, team, "accounts")
    by_system(row, team, crm_of(team, "accounts"))
    by_list(row, team, known.card.code)
    h.affect(row, team, known.card)
    h.remove(row, team, known.card)
    assert h.journal(row) == ["detected", *["people"] * 5]
    told = [entry_words(entry) for entry in row.entries.order_by("pk")]
    assert told[1] == "By activity (accounts): 1 added, 0 known already."
    assert told[2] == "By system (crm): 0 added, 1 known already."
    assert told[4].startswith(f"By hand ({known.card.code})")


def test_a_blocked_person_is_named_like_anybody(office: Office) -> None:
    """Being named reads no value: a block protects from use, not from being told of a leak."""
    team = office.pandev
    known = person(team)
    block_place(subject=known.card, why="check", label="REQ-1", reason="x", by=team.dpo, now=NOW)
    row = found(team)
    assert by_activity(row, team, "accounts").added == 1


@pytest.mark.parametrize("way", ["hand", "list"])
def test_somebody_whose_data_are_destroyed_may_be_named_by_hand(office: Office, way: str) -> None:
    team = office.pandev
    known = person(team)
    gone(known, DETECTED - timedelta(days=1))
    row = found(team)
    if way == "hand":
        assert h.affect(row, team, known.card).added == 1
    else:
        assert by_list(row, team, known.card.code).added == 1
