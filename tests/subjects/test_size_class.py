"""The size class of an operator: who is counted, which data move it up, and what the paper says."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry.choices import DataKind, RegisterPaperKind, Verification
from registry.models import (
    DataCategory,
    DeadlineRule,
    InformationSystem,
    Membership,
    ProcessingActivity,
    RegisterPaper,
)
from registry.paper_contents import Contents
from registry.paper_refusals import PaperIncomplete, PaperKindOfOtherLaw, PaperLeftBehind
from registry.services import audit
from registry.services.paper_kinds import KINDS, Ask
from registry.services.register_papers import paper_draft, paper_pdf, paper_sign
from subjects.models import ActItem, Consent, DataSubject, PersonalDatum, VaultKey
from subjects.services import size_class
from subjects.services.acts import act_approve, item_confirm
from subjects.services.cards import cards_merge
from subjects.services.destruction import data_destroy, keys_destroy, subject_destroy
from subjects.services.people import datum_record, datum_rectify
from subjects.services.photos import datum_photo
from subjects.services.size_class import (
    live_activities,
    people_counted,
    restricted_data,
    write_size_class,
)
from tests.conftest import Office, Team
from tests.registry.test_transfer_pages import words_of
from tests.subjects.acting import draft, withdraw
from tests.subjects.blocking import picture
from tests.subjects.people import NOW, TODAY, card, category_of, consent, person, text_of

DAY = timedelta(days=1)


@pytest.fixture
def team(office: Office) -> Team:
    """PanDev, had it no data of restricted access."""
    for row in DataCategory.objects.filter(
        operator=office.pandev.operator, kind__in=size_class.RESTRICTED
    ):
        row.kind = DataKind.ORDINARY
        audit.save(row, by=None, reason="test")
    return office.pandev


def counted(team: Team) -> int:
    return people_counted(operator=team.operator)


def destroy(team: Team, subject: DataSubject, *, proof: bool = True) -> None:
    """The consent is taken back and the data go; ``proof``: that of the consent too."""
    withdraw(team, subject)
    told: dict[str, Any] = {"reason": "x", "by": team.dpo, "now": NOW, "today": TODAY}
    if proof:
        subject_destroy(subject=subject, **told)
    else:
        data = list(PersonalDatum.objects.filter(subject=subject))
        data_destroy(subject=subject, data=data, **told)


# --- people ------------------------------------------------------------------------------------
def test_each_living_card_of_the_operator_counts(office: Office, team: Team) -> None:
    assert counted(team) == 0
    person(team)
    card(team)  # nothing is recorded of this person yet
    person(office.ipm)
    assert (counted(team), counted(office.ipm)) == (2, 1)


def test_whose_data_are_all_destroyed_is_not_counted(team: Team) -> None:
    whole, proved, stays = (person(team, email=f"p{n}@example.org") for n in range(3))
    destroy(team, whole)
    assert counted(team) == 2
    # The proof of the consent may be kept for years.
    destroy(team, proved, proof=False)
    assert VaultKey.objects.filter(owner=proved.pk).exists()
    assert counted(team) == 1
    assert not DataSubject.objects.filter(pk=stays.pk, merged_into__isnull=False).exists()


def test_somebody_with_one_value_left_counts(team: Team) -> None:
    subject = person(team)
    withdraw(team, subject)
    first = list(PersonalDatum.objects.filter(subject=subject))[:1]
    told: dict[str, Any] = {"reason": "x", "by": team.dpo, "now": NOW, "today": TODAY}
    data_destroy(subject=subject, data=first, **told)
    assert counted(team) == 1


def test_a_rectified_value_is_no_destroyed_person(team: Team) -> None:
    subject = person(team)
    for row in PersonalDatum.objects.filter(subject=subject):
        text = "new@example.org" if row.category.code == "email" else "Новый Человек"
        datum_rectify(datum=row, text=text, by=team.clerk, today=TODAY, reason="wrong")
    assert counted(team) == 1


def test_a_lost_value_is_not_a_destroyed_one(team: Team) -> None:
    subject, gone = person(team), person(team, email="gone@example.org")
    destroy(team, gone)
    VaultKey.objects.filter(owner=subject.pk).delete()
    assert counted(team) == 1


def test_a_bare_card_counts_until_its_last_proof_is_destroyed(team: Team) -> None:
    bare = card(team)
    consent(team, bare)
    assert counted(team) == 1
    destroy(team, bare)
    assert not Consent.objects.filter(ground__subject=bare, withdrawn_at=None).exists()
    assert counted(team) == 0


def test_one_proof_of_two_is_not_the_last(team: Team) -> None:
    bare = card(team)
    text_of(team, "accounts", "services")
    first = consent(team, bare, "accounts")
    consent(team, bare, "services")
    assert first.evidence_key is not None
    keys_destroy([first.evidence_key], reason="x", by=team.dpo, now=NOW)
    assert counted(team) == 1


def test_a_photo_is_a_value_too(team: Team) -> None:
    subject = card(team)
    consent(team, subject)
    stream = picture()
    datum_photo(
        subject=subject, category=category_of(team, "photo"), stream=stream,
        size=len(stream.getvalue()), source="subject", collected_on=TODAY, by=team.clerk, now=NOW,
    )  # fmt: skip
    given = Consent.objects.get(ground__subject=subject)
    assert given.evidence_key is not None
    keys_destroy([given.evidence_key], reason="x", by=team.dpo, now=NOW)
    assert counted(team) == 1
    destroy(team, subject)
    assert counted(team) == 0


def test_merged_cards_are_one_person(team: Team) -> None:
    into, other, gone = card(team), person(team), person(team, email="gone@example.org")
    cards_merge(into=into, other=other, by=team.dpo, now=NOW, reason="same person")
    assert counted(team) == 2
    # Of somebody whose data were destroyed on the other card nothing is left on this one.
    destroy(team, gone)
    target = card(team)
    cards_merge(into=target, other=gone, by=team.dpo, now=NOW, reason="same person")
    assert counted(team) == 1


def test_data_held_elsewhere_count_until_they_are_confirmed_as_destroyed(team: Team) -> None:
    subject = person(team)
    datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system",
        system=InformationSystem.objects.filter(operator=team.operator).first(),
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    vault = list(PersonalDatum.objects.filter(subject=subject, held_in="vault"))
    told: dict[str, Any] = {"reason": "x", "by": team.dpo, "now": NOW, "today": TODAY}
    data_destroy(subject=subject, data=vault, **told)
    act = draft(team)
    act_approve(act=act, by=team.dpo, now=NOW)
    assert counted(team) == 1
    item_confirm(
        item=ActItem.objects.get(act=act, key=None), how="deleted, log 7", by=team.clerk, now=NOW
    )
    assert counted(team) == 0


def test_counting_costs_two_queries(team: Team) -> None:
    for number in range(3):
        destroy(team, person(team, email=f"p{number}@example.org"))
        person(team, email=f"q{number}@example.org")
    with CaptureQueriesContext(connection) as asked:
        assert counted(team) == 3
    assert len(asked) == 2


# --- data of restricted access -----------------------------------------------------------------
def biometric(
    team: Team, kind: str = DataKind.BIOMETRIC
) -> tuple[DataCategory, ProcessingActivity]:
    """A category of that kind in an activity of its own."""
    category = DataCategory(
        operator=team.operator, code=f"face-{kind}", name_ru="Лицо", name_kk="Бет",
        name_en="Face", kind=kind,
    )  # fmt: skip
    audit.save(category, by=team.dpo, reason="test")
    like = ProcessingActivity.objects.filter(operator=team.operator).first()
    assert like is not None
    purpose = like.purpose
    purpose.pk, purpose.code = None, f"entry-{kind}"
    audit.save(purpose, by=team.dpo, reason="test")
    row = ProcessingActivity(
        operator=team.operator, code=f"entry-{kind}", name_en="Entry", purpose=purpose,
        started_on=TODAY,
    )  # fmt: skip
    audit.save(row, by=team.dpo, reason="test")
    row.data_categories.add(category)
    return category, row


def restricted(team: Team, today: date = TODAY) -> list[str]:
    return [row.code for row in restricted_data(team.operator, today)]


@pytest.mark.parametrize(
    ("kind", "moves"),
    [
        (DataKind.SPECIAL, True), (DataKind.BIOMETRIC, True), (DataKind.ORDINARY, False),
        (DataKind.TECHNICAL, False), (DataKind.NOT_PERSONAL, False),
    ],
)  # fmt: skip
def test_special_and_biometric_data_are_of_restricted_access(
    office: Office, team: Team, kind: str, moves: bool
) -> None:
    biometric(office.ipm)
    assert restricted(team) == []
    category, _ = biometric(team, kind)
    assert restricted(team) == ([category.code] if moves else [])


def test_only_while_the_activity_and_its_purpose_go_on(team: Team) -> None:
    category, row = biometric(team)
    assert restricted(team, TODAY - DAY) == []  # not begun
    assert restricted(team) == [category.code]
    row.ended_on = TODAY + DAY
    audit.save(row, by=team.dpo, reason="ends")
    assert (restricted(team), restricted(team, TODAY + DAY)) == ([category.code], [])
    row.ended_on = None
    audit.save(row, by=team.dpo, reason="goes on")
    row.purpose.ended_on = TODAY
    audit.save(row.purpose, by=team.dpo, reason="ended")
    assert restricted(team) == []
    row.purpose.ended_on = None
    audit.save(row.purpose, by=team.dpo, reason="goes on")
    row.data_categories.clear()
    assert restricted(team) == []


# --- the paper ---------------------------------------------------------------------------------
def written(team: Team, language: str = "en", today: date = TODAY) -> Contents:
    with override(language):
        return write_size_class(Ask(team.operator, language, today))


def paper(team: Team, language: str = "en") -> RegisterPaper:
    return paper_draft(
        operator=team.operator, kind=RegisterPaperKind.SIZE_CLASS, language=language,
        by=team.dpo, now=NOW,
    )  # fmt: skip


def sign(row: RegisterPaper, team: Team) -> RegisterPaper:
    membership = Membership.objects.get(user=team.dpo)
    membership.position = "Lawyer"
    audit.save(membership, by=None, reason="test")
    return paper_sign(
        paper=row, signer=team.dpo, order_number="", signed_on=TODAY, by=team.dpo, now=NOW
    )


def crowd(monkeypatch: Any, people: int) -> None:
    monkeypatch.setattr(size_class, "people_counted", lambda operator: people)


def said(found: Contents) -> str:
    parts = [(one.heading, *one.text, *one.pairs, *one.rows) for one in found.sections]
    return " ".join(map(str, parts))


def test_the_kind_is_known_wherever_the_office_runs() -> None:
    """The admin of this room imports the writer: Django imports the admin when it starts."""
    kind = KINDS[RegisterPaperKind.SIZE_CLASS]
    assert (kind.laws, kind.binds) == (frozenset({"KZ"}), ("class", "restricted", "data"))
    assert not kind.notice and not kind.order


@pytest.mark.parametrize(
    ("people", "plain", "with_restricted"),
    [
        (10_000, "small", "medium"), (10_001, "medium", "large"), (499_999, "medium", "large"),
        (500_000, "large", "large"),
    ],
)  # fmt: skip
def test_it_says_the_class_and_what_follows(
    team: Team, monkeypatch: Any, people: int, plain: str, with_restricted: str
) -> None:
    crowd(monkeypatch, people)
    for size, flag in ((plain, False), (with_restricted, True)):
        if flag:
            biometric(team)
        found = written(team)
        assert found.particulars == {
            "people": people, "restricted": flag, "class": size,
            "data": ["face-biometric"] if flag else [],
        }  # fmt: skip
        text = said(found)
        assert f"('Class of the operator', '{size}')" in text and str(people) in text
        assert ("notifies the authority before it starts" in text) == (size == "large")
        assert ("need not notify" in text) == (size != "large")
        assert ("Face" in text) == flag and ("biometric'" in text) == flag
        assert found.missing == ()


def test_its_source_is_named_until_somebody_confirms_the_rule(team: Team) -> None:
    rule = DeadlineRule.objects.get(code=size_class.RULE)
    before, after = written(team), written(team, today=date(2026, 8, 25))
    assert "from a secondary source" in said(before) and "25-1 (Law 326-VIII)" in said(before)
    assert "not in force yet" in said(before) and "25 August 2026" in said(before)
    assert "not in force yet" not in said(after)
    assert "not in force yet" in said(written(team, today=date(2026, 8, 24)))
    rule.verification = Verification.CONFIRMED
    audit.save(rule, by=None, reason="read")
    assert "secondary" not in said(written(team))
    # That the articles are confirmed says nothing about which data they mean.
    (source,) = [one for one in written(team).sections if one.heading == "Source"]
    (reading,) = [text for text in source.text if "special and biometric data" in text]
    assert reading.startswith("Assumption: ")


def test_a_register_without_activities_tells_nothing_about_the_data(team: Team) -> None:
    for row in live_activities(team.operator, TODAY):
        row.ended_on = TODAY
        audit.save(row, by=team.dpo, reason="ended")
    assert "no processing activity" in " ".join(written(team).missing)
    with pytest.raises(PaperIncomplete):
        sign(paper(team), team)


def test_another_law_knows_no_such_paper(office: Office) -> None:
    with pytest.raises(PaperKindOfOtherLaw):
        paper(office.ipm)
    assert not RegisterPaper.objects.exists()


def test_more_people_do_not_undo_a_draft_but_another_class_does(
    team: Team, monkeypatch: Any
) -> None:
    crowd(monkeypatch, 9_000)
    first, second, third = paper(team), paper(team), paper(team)
    crowd(monkeypatch, 10_000)
    assert sign(first, team).particulars["people"] == 9_000
    crowd(monkeypatch, 10_001)
    with pytest.raises(PaperLeftBehind):
        sign(second, team)
    # The same class by another way: what moves the operator up is said in the paper.
    crowd(monkeypatch, 600_000)
    fourth = paper(team)
    biometric(team)
    with pytest.raises(PaperLeftBehind):
        sign(fourth, team)
    crowd(monkeypatch, 9_000)
    with pytest.raises(PaperLeftBehind):
        sign(third, team)


def test_other_data_of_restricted_access_undo_a_draft_too(team: Team) -> None:
    """Class and answer are the same, but the paper names data that nobody uses any more."""
    face, row = biometric(team)
    draft = paper(team)
    other = DataCategory(
        operator=team.operator, code="voice", name_en="Voice", kind=DataKind.BIOMETRIC
    )
    audit.save(other, by=team.dpo, reason="test")
    row.data_categories.set([other])
    assert {**written(team).particulars, "data": ["face-biometric"]} == draft.particulars
    with pytest.raises(PaperLeftBehind):
        sign(draft, team)
    assert sign(paper(team), team).particulars["data"] == ["voice"]


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_printed_in_three_languages_and_names_nobody(team: Team, language: str) -> None:
    subject = person(team, name="Каверина Проба", email="canary@example.org")
    biometric(team)
    row = sign(paper(team, language), team)
    text = words_of(paper_pdf(row))
    with override(language):
        title = gettext("Size class of the operator of personal data")
        size = gettext("medium")
    face = {"ru": "Лицо", "kk": "Бет", "en": "Face"}[language]
    for words in (title, size, face, "94-V 25-1, 10-1", "10-1, 25-1 (Law 326-VIII)"):
        assert words in text, words
    assert row.particulars == {
        "people": 1, "restricted": True, "data": ["face-biometric"], "class": "medium",
    }  # fmt: skip
    for value in ("Каверина", "canary", subject.code):
        assert value not in text and value not in str(row.facts)
