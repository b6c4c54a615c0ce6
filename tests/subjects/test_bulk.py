"""Rows in bulk leave what ``save()`` leaves; numbers are never given twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from registry import seam
from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity
from registry.services import audit
from subjects.choices import SubjectKind
from subjects.models import Consent, DataSubject, Ground, PersonalDatum, SearchToken, VaultKey
from subjects.services import bulk, people
from subjects.vault import sealing_bridge
from tests.conftest import Office
from tests.subjects.test_import_common import NOW, published

TODAY = NOW.date()
AT = {"reason": "bulk", "at": NOW}
NOT_COMPARED = {"id", "history_id", "history_date", "code", "value", "value_key", "evidence",
                "evidence_key", "ground_id"}  # fmt: skip


@pytest.fixture
def card(office: Office) -> DataSubject:
    published(office.pandev.operator, office.pandev.dpo)
    return people.subject_register(operator=office.pandev.operator, by=office.pandev.clerk, now=NOW)


def _rows(card: DataSubject) -> dict[str, Callable[[], Any]]:
    """A maker of a row of each model; the bulk seam and ``save()`` each get one of their own."""
    operator = card.operator
    activities = iter(ProcessingActivity.objects.filter(operator=operator).order_by("pk"))
    basis = LegalBasis.objects.get(code="KZ.7.1")
    text = ConsentText.objects.get(operator=operator)
    email = DataCategory.objects.get(operator=operator, code="email")

    def ground() -> Ground:
        return Ground(subject=card, activity=next(activities), legal_basis=basis, started_on=TODAY)

    def consent() -> Consent:
        held = audit.save(ground(), by=None, reason="x")
        return Consent(
            ground=held, text=text, given_at=NOW, channel="web_form", cross_border=True,
            evidence="ip", expires_on=TODAY,
        )  # fmt: skip

    return {
        "DataSubject": lambda: DataSubject(
            operator=operator, kind=SubjectKind.SOLE_PROPRIETOR, registered_at=NOW
        ),
        "Ground": ground,
        "Consent": consent,
        "PersonalDatum": lambda: PersonalDatum(
            subject=card, category=email, value="a@example.org", collected_on=TODAY
        ),
    }


def _sealed(row: Any, number: int) -> Any:
    """Numbered, with its value sealed as the field would have done it."""
    row.pk = number
    for name in ("value", "evidence"):
        if hasattr(row, name):
            sealing_bridge.seal_many([row], name)
    return row


def _trail(row: Any) -> list[dict[str, Any]]:
    return [
        {
            name: type(cell).__name__ if name in NOT_COMPARED else cell
            for name, cell in version.items()
            if name not in ("activity_id",)
        }
        for version in type(row).history.filter(id=row.pk).order_by("history_id").values()
    ]


def _live(row: Any) -> dict[str, Any]:
    found = type(row).objects.filter(pk=row.pk).values().get()
    return {
        name: cell for name, cell in found.items() if name not in NOT_COMPARED | {"activity_id"}
    }


@pytest.mark.parametrize("model", ["DataSubject", "Ground", "Consent", "PersonalDatum"])
def test_a_bulk_write_leaves_the_rows_and_the_history_of_save(
    office: Office, card: DataSubject, model: str
) -> None:
    make = _rows(card)[model]
    by_hand = audit.save(make(), by=office.pandev.clerk, reason="bulk")
    kind = type(by_hand)
    in_bulk = _sealed(make(), seam.reserve_ids(kind, 1)[0])
    bulk.write(kind, [in_bulk], by=office.pandev.clerk, **AT)
    assert _live(in_bulk) == _live(by_hand)
    assert _trail(in_bulk) == _trail(by_hand) and len(_trail(in_bulk)) == 1


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        ("DataSubject", "kind", SubjectKind.REPRESENTATIVE),
        ("Ground", "end_reason", ""),
        ("Consent", "language", "kk"),
        ("PersonalDatum", "verified_on", TODAY),
    ],
)
def test_a_bulk_change_leaves_the_history_of_save(
    office: Office, card: DataSubject, model: str, field: str, value: Any
) -> None:
    make = _rows(card)[model]
    rows = [audit.save(make(), by=None, reason="made") for _ in range(2)]
    for row in rows:
        setattr(row, field, value)
    audit.save(rows[0], by=office.pandev.dpo, reason="bulk", fields=[field])
    bulk.change(type(rows[1]), [rows[1]], [field], by=office.pandev.dpo, **AT)
    assert _live(rows[0]) == _live(rows[1])
    assert _trail(rows[0]) == _trail(rows[1])
    assert [version["history_type"] for version in _trail(rows[1])] == ["+", "~"]


def test_drafts_are_rows_like_those_of_the_model(office: Office, card: DataSubject) -> None:
    draft = bulk.drafts(Ground, end_reason="")(id=7, subject_id=card.pk, activity_id=3)
    assert (draft.pk, draft.subject_id, draft.ended_on) == (7, card.pk, None)
    other = bulk.drafts(Ground)(subject_id=1)
    assert other.pk is None and draft.subject_id == card.pk


def test_plain_text_is_never_written(card: DataSubject) -> None:
    row = _rows(card)["PersonalDatum"]()
    row.pk = seam.reserve_ids(PersonalDatum, 1)[0]
    with pytest.raises(TypeError), transaction.atomic():
        bulk.write(PersonalDatum, [row], by=None, **AT)
    assert PersonalDatum.objects.count() == 0


def test_many_rows_and_none(card: DataSubject) -> None:
    bulk.write(DataSubject, [], by=None, **AT)
    bulk.change(DataSubject, [], ["kind"], by=None, **AT)
    assert seam.reserve_ids(DataSubject, 0) == []
    numbers = seam.reserve_ids(DataSubject, 1_500)
    # Every other one, so that they stand in no row without gaps.
    rows = [
        DataSubject(pk=number, operator=card.operator, registered_at=NOW) for number in numbers[::2]
    ]
    bulk.write(DataSubject, rows, by=None, **AT)
    assert DataSubject.objects.filter(pk__in=numbers).count() == 750
    assert DataSubject.history.filter(id__in=numbers, history_type="+").count() == 750


# --- numbers -------------------------------------------------------------------------------------
def test_reserved_numbers_come_once(office: Office) -> None:
    first, second = seam.reserve_ids(VaultKey, 5), seam.reserve_ids(VaultKey, 5)
    assert len({*first, *second}) == 10 and min(second) > max(first)
    minted = VaultKey.objects.create(kind=1, owner=1, wrapped=b"x" * 60, kek=1)
    assert minted.pk > max(second)


def test_a_number_of_the_vault_never_comes_again(transactional_db: None) -> None:
    """Not after the row was deleted, and not after the transaction that gave it was rolled back."""
    columns = ("id", "kind", "owner", "wrapped", "kek")
    given = seam.reserve_ids(VaultKey, 3)
    bulk.insert(VaultKey, columns, [(number, 1, 1, b"x" * 60, 1) for number in given])
    VaultKey.objects.all().delete()
    later = seam.reserve_ids(VaultKey, 1)
    assert later[0] > max(given)
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(VaultKey, columns, [(later[0], 1, 1, b"x" * 60, 1)] * 2)
    # It was reserved before that transaction, so it is used up, whatever became of it.
    assert seam.reserve_ids(VaultKey, 1)[0] > later[0]


def test_copied_rows_keep_bytes_empty_cells_and_signs(office: Office) -> None:
    key = seam.reserve_ids(VaultKey, 1)[0]
    raw = bytes(range(60))
    seam.copy_rows(
        VaultKey._meta.db_table,
        ("id", "kind", "owner", "category", "wrapped", "kek", "search", "destroy_on"),
        [
            (
                key,
                1,
                2,
                None,
                raw,
                1,
                None,
                TODAY if connection.vendor == "postgresql" else str(TODAY),
            )
        ],
    )
    row = VaultKey.objects.get(pk=key)
    assert (bytes(row.wrapped), row.category, row.destroy_on) == (raw, None, TODAY)
    tokens = [(bytes([9, 10, 92, number]) * 4, key) for number in range(20)]
    seam.copy_rows(SearchToken._meta.db_table, ("token", "key"), tokens)
    assert sorted(bytes(t.token) for t in SearchToken.objects.filter(key=key)) == sorted(
        token for token, _ in tokens
    )


# --- alone ---------------------------------------------------------------------------------------
def test_only_one_is_in_at_a_time(transactional_db: None) -> None:

    def other(number: int) -> bool:
        try:
            with seam.alone("test", number) as mine:
                return mine
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with seam.alone("test", 1) as mine:
            assert mine
            assert not pool.submit(other, 1).result(20)
            assert pool.submit(other, 2).result(20)
        assert pool.submit(other, 1).result(20)
