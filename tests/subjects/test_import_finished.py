"""People that come as finished lines, on PostgreSQL, are those that come row by row."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import override

from registry import seam
from registry.models import Operator
from subjects import sealing
from subjects.models import (
    Consent,
    DataSubject,
    Ground,
    ImportReject,
    PersonalDatum,
    SearchToken,
    VaultKey,
)
from tests.conftest import Office
from tests.subjects.test_import_common import (
    ROW,
    counts,
    imported,
    published,
    rejects,
    story,
    synthetic,
    table,
)

postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="lines are a matter of PostgreSQL's COPY"
)
# Drawn anew for each import, or numbers.
DRAWN = {
    "id", "code", "owner", "key", "wrapped", "value", "value_key", "evidence", "evidence_key",
    "subject_id", "ground_id", "history_id", "history_change_reason",
}  # fmt: skip
ODD = [
    ROW | {"full_name": "Иванова  Анна"},
    ROW | {"account": "u\\2\\N", "full_name": "О'Нил Öz"},
    # Another ground, of the same words; then rows that differ.
    ROW | {"account": "u-3", "email": "a%d@example.org"},
    ROW | {"account": "u-3", "email": "a%d@example.org", "activity": "licence_agreement"},
    ROW | {"account": "u-4", "email": ""},
    ROW | {"account": "u-4", "full_name": "", "activity": "licence_agreement", "evidence": ""},
    # The same row twice; an account in other letters; a row that is refused among good ones.
    ROW | {"account": "u-5"},
    ROW | {"account": "u-5"},
    ROW | {"account": "U-5", "activity": "licence_agreement"},
    ROW | {"account": "u-6", "basis": "KZ.0"},
    ROW | {"account": "u-6", "evidence": "line\\t one"},
    ROW | {"account": "u-7", "channel": "pigeon"},
]


def _dump(operator: Operator) -> dict[str, Any]:
    """Everything that can be the same in two imports of one file."""
    found: dict[str, Any] = {"story": story(operator)}
    live: Any
    for live in (DataSubject, Ground, Consent, PersonalDatum, VaultKey):
        for model in (live, *([live.history.model] if hasattr(live, "history") else [])):
            found[model.__name__] = sorted(
                repr(sorted((name, cell) for name, cell in row.items() if name not in DRAWN))
                for row in model.objects.values()
            )
    found["tokens"] = sorted(bytes(row.token) for row in SearchToken.objects.all())
    return found


@postgresql
@pytest.mark.parametrize("content", [synthetic("pandev", 60), table(*ODD)], ids=["usual", "odd"])
def test_both_ways_leave_the_same(
    content: bytes, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(office.pandev.operator, office.pandev.dpo)
    left = []
    for lines in (True, False):
        monkeypatch.setattr(seam, "takes_lines", lambda lines=lines: lines)
        with transaction.atomic():
            run = imported(office.pandev, content)
            left.append((_dump(run.operator), counts(run), rejects(run)))
            transaction.set_rollback(True)
    assert left[0] == left[1]


@postgresql
def test_cells_of_lines_come_back_as_they_were(office: Office) -> None:
    names = ["\\N", "a\tb\\t", "line\nfeed\r", "\\", "%d %s", "плюс \\x41", ""]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE cells (number int, name text, raw bytea, said bool)")
        lines = (
            b"\t".join(map(seam.copy_text, (number, name, name.encode(), None))) + b"\n"
            for number, name in enumerate(names)
        )
        seam.copy_lines("cells", ("number", "name", "raw", "said"), lines)
        cursor.execute("SELECT name, raw, said FROM cells ORDER BY number")
        assert [(name, bytes(raw), said) for name, raw, said in cursor.fetchall()] == [
            (name, name.encode(), None) for name in names
        ]


def test_a_cell_of_another_kind_is_no_line() -> None:
    assert [seam.copy_text(cell) for cell in (True, False, 1)] == [b"t", b"f", b"1"]
    with pytest.raises(TypeError):
        seam.copy_text([1])


@postgresql
def test_numbers_with_gaps_are_told_one_by_one(office: Office) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence('subjects_ground', 'id')")
        (sequence,) = cursor.fetchone()
        cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY 3")
    numbers = seam.reserve_ids(Ground, 4)
    assert [number - numbers[0] for number in numbers] == [0, 3, 6, 9]
    assert seam.reserve_ids(Ground, 1)[0] > numbers[-1]


def test_sealing_many_gives_what_sealing_one_gives() -> None:
    kek, search = sealing.new_key(), sealing.new_key()
    sealer = sealing.Sealer(kek)
    wrapped, raw = sealer.seal("Анна".encode(), bound_key=b"key", bound=b"value")
    key = sealing.unwrap(kek, wrapped, b"key")
    assert sealing.unseal(key, raw, b"value") == "Анна".encode()
    assert len(wrapped) == sealing.WRAPPED_BYTES and len(key) == sealing.KEY_BYTES
    # Nothing is drawn twice: key, and both nonces.
    again, other = sealer.seal("Анна".encode(), bound_key=b"key", bound=b"value")
    assert wrapped[:12] != again[:12] != other[1:13] != raw[1:13] != wrapped[:12]
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(key, other, b"value")
    tokens = sealing.Tokens(search)
    for term in ("анна", "anna"):
        assert tokens.token(7, "word", term) == sealing.token(search, 7, "word", term)


def test_what_threads_judge_asks_nothing_and_speaks_the_language_of_whoever_began(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(office.pandev.operator, office.pandev.dpo)
    wrong = ROW | {"account": "u-2", "scopes": "dissemination"}
    connect = BaseDatabaseWrapper.connect

    def only_here(wrapper: BaseDatabaseWrapper) -> None:
        assert threading.current_thread() is threading.main_thread()
        connect(wrapper)

    monkeypatch.setattr(BaseDatabaseWrapper, "connect", only_here)
    with override("kk"):
        label = str(Consent._meta.get_field("dissemination").verbose_name)
        run = imported(office.pandev, table(ROW, wrong), processes=1)
    assert counts(run)["rejected"] == 1
    assert ImportReject.objects.get(run=run).params["scope"] == label
    with override("en"):
        assert label != str(Consent._meta.get_field("dissemination").verbose_name)
