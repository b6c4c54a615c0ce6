"""What an import makes of rows: cards, grounds, consents, changes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.errors import OperatorError
from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity
from registry.services import audit
from registry.services.consents import consent_text_draft
from subjects.folding import index_terms
from subjects.models import (
    Consent,
    DataSubject,
    Ground,
    ImportConflict,
    PersonalDatum,
    SearchToken,
    VaultKey,
)
from subjects.models.imports import ImportSeen
from subjects.services import destruction, grounds, people
from subjects.services.importing import errors
from subjects.services.keys import lost_keys
from subjects.services.people import with_account
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office
from tests.subjects.test_import_common import (
    NOW,
    ROW,
    card_of,
    counts,
    fingerprint,
    imported,
    published,
    rejects,
    synthetic,
    table,
    values_of,
)

TODAY = NOW.date()


@pytest.fixture
def ready(office: Office) -> Office:
    published(office.pandev.operator, office.pandev.dpo)
    return office


def none(**more: int) -> dict[str, int]:
    return {"new": 0, "changed": 0, "same": 0, "rejected": 0, "conflicts": 0} | more


# --- taking --------------------------------------------------------------------------------------
def test_a_row_becomes_a_card_with_its_data_ground_and_consent(ready: Office) -> None:
    run = imported(ready.pandev, table(ROW))
    assert counts(run) == none(new=1) and rejects(run) == []
    card = card_of(ready.pandev.operator, "u-1")
    assert values_of(card) == {
        "account": "u-1",
        "full_name": "Иванова Анна Петровна",
        "email": "canary.one@example.org",
    }
    consent = Consent.objects.get(ground__subject=card)
    assert (consent.ground.activity.code, consent.ground.legal_basis.code) == (
        "accounts",
        "KZ.7.1",
    )
    assert consent.ground.started_on == date(2025, 6, 1)
    assert (consent.third_parties, consent.cross_border, consent.dissemination) == (
        True,
        False,
        False,
    )
    assert open_rows([consent], "evidence")[consent.pk].text == "ip=192.0.2.1"
    assert with_account(ready.pandev.operator, "u-1") == card
    assert lost_keys() == []
    assert ImportSeen.objects.count() == 0


def test_the_bindings_and_tokens_are_those_of_the_single_service(ready: Office) -> None:
    """The same value saved by hand leaves the same tokens, and opens by the same bindings."""
    imported(ready.pandev, table(ROW | {"phone": "+77013334455", "iin": "850101300005"}))
    card = card_of(ready.pandev.operator, "u-1")
    for datum in PersonalDatum.objects.filter(subject=card).select_related("subject", "category"):
        text = open_rows([datum], "value")[datum.pk].text
        key = VaultKey.objects.get(pk=datum.value_key)
        before = _tokens(datum.value_key)
        datum.value = text
        audit.save(datum, by=None, reason="test", fields=["value"])
        assert before == _tokens(datum.value_key)
        assert key.search == VaultKey.objects.get(pk=key.pk).search


def _tokens(key: int | None) -> list[bytes]:
    return sorted(
        bytes(token)
        for token in SearchToken.objects.filter(key=key).values_list("token", flat=True)
    )


@pytest.mark.parametrize("name", ["Салтыков-Щедрин Михаил", "Ұлжан Yulia  Соловьёва", "Ким, О."])
def test_words_are_indexed_one_by_one_as_the_whole_name_is(name: str) -> None:
    apart = {term for word in name.split() for term in index_terms("name", "words", word)}
    assert apart == set(index_terms("name", "words", name))


def test_rows_of_one_account_may_be_anywhere(ready: Office) -> None:
    other = ROW | {"account": "u-2", "email": "two@example.org"}
    content = table(ROW, other, ROW | {"activity": "services"})
    run = imported(ready.pandev, content, rows=1)
    assert counts(run) == none(new=2)
    card = card_of(ready.pandev.operator, "u-1")
    assert {ground.activity.code for ground in card.grounds.all()} == {"accounts", "services"}


def test_another_basis_makes_a_ground_without_a_consent(ready: Office) -> None:
    activity = ProcessingActivity.objects.get(operator=ready.pandev.operator, code="accounts")
    basis = LegalBasis.objects.filter(jurisdiction__code="KZ").exclude(kind="consent").first()
    assert basis is not None
    activity.legal_bases.add(basis)
    row = {name: ROW[name] for name in ("account", "email", "activity")}
    run = imported(ready.pandev, table(row | {"basis": basis.code, "started_on": "2025-01-15"}))
    assert counts(run) == none(new=1), rejects(run)
    ground = Ground.objects.get(subject=card_of(ready.pandev.operator, "u-1"))
    assert (ground.legal_basis, ground.started_on) == (basis, date(2025, 1, 15))
    assert not Consent.objects.filter(ground=ground).exists()


def test_accounts_that_differ_in_case_only_are_one_person(ready: Office) -> None:
    run = imported(ready.pandev, table(ROW, ROW | {"account": "U-1", "activity": "services"}))
    assert counts(run) == none(new=1), rejects(run)


def test_two_operators_share_nothing(ready: Office) -> None:
    ready.ipm.operator.address = "Moscow"
    audit.save(ready.ipm.operator, by=None, reason="test", fields=["address"])
    published(ready.ipm.operator, ready.ipm.dpo)
    imported(ready.pandev, table(ROW))
    row = {"account": "u-1", "email": "canary.one@example.org"} | {
        "activity": "email_information", "basis": "RU.6.1.1", "channel": "web_form",
        "accepted_at": "2025-06-01T10:00:00+03:00", "consent_text": "newsletter-1",
    }  # fmt: skip
    run = imported(ready.ipm, table(row))
    assert counts(run) == none(new=1), rejects(run)


# --- once more -----------------------------------------------------------------------------------
def test_a_file_imported_again_writes_nothing(ready: Office) -> None:
    content = synthetic("pandev", 60)
    assert counts(imported(ready.pandev, content, rows=20)) == none(new=60)
    before = fingerprint()
    run = imported(ready.pandev, content, rows=33, now=NOW + timedelta(days=1))
    assert counts(run) == none(same=60)
    assert fingerprint() == before


def test_a_changed_value_is_a_rectification_under_the_same_key(ready: Office) -> None:
    imported(ready.pandev, table(ROW))
    card = card_of(ready.pandev.operator, "u-1")
    email = DataCategory.objects.get(operator=ready.pandev.operator, code="email")
    before = PersonalDatum.objects.get(subject=card, category=email)
    old = _tokens(before.value_key)
    run = imported(ready.pandev, table(ROW | {"email": "new@example.org"}))
    assert counts(run) == none(changed=1)
    after = PersonalDatum.objects.get(pk=before.pk)
    assert after.value_key == before.value_key and after.value.raw != before.value.raw
    assert values_of(card)["email"] == "new@example.org"
    newest = PersonalDatum.history.filter(id=before.pk).first()
    assert (newest.history_type, newest.history_change_reason) == ("~", f"import {run.pk}")
    assert newest.history_user == ready.pandev.clerk
    assert _tokens(before.value_key) != old
    # The old text stays in the history, and goes with the same key.
    versions = list(PersonalDatum.history.filter(id=before.pk))
    assert [o.text for o in open_rows(versions, "value").values()] == [
        "new@example.org",
        "canary.one@example.org",
    ]


def test_a_new_activity_of_a_known_person_adds_the_ground_only(ready: Office) -> None:
    imported(ready.pandev, table(ROW))
    data = PersonalDatum.history.count()
    run = imported(ready.pandev, table(ROW | {"activity": "services"}))
    assert counts(run) == none(changed=1)
    assert Ground.objects.count() == 2 and PersonalDatum.history.count() == data


def test_a_ground_that_ended_is_not_opened_by_an_old_row(ready: Office) -> None:
    imported(ready.pandev, table(ROW, ROW | {"activity": "services"}))
    consent = Consent.objects.get(ground__activity__code="accounts")
    grounds.consent_withdraw(
        consent=consent, channel="email", received_at=NOW, by=ready.pandev.clerk, now=NOW
    )
    before = fingerprint()
    later = NOW + timedelta(hours=1)
    run = imported(ready.pandev, table(ROW, ROW | {"activity": "services"}), now=later)
    assert counts(run) == none(same=1) and fingerprint() == before
    # A consent given before the withdrawal, that nobody had written down, opens nothing either.
    older = ROW | {"accepted_at": "2025-05-01T10:00:00+05:00"}
    assert counts(imported(ready.pandev, table(older), now=later)) == none(same=1)
    assert fingerprint() == before
    # One that was given afterwards does.
    fresh = ROW | {"accepted_at": later.isoformat()}
    run = imported(ready.pandev, table(fresh), now=later + timedelta(hours=1))
    assert counts(run) == none(changed=1), rejects(run)
    assert Ground.objects.filter(activity__code="accounts", ended_on=None).count() == 1


def test_an_old_row_brings_nothing_destroyed_back(ready: Office) -> None:
    imported(ready.pandev, table(ROW))
    card = card_of(ready.pandev.operator, "u-1")
    datum = PersonalDatum.objects.get(subject=card, category__code="email")
    assert datum.value_key is not None
    destruction.keys_destroy([datum.value_key], reason="test", by=None, now=NOW)
    run = imported(ready.pandev, table(ROW), now=NOW + timedelta(hours=1))
    assert counts(run) == none(rejected=1)
    assert [(line, column) for line, column, _ in rejects(run)] == [(2, "email")]
    assert open_rows([datum], "value")[datum.pk].state == State.DESTROYED


def test_a_merged_card_is_refused_by_name(ready: Office) -> None:
    imported(ready.pandev, table(ROW, ROW | {"account": "u-2", "email": "b@example.org"}))
    one, two = (card_of(ready.pandev.operator, account) for account in ("u-1", "u-2"))
    one.merged_into = two
    audit.save(one, by=None, reason="test", fields=["merged_into"])
    run = imported(ready.pandev, table(ROW))
    assert rejects(run) == [(2, "account", f"{one.code} was merged into {two.code}: go on there.")]


# --- conflicts -----------------------------------------------------------------------------------
IINS = ("850101300005", "900215400013")


@pytest.mark.parametrize("rows", [1, 100])
def test_the_same_iin_on_two_accounts_is_for_somebody_to_decide(ready: Office, rows: int) -> None:
    one = ROW | {"iin": IINS[0]}
    two = ROW | {"account": "u-2", "email": "two@example.org", "iin": IINS[0]}
    run = imported(ready.pandev, table(one, two), rows=rows)
    assert counts(run) == none(new=2, conflicts=1)
    found = ImportConflict.objects.get()
    cards = {card_of(ready.pandev.operator, account) for account in ("u-1", "u-2")}
    assert {found.subject, found.other} == cards and found.column == "iin"
    again = imported(ready.pandev, table(one, two))
    assert counts(again) == none(same=2) and ImportConflict.objects.count() == 1
    third = imported(ready.pandev, table(two | {"account": "u-3", "email": "c@example.org"}))
    assert counts(third) == none(new=1, conflicts=2)


def test_the_same_email_on_two_accounts_is_no_conflict(ready: Office) -> None:
    run = imported(ready.pandev, table(ROW, ROW | {"account": "u-2"}))
    assert counts(run) == none(new=2)


# --- rows that are refused -----------------------------------------------------------------------
WRONG: list[tuple[str, dict[str, str], str]] = [
    ("no account", {"account": ""}, "account"),
    ("unknown activity", {"activity": "nothing"}, "activity"),
    ("no basis", {"basis": ""}, "basis"),
    ("unknown basis", {"basis": "KZ.0"}, "basis"),
    ("unknown text", {"consent_text": "registration-9"}, "consent_text"),
    ("no text", {"consent_text": ""}, "consent_text"),
    ("no moment", {"accepted_at": ""}, "accepted_at"),
    ("not a moment", {"accepted_at": "yesterday"}, "accepted_at"),
    ("no channel", {"channel": ""}, "channel"),
    ("unknown channel", {"channel": "pigeon"}, "channel"),
    ("unknown scope", {"scopes": "everything"}, "scopes"),
    ("scope twice", {"scopes": "cross_border|cross_border"}, "scopes"),
    ("facts without an activity", {"activity": "", "basis": ""}, "consent_text"),
    ("not a day", {"started_on": "1.2.2025"}, "started_on"),
    ("wrong e-mail", {"email": "canary@"}, "email"),
    ("formula", {"full_name": "=cmd()"}, "full_name"),
    ("long name", {"full_name": "ы" * 10_000}, "full_name"),
    ("zero width", {"full_name": "Ив\u200bанов"}, "full_name"),
    ("right to left", {"full_name": "\u202eвонавИ"}, "full_name"),
    ("formula in the evidence", {"evidence": "=1+1"}, "evidence"),
]


@pytest.mark.parametrize(("why", "change", "column"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_row_is_refused_and_the_others_are_taken(
    ready: Office, why: str, change: dict[str, str], column: str
) -> None:
    good = ROW | {"account": "u-2", "email": "two@example.org"}
    run = imported(ready.pandev, table(ROW | {"started_on": ""} | change, good))
    assert counts(run) == none(new=1, rejected=1), rejects(run)
    assert (2, column) in [(line, name) for line, name, _ in rejects(run)]
    for _, _, reason in rejects(run):
        for cell in change.values():
            assert not cell or cell not in reason


@pytest.mark.parametrize(("column", "cell"), [("iin", "850101300008"), ("phone", "12")])
def test_wrong_numbers_are_refused(ready: Office, column: str, cell: str) -> None:
    run = imported(ready.pandev, table(ROW | {column: cell}))
    assert [(line, name) for line, name, _ in rejects(run)] == [(2, column)]


def test_cells_and_quotes_that_do_not_fit_are_refused_by_line(ready: Office) -> None:
    header, row = table(ROW).decode().splitlines()
    broken = row.replace("u-1", '"u"-1"a"')
    content = "\n".join([header, row + ",", row.rpartition(",")[0], broken, "", row]).encode()
    run = imported(ready.pandev, content)
    assert [line for line, _, _ in rejects(run)] == [2, 3, 4]
    assert counts(run) == none(new=1, rejected=3)


@pytest.mark.parametrize("rows", [1, 100])
def test_a_line_that_contradicts_an_earlier_one_names_it(ready: Office, rows: int) -> None:
    other = ROW | {"account": "u-2", "email": "two@example.org"}
    contrary = ROW | {"activity": "services", "email": "other@example.org"}
    run = imported(ready.pandev, table(other, ROW, other, contrary), rows=rows)
    assert counts(run) == none(new=2, rejected=1)
    assert rejects(run) == [
        (5, "email", "Line 3 of the file says something else about this account.")
    ]
    assert Ground.objects.filter(activity__code="services").count() == 0


def test_a_value_that_the_text_does_not_cover_is_refused(ready: Office) -> None:
    team = ready.pandev
    narrow = DataCategory.objects.filter(operator=team.operator, code__in=["email", "account"])
    published(team.operator, team.dpo, code="narrow", data_categories=narrow)
    run = imported(team, table(ROW | {"consent_text": "narrow-1"}))
    assert [(line, column) for line, column, _ in rejects(run)] == [(2, "full_name")]
    assert DataSubject.objects.filter(operator=team.operator).count() == 0


def test_a_reject_and_an_error_hold_no_value(ready: Office) -> None:
    canary = "zqcanary"
    rows = [
        ROW | {"account": f"{canary}-{number}", name: f"{canary}\u200b{canary}"}
        for number, name in enumerate(ROW)
    ]
    run = imported(ready.pandev, table(*rows))
    assert run.rows_rejected >= len(ROW) - 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM subjects_importreject")
        assert canary not in repr(cursor.fetchall())
    assert canary not in repr([vars(reject) for reject in run.rejects.all()])


# --- the same rules as the single services -------------------------------------------------------
def _other_text(office: Office, **said: Any) -> ConsentText:
    return published(office.pandev.operator, office.pandev.dpo, code="other", **said)


def _draft(office: Office) -> dict[str, Any]:
    activity = ProcessingActivity.objects.filter(operator=office.pandev.operator)
    text = consent_text_draft(
        operator=office.pandev.operator, code="other", activities=activity, name_en="x",
        in_force_on=date(2024, 1, 1), by=None, now=NOW,
    )  # fmt: skip
    return {"text": text}


def _one_activity(office: Office) -> dict[str, Any]:
    only = ProcessingActivity.objects.get(operator=office.pandev.operator, code="services")
    return {"text": _other_text(office, activities=[only])}


def _ended(office: Office, **ends: date) -> dict[str, Any]:
    activity = ProcessingActivity.objects.get(operator=office.pandev.operator, code="accounts")
    for name, day in ends.items():
        row = activity.purpose if name == "purpose" else activity
        row.ended_on = day
        audit.save(row, by=None, reason="test", fields=["ended_on"])
    return {}


def _closed(office: Office) -> dict[str, Any]:
    basis = LegalBasis.objects.get(code="KZ.7.1")
    basis.closed_on = date(2025, 1, 1)
    audit.save(basis, by=None, reason="test", fields=["closed_on"])
    return {}


BAD_FACTS: list[tuple[type[OperatorError], Callable[[Office], dict[str, Any]]]] = [
    (people.NotYet, lambda office: {"given_at": NOW + timedelta(seconds=1)}),
    (grounds.TextNotPublished, _draft),
    (grounds.TextNotInForce, lambda office: {"text": _other_text(office, in_force_on=TODAY)}),
    (grounds.TextOfOtherActivity, _one_activity),
    (grounds.ScopeNotInText, lambda office: {"dissemination": True}),
    (grounds.BasisNotOfActivity, lambda office: {"basis": "RU.6.1.1"}),
    (grounds.BasisClosed, _closed),
    (grounds.ActivityEnded, lambda office: _ended(office, activity=date(2025, 1, 1))),
    (grounds.PurposeEnded, lambda office: _ended(office, purpose=date(2025, 1, 1))),
]


@pytest.mark.parametrize(
    ("refusal", "bad"), BAD_FACTS, ids=[case[0].__name__ for case in BAD_FACTS]
)
def test_the_same_bad_facts_are_refused_by_hand_and_by_import(
    ready: Office, refusal: type[OperatorError], bad: Callable[[Office], dict[str, Any]]
) -> None:
    team = ready.pandev
    facts: dict[str, Any] = {
        "text": ConsentText.objects.get(code="registration"),
        "given_at": datetime.fromisoformat(ROW["accepted_at"]),
        "basis": "KZ.7.1",
    } | bad(ready)
    text, given_at, basis = facts.pop("text"), facts.pop("given_at"), facts.pop("basis")
    card = people.subject_register(operator=team.operator, by=team.clerk, now=NOW)
    with pytest.raises(refusal) as by_hand:
        grounds.consent_give(
            subject=card,
            activity=ProcessingActivity.objects.get(operator=team.operator, code="accounts"),
            legal_basis=LegalBasis.objects.get(code=basis),
            text=text,
            given_at=given_at,
            channel="web_form",
            by=team.clerk,
            now=NOW,
            **facts,
        )
    row = ROW | {
        "basis": basis,
        "accepted_at": given_at.isoformat(),
        "consent_text": f"{text.code}-{text.version}",
        "scopes": "|".join(facts),
    }
    run = imported(team, table(row))
    assert counts(run) == none(rejected=1)
    found = run.rejects.get(reason=refusal.template)
    told = {name: str(value) for name, value in by_hand.value.params.items()}
    assert {name: str(value) for name, value in found.params.items()} == told


def test_a_second_ground_of_the_same_kind_is_refused_by_hand_and_by_import(ready: Office) -> None:
    team = ready.pandev
    imported(team, table(ROW))
    later = ROW | {"accepted_at": "2025-07-01T10:00:00+05:00"}
    run = imported(team, table(later))
    assert [reject.reason for reject in run.rejects.all()] == [grounds.GroundTwice.template]
    with pytest.raises(grounds.GroundTwice):
        grounds.consent_give(
            subject=card_of(team.operator, "u-1"),
            activity=ProcessingActivity.objects.get(operator=team.operator, code="accounts"),
            legal_basis=LegalBasis.objects.get(code="KZ.7.1"),
            text=ConsentText.objects.get(code="registration"),
            given_at=datetime.fromisoformat(later["accepted_at"]),
            channel="web_form",
            by=team.clerk,
            now=NOW,
        )


@pytest.mark.parametrize(
    ("code", "refusal"),
    [("bin", errors.ColumnNotPersonal), ("messages", errors.ColumnOpenEnded)],
)
def test_columns_that_no_card_may_hold_refuse_the_file(
    ready: Office, code: str, refusal: type[OperatorError]
) -> None:
    category = DataCategory.objects.filter(operator=ready.pandev.operator)
    if refusal is errors.ColumnOpenEnded:
        found = category.filter(open_ended=True).exclude(kind="not_personal").first()
        if found is None:
            found = category.get(code="device")
            found.open_ended = True
            audit.save(found, by=None, reason="test", fields=["open_ended"])
        code = found.code
    with pytest.raises(refusal):
        imported(ready.pandev, table(ROW | {code: "x"}))


# --- cost ----------------------------------------------------------------------------------------
def test_the_number_of_queries_does_not_grow_with_the_rows(ready: Office) -> None:
    def queries(count: int, seed: int) -> int:
        content = synthetic("pandev", count, seed).replace(b"u-0", f"s{seed}-".encode())
        with CaptureQueriesContext(connection) as captured:
            imported(ready.pandev, content)
        return len(captured)

    # executemany is told as one query for each row; on PostgreSQL rows come by COPY.
    imported(ready.pandev, synthetic("pandev", 1, 9))
    small, large = queries(10, 2), queries(200, 3)
    assert large <= small + 6
