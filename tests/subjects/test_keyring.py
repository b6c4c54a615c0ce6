"""The key files: written once, checked at each reading, followed by every process, destroyed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path

from registry.models import JobRun
from subjects import sealing
from subjects.models import PersonalDatum, VaultKey
from subjects.vault import keyring
from subjects.vault.models import KeyUse, MasterKey
from subjects.vault.sealing_bridge import open_rows
from tests.conftest import Office
from tests.subjects.people import card, consent, datum, person
from tests.test_pages import readiness, run_jobs


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.OFFICE_KEYS = tmp_path / "keys"
    return tmp_path / "keys"


# --- the files -----------------------------------------------------------------------------------
def test_a_key_file_is_for_its_owner_alone_and_is_never_overwritten(folder: Path) -> None:
    key = sealing.new_key()
    keyring.write_file("kek-0001", key)
    assert keyring.read_file("kek-0001") == key
    assert stat.S_IMODE((folder / "kek-0001").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(keyring.KeyFileThere):
        keyring.write_file("kek-0001", sealing.new_key())
    assert keyring.read_file("kek-0001") == key
    assert [item.name for item in folder.iterdir()] == ["kek-0001"]


def test_nothing_but_a_key_is_written(folder: Path) -> None:
    with pytest.raises(sealing.WrongKey):
        keyring.write_file("kek-0001", b"short")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"ab" * 31, b"ab" * 33, b"zz" * 32, b"\xff" * 64, os.urandom(32), b"a" * 63],
)
def test_a_wrong_file_is_refused_by_name(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "kek-0001").write_bytes(content)
    with pytest.raises(keyring.KeyFileWrong) as caught:
        keyring.read_file("kek-0001")
    assert "kek-0001" in str(caught.value)
    assert content == b"" or content.strip() == b"" or content[:8].hex() not in str(caught.value)


def test_a_missing_file_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(keyring.KeyFileWrong, match="kek-0007"):
        keyring.read_file("kek-0007")


def test_destroying_leaves_neither_the_file_nor_its_drafts(folder: Path) -> None:
    key = sealing.new_key()
    keyring.write_file("kek-0001", key)
    keyring.write_file("kek-0002", sealing.new_key())
    # A process was killed between the link and the removal of its draft: a second name.
    os.link(folder / "kek-0001", folder / ".kek-0001.00ff")
    # A second descriptor sees that the bytes themselves were overwritten.
    with (folder / "kek-0001").open("rb") as still_open:
        keyring.destroy_file("kek-0001")
        assert key.hex().encode() not in still_open.read()
    assert [item.name for item in folder.iterdir()] == ["kek-0002"]
    keyring.destroy_file("kek-0001")


def test_numbers_of_files_pass_by_what_is_no_key(folder: Path) -> None:
    assert keyring.numbers_of_files("kek") == []
    folder.mkdir()
    for name in ("kek-0001", "kek-0012", "kek-abcd", ".kek-0003.11", "search-0005", "kek-00011"):
        (folder / name).touch()
    assert keyring.numbers_of_files("kek") == [1, 12]


# --- the ring ------------------------------------------------------------------------------------
@pytest.fixture
def kek(office: Office) -> Path:
    """The file of the newest KEK in use."""
    row = MasterKey.objects.filter(use=KeyUse.KEK, retired_at=None).order_by("-number")[0]
    return keyring.folder() / keyring.name_of(row.use, row.number)


WRONG = {
    "missing": lambda path: path.unlink(),
    "length": lambda path: path.write_text("ab" * 31),
    "hex": lambda path: path.write_text("not a key"),
    "another": lambda path: path.write_text(sealing.new_key().hex()),
}


@pytest.mark.parametrize("how", WRONG)
def test_readyz_names_the_key_that_is_missing_or_wrong(
    office: Office, kek: Path, client: Client, how: str
) -> None:
    run_jobs()
    assert readiness(client) == (200, {})
    WRONG[how](kek)
    status, wrong = readiness(client)
    assert status == 503 and list(wrong) == ["vault"] and kek.name in wrong["vault"]
    assert str(kek.parent) not in wrong["vault"]


def test_readyz_counts_what_is_lost(office: Office, client: Client) -> None:
    run_jobs()
    JobRun.objects.filter(job="watch_vault").update(did={"lost": 3, "missing": 0})
    assert readiness(client) == (503, {"vault": "3 values lost"})


@pytest.mark.parametrize("how", WRONG)
def test_without_its_key_nothing_is_opened_or_saved(office: Office, kek: Path, how: str) -> None:
    subject = person(office.pandev)
    row = PersonalDatum.objects.filter(subject=subject)[0]
    before = VaultKey.objects.count()
    WRONG[how](kek)
    # A content that changed under a running process is noticed when the folder is read again.
    keyring.forget()
    with pytest.raises(keyring.KeysMissing, match=kek.name):
        open_rows([row], "value")
    with pytest.raises(keyring.KeysMissing, match=kek.name):
        datum(office.pandev, subject, "phone", "+77010000000")
    with pytest.raises(keyring.KeysMissing, match=kek.name):
        consent(office.pandev, card(office.pandev))
    assert VaultKey.objects.count() == before


def test_a_key_that_comes_back_is_taken_up(office: Office, kek: Path) -> None:
    subject = person(office.pandev)
    row = PersonalDatum.objects.filter(subject=subject)[0]
    content = kek.read_text()
    kek.unlink()
    with pytest.raises(keyring.KeysMissing):
        open_rows([row], "value")
    kek.write_text(content)
    assert open_rows([row], "value")[row.pk].text


def test_a_key_nobody_told_the_table_about_is_not_used(office: Office) -> None:
    keyring.write_file("kek-0777", sealing.new_key())
    try:
        assert keyring.ring(fresh=True).active(KeyUse.KEK) < 777
    finally:
        keyring.destroy_file("kek-0777")


def test_a_folder_changed_within_the_same_moment_is_read_again(office: Office, kek: Path) -> None:
    """File systems count time in steps: a change within a step leaves no new time."""
    folder = keyring.folder()
    (folder / "note").touch()
    assert not keyring.ring(fresh=True).missing
    stamp = folder.stat()
    kek.unlink()
    (folder / "note").unlink()
    os.utime(folder, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert keyring.ring().missing


# --- pages ---------------------------------------------------------------------------------------
def _page(request: Any) -> Any:
    row = PersonalDatum.objects.order_by("pk")[0]
    raise AssertionError(open_rows([row], "value")[row.pk].text)


urlpatterns = [path("value/", _page), path("", include("config.urls"))]


def test_a_page_that_needs_a_value_says_so_with_503(
    office: Office, kek: Path, as_user: Any, settings: Any
) -> None:
    person(office.pandev, name="Тайна Тайная")
    client = as_user(office.pandev.dpo)
    settings.ROOT_URLCONF = "tests.subjects.test_keyring"
    kek.unlink()
    response = client.get("/value/")
    page = response.content.decode()
    assert response.status_code == 503
    assert kek.name in page and "Тайна" not in page and "Traceback" not in page
