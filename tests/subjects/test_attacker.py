"""Promise 2: what was destroyed opens from nothing, once the key of that day is retired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from registry import seam
from subjects.models import Consent, DataSubject, PersonalDatum
from subjects.services import keys
from subjects.services.destruction import subject_destroy
from subjects.services.grounds import consent_withdraw
from subjects.services.people import datum_rectify
from subjects.vault import keyring
from subjects.vault.models import KeyUse, MasterKey, VaultKey
from tests.conftest import Office
from tests.subjects.attacker import Loot, files_of_database, steal, still_lying_around
from tests.subjects.people import NOW, TODAY, person

NAME, FIRST, SECOND = "Жертвова Анна", "victim@example.org", "victim.new@example.org"
VALUES = {NAME, FIRST, SECOND, "ip=192.0.2.7"}
OTHER = "bystander@example.org"


def keks() -> list[bytes]:
    """Every KEK that lies in the folder, whatever the table says of it."""
    return [
        keyring.read_file(keyring.name_of(KeyUse.KEK, number))
        for number in keyring.numbers_of_files(KeyUse.KEK)
    ]


def no_foreign_keks() -> None:
    """Remove what tests before have left: keys of rows that are gone."""
    for path in keyring.folder().glob("kek-*"):
        if not MasterKey.objects.filter(use="kek", number=int(path.name[-4:])).exists():
            path.unlink()


def delete_no_keys(monkeypatch: Any) -> None:
    """A destruction that writes its items and deletes nothing."""

    def only_reads(model: Any, numbers: list[int], columns: list[str], *, by: str = "id") -> Any:
        rows = model._base_manager.filter(**{f"{by}__in": numbers}) if numbers else []
        return list(rows.values_list(*columns)) if numbers else []

    monkeypatch.setattr(seam, "delete_returning", only_reads)


@pytest.fixture
def victim(live_office: Office) -> DataSubject:
    """With a value in the history, too; and somebody else who stays."""
    no_foreign_keks()
    subject = person(live_office.pandev, name=NAME, email=FIRST)
    row = PersonalDatum.objects.get(subject=subject, category__code="email")
    datum_rectify(datum=row, text=SECOND, by=None, today=TODAY, reason="moved")
    person(live_office.pandev, email=OTHER)
    return subject


def destroy(subject: DataSubject) -> None:
    consent = Consent.objects.get(ground__subject=subject)
    consent_withdraw(consent=consent, channel="email", received_at=NOW, by=None, now=NOW)
    subject_destroy(subject=subject, reason="withdrawn", by=None, now=NOW, today=TODAY)


def test_after_retirement_nothing_opens_from_anything(
    victim: DataSubject, tmp_path: Path, monkeypatch: Any
) -> None:
    owner = victim.pk
    backup = steal(tmp_path / "before")
    old = keyring.read_file(keyring.name_of("kek", keyring.ring().active(KeyUse.KEK)))
    assert backup.of(owner).opened(keks()) == VALUES
    known = Loot(backup.of(owner).ciphertexts, backup.wrapped)
    # Searching the raw files finds the keys, as long as they are there.
    assert still_lying_around(known).opened(keks()) == VALUES

    destroy(victim)
    now = steal(tmp_path / "destroyed")
    # The ciphertexts are where they were; without keys they say nothing.
    assert now.of(owner).ciphertexts == backup.of(owner).ciphertexts
    assert now.of(owner).opened(keks()) == set()
    if connection.vendor == "sqlite":
        # Nothing of the wrapped keys lies in the file or its log. PostgreSQL does not overwrite.
        assert still_lying_around(known).of(owner).opened(keks()) == set()
    # An old backup still opens: that is what retirement is for.
    assert (now | backup).of(owner).opened(keks()) == VALUES

    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    assert (steal(tmp_path / "rotated") | backup).of(owner).opened(keks()) == VALUES

    # The same with a retirement that leaves the file where it is: the attacker still succeeds.
    with monkeypatch.context() as switched_off:
        switched_off.setattr(keyring, "destroy_file", lambda name: None)
        assert keys.keys_retire_due(now=NOW, today=TODAY) == 1
        assert backup.of(owner).opened(keks()) == VALUES

    keys.keys_keep(now=NOW, today=TODAY)
    seam.flush_deleted([VaultKey])
    last = steal(tmp_path / "retired")
    assert files_of_database(), "the files of the database must be at hand"
    everything = backup | now | last | still_lying_around(known)
    assert everything.of(owner).opened(keks()) == set()
    # The others' values open as before, from the copy of now alone.
    assert OTHER in last.opened(keks())
    assert OTHER not in backup.opened(keks())
    # The key itself is nowhere: with it, everything would open again.
    assert backup.of(owner).opened([old]) == VALUES
    for path in [*files_of_office(), *files_of_database()]:
        content = path.read_bytes()
        assert old not in content and old.hex().encode() not in content, path


def files_of_office() -> list[Path]:
    roots = (Path(settings.OFFICE_VAR), Path(settings.OFFICE_SECRETS), keyring.folder())
    return [path for root in roots for path in root.rglob("*") if path.is_file()]


def test_the_attacker_succeeds_when_keys_are_not_deleted(
    victim: DataSubject, tmp_path: Path, monkeypatch: Any
) -> None:
    """The same procedure against a destruction that writes its items and deletes nothing."""
    delete_no_keys(monkeypatch)
    destroy(victim)
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    assert keys.keys_retire_due(now=NOW, today=TODAY) == 1
    assert steal(tmp_path / "copy").of(victim.pk).opened(keks()) == VALUES
