"""The guard of blocked data: what it hides, refuses, and lets the blocking request do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from registry.explain import sentence
from subjects.models import DataSubject, PersonalDatum
from subjects.services import guard
from subjects.services.cards import cards_link, cards_merge
from subjects.services.covering import grounds_of
from subjects.services.exporting import card_export
from subjects.services.grounds import consent_withdraw, dissemination_permit, dissemination_stop
from subjects.services.guard import DataBlocked
from subjects.services.looking import card_reveal
from subjects.services.people import datum_record, datum_rectify, datum_verify
from subjects.services.photos import CardMasked, photo_open
from subjects.services.proof import consent_proof
from subjects.services.reading import State, contacts, data_of, hits, show, with_state
from subjects.services.stops import block_end
from tests.conftest import Office
from tests.subjects.blocking import LABEL, OTHER, block, category, leaks, photo
from tests.subjects.persons import (
    EVIDENCE,
    NOW,
    SINCE,
    TODAY,
    VALUES,
    Person,
    agree,
    hold,
    other_ground,
    person,
    register,
    text_of,
)
from tests.subjects.test_import_common import (
    ROW,
    card_of,
    counts,
    imported,
    none,
    published,
    rejects,
    table,
    values_of,
)

BOTH = f"{OTHER}, {LABEL}"


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def states(card: Any, **asked: Any) -> dict[str, State]:
    rows = list(data_of([card.pk]))
    shown = show(rows, **{"opened": True} | asked)
    return {row.category.code: shown[row].state for row in rows}


# --- reading -------------------------------------------------------------------------------------
@pytest.mark.parametrize("opened", [True, False])
def test_nothing_of_a_blocked_value_is_shown_but_for_its_number(
    opened: bool, known: Person, office: Office
) -> None:
    block(office.pandev, known.card)
    consents = [ground.consent for ground in grounds_of([known.card.pk])[1:]]
    rows = [*data_of([known.card.pk]), *consents]
    for label in ("", "REQ", OTHER, f"{LABEL}0", f"for {LABEL}"):
        shown = show(rows, opened=opened, for_label=label)
        assert {found.state for found in shown.values()} == {State.BLOCKED}
        assert {found.text for found in shown.values()} == {""}
        assert {found.block.label for found in shown.values() if found.block} == {LABEL}
        assert {found.block.since for found in shown.values() if found.block} == {NOW}
    for label in (LABEL, f" {LABEL} ", BOTH):
        shown = show(rows, opened=opened, for_label=label)
        wanted = State.OPEN if opened else State.MASKED
        assert {found.state for found in shown.values()} == {wanted}
        assert (EVIDENCE in {found.text for found in shown.values()}) == opened


def test_a_blocked_category_hides_itself_alone(known: Person, office: Office) -> None:
    block(office.pandev, known.card, "email")
    found = states(known.card)
    assert found.pop("email") == State.BLOCKED and set(found.values()) == {State.OPEN}
    assert set(states(known.card, for_label=LABEL).values()) == {State.OPEN}
    assert show([known.consents[0]], opened=True)[known.consents[0]].text == EVIDENCE


def test_each_of_two_numbers_forbids_every_use_but_its_own(known: Person, office: Office) -> None:
    team = office.pandev
    block(team, known.card)
    second = block(team, known.card, "email", label=OTHER)
    for label in (LABEL, OTHER, ""):
        assert states(known.card, for_label=label)["email"] == State.BLOCKED
    assert states(known.card, for_label=LABEL)["phone"] == State.OPEN
    assert set(states(known.card, for_label=BOTH).values()) == {State.OPEN}
    block_end(block=second, by=team.dpo, now=NOW, reason="over")
    assert set(states(known.card, for_label=LABEL).values()) == {State.OPEN}
    assert guard.numbers_in("a; b,c") == {"a; b,c", "a", "b", "c"}


def test_a_block_that_ended_hides_nothing(known: Person, office: Office) -> None:
    row = block(office.pandev, known.card)
    block_end(block=row, by=office.pandev.dpo, now=NOW, reason="not confirmed")
    assert set(states(known.card).values()) == {State.OPEN}
    assert card_export(subject=known.card, user=office.pandev.dpo, reason="x", now=NOW)


def test_a_block_costs_no_query_and_who_forgets_to_annotate_shows_no_more(
    known: Person, office: Office
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            states(known.card)
        return len(captured)

    before = asked()
    block(office.pandev, known.card, "phone")
    block(office.pandev, known.card, label=OTHER)
    assert asked() == before == 2
    rows = list(PersonalDatum.objects.filter(subject=known.card).select_related("category"))
    assert {found.state for found in show(rows, opened=True).values()} == {State.BLOCKED}
    card = with_state(DataSubject.objects.all(), office.pandev.dpo).get(pk=known.card.pk)
    for row in rows:
        row.subject = card
    assert {found.state for found in show(rows, opened=True).values()} == {State.BLOCKED}
    with override("en"):
        told = guard.annotated(card)
    assert [(one.label, one.category is None, one.since) for one in told] == [
        (LABEL, False, NOW), (OTHER, True, NOW),
    ]  # fmt: skip
    with override("en"):
        assert (told[0].name, told[1].name) == (str(category(office.pandev, "phone")), "")


def test_lists_and_hits_show_no_mask(known: Person, office: Office) -> None:
    assert contacts([known.card.pk]) and hits([known.card], TODAY)[0].values
    block(office.pandev, known.card, "email")
    (hit,) = hits([known.card], TODAY)
    assert hit.blocked and "a•••@example.kz" not in dict(hit.values).values()
    assert not any("@" in mask for mask in contacts([known.card.pk])[known.card.pk])
    block(office.pandev, known.card, label=OTHER)
    assert not contacts([known.card.pk])
    (hit,) = hits([known.card], TODAY)
    assert hit.blocked and not hit.values and hit.grounds == 3 and not hit.gone


# --- the refusal ---------------------------------------------------------------------------------
def test_it_says_whose_number_why_and_since_when_and_no_value(
    known: Person, office: Office
) -> None:
    block(office.pandev, known.card, now=NOW.replace(hour=20))  # the next day in Almaty
    with pytest.raises(DataBlocked) as refused:
        guard.require_unblocked(known.card, label=OTHER)
    error = refused.value
    assert error.status == 409
    with override("en"):
        said = sentence(error)
    assert known.card.code in said and LABEL in said and "while a complaint is checked" in said
    assert "3 March 2026" in said and not leaks(said) and not leaks(str(error))


def test_what_a_category_blocks_and_what_the_whole(known: Person, office: Office) -> None:
    team = office.pandev
    block(team, known.card, "email")
    guard.require_unblocked(known.card)
    guard.require_unblocked(known.card, category=category(team, "phone"))
    guard.require_unblocked(known.card, category=category(team, "email"), label=LABEL)
    for refused in (
        lambda: guard.require_unblocked(known.card, category=category(team, "email")),
        lambda: guard.require_no_block(known.card),
    ):
        with pytest.raises(DataBlocked):
            refused()
    block(team, known.card, label=OTHER)
    for code in ("email", "phone"):
        with pytest.raises(DataBlocked):
            guard.require_unblocked(known.card, category=category(team, code), label=LABEL)


# --- the request of that number ------------------------------------------------------------------
def test_a_card_opens_for_the_number_and_nothing_else(known: Person, office: Office) -> None:
    user = office.pandev.clerk
    block(office.pandev, known.card, "email")
    card_reveal(subject=known.card, user=user, reason="a look", now=NOW)
    block(office.pandev, known.card)
    for reason in ("a look", OTHER, f"see {LABEL}"):
        with pytest.raises(DataBlocked):
            card_reveal(subject=known.card, user=user, reason=reason, now=NOW)
    event = card_reveal(subject=known.card, user=user, reason=LABEL, now=NOW)
    assert event.reason == LABEL


def test_a_photo_is_given_out_for_the_number_only(known: Person, office: Office) -> None:
    team = office.pandev
    datum = photo(team, known.card)
    user, later = team.clerk, NOW + timedelta(minutes=1)
    card_reveal(subject=known.card, user=user, reason="a look", now=NOW)
    block(team, known.card, "photo")
    with pytest.raises(DataBlocked):
        photo_open(datum=datum, user=user, now=later)
    with pytest.raises(CardMasked):
        photo_open(datum=datum, user=team.dpo, now=later)
    card_reveal(subject=known.card, user=user, reason=LABEL, now=later)
    media, pieces = photo_open(datum=datum, user=user, now=later)
    assert media == "image/png" and b"".join(pieces)


def test_to_clarify_is_the_one_use_that_a_block_leaves(known: Person, office: Office) -> None:
    team, datum = office.pandev, known.data["email"]
    block(team, known.card, "email")
    right: dict[str, Any] = {
        "datum": datum, "text": "right@example.kz", "by": team.clerk, "today": TODAY,
        "reason": "misspelt",
    }  # fmt: skip
    for label in ("", OTHER):
        with pytest.raises(DataBlocked):
            datum_rectify(**right, label=label)
        with pytest.raises(DataBlocked):
            datum_verify(datum=datum, by=team.clerk, today=TODAY, label=label)
    assert datum.history.count() == 1
    datum_rectify(**right, label=LABEL)
    datum_verify(datum=known.data["email"], by=team.clerk, today=TODAY, label=LABEL)
    # The other categories are not concerned; one more address is.
    datum_verify(datum=known.data["phone"], by=team.clerk, today=TODAY)
    hold(team, known.card, "device", "another device")
    with pytest.raises(DataBlocked):
        hold(team, known.card, "email", "one.more@example.kz")


def test_a_proof_is_printed_for_the_number_only(known: Person, office: Office) -> None:
    team, consent = office.pandev, known.consents[0]
    asked: dict[str, Any] = {"consent": consent, "language": "en", "user": team.dpo, "now": NOW}
    block(team, known.card, "email")
    assert consent_proof(**asked)
    name = block(team, known.card, "full_name", label=OTHER)
    with pytest.raises(DataBlocked):
        consent_proof(**asked)
    with pytest.raises(DataBlocked):
        consent_proof(**asked, label=LABEL)
    assert consent_proof(**asked, label=OTHER)
    block_end(block=name, by=team.dpo, now=NOW, reason="over")
    block(team, known.card)
    with pytest.raises(DataBlocked):
        consent_proof(**asked)
    assert consent_proof(**asked, label=LABEL)


def test_an_export_leaves_out_what_is_blocked_whatever_the_reason(
    known: Person, office: Office
) -> None:
    team = office.pandev
    block(team, known.card, "email")
    for reason in ("x", LABEL):
        found = card_export(subject=known.card, user=team.dpo, reason=reason, now=NOW)
        told = {row["state"]: row["value"] for row in found["data"] if row["state"] == "blocked"}
        assert told == {"blocked": None} and VALUES["email"] not in str(found)
        assert VALUES["phone"] in str(found)
    block(team, known.card, label=OTHER)
    for reason in ("x", LABEL, OTHER, BOTH):
        with pytest.raises(DataBlocked):
            card_export(subject=known.card, user=team.dpo, reason=reason, now=NOW)


# --- what narrows goes on, what widens does not --------------------------------------------------
def test_dissemination_can_be_forbidden_but_not_allowed(office: Office) -> None:
    team = office.pandev
    card = register(team)
    text = text_of(team, "wide", dissemination=True, name_en="Wide")
    consent = agree(team, card, text=text, dissemination=True)
    one, two = text.data_categories.all()[:2]
    choice: dict[str, Any] = {
        "consent": consent, "category": one, "started_on": TODAY, "by": team.clerk, "today": TODAY,
    }  # fmt: skip
    shown = dissemination_permit(**choice, permission="allowed")
    block(team, card, one.code)
    for permission in ("allowed", "conditions"):
        with pytest.raises(DataBlocked):
            dissemination_permit(**choice, permission=permission, conditions="no photo")
    dissemination_permit(**choice | {"category": two}, permission="allowed")
    dissemination_stop(permission=shown, by=team.clerk, today=TODAY, reason="asked")
    block(team, card, label=OTHER)
    dissemination_permit(**choice | {"category": two}, permission="prohibited")
    consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)


def test_no_new_ground_begins_on_a_card_that_is_blocked_as_a_whole(office: Office) -> None:
    team = office.pandev
    card = register(team)
    block(team, card, "email")
    agree(team, card, "accounts")
    block(team, card, label=OTHER)
    for begin in (lambda: agree(team, card, "identification"), lambda: other_ground(team, card)):
        with pytest.raises(DataBlocked):
            begin()
    assert card.grounds.count() == 1


def test_no_card_is_merged_while_either_is_blocked(office: Office) -> None:
    team = office.pandev
    one, two = register(team), register(team)
    asked: dict[str, Any] = {"by": team.dpo, "now": NOW, "reason": "one person"}
    rows = [block(team, one, "email")]
    for into, other in ((one, two), (two, one)):
        with pytest.raises(DataBlocked):
            cards_merge(into=into, other=other, **asked)
    rows.append(block(team, two, "email"))
    with pytest.raises(DataBlocked):
        cards_merge(into=one, other=two, **asked)
    cards_link(first=one, second=two, **asked)
    for row in rows:
        block_end(block=row, by=team.dpo, now=NOW, reason="over")
    assert cards_merge(into=one, other=two, **asked) == one


# --- imports -------------------------------------------------------------------------------------
def test_nothing_is_imported_over_a_blocked_person(office: Office) -> None:
    team = office.pandev
    published(team.operator, team.dpo)
    imported(team, table(ROW, ROW | {"account": "u-2", "email": "two@example.org"}))
    card = card_of(team.operator, "u-1")
    before = values_of(card)
    block(team, card)
    later = [
        ROW | {"email": "new.canary@example.org"},
        ROW,
        ROW | {"account": "u-2", "email": "new@example.org"},
        ROW | {"account": "u-3", "email": "three@example.org"},
    ]
    run = imported(team, table(*later))
    assert counts(run) == none(new=1, changed=1, rejected=2), rejects(run)
    assert values_of(card) == before and card.grounds.count() == 1
    for line, column, said in rejects(run):
        assert (line, column) in {(2, "account"), (3, "account")}
        assert card.code in said and LABEL in said and "canary" not in said


def test_a_blocked_category_is_not_imported_over_and_not_compared(office: Office) -> None:
    team = office.pandev
    published(team.operator, team.dpo)
    imported(team, table(ROW))
    card = card_of(team.operator, "u-1")
    block(team, card, "email")
    without = {name: cell for name, cell in ROW.items() if name != "email"}
    # The very same address is refused too: to compare it would be to read it.
    run = imported(team, table(ROW))
    assert [(line, column) for line, column, _ in rejects(run)] == [(2, "email")]
    run = imported(team, table(without | {"full_name": "Петрова Анна Петровна"}))
    assert counts(run) == none(changed=1), rejects(run)
    assert values_of(card)["full_name"] == "Петрова Анна Петровна"


def test_nothing_new_is_held_of_a_blocked_person(known: Person, office: Office) -> None:
    team = office.pandev
    block(team, known.card)
    for extra in ({}, {"held_in": "system", "text": "", "system": None}):
        with pytest.raises(DataBlocked):
            datum_record(
                **{
                    "subject": known.card, "category": category(team, "email"), "text": "a@b.kz",
                    "collected_on": SINCE, "by": team.clerk, "today": TODAY,
                }
                | extra
            )  # fmt: skip
    with pytest.raises(DataBlocked):
        photo(team, known.card)
