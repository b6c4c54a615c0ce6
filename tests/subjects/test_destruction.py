"""Destroying: the keys and tokens go, the items stay, nothing else is touched; no KEK is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from registry import seam
from subjects.models import Consent, DestructionItem, PersonalDatum, SearchToken, VaultKey
from subjects.services import destruction, keys
from subjects.services.destruction import data_destroy, keys_destroy, subject_destroy
from subjects.services.grounds import consent_withdraw
from subjects.services.holds import hold_place
from subjects.services.stops import stop_end, stop_place
from subjects.vault import keyring, store
from subjects.vault.models import Sealed
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, card, consent, person

PLACE = store.Place(kind=Sealed.DATUM, owner=1, category=2)


def withdraw(office: Office, subject: Any) -> None:
    given = Consent.objects.get(ground__subject=subject)
    consent_withdraw(
        consent=given, channel="email", received_at=NOW, by=office.pandev.clerk, now=NOW
    )


def states(subject: Any) -> set[State]:
    live = open_rows(PersonalDatum.objects.filter(subject=subject), "value")
    old = open_rows(PersonalDatum.history.filter(subject=subject), "value")
    proof = open_rows(Consent.objects.filter(ground__subject=subject), "evidence")
    return {one.state for found in (live, old, proof) for one in found.values()}


def test_everything_about_a_person_goes_and_the_others_stay(office: Office) -> None:
    gone, stays = person(office.pandev), person(office.pandev, email="stays@example.org")
    withdraw(office, gone)
    rows = list(PersonalDatum.objects.filter(subject=gone).values())
    versions = PersonalDatum.history.count()
    items = subject_destroy(
        subject=gone, reason="withdrawn", by=office.pandev.dpo, now=NOW, today=TODAY
    )
    assert states(gone) == {State.DESTROYED} and states(stays) == {State.OPEN}
    assert sorted(item.kind for item in items) == [Sealed.DATUM, Sealed.DATUM, Sealed.EVIDENCE]
    assert {item.owner for item in items} == {gone.pk}
    numbers = [item.key for item in items]
    assert not VaultKey.objects.filter(pk__in=numbers).exists()
    assert not SearchToken.objects.filter(key__in=numbers).exists()
    assert SearchToken.objects.exists()
    # No row of people or of history was touched.
    assert list(PersonalDatum.objects.filter(subject=gone).values()) == rows
    assert PersonalDatum.history.count() == versions
    assert keys.lost_keys() == []
    again = subject_destroy(subject=gone, reason="twice", by=None, now=NOW, today=TODAY)
    assert again == [] and DestructionItem.objects.count() == 3


def test_it_works_without_a_key_that_opens_or_finds(office: Office) -> None:
    """The destroyer opens nothing: it works when all keys but those of evidence are gone."""
    subject = person(office.pandev)
    withdraw(office, subject)
    for path in keyring.folder().iterdir():
        if not path.name.startswith("evidence-"):
            path.unlink()
    keyring.forget()
    assert len(subject_destroy(subject=subject, reason="x", by=None, now=NOW, today=TODAY)) == 3


def test_a_live_ground_keeps_the_data_and_the_proof(office: Office) -> None:
    subject = person(office.pandev)
    before = VaultKey.objects.count()
    data = PersonalDatum.objects.filter(subject=subject)
    with pytest.raises(destruction.StillCovered, match=subject.code):
        data_destroy(subject=subject, data=data, reason="x", by=None, now=NOW, today=TODAY)
    with pytest.raises(destruction.StillCovered, match=subject.code):
        subject_destroy(subject=subject, reason="x", by=None, now=NOW, today=TODAY)
    assert VaultKey.objects.count() == before
    # Even when nothing is held that the ground covers: its proof is.
    bare = card(office.pandev)
    consent(office.pandev, bare)
    with pytest.raises(destruction.StillCovered, match=bare.code):
        subject_destroy(subject=bare, reason="x", by=None, now=NOW, today=TODAY)
    assert VaultKey.objects.count() == before + 1


def test_a_datum_of_another_card_and_a_missing_reason_refuse(office: Office) -> None:
    subject, other = person(office.pandev), person(office.pandev, email="other@example.org")
    withdraw(office, subject)
    withdraw(office, other)
    stranger = PersonalDatum.objects.filter(subject=other)
    with pytest.raises(destruction.NotOfCard):
        data_destroy(subject=subject, data=stranger, reason="x", by=None, now=NOW, today=TODAY)
    with pytest.raises(destruction.DestructionReasonMissing):
        keys_destroy([1], reason="  ", by=None, now=NOW)
    assert not DestructionItem.objects.exists()


def test_a_stop_holds_everything_but_for_the_request_that_asks(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    withdraw(office, subject)
    data = list(PersonalDatum.objects.filter(subject=subject))
    facts: dict[str, Any] = {"subject": subject, "reason": "x", "by": None, "now": NOW}
    stop = {"subject": subject, "reason": "court", "by": team.dpo, "now": NOW}
    stop_place(label="REQ-1", **stop)
    with pytest.raises(destruction.DestructionStopped, match=f"{subject.code}: REQ-1"):
        data_destroy(data=data, today=TODAY, **facts)
    hold = hold_place(document="ruling of a court", label="2-145/2026", **stop)
    for label in ("", "REQ-1", "2-145/2026"):
        for verb, what in ((subject_destroy, {}), (data_destroy, {"data": data})):
            with pytest.raises(destruction.DestructionStopped):
                verb(today=TODAY, label=label, **what, **facts)
    assert not DestructionItem.objects.exists() and states(subject) == {State.OPEN}
    stop_end(stop=hold, by=team.dpo, now=NOW, reason="over")
    assert len(data_destroy(data=data[:1], today=TODAY, label="REQ-1", **facts)) == 1
    assert len(subject_destroy(today=TODAY, label="REQ-1", **facts)) == 2


def test_it_fails_whole(office: Office, monkeypatch: Any) -> None:
    subject = person(office.pandev)
    withdraw(office, subject)
    before = VaultKey.objects.count(), SearchToken.objects.count()
    monkeypatch.setattr(DestructionItem.objects, "bulk_create", _fails)
    with pytest.raises(RuntimeError), transaction.atomic():
        subject_destroy(subject=subject, reason="x", by=None, now=NOW, today=TODAY)
    assert (VaultKey.objects.count(), SearchToken.objects.count()) == before
    assert states(subject) == {State.OPEN}


def _fails(*args: Any, **kw: Any) -> Any:
    raise RuntimeError


def test_thousands_at_once_each_once(db: None) -> None:
    """More than SQLite takes as parameters of one statement."""
    terms = store.Terms(1, [("word", "ivan")])
    with transaction.atomic():
        numbers = [one.number for one in store.mint_many([(PLACE, terms)] * 1_300)]
    items = keys_destroy([*numbers, *numbers, 0], reason="x", by=None, now=NOW)
    assert sorted(item.key for item in items) == sorted(numbers)
    assert {(item.kind, item.owner, item.category) for item in items} == {(Sealed.DATUM, 1, 2)}
    assert not SearchToken.objects.exists() and not VaultKey.objects.exists()
    assert keys_destroy([], reason="x", by=None, now=NOW) == []


def test_an_item_is_never_changed_or_removed(office: Office) -> None:
    number = store.mint(PLACE).number
    keys_destroy([number], reason="x", by=None, now=NOW)
    for statement in ("UPDATE subjects_destructionitem SET owner = 2", "DELETE FROM "
                      "subjects_destructionitem"):  # fmt: skip
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert DestructionItem.objects.get(key=number).owner == 1


# --- what stays in the files ---------------------------------------------------------------------
@pytest.fixture
def gone(live_office: Office) -> Iterator[tuple[Any, list[bytes]]]:
    """A person whose consent was withdrawn, and the wrapped keys as they lie on the disk."""
    subject = person(live_office.pandev)
    withdraw(live_office, subject)
    yield subject, [bytes(key.wrapped) for key in VaultKey.objects.filter(owner=subject.pk)]


def test_the_files_of_the_database_are_cleaned_at_the_end(
    gone: tuple[Any, list[bytes]],
) -> None:
    subject, wrapped = gone
    seam.flush_deleted([VaultKey])
    if connection.vendor == "sqlite":
        assert all(key in _bytes_of_database() for key in wrapped)
    with CaptureQueriesContext(connection) as asked:
        subject_destroy(subject=subject, reason="x", by=None, now=NOW, today=TODAY)
    said = [query["sql"] for query in asked.captured_queries]
    if connection.vendor == "sqlite":
        assert not any(key in _bytes_of_database() for key in wrapped)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            assert cursor.fetchone()[0] == 30_000
    else:
        assert sum(sql.startswith("VACUUM") for sql in said) == 2
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        seam.flush_deleted([VaultKey])
    assert not any("VACUUM" in query["sql"] or "wal" in query["sql"] for query in asked)


def _bytes_of_database() -> bytes:
    name = str(connection.settings_dict["NAME"])
    found = b""
    for ending in ("", "-wal", "-journal"):
        path = Path(name + ending)
        found += path.read_bytes() if path.exists() else b""
    return found
