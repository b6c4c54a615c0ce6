"""Cards of one person: linked, unlinked, merged; and two people who merge at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from registry.errors import OperatorError
from registry.models import ConsentText
from subjects.models import (
    Consent,
    DataSubject,
    DisseminationPermission,
    Ground,
    PersonalDatum,
    SealedFile,
    SubjectLink,
    VaultKey,
)
from subjects.services.cards import (
    CardsOfTwoOperators,
    GroundsClash,
    LinkedAlready,
    LinkEnded,
    NoReasonToEnd,
    NoSuchCard,
    ReasonNeeded,
    SameCard,
    card_with_code,
    cards_link,
    cards_merge,
    cards_unlink,
    clashes,
    code_of,
)
from subjects.services.destruction import subject_destroy
from subjects.services.grounds import consent_withdraw, dissemination_permit
from subjects.services.keys import kek_rotate, lost_keys
from subjects.services.people import CardMerged, datum_rectify
from subjects.services.reading import data_of, show
from subjects.vault import store
from subjects.vault.models import Sealed
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office, Team
from tests.subjects.persons import (
    EVIDENCE,
    NOW,
    TODAY,
    VALUES,
    Person,
    agree,
    hold,
    other_ground,
    register,
    text_of,
)  # fmt: skip

WHY = "the same passport was shown"


def link(team: Team, first: Any, second: Any, **changed: Any) -> SubjectLink:
    return cards_link(
        **{"first": first, "second": second, "by": team.clerk, "now": NOW, "reason": WHY} | changed
    )


def merge(team: Team, into: Any, other: Any, **changed: Any) -> DataSubject:
    return cards_merge(
        **{"into": into, "other": other, "by": team.dpo, "now": NOW, "reason": WHY} | changed
    )


def apart(team: Team) -> tuple[Person, Person]:
    """Two cards of one person with no ground in common."""
    one = Person(register(team))
    one.consents = [agree(team, one.card, "accounts")]
    one.data["email"] = hold(team, one.card, "email", VALUES["email"])
    two = Person(register(team))
    two.consents = [agree(team, two.card, "identification")]
    two.data["phone"] = hold(team, two.card, "phone", VALUES["phone"])
    two.data["full_name"] = hold(team, two.card, "full_name", VALUES["full_name"])
    return one, two


# --- codes ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("S-7F3K9QWX", "S-7F3K9QWX"), ("s-7f3k9qwx", "S-7F3K9QWX"), ("7f3k 9qwx", "S-7F3K9QWX"),
        ("S–7F3K9QWX", "S-7F3K9QWX"), ("SS-7F3K9QW", ""), ("S-7F3K9QW", ""), ("S-7F3K9QW0", ""),
        ("S7F3K9QWX", "S-7F3K9QWX"), ("S23456789", "S-23456789"), ("", ""), ("Иванов12", ""),
    ],
)  # fmt: skip
def test_a_code_in_any_writing(typed: str, code: str) -> None:
    assert code_of(typed) == code


def test_a_code_that_begins_with_s(office: Office) -> None:
    card = register(office.pandev)
    card.code = "S-S2345678"
    card.save()
    for typed in ("S-S2345678", "S2345678", "s-s2345678"):
        assert card_with_code(operator=card.operator, code=typed) == card
    with pytest.raises(NoSuchCard):
        card_with_code(operator=office.ipm.operator, code=card.code)


# --- links ---------------------------------------------------------------------------------------
def test_linked_and_unlinked(office: Office) -> None:
    team = office.pandev
    one, two = register(team), register(team)
    row = link(team, two, one)
    assert (row.first, row.second) == (one, two)
    with pytest.raises(LinkedAlready):
        link(team, one, two)
    ended = cards_unlink(link=row, by=team.dpo, now=NOW, reason="two brothers")
    assert ended.ended_at == NOW
    with pytest.raises(LinkEnded):
        cards_unlink(link=row, by=team.dpo, now=NOW, reason="two brothers")
    trail = row.history.order_by("history_id")
    assert [(item.history_user, item.history_change_reason) for item in trail] == [
        (team.clerk, WHY), (team.dpo, "two brothers"),
    ]  # fmt: skip
    assert link(team, one, two).pk != row.pk


@pytest.mark.parametrize("act", [link, merge])
def test_what_cannot_be_one_person(act: Callable[..., Any], office: Office) -> None:
    one, foreign = register(office.pandev), register(office.ipm)
    gone = register(office.pandev)
    merge(office.pandev, one, gone)
    for other, refusal in ((one, SameCard), (foreign, CardsOfTwoOperators), (gone, CardMerged)):
        with pytest.raises(refusal):
            act(office.pandev, one, other)
        with pytest.raises(OperatorError):
            act(office.pandev, other, one)
    with pytest.raises(ReasonNeeded):
        act(office.pandev, one, register(office.pandev), reason="  ")
    assert not SubjectLink.objects.exists()


# --- merging -------------------------------------------------------------------------------------
def test_everything_moves_and_still_opens(office: Office, settings: Any) -> None:
    team = office.pandev
    one, two = apart(team)
    before = {row.pk: row.history.count() for row in PersonalDatum.objects.all()}
    merge(team, one.card, two.card)
    two.card.refresh_from_db()
    assert two.card.merged_into == one.card
    data = list(data_of([one.card.pk]))
    assert {shown.text for shown in show(data, opened=True).values()} == {
        VALUES["email"], VALUES["phone"], VALUES["full_name"],
    }  # fmt: skip
    consent = Consent.objects.get(pk=two.consents[0].pk)
    assert consent.ground.subject == one.card
    assert open_rows([consent], "evidence")[consent.pk].text == EVIDENCE
    assert not PersonalDatum.objects.filter(subject=two.card).exists()
    assert not Ground.objects.filter(subject=two.card).exists()
    assert set(VaultKey.objects.values_list("owner", flat=True)) == {one.card.pk}
    assert lost_keys() == []
    # A version more of each row that moved, by whom and why; none of those that stayed.
    for datum in data:
        moved = datum.pk in {row.pk for row in two.data.values()}
        assert datum.history.count() == before[datum.pk] + moved
        if moved:
            newest = datum.history.first()
            assert (newest.history_user, newest.history_change_reason, newest.history_type) == (
                team.dpo, WHY, "~",
            )  # fmt: skip
            assert newest.subject_id == one.card.pk and newest.value == datum.value
    assert two.card.history.first().merged_into_id == one.card.pk


def test_what_moved_can_be_rectified_rotated_and_destroyed(office: Office) -> None:
    team = office.pandev
    one, two = apart(team)
    merge(team, one.card, two.card)
    datum = PersonalDatum.objects.get(pk=two.data["phone"].pk)
    datum_rectify(datum=datum, text="+77015550000", by=team.clerk, today=TODAY, reason="typo")
    kek_rotate(by=None, now=NOW)
    for consent in Consent.objects.all():
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)
    items = subject_destroy(subject=one.card, reason="over", by=team.dpo, now=NOW, today=TODAY)
    # Three data and two pieces of evidence: nothing stays behind with the merged card.
    assert len(items) == 5
    assert not VaultKey.objects.exists()
    states = open_rows(list(PersonalDatum.history.all()), "value").values()
    assert {shown.state for shown in states} == {State.DESTROYED}


def test_a_key_does_not_open_for_the_card_that_went(office: Office) -> None:
    team = office.pandev
    one, two = apart(team)
    merge(team, one.card, two.card)
    PersonalDatum.objects.filter(pk=two.data["phone"].pk).update(subject=two.card)
    with pytest.raises(store.ForeignKeyOfValue):
        show(data_of([two.card.pk]), opened=True)


def test_what_was_read_before_a_merge_says_that_it_moved(office: Office) -> None:
    team = office.pandev
    one, two = apart(team)
    read = list(data_of([two.card.pk]).select_related("subject"))
    merge(team, one.card, two.card)
    for opening in (lambda: open_rows(read, "value"), lambda: show(read, opened=True)):
        with pytest.raises(store.ValueMoved):
            opening()
    assert {shown.state for shown in open_rows(data_of([one.card.pk]), "value").values()} == {
        State.OPEN
    }


def test_files_move_with_their_keys(office: Office) -> None:
    team = office.pandev
    one, two = apart(team)
    number = store.mint(store.Place(kind=Sealed.FILE, owner=two.card.pk)).number
    file = SealedFile.objects.create(
        operator=team.operator, kind=Sealed.FILE, owner=two.card.pk, key=number,
        place_on_disk="x" * 64, media_type="image/png", size=1, made_at=NOW,
    )  # fmt: skip
    PersonalDatum.objects.create(subject=two.card, identity=True, file=file, collected_on=TODAY)
    merge(team, one.card, two.card)
    file.refresh_from_db()
    assert file.owner == one.card.pk
    store.require_owner(VaultKey.objects.get(pk=number), file.sealed_place)
    store.open_key(VaultKey.objects.get(pk=number))


def test_permissions_follow_their_consent(office: Office) -> None:
    team = office.pandev
    text_of(team, dissemination=True)
    one, two = register(team), register(team)
    consent = agree(team, two, dissemination=True)
    category = consent.text.data_categories.first()
    dissemination_permit(
        consent=consent, category=category, permission="allowed", started_on=TODAY, by=team.dpo,
        today=TODAY,
    )  # fmt: skip
    merge(team, one, two)
    assert DisseminationPermission.objects.get().consent.ground.subject == one


def test_links_follow_and_double_ones_end(office: Office) -> None:
    team = office.pandev
    one, two, third, fourth = (register(team) for _ in range(4))
    link(team, one, two)
    link(team, two, third)
    link(team, one, fourth)
    link(team, two, fourth)
    merge(team, one, two)
    standing = SubjectLink.objects.filter(ended_at=None)
    assert {(row.first_id, row.second_id) for row in standing} == {
        (one.pk, third.pk), (one.pk, fourth.pk),
    }  # fmt: skip


def test_whoever_pointed_at_the_card_that_goes_points_at_the_one_that_stays(
    office: Office,
) -> None:
    team = office.pandev
    first, second, third = (register(team) for _ in range(3))
    merge(team, second, first)
    merge(team, third, second)
    first.refresh_from_db()
    assert first.merged_into == third
    assert first.history.first().merged_into_id == third.pk


# What points at a card, and what a merge does with it.
MOVED = {"data", "grounds", "links_from", "links_to", "merged_cards", "stops"}
STAYS = {
    "access_events": "a journal: it says which card was looked at",
    "blocks": "while one stands no card is merged; one that ended is told where it stood",
    "disclosures": "what was given about a card stays so; the card that stays shows it as well",
    "act_items": "destruction leads from a merged card to the one that holds its data",
    "requests": "a request leads from a merged card to the one that holds its data",
    "incidents": "an incident leads from a merged card to the one that holds its data",
    "conflicts": "the decision about two cards names both",
    "conflicts_of_others": "the decision about two cards names both",
}


def test_a_merge_forgets_nothing_that_points_at_a_card() -> None:
    """Whoever adds a relation to a card decides here what a merge does with it."""
    names = {relation.related_name for relation in DataSubject._meta.related_objects}
    assert names == MOVED | set(STAYS)


# --- the same ground on both ---------------------------------------------------------------------
def test_the_same_ground_twice_needs_a_reason_to_end_one(office: Office) -> None:
    team = office.pandev
    one, two = register(team), register(team)
    older, younger = other_ground(team, one), other_ground(team, two)
    before = list(Ground.history.values_list("pk", flat=True))
    with pytest.raises(GroundsClash):
        merge(team, one, two)
    with pytest.raises(NoReasonToEnd):
        merge(team, one, two, other_ends="consent_withdrawn")
    two.refresh_from_db()
    assert two.merged_into is None
    assert list(Ground.history.values_list("pk", flat=True)) == before
    merge(team, two, one, other_ends="purpose_achieved")
    older.refresh_from_db()
    younger.refresh_from_db()
    assert (older.subject, older.ended_on) == (two, None)
    assert (younger.subject, younger.ended_on, younger.end_reason) == (
        two, TODAY, "purpose_achieved",
    )  # fmt: skip


def test_of_two_consents_the_one_that_covers_more_goes_on(office: Office) -> None:
    team = office.pandev
    narrow = text_of(team, "narrow", data_categories=None)
    wide: ConsentText = text_of(team)
    assert set(narrow.data_categories.all()) == set(wide.data_categories.all())
    one, two = register(team), register(team)
    older = agree(team, one, text=narrow)
    younger = agree(team, two, text=wide)
    assert clashes(one, two) == [(older.ground, younger.ground)]
    smaller = text_of(
        team, "smaller",
        data_categories=list(wide.data_categories.filter(code__in=["email", "full_name"])),
    )  # fmt: skip
    three = register(team)
    first = agree(team, three, text=smaller)
    first.ground.started_on = older.ground.started_on.replace(day=1)
    first.ground.save()
    assert clashes(three, two) == [(younger.ground, first.ground)]


# --- at once -------------------------------------------------------------------------------------
def at_once(*acts: Callable[[], Any]) -> list[Any]:
    barrier, found = Barrier(len(acts)), [None] * len(acts)

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


@pytest.mark.django_db(transaction=True)
def test_of_two_opposite_merges_one_wins(live_office: Office) -> None:
    team = live_office.pandev
    for _ in range(3):
        one, two = apart(team)
        found = at_once(
            lambda one=one, two=two: merge(team, one.card, two.card),
            lambda one=one, two=two: merge(team, two.card, one.card),
        )
        refusals = [result for result in found if isinstance(result, Exception)]
        assert [type(refusal) for refusal in refusals] == [CardMerged], found
        (winner,) = [result for result in found if isinstance(result, DataSubject)]
        loser = two.card if winner.pk == one.card.pk else one.card
        loser.refresh_from_db()
        winner.refresh_from_db()
        assert (loser.merged_into, winner.merged_into) == (winner, None)
        assert len(data_of([winner.pk])) == 3 and not data_of([loser.pk])
        assert len(show(data_of([winner.pk]), opened=True)) == 3


@pytest.mark.django_db(transaction=True)
def test_one_link_of_two_at_once(live_office: Office) -> None:
    team = live_office.pandev
    one, two = register(team), register(team)
    found = at_once(lambda: link(team, one, two), lambda: link(team, two, one))
    assert sorted(type(result).__name__ for result in found) == ["LinkedAlready", "SubjectLink"]
