"""What the sealed field refuses: values gone or moved, and queries that would pass it by."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Length, Lower

from subjects.models import Consent, DataSubject, Ground, PersonalDatum, VaultKey
from subjects.sealing import CannotOpen
from subjects.services.destruction import keys_destroy
from subjects.vault import store
from subjects.vault.field import Ciphertext, Plain
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, person
from tests.subjects.sealed_rows import SECRET, category_of_row, fresh, sealed_row


@pytest.fixture
def row(office: Office) -> PersonalDatum:
    return sealed_row(office)


# --- destroyed, lost, moved ----------------------------------------------------------------------
def destroy(row: PersonalDatum) -> None:
    keys_destroy([row.value_key], reason="test", by=None, now=NOW)


def test_a_destroyed_value_never_comes_back(row: PersonalDatum) -> None:
    destroy(row)
    assert open_rows([row], "value")[row.pk].state == State.DESTROYED
    row.value = Plain(SECRET)
    keys = VaultKey.objects.count()
    with pytest.raises(store.ValueDestroyed):
        row.save()
    assert VaultKey.objects.count() == keys


def test_saving_the_rest_of_a_destroyed_row_mints_nothing(row: PersonalDatum) -> None:
    destroy(row)
    keys = VaultKey.objects.count()
    found = fresh(row)
    found.verified_on = TODAY
    found.save()
    assert VaultKey.objects.count() == keys
    versions = open_rows(PersonalDatum.history.filter(id=row.pk), "value")
    assert {one.state for one in versions.values()} == {State.DESTROYED} and len(versions) == 2


def test_loss_is_never_taken_for_destruction(row: PersonalDatum) -> None:
    VaultKey.objects.filter(pk=row.value_key).delete()
    assert open_rows([row], "value")[row.pk].state == State.LOST
    row.value = Plain("x@example.org")
    with pytest.raises(store.ValueLost):
        row.save()


def raw_update(row: PersonalDatum, **columns: Any) -> None:
    """Past the ORM, as somebody with the database in hand would."""
    table = connection.ops.quote_name(type(row)._meta.db_table)
    with connection.cursor() as cursor:
        for name, value in columns.items():
            cursor.execute(f"UPDATE {table} SET {name} = %s WHERE id = %s", [value, row.pk])


def test_a_row_with_the_key_of_another_person_refuses(office: Office, row: PersonalDatum) -> None:
    other = PersonalDatum.objects.get(
        subject=person(office.pandev, email="victim@example.org"), category__code="email"
    )
    number, raw = other.value_key, other.value.raw
    raw_update(other, value_key=10**9)
    raw_update(row, value_key=number, value=raw)
    with pytest.raises(store.ForeignKeyOfValue):
        open_rows([fresh(row)], "value")
    thief = fresh(row)
    thief.value = Plain("mine@example.org")
    with pytest.raises(store.ForeignKeyOfValue):
        thief.save()
    # The owner in the key row was changed too: the wrapped key is bound to the old one.
    VaultKey.objects.filter(pk=number).update(owner=row.subject_id)
    with pytest.raises(CannotOpen):
        open_rows([fresh(row)], "value")


def test_a_row_with_a_key_of_another_category_or_kind_refuses(row: PersonalDatum) -> None:
    name = PersonalDatum.objects.get(subject=row.subject, category__code="full_name")
    evidence = Consent.objects.get(ground__subject=row.subject)
    for number, raw in (
        (name.value_key, name.value.raw), (evidence.evidence_key, evidence.evidence.raw),
    ):  # fmt: skip
        raw_update(name, value_key=10**9 + number)
        raw_update(row, value_key=number, value=raw)
        with pytest.raises(store.ForeignKeyOfValue):
            open_rows([fresh(row)], "value")
        VaultKey.objects.filter(pk=number).update(category=row.category_id, kind=1)
        with pytest.raises(CannotOpen):
            open_rows([fresh(row)], "value")


def test_a_ciphertext_moved_from_another_row_refuses(row: PersonalDatum) -> None:
    phones = [
        PersonalDatum.objects.create(
            subject=row.subject, category=category_of_row(row, "phone"), collected_on=TODAY,
            value=Plain(f"+7701000000{n}"),
        )
        for n in (1, 2)
    ]  # fmt: skip
    # The same person, the same category: the key's number still tells them apart.
    raw_update(phones[0], value=phones[1].value.raw)
    with pytest.raises(CannotOpen):
        open_rows([fresh(phones[0])], "value")
    raw_update(phones[0], value=b"\x01" + bytes(40))
    with pytest.raises(CannotOpen):
        open_rows([fresh(phones[0])], "value")


def test_a_ciphertext_without_its_key_is_lost(row: PersonalDatum) -> None:
    found = PersonalDatum.objects.get(pk=row.pk)
    found.value_key = None
    assert open_rows([found], "value")[row.pk].state == State.LOST


# --- what fails closed ---------------------------------------------------------------------------
QUERIES = {
    "exact": lambda: PersonalDatum.objects.filter(value=SECRET),
    "none": lambda: PersonalDatum.objects.filter(value=None),
    "get": lambda: PersonalDatum.objects.get(value=SECRET),
    "exclude": lambda: PersonalDatum.objects.exclude(value=SECRET),
    "in": lambda: PersonalDatum.objects.filter(value__in=[SECRET]),
    "contains": lambda: PersonalDatum.objects.filter(value__icontains=SECRET),
    "startswith": lambda: PersonalDatum.objects.filter(value__startswith="s"),
    "gt": lambda: PersonalDatum.objects.filter(value__gt=b""),
    "regex": lambda: PersonalDatum.objects.filter(value__regex="."),
    "transform": lambda: PersonalDatum.objects.filter(value__length=5),
    "q": lambda: PersonalDatum.objects.filter(~Q(value=SECRET) | Q(pk=1)),
    "relation": lambda: Ground.objects.filter(subject__data__value=SECRET),
    "relation contains": lambda: DataSubject.objects.exclude(data__value__contains=SECRET),
    "evidence": lambda: Ground.objects.filter(consent__evidence=SECRET),
    "history": lambda: PersonalDatum.history.filter(value=SECRET),
    "related manager": lambda: DataSubject(pk=1).data.filter(value=SECRET),
    "base manager": lambda: PersonalDatum._base_manager.filter(value=SECRET),
    "right side": lambda: PersonalDatum.objects.filter(source=F("value")),
    "right side in q": lambda: PersonalDatum.objects.filter(Q(source=Lower("value"))),
    "order": lambda: PersonalDatum.objects.order_by("-value"),
    "order by f": lambda: PersonalDatum.objects.order_by(F("value").desc()),
    "order by function": lambda: PersonalDatum.objects.order_by(Lower("value")),
    "order through relation": lambda: DataSubject.objects.order_by("data__value"),
    "order by evidence": lambda: Ground.objects.order_by("consent__evidence"),
    "order of history": lambda: PersonalDatum.history.order_by("value"),
    "latest": lambda: PersonalDatum.objects.latest("value"),
    "distinct": lambda: PersonalDatum.objects.distinct("value"),
    "update": lambda: PersonalDatum.objects.update(value=Plain(SECRET)),
    "update with ciphertext": lambda: PersonalDatum.objects.update(value=Ciphertext(b"x")),
    "update by f": lambda: PersonalDatum.objects.update(source=F("value")),
    "update base": lambda: PersonalDatum._base_manager.update(value=SECRET),
    "update related": lambda: DataSubject(pk=1).data.update(value=SECRET),
    "update history": lambda: PersonalDatum.history.update(value=SECRET),
    "update key of evidence": lambda: Consent.objects.update(evidence=SECRET),
    "bulk update": lambda: PersonalDatum.objects.bulk_update(
        list(PersonalDatum.objects.all()), ["value"]
    ),
    "annotate": lambda: PersonalDatum.objects.annotate(x=F("value")),
    "annotate function": lambda: PersonalDatum.objects.annotate(x=Length("value")),
    "alias": lambda: PersonalDatum.objects.alias(x=Lower("value")),
    "case": lambda: PersonalDatum.objects.annotate(x=Case(When(pk=1, then=F("value")))),
    "aggregate": lambda: PersonalDatum.objects.aggregate(Max("value")),
    "count": lambda: PersonalDatum.objects.aggregate(n=Count("value", distinct=True)),
    "values expression": lambda: PersonalDatum.objects.values(x=F("value")),
    "values transform": lambda: PersonalDatum.objects.values("value__lower"),
    "in bulk": lambda: PersonalDatum.objects.in_bulk([SECRET], field_name="value"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_whatever_would_pass_by_the_seal_refuses(row: PersonalDatum, name: str) -> None:
    before = row.value
    error = ValueError if name == "in bulk" else FieldError
    with pytest.raises(error) as caught, transaction.atomic():
        found = QUERIES[name]()
        list(found) if hasattr(found, "__iter__") else None
    assert SECRET not in str(caught.value)
    assert fresh(row).value == before


def test_ordering_in_meta_refuses_too(row: PersonalDatum, monkeypatch: Any) -> None:
    monkeypatch.setattr(PersonalDatum._meta, "ordering", ["value"])
    with pytest.raises(FieldError):
        list(PersonalDatum.objects.all())
    # Through a relation that orders by its target's own order.
    monkeypatch.setattr(PersonalDatum._meta, "ordering", ["subject"])
    assert list(PersonalDatum.objects.all())


def test_what_is_lawful_still_works(row: PersonalDatum) -> None:
    every = PersonalDatum.objects
    assert every.filter(value__isnull=False).count() == every.exclude(value__isnull=True).count()
    holders = every.filter(value__isnull=False).values("subject")
    assert DataSubject.objects.filter(pk__in=holders).exists()
    assert DataSubject.objects.filter(data__value__isnull=False).distinct().exists()
    assert every.filter(Q(source="value") | Q(value__isnull=True)).count() == 0
    assert every.in_bulk([row.pk])[row.pk].value == row.value
    plain = every.order_by().values("value")
    for found in (every.values("value", "pk"), plain.union(plain)):
        assert all(isinstance(one["value"], Ciphertext) for one in found)
    assert all(isinstance(one, Ciphertext) for one in every.values_list("value", flat=True))
    inner = every.filter(subject=OuterRef("pk"), value__isnull=False).values("value_key")[:1]
    assert DataSubject.objects.annotate(n=Subquery(inner)).filter(n=row.value_key) is not None
    assert list(every.annotate(n=Count("subject__grounds"), one=Value("value")).order_by("n"))
    assert every.distinct().order_by("subject__code", "-pk").count() >= 2
    assert list(every.select_related("subject").order_by("-subject__id").iterator())
    assert every.update(verified_on=TODAY) >= 2
