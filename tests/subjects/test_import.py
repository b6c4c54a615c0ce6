"""What an import makes of rows: cards, grounds, consents and changes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import DataCategory, LegalBasis, ProcessingActivity
from registry.services import audit
from subjects.folding import index_terms
from subjects.models import Consent, Ground, ImportConflict, PersonalDatum, SearchToken, VaultKey
from subjects.models.imports import ImportSeen
from subjects.services import destruction, grounds
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
    none,
    published,
    rejects,
    synthetic,
    table,
    values_of,
)


@pytest.fixture
def ready(office: Office) -> Office:
    published(office.pandev.operator, office.pandev.dpo)
    return office


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
