"""Policies: taken as they stand, drafted, published forward only, and frozen."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from registry.clauses import Gap, gaps, restored
from registry.errors import OperatorError
from registry.models import PolicyText, PolicyVersion
from registry.services import policies as services
from registry.services.policies import (
    PolicyState,
    policy_discard,
    policy_draft,
    policy_import,
    policy_in_force,
    policy_publish,
    policy_state,
    with_next,
)
from tests.conftest import Office, Team
from tests.registry.policies import (
    ALL,
    EN,
    FIRST,
    KK,
    NOW,
    RU,
    TODAY,
    draft,
    everything,
    imported,
    published,
    real,
    speaks,
)


@pytest.fixture
def pandev(office: Office) -> Team:
    return speaks(office.pandev, "ru", "kk", "en")


def refused(kind: type[OperatorError], act: Callable[[], Any], **params: Any) -> OperatorError:
    """By name, and nothing is written."""
    before = everything()
    with pytest.raises(kind) as refusal:
        act()
    assert type(refusal.value) is kind
    assert {name: refusal.value.params[name] for name in params} == params
    assert everything() == before
    return refusal.value


# --- import ------------------------------------------------------------------------------------
def test_an_import_is_a_published_version_in_force_on_its_day(pandev: Team) -> None:
    version, created = policy_import(
        operator=pandev.operator, language="en", dated=FIRST, text=EN.encode(), label="v2",
        by=pandev.dpo, now=NOW,
    )  # fmt: skip
    text = version.texts.get()
    assert created and version.is_published
    assert (version.number, version.label, version.origin) == (1, "v2", "imported")
    assert (version.in_force_on, version.published_at, version.published_by) == (
        FIRST, NOW, pandev.dpo,
    )  # fmt: skip
    assert (text.text, text.published_at) == (EN, NOW)
    assert text.digest == hashlib.sha256(EN.encode()).hexdigest()
    assert [row["number"] for row in text.clauses] == ["1", "1.1", "1.3", "2", "2.1"]
    for row in (version, text):
        first = row.history.get()
        assert first.history_user == pandev.dpo
        assert first.history_change_reason == "imported as it stands"


def test_the_same_file_again_changes_nothing(pandev: Team) -> None:
    first = imported(pandev, label="v2")
    before = everything()
    for label in ("v2", ""):
        again, created = policy_import(
            operator=pandev.operator, language="en", dated=FIRST, text=EN.encode(), label=label,
            by=pandev.clerk, now=NOW + timedelta(days=1),
        )  # fmt: skip
        assert (again, created) == (first, False)
    assert everything() == before


def test_another_language_joins_the_version_of_its_day(pandev: Team) -> None:
    first = imported(pandev)
    later = NOW + timedelta(days=3)
    second = imported(pandev, KK, language="kk", now=later)
    assert second == first and PolicyVersion.objects.count() == 1
    assert second.texts.get(language="kk").published_at == later


def test_another_text_for_the_same_day_and_language_is_refused(pandev: Team) -> None:
    imported(pandev)
    other = EN.replace("anybody", "somebody")
    refused(services.PolicyTextDiffers, lambda: imported(pandev, other), day=FIRST)
    refused(services.PolicyLabelDiffers, lambda: imported(pandev, label="v9"), given="v9")
    assert imported(pandev, other, dated=date(2026, 2, 10)).number == 2


def test_the_days_of_two_operators_are_their_own(pandev: Team, office: Office) -> None:
    assert imported(pandev) != imported(office.ipm, EN + "\n2.2. More.")
    assert PolicyVersion.objects.filter(in_force_on=FIRST, number=1).count() == 2


def test_an_import_never_joins_what_the_office_wrote(pandev: Team) -> None:
    published(speaks(pandev, "ru"), TODAY, ru=RU)
    refused(services.PolicyDayTaken, lambda: imported(pandev, EN, dated=TODAY), day=TODAY)


def test_the_text_is_kept_as_it_stands(pandev: Team) -> None:
    odd = "  1. Terms \n\n\n1.1.\tA  word…\n \n• of a list  \n"
    raw = b"\xef\xbb\xbf" + odd.replace("\n", "\r\n").encode()
    text = imported(pandev, text=raw).texts.get()
    assert text.text == odd and text.digest == hashlib.sha256(odd.encode()).hexdigest()


@pytest.mark.parametrize("name", ["pandev", "ipm"])
def test_the_real_policies_are_taken_as_they_stand(name: str, office: Office) -> None:
    raw = real(name)
    team: Team = getattr(office, name)
    text = imported(team, text=raw).texts.get()
    text.refresh_from_db()
    assert text.text == raw.decode("utf-8-sig").replace("\r\n", "\n")
    missing = gaps(restored(text.clauses))
    assert missing == ([Gap("4", True), Gap("10.2", False)] if name == "pandev" else [])


def test_what_may_not_be_imported(pandev: Team) -> None:
    refused(services.UnknownPolicyLanguage, lambda: imported(pandev, language="de"), code="de")
    refused(services.PolicyLabelTooLong, lambda: imported(pandev, label="x" * 41), limit=40)


# --- drafts ------------------------------------------------------------------------------------
def test_a_newer_draft_takes_the_place_of_the_older_one(pandev: Team) -> None:
    old = draft(pandev)
    new = draft(pandev, ru=RU)
    assert list(PolicyVersion.objects.all()) == [new]
    assert (new.number, new.origin, new.in_force_on, new.is_published) == (
        1, "generated", None, False,
    )  # fmt: skip
    assert [text.language for text in PolicyText.objects.all()] == ["ru"]
    assert PolicyText.objects.get().published_at is None
    gone = PolicyVersion.history.filter(id=old.pk).latest()
    assert (gone.history_type, gone.history_user) == ("-", pandev.dpo)
    assert gone.history_change_reason == "a newer draft took its place"
    assert PolicyText.history.filter(history_type="-").count() == 3
    refused(services.PolicyGone, lambda: policy_publish(
        version=old, in_force_on=TODAY, by=pandev.dpo, now=NOW
    ))  # fmt: skip


def test_a_draft_leaves_what_is_published_alone(pandev: Team, office: Office) -> None:
    first, foreign = imported(pandev), draft(office.ipm)
    row = draft(pandev)
    assert row.number == 2
    assert set(PolicyVersion.objects.all()) == {first, foreign, row}
    policy_discard(version=row, by=pandev.dpo)
    assert set(PolicyVersion.objects.all()) == {first, foreign}
    assert PolicyVersion.history.filter(id=row.pk).latest().history_change_reason == "discarded"
    refused(services.PolicyGone, lambda: policy_discard(version=row, by=pandev.dpo))
    refused(services.PolicyPublished, lambda: policy_discard(version=first, by=pandev.dpo))


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ({}, "PolicyWithoutText"),
        ({"de": "1. Begriffe"}, "UnknownPolicyLanguage"),
        ({"ru": RU, "kk": " \n"}, "PolicyEmpty"),
        ({"ru": "1. \x07"}, "PolicyNotText"),
        ({"ru": "я" * 600_000}, "PolicyTooBig"),
    ],
)
def test_what_is_no_draft(texts: dict[str, str], kind: str, pandev: Team) -> None:
    kept = draft(pandev)
    with pytest.raises(OperatorError) as refusal:
        policy_draft(operator=pandev.operator, texts=texts, label="", by=None, now=NOW)
    assert type(refusal.value).__name__ == kind
    assert list(PolicyVersion.objects.all()) == [kept]


# --- publication -------------------------------------------------------------------------------
def publish(row: PolicyVersion, day: date | None, now: datetime = NOW) -> PolicyVersion:
    return policy_publish(version=row, in_force_on=day, by=None, now=now)


def test_a_draft_is_published_with_its_texts(pandev: Team) -> None:
    row = policy_publish(version=draft(pandev), in_force_on=TODAY, by=pandev.dpo, now=NOW)
    row.refresh_from_db()
    assert (row.in_force_on, row.published_at, row.published_by) == (TODAY, NOW, pandev.dpo)
    assert {text.published_at for text in row.texts.all()} == {NOW}
    for kept in (row, *row.texts.all()):
        assert kept.history.latest().history_change_reason == "published"
        assert kept.history.latest().history_user == pandev.dpo
    refused(services.PolicyPublished, lambda: publish(row, TODAY + timedelta(days=9)))


def test_nothing_is_published_without_a_day(pandev: Team) -> None:
    row = draft(pandev)
    refused(services.PolicyWithoutDay, lambda: publish(row, None))
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(published_at=NOW)


def test_two_versions_never_begin_on_one_day(pandev: Team) -> None:
    first = imported(pandev, dated=TODAY)
    row = draft(pandev)
    refused(services.PolicyDayTaken, lambda: publish(row, TODAY), version=str(first), day=TODAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(published_at=NOW, in_force_on=TODAY)
    # Published ahead: its day is taken too, the days before it are free.
    ahead = publish(row, TODAY + timedelta(days=9))
    second = draft(pandev)
    refused(services.PolicyDayTaken, lambda: publish(second, TODAY + timedelta(days=9)),
            version=str(ahead))  # fmt: skip
    publish(second, TODAY + timedelta(days=8))


def test_publication_only_goes_forward(pandev: Team) -> None:
    imported(pandev, dated=TODAY)
    row = draft(pandev)
    refused(services.PolicyGoesBack, lambda: publish(row, TODAY - timedelta(days=1)),
            began_day=TODAY)  # fmt: skip


def test_what_the_office_wrote_begins_today_at_the_earliest(pandev: Team) -> None:
    imported(pandev)
    row = draft(pandev)
    refused(services.PolicyInThePast, lambda: publish(row, TODAY - timedelta(days=1)))
    assert publish(row, TODAY).in_force_on == TODAY


@pytest.mark.parametrize(("at", "allowed"), [("18:59", True), ("19:01", False)])
def test_today_is_the_operators(at: str, allowed: bool, pandev: Team) -> None:
    """Midnight in Almaty is 19:00 UTC."""
    moment = datetime.fromisoformat(f"2026-03-02T{at}:00+00:00").astimezone(UTC)
    row = draft(pandev)
    if allowed:
        assert publish(row, TODAY, moment).is_published
    else:
        refused(services.PolicyInThePast, lambda: publish(row, TODAY, moment))


def test_every_language_of_the_operator_is_there(pandev: Team) -> None:
    row = draft(pandev, ru=RU, en=EN)
    refused(services.PolicyLanguageMissing, lambda: publish(row, TODAY), language="Kazakh")
    assert publish(draft(pandev, **ALL), TODAY).texts.count() == 3
    speaks(pandev, "ru")
    assert publish(draft(pandev, ru=RU, en=EN), TODAY + timedelta(days=1)).texts.count() == 2


# --- which is in force -------------------------------------------------------------------------
def test_states_and_what_supersedes_what(pandev: Team) -> None:
    ahead = published(pandev, TODAY + timedelta(days=5))
    current = imported(pandev, dated=TODAY - timedelta(days=1))
    oldest = imported(pandev, EN + "\n2.2. More.", dated=date(2020, 1, 1))
    row = draft(pandev)

    def states(day: date) -> dict[int, str]:
        rows = with_next(PolicyVersion.objects.all())
        return {one.pk: policy_state(one, today=day) for one in rows}

    assert states(TODAY) == {
        ahead.pk: PolicyState.PUBLISHED,
        current.pk: PolicyState.IN_FORCE,
        oldest.pk: PolicyState.SUPERSEDED,
        row.pk: PolicyState.DRAFT,
    }
    for day in (date(2019, 12, 31), date(2020, 1, 1), TODAY, ahead.in_force_on):
        assert day is not None
        found = policy_in_force(pandev.operator, today=day)
        in_force = [pk for pk, state in states(day).items() if state == PolicyState.IN_FORCE]
        assert in_force == ([found.pk] if found else [])
    next_of = {one.pk: one.next_number for one in with_next(PolicyVersion.objects.all())}  # type: ignore[attr-defined]
    assert next_of == {
        ahead.pk: None, current.pk: ahead.number, oldest.pk: current.number, row.pk: None,
    }  # fmt: skip


# --- frozen ------------------------------------------------------------------------------------
def immutable(act: Callable[[], Any]) -> None:
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        act()


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_orm_cannot_change_what_is_published(pandev: Team) -> None:
    version = published(pandev, TODAY)
    text = version.texts.get(language="ru")
    before = everything()
    version.label, text.text = "other", "Другое"
    rows, texts = PolicyVersion.objects.all(), PolicyText.objects.all()
    for act in (
        version.save, version.delete, text.save, text.delete, rows.delete, texts.delete,
        lambda: rows.update(in_force_on=FIRST),
        lambda: rows.update(published_at=None),
        lambda: texts.update(published_at=None),
        lambda: texts.update(text="Другое"),
        lambda: texts.update(clauses=[]),
    ):  # fmt: skip
        immutable(act)
    assert everything() == before


def test_raw_sql_cannot_change_what_is_published(pandev: Team) -> None:
    version = published(pandev, TODAY)
    row = draft(pandev)
    before = everything()
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    for table, mine, words in (
        ("registry_policyversion", f"id = {version.pk}", "label"),
        ("registry_policytext", f"version_id = {version.pk}", "text"),
    ):
        statements = [
            f"UPDATE {table} SET {words} = 'x' WHERE {mine}",
            f"UPDATE {table} SET published_at = NULL WHERE {mine}",
            f"DELETE FROM {table} WHERE {mine}",
        ]
        if connection.vendor == "postgresql":
            statements.append(f"TRUNCATE {table} CASCADE")
        else:
            statements.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE {mine}")
        for statement in statements:
            immutable(lambda sql=statement: run(sql))
    assert everything() == before
    assert row.texts.update(text="Другое") == 3


# --- two at once -------------------------------------------------------------------------------
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_two_imports_of_one_day_at_once(live_office: Office) -> None:
    team = live_office.pandev
    done: list[Any] = []

    def other() -> None:
        try:
            done.append(imported(team, EN + "\n2.2. More."))
        except OperatorError as error:
            done.append(type(error))
        finally:
            connection.close()

    second = threading.Thread(target=other)
    with transaction.atomic():
        imported(team)
        second.start()
        second.join(0.5)
        assert second.is_alive()
    second.join(20)
    assert done == [services.PolicyTextDiffers]
    assert PolicyText.objects.get().text == EN


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1989, 12, 31), date(2027, 3, 4), date.max])
def test_a_slip_of_the_year_is_refused(pandev: Team, day: date) -> None:
    row = draft(pandev)
    before = everything()
    for act in (lambda: imported(pandev, dated=day), lambda: publish(row, day)):
        refused(services.PolicyDayOutOfReach, act, day=day)
    assert everything() == before
    assert publish(row, date(2027, 3, 3)).in_force_on == date(2027, 3, 3)


def test_once_the_office_publishes_nothing_else_was_in_force(pandev: Team) -> None:
    publish(draft(pandev), TODAY)
    later = TODAY + timedelta(days=1)
    refused(services.PolicyWrittenHere, lambda: imported(pandev, dated=later), day=TODAY)
    assert imported(pandev, dated=FIRST).in_force_on == FIRST
