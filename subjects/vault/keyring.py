"""The keys outside the database: one file each, mode 600, in ``OFFICE_KEYS``.

A file is named ``kek-0001``, ``search-0001`` or, by its year, ``evidence-2026``, and holds 64 hex
digits. The ring in memory follows the folder: a file that is destroyed is forgotten at the next
use, in every process.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from registry.errors import OperatorError, gettext_noop
from subjects import sealing
from subjects.vault.models import KeyUse, MasterKey


class KeysMissing(OperatorError):
    """A key that is in use is not there, or is another one: nothing sealed is served."""

    status = 503
    template = gettext_noop(
        "The office cannot open what it has sealed: %(which)s. Bring the key back; until then "
        "nothing sealed is shown or saved."
    )


class EvidenceKeyMissing(KeysMissing):
    """Nothing is destroyed that could not be proven, and no answer is given that may be wrong."""

    template = gettext_noop(
        "%(which)s is not there: without this key the office can neither destroy anything nor "
        "tell what was destroyed. Bring the key back, or run make_keys when it is this year's."
    )


class KeyFileWrong(OperatorError):
    status = 503
    template = gettext_noop("The key file %(name)s is wrong: %(why)s")


class KeyFileThere(OperatorError):
    template = gettext_noop("The key file %(name)s is there already; it is never overwritten.")


@dataclass
class Ring:
    """What the folder and the table of master keys say together."""

    keys: dict[tuple[str, int], bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    # The same as use and number.
    lacking: set[tuple[str, int]] = field(default_factory=set)

    def get(self, use: str, number: int) -> bytes:
        self.require_whole()
        try:
            return self.keys[use, number]
        except KeyError:
            raise KeysMissing(which=name_of(use, number)) from None

    def has(self, use: str, number: int) -> bool:
        return (use, number) in self.keys

    def numbers(self, use: str) -> list[int]:
        """The keys in use, newest first."""
        self.require_whole()
        return sorted((number for kind, number in self.keys if kind == use), reverse=True)

    def active(self, use: str) -> int:
        numbers = self.numbers(use)
        if not numbers:
            raise KeysMissing(which=name_of(use, 1))
        return numbers[0]

    def require_whole(self) -> None:
        """Refuse while a key is missing that seals or finds; evidence is asked for by itself."""
        if any(use != KeyUse.EVIDENCE for use, _ in self.lacking):
            raise KeysMissing(which=", ".join(self.missing))


def name_of(use: str, number: int) -> str:
    return f"{use}-{number:04d}"


def folder() -> Path:
    return Path(settings.OFFICE_KEYS)


def read_file(name: str) -> bytes:
    """The key of a file; refuses a wrong length or anything but hex digits, by the file's name."""
    try:
        text = (folder() / name).read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise KeyFileWrong(
            name=name, why=gettext("it cannot be read (%(reason)s).") % {"reason": error.strerror}
        ) from None
    except ValueError:
        raise KeyFileWrong(
            name=name, why=gettext("it holds something else than hex digits.")
        ) from None
    try:
        return sealing.check_key(key)
    except sealing.WrongKey as error:
        raise KeyFileWrong(name=name, why=str(error)) from None


def write_file(name: str, key: bytes) -> None:
    """A new key file that survives a power cut; never touches one that exists."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = place / f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(sealing.check_key(key).hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, place / name)
    except FileExistsError:
        raise KeyFileThere(name=name) from None
    finally:
        draft.unlink()
    _sync(place)


def destroy_file(name: str) -> None:
    """Overwrite and remove a key file; one that is gone already is no error.

    Its drafts too: a process that was killed while it wrote the key has left a copy.
    """
    for path in [folder() / name, *folder().glob(f".{name}.*")]:
        try:
            with path.open("r+b") as stream:
                stream.write(os.urandom(path.stat().st_size))
                stream.flush()
                os.fsync(stream.fileno())
            path.unlink()
        except FileNotFoundError:
            continue
    if folder().is_dir():
        _sync(folder())


def is_there(name: str) -> bool:
    """Whether the file, or a draft of it, still exists."""
    return (folder() / name).exists() or any(folder().glob(f".{name}.*"))


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def numbers_of_files(use: str) -> list[int]:
    found = folder().glob(f"{use}-????") if folder().is_dir() else []
    return sorted(int(path.name[-4:]) for path in found if path.name[-4:].isdecimal())


# A folder that was changed so shortly before it was read may have been changed after it as well
# without a new time: file systems count in steps of some milliseconds.
_SETTLED_NS = 100_000_000

_ring: tuple[tuple[str, int] | None, Ring] | None = None


def ring(*, fresh: bool = False) -> Ring:
    """The ring, read again when the folder has changed (or when ``fresh`` is asked for).

    Says in ``missing`` which keys in use are absent, of a wrong length or of another content.
    """
    global _ring
    stamp = _stamp()
    if fresh or _ring is None or _ring[0] != stamp or _ring[1].missing:
        settled = abs(time.time_ns() - stamp[1]) > _SETTLED_NS
        _ring = (stamp if settled else None, _read())
    return _ring[1]


def forget() -> None:
    """Read the folder and the table at the next use."""
    global _ring
    _ring = None


def _stamp() -> tuple[str, int]:
    try:
        return str(folder()), folder().stat().st_mtime_ns
    except OSError:
        return str(folder()), 0


def _read() -> Ring:
    found = Ring()
    for row in MasterKey.objects.filter(retired_at=None):
        name = name_of(row.use, row.number)
        try:
            key = read_file(name)
        except KeyFileWrong as error:
            # The row said so before its file went: asked once more, it says that it is retired.
            if not MasterKey.objects.filter(pk=row.pk, retired_at=None).exists():
                continue
            found.missing.append(f"{name}: {error.params['why']}")
            found.lacking.add((row.use, row.number))
            continue
        if sealing.fingerprint(key) != row.fingerprint:
            found.lacking.add((row.use, row.number))
            found.missing.append(gettext("%(name)s: the file holds another key") % {"name": name})
            continue
        found.keys[row.use, row.number] = key
    return found


def kek(number: int) -> bytes:
    """A key-encryption key by its number; looks again for one that another process has made."""
    found = ring()
    if not found.has(KeyUse.KEK, number):
        found = ring(fresh=True)
    return found.get(KeyUse.KEK, number)


def evidence_key(year: int) -> bytes:
    """The evidence key of a year; needs no other key. Refuses, by name, when it is not there."""
    found = ring()
    if not found.has(KeyUse.EVIDENCE, year):
        found = ring(fresh=True)
    try:
        return found.keys[KeyUse.EVIDENCE, year]
    except KeyError:
        raise EvidenceKeyMissing(which=name_of(KeyUse.EVIDENCE, year)) from None


def evidence_keys() -> dict[int, bytes]:
    """All evidence keys in use, by year. Refuses while one is missing: its answers would be too."""
    found = ring()
    lacking = sorted(name_of(*one) for one in found.lacking if one[0] == KeyUse.EVIDENCE)
    if lacking:
        raise EvidenceKeyMissing(which=", ".join(lacking))
    return {number: key for (use, number), key in found.keys.items() if use == KeyUse.EVIDENCE}
