"""Somebody with a copy of the database and with keys, who knows how the office seals.

Uses ``subjects.sealing``, bytes and SQL; of the office's own code nothing that could refuse.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from subjects import sealing
from tests.subjects.vault_office import database_url


def _own(table: str, *names: str) -> tuple[str, ...]:
    """Of values that are bound to their own row; versions in the history too."""
    return tuple(
        f"SELECT id, NULL, {name}_key, {name} FROM {app}_{version}{model}"
        for app, model in [table.split("_")]
        for version in ("", "historical")
        for name in names
    )


# What each kind is bound to, in the words of the office: kind, then rows of (owner, category,
# key, ciphertext). Versions in the history too.
SEALED = {
    (1, b"datum.value"): (
        "SELECT subject_id, category_id, value_key, value FROM subjects_personaldatum",
        "SELECT subject_id, category_id, value_key, value FROM subjects_historicalpersonaldatum",
    ),
    (2, b"consent.evidence"): (
        "SELECT g.subject_id, NULL, c.evidence_key, c.evidence FROM subjects_consent c "
        "JOIN subjects_ground g ON g.id = c.ground_id",
        "SELECT g.subject_id, NULL, c.evidence_key, c.evidence FROM subjects_historicalconsent c "
        "JOIN subjects_ground g ON g.id = c.ground_id",
    ),
    (5, b"request.text"): _own(
        "requests_subjectrequest",
        "name",
        "email",
        "phone",
        "postal",
        "message",
        "tracking",
        "power",
    )
    # Notes are bound to their request, and have no history.
    + ("SELECT request_id, NULL, text_key, text FROM requests_requestnote",),
    (6, b"letter.text"): _own("requests_letter", "body", "address"),
    # What nobody has confirmed yet has no history.
    (9, b"mail.text"): _own("requests_incomingmail", "told"),
    (10, b"answer.content"): _own("requests_accessanswer", "withheld"),
    (7, b"submission.text"): ("SELECT id, NULL, told_key, told FROM requests_submission",),
}
FILES = "SELECT kind, owner, category, key, place_on_disk FROM subjects_sealedfile"
OF_FILES = {
    3: b"file.content", 4: b"import.content", 6: b"letter.text", 7: b"submission.text",
    8: b"export.content", 9: b"mail.text",
    10: b"answer.content", 11: b"act.paper",
}  # fmt: skip
KEYS = "SELECT id, wrapped FROM subjects_vaultkey"


@dataclass
class Loot:
    """What somebody carries: ciphertexts with what they are bound to, and wrapped keys."""

    ciphertexts: set[tuple[int, bytes, int, int, int, bytes]] = field(default_factory=set)
    wrapped: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def __or__(self, other: Loot) -> Loot:
        both = Loot(self.ciphertexts | other.ciphertexts)
        for source in (self, other):
            for number, keys in source.wrapped.items():
                both.wrapped[number] |= keys
        return both

    def of(self, owner: int) -> Loot:
        found = {one for one in self.ciphertexts if one[2] == owner}
        return Loot(found, self.wrapped)

    def of_kind(self, *kinds: int) -> Loot:
        return Loot({one for one in self.ciphertexts if one[0] in kinds}, self.wrapped)

    def opened(self, keks: Iterable[bytes]) -> set[str]:
        """Every value that any wrapped key of its number opens, under any of the KEKs."""
        keks, found = list(keks), set()
        for kind, label, owner, category, number, raw in self.ciphertexts:
            bound = b"key:%d:%d:%d" % (kind, owner, category)
            for wrapped in self.wrapped.get(number, ()):
                for kek in keks:
                    try:
                        key = sealing.unwrap(kek, wrapped, bound)
                        found.add(_unsealed(key, raw, label + b":%d" % number))
                    except sealing.CannotOpen:
                        continue
        return found


def _unsealed(key: bytes, raw: bytes, bound: bytes) -> str:
    """A value, or the content of a file, byte by byte a letter where it is no text."""
    try:
        plain = sealing.unseal(key, raw, bound)
    except sealing.CannotOpen:
        plain = b"".join(sealing.unseal_stream(key, [raw], bound))
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def steal(folder: Path) -> Loot:
    """Copy the database as it lies there, and read the copy; the sealed files with it."""
    if connection.vendor == "sqlite":
        folder.mkdir()
        name = Path(str(connection.settings_dict["NAME"]))
        for ending in ("", "-wal"):
            if Path(f"{name}{ending}").exists():
                shutil.copy(f"{name}{ending}", folder / f"copy.sqlite3{ending}")
        with closing(sqlite3.connect(folder / "copy.sqlite3")) as copy:
            return _read(lambda statement: copy.execute(statement).fetchall())
    with psycopg.connect(database_url()) as dumped:
        return _read(lambda statement: list(_dump(dumped, statement)))


def _dump(dumped: Any, statement: str) -> Iterator[tuple[Any, ...]]:
    with dumped.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
        for line in copy:
            cells = bytes(line).rstrip(b"\n").split(b"\t")
            yield tuple(_cell(cell) for cell in cells)


def _cell(cell: bytes) -> Any:
    if cell == rb"\N":
        return None
    if cell.startswith(rb"\\x"):
        return bytes.fromhex(cell[3:].decode())
    return int(cell) if cell.isdigit() else cell.decode()


def _read(select: Any) -> Loot:
    loot = Loot()
    for (kind, label), statements in SEALED.items():
        for statement in statements:
            for owner, category, number, raw in select(statement):
                if number is not None:
                    loot.ciphertexts.add((kind, label, owner, category or 0, number, bytes(raw)))
    for kind, owner, category, number, place in select(FILES):
        path = Path(settings.OFFICE_SEALED) / place[:2] / place
        if path.exists():
            loot.ciphertexts.add(
                (kind, OF_FILES[kind], owner, category or 0, number, path.read_bytes())
            )
    for number, wrapped in select(KEYS):
        loot.wrapped[number].add(bytes(wrapped))
    return loot


def files_of_database() -> list[Path]:
    """Every file in which the database server keeps anything; empty when they are elsewhere."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        return [Path(name + ending) for ending in ("", "-wal") if Path(name + ending).exists()]
    folder = data_folder()
    return [] if folder is None else [path for path in folder.rglob("*") if path.is_file()]


def data_folder() -> Path | None:
    """The folder of the PostgreSQL of the run, when this machine has it."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    try:
        return folder if (folder / "PG_VERSION").exists() else None
    except PermissionError:
        return None


def still_lying_around(known: Loot) -> Loot:
    """Which of the wrapped keys that were known before lie anywhere in the files of now."""
    found = Loot(known.ciphertexts)
    for path in files_of_database():
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # The server has removed one of its own caches meanwhile.
            continue
        for number, keys in known.wrapped.items():
            found.wrapped[number] |= {key for key in keys if key in content}
    return found
