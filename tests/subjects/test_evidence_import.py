"""A row of a file that is older than the destruction of the person: refused on both ways alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from registry import seam
from subjects.models import Consent, DataSubject, Evidence, PersonalDatum
from subjects.services import keys
from subjects.services.destruction import subject_destroy
from subjects.services.grounds import consent_withdraw
from tests.conftest import Office, Team
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
    table,
)

LATER = NOW + timedelta(days=9)
SINCE = ROW | {"accepted_at": "2026-03-04T10:00:00+05:00"}
# With PostgreSQL's finished lines, and without.
WAYS = [True, False] if connection.vendor == "postgresql" else [False]


@pytest.fixture(params=WAYS, ids=lambda lines: "lines" if lines else "rows")
def team(request: Any, office: Office, monkeypatch: Any) -> Team:
    monkeypatch.setattr(seam, "takes_lines", lambda: request.param)
    published(office.pandev.operator, office.pandev.dpo)
    return office.pandev


@pytest.fixture
def gone(team: Team) -> DataSubject:
    """The person of ``ROW`` has come by a file, and was destroyed at ``NOW``."""
    imported(team, table(ROW))
    subject = card_of(team.operator, ROW["account"])
    consent = Consent.objects.get(ground__subject=subject)
    consent_withdraw(consent=consent, channel="email", received_at=NOW, by=None, now=NOW)
    subject_destroy(subject=subject, reason="withdrawn", by=None, now=NOW, today=NOW.date())
    assert Evidence.objects.count() == 2
    return subject


def reasons(found: list[tuple[int, str, str]]) -> list[tuple[int, str]]:
    for _, _, said in found:
        assert "destroyed on Monday, 2 March 2026" in said
        assert not any(value in said for value in ROW.values() if len(value) > 4)
    return [(line, column) for line, column, _ in found]


def test_an_old_export_brings_nobody_back(team: Team, gone: DataSubject) -> None:
    before = fingerprint("ImportReject", "AccessEvent")
    run = imported(team, table(ROW), now=LATER)
    assert counts(run) == none(rejected=1)
    assert reasons(rejects(run)) == [(2, "account"), (2, "email")]
    after = fingerprint("ImportReject", "AccessEvent")
    assert {name for name in after if after[name] != before[name]} == set()


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({"account": "u-9"}, ["email"]),
        ({"email": "other@example.org"}, ["account"]),
        ({"account": "U-1", "email": "CANARY.one@example.ORG"}, ["account", "email"]),
    ],
)
def test_one_identifier_is_enough_however_it_is_written(
    team: Team, gone: DataSubject, change: dict[str, str], columns: list[str]
) -> None:
    run = imported(team, table(ROW | change), now=LATER)
    assert reasons(rejects(run)) == [(2, column) for column in columns]
    assert counts(run) == none(rejected=1)


def test_with_a_newer_consent_the_person_gets_a_new_card(team: Team, gone: DataSubject) -> None:
    run = imported(team, table(SINCE), now=LATER)
    assert counts(run) == none(new=1) and rejects(run) == []
    assert card_of(team.operator, ROW["account"]).pk != gone.pk
    # What is older stays out, in the next file as in the same one, and new things still come in.
    old = ROW | {"activity": "licence_agreement"}
    for _ in range(2):
        run = imported(team, table(old), now=LATER)
        assert reasons(rejects(run)) == [(2, "account"), (2, "email")]
    run = imported(team, table(SINCE | {"activity": "licence_agreement"}), now=LATER)
    assert counts(run) == none(changed=1)


def test_old_and_new_rows_of_one_file_are_told_apart(team: Team, gone: DataSubject) -> None:
    others = [ROW | {"account": f"n-{n}", "email": f"n{n}@example.org"} for n in range(3)]
    old = ROW | {"activity": "licence_agreement"}
    content = table(others[0], SINCE, others[1], old, others[2])
    for rows in (5, 1):
        run = imported(team, content, now=LATER, rows=rows)
        assert reasons(rejects(run)) == [(5, "account"), (5, "email")]
    assert DataSubject.objects.filter(operator=team.operator).count() == 1 + 4


def test_on_the_day_itself_the_hour_decides(team: Team, gone: DataSubject) -> None:
    before, after = "2026-03-02T13:59:00+05:00", "2026-03-02T14:00:00+05:00"
    run = imported(team, table(ROW | {"accepted_at": before}), now=LATER)
    assert counts(run) == none(rejected=1)
    run = imported(team, table(ROW | {"accepted_at": after}), now=LATER)
    assert counts(run) == none(new=1)


def test_whoever_was_known_before_is_not_disturbed(team: Team) -> None:
    """Two accounts of one address: one is destroyed, the other's file comes again every night."""
    stays = ROW | {"account": "u-2"}
    imported(team, table(ROW, stays))
    subject = card_of(team.operator, ROW["account"])
    consent = Consent.objects.get(ground__subject=subject)
    consent_withdraw(consent=consent, channel="email", received_at=NOW, by=None, now=NOW)
    subject_destroy(subject=subject, reason="x", by=None, now=NOW, today=NOW.date())
    run = imported(team, table(stays), now=LATER)
    assert counts(run) == none(same=1) and rejects(run) == []
    # A value that was destroyed elsewhere comes to a known card with something newer only.
    third = ROW | {"account": "u-3", "email": "third@example.org"}
    imported(team, table(third))
    run = imported(team, table(third | {"email": ROW["email"]}), now=LATER)
    assert reasons(rejects(run)) == [(2, "email")]


def test_after_a_new_search_key_and_in_a_trial_run(team: Team, gone: DataSubject) -> None:
    keys.search_rotate(by=None, now=NOW, retire_on=NOW.date())
    keys.keys_keep(now=NOW, today=NOW.date())
    for trial in (True, False):
        run = imported(team, table(ROW), now=LATER, dry_run=trial)
        assert counts(run) == none(rejected=1)
        assert reasons(rejects(run)) == [(2, "account"), (2, "email")]


def test_after_three_years_it_is_forgotten(team: Team, gone: DataSubject) -> None:
    run = imported(team, table(ROW), now=NOW.replace(year=2029, day=3))
    assert counts(run) == none(new=1)
    assert PersonalDatum.objects.filter(subject__operator=team.operator).count() == 6
