"""Cards and what is held on them: by whom, on which ground, with which trace."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from registry.models import Carrier, InformationSystem
from registry.services import audit
from subjects import values
from subjects.choices import HeldIn
from subjects.models import DataSubject, PersonalDatum, SearchToken, VaultKey
from subjects.models.base import ALPHABET, new_code
from subjects.services import people
from subjects.services.covering import NotCovered
from subjects.services.destruction import keys_destroy
from subjects.services.grounds import consent_withdraw
from subjects.vault.sealing_bridge import open_rows
from subjects.vault.store import ValueDestroyed
from tests.conftest import Office
from tests.subjects.people import (
    NOW,
    TODAY,
    activity_of,
    card,
    category_of,
    consent,
    datum,
    person,
    text_of,
)


def value_of(row: PersonalDatum) -> str:
    row = PersonalDatum.objects.get(pk=row.pk)
    return open_rows([row], "value")[row.pk].text


def test_a_code_cannot_be_misread() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    assert all(re.fullmatch(f"S-[{ALPHABET}]{{8}}", code) for code in codes)
    assert not set("01OIL") & set(ALPHABET)


def test_a_card_says_its_code_and_nothing_else(office: Office) -> None:
    subject = person(office.pandev, name="Тестов Пробный")
    assert str(subject) == subject.code
    for row in (*subject.data.all(), *subject.grounds.all(), subject.grounds.get().consent):
        for text in (str(row), repr(row)):
            assert "Тестов" not in text and "test@example.org" not in text
    assert subject.history.get().history_user == office.pandev.clerk


def test_no_card_for_an_operator_that_takes_no_cases(office: Office) -> None:
    operator = office.pandev.operator
    operator.is_active = False
    with pytest.raises(people.OperatorClosed):
        people.subject_register(operator=operator, by=office.pandev.clerk, now=NOW)


def test_a_category_of_people_of_another_operator_is_refused(office: Office) -> None:
    foreign = office.ipm.operator.subjectcategory_set.first()
    with pytest.raises(people.ForeignRow):
        people.subject_register(
            operator=office.pandev.operator, category=foreign, by=office.pandev.clerk, now=NOW
        )


def test_a_datum_is_sealed_findable_and_traced(office: Office) -> None:
    subject = person(office.pandev, email="Test@Example.org")
    row = subject.data.get(category__code="email")
    assert value_of(row) == "Test@example.org"
    assert b"example" not in row.value.raw
    key = VaultKey.objects.get(pk=row.value_key)
    assert (key.owner, key.category) == (subject.pk, row.category_id)
    assert SearchToken.objects.filter(key=key.pk).count() == 1
    assert row.history.get().value == row.value


@pytest.mark.parametrize(
    ("category", "text", "refusal"),
    [
        ("email", "nobody", values.WrongEmail),
        ("phone", "12", values.WrongPhone),
        ("full_name", "x" * 10_000, values.TooLong),
        ("full_name", "Ива\u200bнов", values.InvisibleCharacter),
        ("full_name", "\u202eвонавИ", values.InvisibleCharacter),
        ("full_name", "=HYPERLINK(1)", values.FormulaLike),
        ("email", "  ", people.ValueMissing),
        ("photo", "picture", people.NeedsFile),
        ("bin", "230140037871", people.NotPersonal),
        ("voluntary", "anything", people.OpenEnded),
    ],
)
def test_what_is_no_value_leaves_no_row_and_no_key(
    office: Office, category: str, text: str, refusal: type[Exception]
) -> None:
    subject = person(office.pandev)
    keys, rows = VaultKey.objects.count(), PersonalDatum.objects.count()
    with pytest.raises(refusal) as caught:
        datum(office.pandev, subject, category, text)
    assert text.strip() == "" or text not in str(caught.value)
    assert (VaultKey.objects.count(), PersonalDatum.objects.count()) == (keys, rows)


def test_nothing_without_a_ground_and_nothing_after_it(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    with pytest.raises(NotCovered, match=subject.code):
        datum(team, subject, "email", "test@example.org")
    given = consent(team, subject)
    row = datum(team, subject, "email", "test@example.org")
    consent_withdraw(consent=given, channel="post", received_at=NOW, by=team.clerk, now=NOW)
    with pytest.raises(NotCovered):
        datum(team, subject, "phone", "+77030000000")
    with pytest.raises(NotCovered):
        people.datum_rectify(
            datum=row, text="other@example.org", by=team.clerk, today=TODAY, reason="asked"
        )


def test_a_consent_covers_its_own_list_not_the_activity(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    narrow = text_of(team, code="narrow", data_categories=[category_of(team, "email")])
    consent(team, subject, text=narrow)
    datum(team, subject, "email", "test@example.org")
    with pytest.raises(NotCovered):
        datum(team, subject, "phone", "+77030000000")


def test_the_other_operators_rows_are_refused(office: Office) -> None:
    subject = person(office.pandev)
    with pytest.raises(people.ForeignRow):
        people.datum_record(
            subject=subject, category=category_of(office.ipm, "email"), text="a@example.org",
            collected_on=TODAY, by=office.pandev.clerk, today=TODAY,
        )  # fmt: skip


def test_what_lies_elsewhere_is_written_down_without_its_value(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    system = InformationSystem.objects.get(operator=team.operator, code="website")
    row = datum(team, subject, "logs", "", held_in=HeldIn.SYSTEM, system=system)
    assert row.value is None and row.value_key is None and row.system == system
    paper = Carrier(
        operator=team.operator, code="files", name_en="Files", room="12",
        responsible=team.clerk,
    )  # fmt: skip
    audit.save(paper, by=team.dpo, reason="test")
    datum(team, subject, "device", "", held_in=HeldIn.CARRIER, carrier=paper)
    with pytest.raises(people.HeldElsewhere):
        datum(team, subject, "logs", "a line", held_in=HeldIn.SYSTEM, system=system)
    with pytest.raises(people.PlaceMissing):
        datum(team, subject, "logs", "", held_in=HeldIn.SYSTEM)


def test_the_database_refuses_a_datum_in_two_places(office: Office) -> None:
    subject = person(office.pandev)
    row = subject.data.get(category__code="email")
    system = InformationSystem.objects.get(operator=office.pandev.operator, code="website")
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonalDatum.objects.filter(pk=row.pk).update(system=system)


def test_dates_to_come_are_refused(office: Office) -> None:
    subject = person(office.pandev)
    with pytest.raises(people.NotYet):
        datum(
            office.pandev, subject, "phone", "+77030000000",
            collected_on=TODAY + timedelta(days=1),
        )  # fmt: skip


def test_a_correction_keeps_the_key_and_the_old_value_in_the_trail(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    row = subject.data.get(category__code="email")
    people.datum_rectify(
        datum=row, text="new@example.org", by=team.dpo, today=TODAY, reason="request 12"
    )
    after = PersonalDatum.objects.get(pk=row.pk)
    assert (after.value_key, after.verified_on) == (row.value_key, TODAY)
    newest, oldest = after.history.order_by("-history_id")
    assert newest.history_change_reason == "request 12" and newest.history_user == team.dpo
    opened = open_rows([newest, oldest], "value")
    assert [opened[version.pk].text for version in (newest, oldest)] == [
        "new@example.org",
        "test@example.org",
    ]
    # The wrong address finds nobody any more.
    assert SearchToken.objects.filter(key=row.value_key).count() == 1


def test_a_destroyed_value_takes_no_correction_and_no_new_key(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    row = subject.data.get(category__code="email")
    keys_destroy([row.value_key], reason="test", by=team.dpo, now=NOW)
    keys = VaultKey.objects.count()
    with pytest.raises(ValueDestroyed):
        people.datum_rectify(
            datum=row, text="new@example.org", by=team.dpo, today=TODAY, reason="x"
        )
    with pytest.raises(ValueDestroyed):
        people.datum_verify(datum=row, by=team.dpo, today=TODAY)
    assert VaultKey.objects.count() == keys
    assert PersonalDatum.objects.get(pk=row.pk).history.count() == 1


def test_an_account_names_one_card(office: Office) -> None:
    team = office.pandev
    first, second = person(team), person(team)
    datum(team, first, "account", "u-1", identity=True)
    assert people.with_account(team.operator, "U-1") == first
    with pytest.raises(people.AccountTaken, match=first.code):
        datum(team, second, "account", "u-1", identity=True)
    other = card(office.ipm)
    consent(office.ipm, other)
    # Another operator's accounts are other accounts.
    people.datum_record(
        subject=other, category=None, identity=True, text="u-1", collected_on=TODAY,
        by=office.ipm.clerk, today=TODAY,
    )  # fmt: skip
    assert people.with_account(office.ipm.operator, "u-1") == other


def test_a_merged_card_takes_nothing(office: Office) -> None:
    team = office.pandev
    first, second = person(team), person(team)
    row = second.data.get(category__code="email")
    second.merged_into = first
    audit.save(second, by=team.dpo, reason="test")
    row = PersonalDatum.objects.select_related("subject__merged_into").get(pk=row.pk)
    for act in (
        lambda: datum(team, second, "phone", "+77030000000"),
        lambda: people.datum_rectify(
            datum=row, text="a@example.org", by=team.dpo, today=TODAY, reason="x"
        ),
        lambda: people.datum_verify(datum=row, by=team.dpo, today=TODAY),
        lambda: consent(team, second, "services", text=text_of(team, "services", code="more")),
    ):
        with pytest.raises(people.CardMerged, match=first.code):
            act()


def test_tokens_of_two_operators_are_unrelated(office: Office) -> None:
    person(office.pandev)
    person(office.ipm)
    tokens = [bytes(row.token) for row in SearchToken.objects.all()]
    assert len(tokens) == len(set(tokens)) > 4
    assert DataSubject.objects.count() == 2
    assert activity_of(office.ipm)


def test_an_account_is_given_away_in_the_order_of_an_imports_locks(office: Office) -> None:
    """The operator before the card, or the two would wait for each other."""
    team = office.pandev
    subject = person(team)
    row = datum(team, subject, "account", "u-1", identity=True)
    verbs = (
        lambda: datum(team, subject, "account", "u-2", identity=True),
        lambda: people.datum_rectify(datum=row, text="u-3", by=team.clerk, today=TODAY, reason="x"),
    )
    for verb in verbs:
        with CaptureQueriesContext(connection) as asked:
            verb()
        taken = [
            table
            for query in asked
            for table in ("registry_operator", "subjects_datasubject")
            if query["sql"].startswith(f'SELECT "{table}"."id"')
        ]
        first_card = taken.index("subjects_datasubject")
        assert "registry_operator" in taken[:first_card]
