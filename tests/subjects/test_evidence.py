"""Evidence: written by destruction itself, of the strongest tokens only; kept three years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from registry import seam
from subjects import sealing
from subjects.folding import index_terms
from subjects.models import (
    Consent,
    DataSubject,
    DestructionItem,
    Evidence,
    PersonalDatum,
    SearchToken,
    VaultKey,
)
from subjects.services import evidence_keys, keys
from subjects.services.destruction import keys_destroy, subject_destroy
from subjects.services.evidence import was_destroyed
from subjects.services.grounds import consent_withdraw
from subjects.services.people import datum_record
from subjects.vault import keyring
from subjects.vault.models import KeyUse, MasterKey
from tests.conftest import Office, Team
from tests.subjects.people import (
    NOW,
    TODAY,
    card,
    consent,
    datum,
    person,
)
from tests.subjects.test_keys import run
from tests.subjects.vault_office import side_by_side

MAIL = "gone.person@example.org"
YEAR = evidence_keys.year_of(NOW)


def destroyed(team: Team, subject: DataSubject, now: datetime = NOW) -> list[DestructionItem]:
    """Withdrawn and destroyed at that moment."""
    for given in Consent.objects.filter(ground__subject=subject, withdrawn_at=None):
        consent_withdraw(consent=given, channel="email", received_at=now, by=team.clerk, now=now)
    today = now.astimezone(team.operator.zone).date()
    return subject_destroy(subject=subject, reason="withdrawn", by=team.dpo, now=now, today=today)


def told(team: Team, text: str, now: datetime = NOW) -> list[str]:
    return [one.code for one in was_destroyed(operator=team.operator, text=text, by=None, now=now)]


# --- what is written -----------------------------------------------------------------------------
def test_marks_of_the_strongest_tokens_are_left_and_of_no_name(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    datum(team, subject, "phone", "+77011234567")
    numbers = dict(
        PersonalDatum.objects.filter(subject=subject).values_list("category__code", "value_key")
    )
    destroyed(team, subject)
    rows = list(Evidence.objects.all())
    assert {row.key for row in rows} == {numbers["email"]} and len(rows) == 1
    row = rows[0]
    assert (row.operator_id, row.year, row.keep_until) == (
        team.operator.pk, YEAR, date(2029, 3, 2),
    )  # fmt: skip
    search = keyring.ring().get(KeyUse.SEARCH, row.search)
    (term,) = index_terms("email", "whole", MAIL)
    token = sealing.token(search, team.operator.pk, *term)
    secret = keyring.evidence_key(YEAR)
    assert bytes(row.mark) == sealing.mark(secret, team.operator.pk, row.search, token)


def test_a_phone_counts_only_where_nothing_stronger_goes(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    consent(team, subject)
    phone = datum(team, subject, "phone", "+77011234567")
    destroyed(team, subject)
    assert {row.key for row in Evidence.objects.all()} == {phone.value_key}
    assert told(team, "8 701 123-45-67") == [subject.code]
    # The last digits are marked too, and nothing ever asks for them.
    assert told(team, "4567") == [] == told(team, "1234567")


def test_an_account_without_a_category_counts(office: Office) -> None:
    team = office.ipm
    subject = card(team)
    consent(team, subject)
    datum_record(
        subject=subject, category=None, identity=True, text="user-77", collected_on=TODAY,
        by=None, today=TODAY,
    )  # fmt: skip
    destroyed(team, subject)
    assert told(team, "user-77") == [subject.code]
    # Another operator's evidence stays apart.
    assert told(office.pandev, "user-77") == []


def test_without_the_key_of_the_year_nothing_is_destroyed(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    before = VaultKey.objects.count(), SearchToken.objects.count()
    (keyring.folder() / keyring.name_of("evidence", YEAR)).unlink()
    for _ in range(2):
        with pytest.raises(keyring.EvidenceKeyMissing, match=f"evidence-{YEAR}") as refused:
            destroyed(team, subject)
        assert refused.value.status == 503
    assert (VaultKey.objects.count(), SearchToken.objects.count()) == before
    assert not DestructionItem.objects.exists() and not Evidence.objects.exists()
    # What is sealed is read as before; asking refuses, and the watch names the key.
    assert keyring.kek(keyring.ring().active(KeyUse.KEK))
    with pytest.raises(keyring.EvidenceKeyMissing):
        told(team, MAIL)
    code, said = run("check_vault")
    assert code == 1 and f"evidence-{YEAR}" in said


# --- the keys ------------------------------------------------------------------------------------
def test_a_key_is_made_before_the_transaction_and_never_in_one(office: Office) -> None:
    team = office.pandev
    later = NOW.replace(year=2031)
    subject = person(team, email=MAIL)
    numbers = [row.value_key for row in PersonalDatum.objects.filter(subject=subject)]
    with pytest.raises(keyring.EvidenceKeyMissing), transaction.atomic():
        keys_destroy(numbers, reason="x", by=None, now=later)
    assert not DestructionItem.objects.exists()
    assert not MasterKey.objects.filter(use="evidence", number=2031).exists()
    assert len(keys_destroy(numbers, reason="x", by=None, now=later)) == 2
    row = MasterKey.objects.get(use="evidence", number=2031)
    assert row.retire_on == date(2035, 1, 1)
    assert evidence_keys.evidence_key_ready(now=later) == 0


def test_the_job_makes_the_next_one_in_december(office: Office) -> None:
    for moment, made in ((datetime(2032, 11, 1, tzinfo=UTC), 1), (datetime(2032, 12, 2), 1)):
        done = keys.keys_keep(now=moment.replace(tzinfo=UTC), today=TODAY)
        assert done["made"] == made
    years = MasterKey.objects.filter(use="evidence", number__gte=2032)
    assert sorted(years.values_list("number", flat=True)) == [2032, 2033]


def test_a_file_without_a_row_is_taken_up(office: Office) -> None:
    """Of a process that died between the file and the row."""
    left = sealing.new_key()
    keyring.write_file("evidence-2034", left)
    evidence_keys.evidence_key_ready(now=datetime(2034, 5, 1, tzinfo=UTC))
    assert keyring.evidence_key(2034) == left


def test_two_that_need_the_first_key_make_one(live_office: Office) -> None:
    moment = datetime(2036, 5, 1, tzinfo=UTC)
    made = side_by_side(*[lambda: evidence_keys.evidence_key_ready(now=moment)] * 3)
    assert sorted(made) == [0, 0, 1]
    assert keyring.evidence_key(2036)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 1, 1), date(2029, 1, 1)),
        (date(2026, 12, 31), date(2029, 12, 31)),
        (date(2028, 2, 29), date(2031, 2, 28)),
    ],
)
def test_three_years_from_the_destruction(day: date, last: date) -> None:
    assert evidence_keys.kept_until(day) == last


def test_the_day_is_the_operators_and_not_the_servers(office: Office) -> None:
    """20:00 in London on New Year's Eve is already the next year in Almaty."""
    late = datetime(2026, 12, 31, 20, tzinfo=UTC)
    destroyed(office.pandev, person(office.pandev, email=MAIL), late)
    row = Evidence.objects.get()
    assert (row.year, row.keep_until) == (2026, date(2030, 1, 1))
    assert told(office.pandev, MAIL, datetime(2030, 1, 1, 12, tzinfo=UTC))
    # The key is due on that very day, and waits one more.
    done = keys.keys_keep(now=datetime(2030, 1, 1, 6, tzinfo=UTC), today=date(2030, 1, 1))
    assert done["ended"] == 0 and keyring.is_there("evidence-2026")
    after = datetime(2030, 1, 2, 6, tzinfo=UTC)
    done = keys.keys_keep(now=after, today=after.date())
    assert done["ended"] == 1 and not keyring.is_there("evidence-2026")


# --- after keys have gone ------------------------------------------------------------------------
def test_it_answers_after_the_kek_and_the_search_key_were_replaced(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    person(team, email="stays@example.org")
    old = MasterKey.objects.get(use="search", retired_at=None)
    destroyed(team, subject)
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    keys.search_rotate(by=None, now=NOW, retire_on=TODAY)
    with pytest.raises(evidence_keys.EvidenceStands, match="2029"):
        keys.key_retire(key=old, by=None, now=NOW, today=TODAY)
    # The job goes on, without the one and with the other; the new day and its reason are kept.
    assert keys.keys_keep(now=NOW, today=TODAY)["retired"] == 1
    old.refresh_from_db()
    assert old.retired_at is None and old.retire_on == date(2029, 3, 3)
    assert "evidence until 2029-03-02" in old.history.latest().history_change_reason
    keys.search_rotate(by=None, now=NOW, retire_on=TODAY)
    assert told(team, MAIL) == [subject.code]
    # Who was never there is not there under any key; who stays is found as before.
    assert told(team, "stays@example.org") == [] == told(team, "never@example.org")


def test_after_three_years_it_tells_nothing_and_the_keys_are_gone(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    old = MasterKey.objects.get(use="search", retired_at=None)
    destroyed(team, subject)
    keys.search_rotate(by=None, now=NOW, retire_on=TODAY)
    keys.keys_keep(now=NOW, today=TODAY)
    last, after = NOW.replace(year=2029), NOW.replace(year=2029) + timedelta(days=1)
    assert told(team, MAIL, last) == [subject.code]
    # The answer does not wait for the job that deletes.
    assert told(team, MAIL, after) == []
    done = keys.keys_keep(now=after, today=after.date())
    assert done["ended"] == 1 and not Evidence.objects.exists()
    assert not keyring.is_there(keyring.name_of("search", old.number))
    assert keyring.is_there(f"evidence-{YEAR}")
    end = datetime(2030, 1, 1, 9, tzinfo=UTC)
    key = MasterKey.objects.get(use="evidence", number=YEAR)
    with pytest.raises(keys.NotYetRetired):
        keys.key_retire(key=key, by=None, now=after, today=date(2029, 12, 31))
    keys.keys_keep(now=end, today=end.date())
    key.refresh_from_db()
    assert key.retired_at == end and not keyring.is_there(f"evidence-{YEAR}")
    assert not (keyring.folder() / f"evidence-{YEAR}").exists()
    assert DestructionItem.objects.filter(owner=subject.pk).exists()


# --- the attacker --------------------------------------------------------------------------------
def test_marks_match_nothing_without_the_evidence_key(office: Office) -> None:
    """Somebody with the database, the search keys and the right guess, but without that key."""
    team = office.pandev
    subject = person(team, email=MAIL)
    tokens = {bytes(token) for token in SearchToken.objects.values_list("token", flat=True)}
    destroyed(team, subject)
    marks = {bytes(row.mark) for row in Evidence.objects.all()}
    assert marks and not marks & tokens
    (term,) = index_terms("email", "whole", MAIL)
    others = [path for path in keyring.folder().iterdir() if "evidence" not in path.name]
    secrets = [keyring.read_file(path.name) for path in others] + [bytes(32)]
    for search in secrets:
        token = sealing.token(search, team.operator.pk, *term)
        assert token not in marks
        for secret in secrets:
            for number in range(1, 4):
                assert sealing.mark(secret, team.operator.pk, number, token) not in marks
    # And with the right one it does: the guess was good.
    assert told(team, MAIL) == [subject.code]


def test_the_same_person_leaves_other_marks_with_every_operator_and_year(office: Office) -> None:
    token, secret = b"t" * 16, sealing.new_key()
    marks = {
        sealing.mark(secret, 1, 1, token),
        sealing.mark(secret, 2, 1, token),
        sealing.mark(secret, 1, 2, token),
        # The parts do not run into each other.
        sealing.mark(secret, 11, 2, token),
        sealing.mark(secret, 1, 12, token),
        sealing.mark(sealing.new_key(), 1, 1, token),
    }
    assert len(marks) == 6 and {len(mark) for mark in marks} == {16}


# --- what it costs -------------------------------------------------------------------------------
def test_many_at_once_cost_a_few_queries(
    office: Office, django_assert_max_num_queries: Any, monkeypatch: Any
) -> None:
    team = office.pandev
    found = [person(team, email=f"many{n}@example.org") for n in range(6)]
    numbers = list(
        PersonalDatum.objects.filter(subject__in=found).values_list("value_key", flat=True)
    )
    kept = []
    monkeypatch.setattr(
        seam, "copy_rows", _counting(seam.copy_rows, kept)
    )  # evidence and nothing else goes this way
    # Two deletions, formats, operators, evidence, the key, items; and the savepoint.
    with django_assert_max_num_queries(10):
        keys_destroy(numbers, reason="x", by=None, now=NOW)
    assert kept == [6] and Evidence.objects.count() == 6


def _counting(real: Any, kept: list[int]) -> Any:
    def copy_rows(table: str, columns: Any, rows: Any) -> None:
        rows = list(rows)
        kept.append(len(rows))
        real(table, columns, rows)

    return copy_rows
