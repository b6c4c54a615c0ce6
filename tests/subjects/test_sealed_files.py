"""Sealed files: streamed, under a key each, swept when nobody names them; and what is a photo."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from registry.models import DataCategory
from subjects.models import PersonalDatum, SealedFile, VaultKey
from subjects.sealing import PIECE_BYTES, CannotOpen
from subjects.services import files, keys, pictures
from subjects.services.destruction import data_destroy, keys_destroy
from subjects.services.files import file_open, file_seal, files_look, files_sweep, sniff
from subjects.services.pictures import photo_check
from subjects.vault import store
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, card

MARK = b"unmistakable bytes of a photo"


@pytest.fixture(autouse=True)
def sealed(settings: Any, tmp_path: Path) -> Path:
    settings.OFFICE_SEALED = tmp_path / "sealed"
    return tmp_path / "sealed"


def keep(office: Office, pieces: Any = (MARK,), **fields: Any) -> SealedFile:
    options: dict[str, Any] = {
        "operator": office.pandev.operator, "kind": Sealed.FILE, "owner": 7, "category": None,
        "media_type": "image/jpeg", "now": NOW,
    }  # fmt: skip
    return file_seal(pieces=pieces, **(options | fields))


def on_disk(sealed: Path) -> list[Path]:
    return [path for path in sealed.rglob("*") if path.is_file()]


# --- sealing and opening -------------------------------------------------------------------------
def test_a_file_comes_back_and_says_nothing_on_the_disk(office: Office, sealed: Path) -> None:
    row = keep(office, [MARK, b"", MARK * 5000])
    assert b"".join(file_open(SealedFile.objects.get(pk=row.pk))) == MARK * 5001
    assert row.size == len(MARK) * 5001 and row.media_type == "image/jpeg"
    (path,) = on_disk(sealed)
    assert path == row.path and len(path.name) == 64 and path.parent.name == path.name[:2]
    assert MARK not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_destroyed_file_refuses_a_lost_one_is_an_incident(office: Office) -> None:
    gone, lost, absent = keep(office), keep(office), keep(office)
    keys_destroy([gone.key], reason="x", by=None, now=NOW)
    VaultKey.objects.filter(pk=lost.key).delete()
    absent.path.unlink()
    for row, error in (
        (gone, store.ValueDestroyed), (lost, store.ValueLost), (absent, files.FileGone),
    ):  # fmt: skip
        with pytest.raises(error):
            file_open(row)
    assert keys.lost_keys() == [lost.key]


def test_a_damaged_cut_or_swapped_file_refuses(office: Office) -> None:
    row, other = keep(office, [MARK * 9000]), keep(office, [MARK * 9000])
    whole = row.path.read_bytes()
    middle = len(whole) // 2
    for wrong in (
        whole[:-1], whole[: 8 + PIECE_BYTES + 16], b"", whole[:5], whole + b"x",
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        other.path.read_bytes(),
    ):  # fmt: skip
        row.path.write_bytes(wrong)
        with pytest.raises(CannotOpen):
            list(file_open(row))
    row.path.write_bytes(whole)
    row.owner = 8
    with pytest.raises(store.ForeignKeyOfValue):
        file_open(row)
    row.owner, row.key = 7, other.key
    with pytest.raises(CannotOpen):
        list(file_open(row))


def test_whatever_fails_leaves_neither_key_nor_file(office: Office, sealed: Path) -> None:
    before = VaultKey.objects.count()

    def breaks() -> Iterator[bytes]:
        yield MARK
        raise ConnectionResetError

    for pieces, error in ((breaks(), ConnectionResetError), ([], files.FileEmpty),
                          ([b""], files.FileEmpty)):  # fmt: skip
        with pytest.raises(error):
            keep(office, pieces)
    with pytest.raises(ValueError):
        keep(office, kind=77)
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(office, media_type=None)
    first = keep(office)
    assert on_disk(sealed) == [first.path]
    assert VaultKey.objects.count() == before + 1
    assert b"".join(file_open(first)) == MARK


def test_what_a_rolled_back_transaction_leaves_is_mute_and_is_swept(
    office: Office, sealed: Path
) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        row = keep(office)
        raise ZeroDivisionError
    assert not VaultKey.objects.filter(pk=row.key).exists()
    (left,) = on_disk(sealed)
    assert MARK not in left.read_bytes()
    now = timezone.now()
    # Perhaps its transaction still runs.
    assert files_sweep(now=now).orphans == [] and left.exists()
    assert files_sweep(now=now + timedelta(hours=25)).orphans == [left]
    assert not left.exists()


def test_the_sweep_takes_orphans_and_mute_files_and_names_missing_ones(
    office: Office, sealed: Path
) -> None:
    kept, gone, missing = keep(office), keep(office), keep(office)
    keys_destroy([gone.key], reason="x", by=None, now=NOW)
    missing.path.unlink()
    draft = kept.path.with_name(f".{'0' * 64}")
    draft.write_bytes(b"half")
    week_ago = timezone.now().timestamp() - 7 * 86400
    for path in (draft, kept.path):
        os.utime(path, (week_ago, week_ago))
    found = files_look(now=timezone.now())
    assert (found.orphans, found.mute, found.missing) == ([draft], [gone.path], [missing.pk])
    assert draft.exists() and gone.path.exists()
    files_sweep(now=timezone.now())
    assert on_disk(sealed) == [kept.path]
    assert files_sweep(now=timezone.now()).missing == [missing.pk]
    sealed.rename(sealed.with_name("moved"))
    assert sorted(files_look(now=timezone.now()).missing) == [kept.pk, missing.pk]


def test_a_destroyed_datum_gives_back_its_space(
    office: Office, sealed: Path, django_capture_on_commit_callbacks: Any
) -> None:
    subject = card(office.pandev)
    category = DataCategory.objects.filter(operator=office.pandev.operator, format="image")[0]
    row = keep(office, owner=subject.pk, category=category.pk)
    datum = PersonalDatum.objects.create(
        subject=subject, category=category, file=row, collected_on=TODAY
    )
    with django_capture_on_commit_callbacks(execute=True):
        items = data_destroy(
            subject=subject, data=[datum], reason="x", by=None, now=NOW, today=TODAY
        )
    assert [item.key for item in items] == [row.key] and on_disk(sealed) == []
    with pytest.raises(store.ValueDestroyed):
        file_open(row)
    found = files_look(now=timezone.now())
    assert (found.orphans, found.mute, found.missing) == ([], [], [])


def test_memory_stays_flat_for_200_mb(office: Office, sealed: Path) -> None:
    size, piece = 200 << 20, os.urandom(1 << 20)
    tracemalloc.start()
    try:
        row = keep(office, (piece for _ in range(size >> 20)))
        assert sum(map(len, file_open(row))) == size == row.size
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
        for path in on_disk(sealed):
            path.unlink()


# --- what a file is ------------------------------------------------------------------------------
def drawn(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, 0).save(stream, kind)
    return stream.getvalue()


CONTENT = {
    drawn("JPEG"): pictures.JPEG,
    drawn("PNG"): pictures.PNG,
    drawn("WEBP"): pictures.WEBP,
    drawn("GIF"): pictures.GIF,
    b"%PDF-1.7\n": pictures.PDF,
    b"account,e-mail\r\n1,a@b.kz\r\n": pictures.CSV,
    "счёт;имя\n1;Иван".encode(): pictures.CSV,
    "\ufeffсчёт\tимя".encode(): pictures.CSV,
    "счёт;имя\r\n1;Иван".encode("cp1251"): pictures.CSV,
    "счёт;имя".encode("utf-16"): pictures.CSV,
    "имя;".encode() * 1000 + "ё".encode()[:1]: pictures.CSV,
    b"just words": pictures.TEXT,
}


@pytest.mark.parametrize("head", CONTENT, ids=lambda head: repr(head[:12]))
def test_content_tells_what_a_file_is(head: bytes) -> None:
    assert sniff(head[: pictures.HEAD_BYTES]) == CONTENT[head]


@pytest.mark.parametrize(
    "head",
    [
        b"", b"  \n", b"<html><script>", b"  <!DOCTYPE html>", b"\xef\xbb\xbf<svg xmlns=",
        "<svg".encode("utf-16"), b"<?xml version='1.0'?>", b"PK\x03\x04", b"MZ\x90\x00\x03",
        b"a,b\x00c", b"\x7fELF", bytes(range(256)), b"\x1b[2Ja,b", "a\x00,b".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(head: bytes) -> None:
    with pytest.raises(pictures.UnknownContent):
        sniff(head)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_passes_and_is_left_at_its_start(kind: str) -> None:
    data = drawn(kind)
    stream = io.BytesIO(data)
    stream.seek(5)
    assert photo_check(stream, len(data)) == getattr(pictures, kind)
    assert stream.tell() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>photo.jpg</body></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7", b"a,b\n", b"", drawn("GIF"), drawn("TIFF"), drawn("BMP"),
        b"GIF89a<script>alert(1)</script>",
    ],
)  # fmt: skip
def test_no_photo_is_refused_whatever_its_name(data: bytes) -> None:
    with pytest.raises(pictures.NotAPhoto):
        photo_check(io.BytesIO(data), len(data))


def test_a_damaged_photo_is_refused() -> None:
    jpeg, png = drawn("JPEG", (600, 400)), drawn("PNG", (600, 400))
    for data in (
        jpeg[: len(jpeg) // 2], jpeg[:200], b"\xff\xd8\xff<script>", png[: len(png) // 2],
        b"\x89PNG\r\n\x1a\n", png[:60] + b"\xa5" + png[61:], b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    ):  # fmt: skip
        with pytest.raises(pictures.PhotoDamaged) as caught:
            photo_check(io.BytesIO(data), len(data))
        assert caught.value.__suppress_context__


def test_a_photo_has_its_limits() -> None:
    with pytest.raises(pictures.PhotoTooBig):
        photo_check(io.BytesIO(drawn("JPEG")), 10 * 1024 * 1024 + 1)
    wide = drawn("PNG", (8000, 5001), "1")
    assert len(wide) < 100_000
    with pytest.raises(pictures.PhotoTooWide):
        photo_check(io.BytesIO(wide), len(wide))
    assert photo_check(io.BytesIO(drawn("PNG", (8000, 5000), "1")), 1) == pictures.PNG
    # A head that claims 4 billion pixels, with nothing behind it.
    bomb = bytearray(drawn("PNG", (10, 10)))
    bomb[16:24] = (65_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(pictures.PhotoTooWide):
        photo_check(io.BytesIO(bytes(bomb)), len(bomb))


def test_checking_a_large_photo_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(drawn("JPEG", (7000, 5700)))
    program = (
        "import resource, sys\n"
        "from subjects.services import pictures\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "path = sys.argv[1]\n"
        "with open(path, 'rb') as stream: assert pictures.photo_check(stream, 1) == pictures.JPEG\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True,
    )  # fmt: skip
    # 120 MB when it is unpacked whole.
    assert int(done.stdout) < 30_000
