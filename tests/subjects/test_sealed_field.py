"""The sealed field: what saves and opens, what refuses, and that nothing shows a value."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django import forms
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Length, Lower
from django.forms import modelform_factory

from registry.models import DataCategory
from subjects.models import Consent, DataSubject, Ground, PersonalDatum, SearchToken, VaultKey
from subjects.sealing import CannotOpen
from subjects.services.destruction import keys_destroy
from subjects.services.people import datum_rectify
from subjects.vault import store
from subjects.vault.field import Ciphertext, Plain, RowStays, SealedFormField
from subjects.vault.sealing_bridge import NotText, State, open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, person

SECRET = "secret-canary@example.org"


@pytest.fixture
def row(office: Office) -> PersonalDatum:
    subject = person(office.pandev, email=SECRET)
    return PersonalDatum.objects.get(subject=subject, category__code="email")


def text(row: Any, name: str = "value") -> str:
    return open_rows([row], name)[row.pk].text


def fresh(row: PersonalDatum) -> PersonalDatum:
    return PersonalDatum.objects.get(pk=row.pk)


# --- saving and reading --------------------------------------------------------------------------
def test_a_read_row_holds_ciphertext_that_says_nothing(row: PersonalDatum) -> None:
    value = row.value
    assert isinstance(value, Ciphertext) and SECRET.encode() not in value.raw
    assert {str(value), repr(value), f"{value}"} == {"<sealed>"}
    assert text(row) == SECRET
    assert repr(open_rows([row], "value")[row.pk]) == "<open>"
    assert SECRET not in repr(Plain(SECRET)) and str(Plain(SECRET)) == SECRET


def test_saving_again_keeps_the_key_and_indexes_anew(row: PersonalDatum) -> None:
    number, tokens = row.value_key, set(SearchToken.objects.values_list("token", "key"))
    row.value = Plain("other@example.org")
    row.save(update_fields=["value"])
    found = fresh(row)
    assert found.value_key == number and text(found) == "other@example.org"
    changed = set(SearchToken.objects.values_list("token", "key"))
    assert {token for token, key in tokens - changed} and {token for token, key in changed - tokens}
    assert SearchToken.objects.filter(key=number).exists()


def test_the_key_is_saved_with_the_value_whatever_else_is_named(row: PersonalDatum) -> None:
    new = PersonalDatum(
        subject=row.subject, category=category_of_row(row, "phone"), collected_on=TODAY
    )
    new.value = Plain("+77010000000")
    new.save()
    PersonalDatum._base_manager.filter(pk=new.pk).update(verified_on=TODAY)
    assert fresh(new).value_key == new.value_key and text(fresh(new)) == "+77010000000"
    with pytest.raises(TypeError):
        new.save(False, False, None, ["value"])  # type: ignore[misc]


def category_of_row(row: PersonalDatum, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=row.subject.operator, code=code)


def test_deferred_rows(row: PersonalDatum, django_assert_num_queries: Any) -> None:
    light = PersonalDatum.objects.defer("value", "value_key").get(pk=row.pk)
    assert "value" in light.get_deferred_fields()
    light.verified_on = TODAY
    light.save()
    assert text(light) == SECRET
    typed = PersonalDatum.objects.defer("value_key").get(pk=row.pk)
    typed.value = Plain("typed@example.org")
    typed.save()
    assert text(fresh(row)) == "typed@example.org"
    assert fresh(row).value_key == row.value_key
    only = PersonalDatum.objects.only("value").get(pk=row.pk)
    assert text(only) == "typed@example.org"
    row.refresh_from_db(fields=["value"])
    assert text(row) == "typed@example.org"
    with django_assert_num_queries(2):
        joined = Consent.objects.select_related("ground").get(ground__subject=row.subject_id)
        assert text(joined, "evidence") == "ip=192.0.2.7"


def test_a_typed_ciphertext_is_text(row: PersonalDatum) -> None:
    row.value = Plain("sealed:AAAA")
    row.save()
    assert text(fresh(row)) == "sealed:AAAA"


def test_what_is_no_text_refuses_without_quoting_it(row: PersonalDatum) -> None:
    row.value = Plain(SECRET + "\ud800")
    with pytest.raises(NotText) as caught:
        row.save()
    assert caught.value.__suppress_context__ and SECRET not in str(caught.value)
    for wrong in (b"bytes", 7, ["x"]):
        row.value = wrong  # type: ignore[assignment]
        with pytest.raises(FieldError):
            row.save()


def test_a_value_is_never_emptied_by_hand(row: PersonalDatum) -> None:
    row.value = None
    with pytest.raises(FieldError, match="destroyed, not emptied"):
        row.save()
    row = fresh(row)
    row.value_key = None
    with pytest.raises(FieldError):
        row.save()


def test_copies_of_a_row_carry_ciphertext(row: PersonalDatum) -> None:
    for made in (pickle.loads(pickle.dumps(row)), copy.copy(row), copy.deepcopy(row)):
        assert made.value == row.value and text(made) == SECRET
    assert SECRET.encode() not in pickle.dumps(row)


def test_bulk_create_seals_with_one_statement_for_all_keys(
    row: PersonalDatum, django_assert_max_num_queries: Any
) -> None:
    category = category_of_row(row, "phone")
    rows = [
        PersonalDatum(
            subject=row.subject,
            category=category,
            collected_on=TODAY,
            value=Plain(f"+7701000{n:04}"),
        )  # fmt: skip
        for n in range(40)
    ]
    with django_assert_max_num_queries(14):
        made = PersonalDatum.objects.bulk_create(rows)
    opened = open_rows(PersonalDatum.objects.filter(pk__in=[one.pk for one in made]), "value")
    assert sorted(one.text for one in opened.values()) == [f"+7701000{n:04}" for n in range(40)]
    assert len({one.value_key for one in made}) == 40
    for option in ({"ignore_conflicts": True}, {"update_conflicts": True}):
        with pytest.raises(FieldError):
            PersonalDatum.objects.bulk_create(rows, **option)


def test_get_or_create_and_update_or_create_seal_their_defaults(row: PersonalDatum) -> None:
    with pytest.raises(FieldError):
        PersonalDatum.objects.get_or_create(subject=row.subject, value=SECRET)
    found, made = PersonalDatum.objects.update_or_create(
        pk=row.pk, defaults={"value": Plain("by-default@example.org")}
    )
    assert not made and text(fresh(row)) == "by-default@example.org"


def test_a_page_of_rows_opens_with_one_query(
    office: Office, django_assert_num_queries: Any
) -> None:
    for n in range(5):
        person(office.pandev, email=f"p{n}@example.org")
    rows = list(PersonalDatum.objects.all())
    with django_assert_num_queries(1):
        opened = open_rows(rows, "value")
    assert {one.state for one in opened.values()} == {State.OPEN} and len(opened) >= 10
    consents = list(Consent.objects.all())
    with django_assert_num_queries(2):  # keys, grounds
        open_rows(consents, "evidence")
    versions = list(Consent.history.all())
    with django_assert_num_queries(2):  # keys, live rows with their grounds
        open_rows(versions, "evidence")


def test_nothing_is_deleted(row: PersonalDatum) -> None:
    with pytest.raises(RowStays):
        row.delete()
    with pytest.raises(RowStays):
        PersonalDatum.objects.filter(pk=row.pk).delete()
    with pytest.raises(RowStays):
        row.subject.data.all().delete()
    assert text(fresh(row)) == SECRET


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


# --- the history ---------------------------------------------------------------------------------
def test_the_history_copies_ciphertext_and_compares_it(office: Office, row: PersonalDatum) -> None:
    keys = VaultKey.objects.count()
    datum_rectify(
        datum=row, text="right@example.org", by=office.pandev.clerk, today=TODAY, reason="wrong"
    )
    assert VaultKey.objects.count() == keys
    new, old = PersonalDatum.history.filter(id=row.pk).order_by("-history_id")
    opened = open_rows([new, old], "value")
    assert [opened[one.pk].text for one in (new, old)] == ["right@example.org", SECRET]
    delta = new.diff_against(old)
    change = next(one for one in delta.changes if one.field == "value")
    assert (str(change.old), str(change.new)) == ("<sealed>", "<sealed>")
    assert SECRET not in repr(delta) and "value" in delta.changed_fields
    assert "value" not in new.diff_against(new).changed_fields


def test_a_version_never_seals(row: PersonalDatum) -> None:
    version = PersonalDatum.history.get(id=row.pk)
    keys = VaultKey.objects.count()
    version.value = Plain("x")
    with pytest.raises(FieldError), transaction.atomic():
        version.save()
    with pytest.raises(FieldError), transaction.atomic():
        type(version).objects.bulk_create([version])
    assert VaultKey.objects.count() == keys


def test_a_version_opens_as_the_live_row_s(office: Office, row: PersonalDatum) -> None:
    """Cards were merged: key and row belong to the other card, the old versions name the first."""
    into = person(office.pandev, email="second@example.org")
    key = VaultKey.objects.get(pk=row.value_key)
    secret = store.open_key(key)
    bound = store.bound_key(key.kind, into.pk, key.category)
    kek = store.keyring.kek(key.kek)
    VaultKey.objects.filter(pk=key.pk).update(
        owner=into.pk, wrapped=store.sealing.wrap(kek, secret, bound)
    )
    PersonalDatum.objects.filter(pk=row.pk).update(subject=into)
    version = PersonalDatum.history.get(id=row.pk)
    assert version.subject_id != into.pk
    assert text(version) == SECRET


# --- forms ---------------------------------------------------------------------------------------
Form = modelform_factory(PersonalDatum, fields=["value", "verified_on"])


def test_a_form_never_shows_the_value_and_empty_means_unchanged(row: PersonalDatum) -> None:
    page = str(Form(instance=row))
    assert SECRET not in page and "sealed&gt;" not in page and "<sealed>" not in page
    for typed in ("", "   "):
        form = Form({"value": typed, "verified_on": "2026-03-01"}, instance=fresh(row))
        assert form.is_valid() and not form.fields["value"].has_changed(None, typed)
        assert form.changed_data == ["verified_on"] or fresh(row).verified_on
        form.save()
        assert fresh(row).value == row.value and text(fresh(row)) == SECRET


def test_a_form_saves_what_was_typed(row: PersonalDatum) -> None:
    form = Form({"value": " new@example.org ", "verified_on": ""}, instance=fresh(row))
    assert form.is_valid() and form.changed_data == ["value"]
    assert "new@example.org" not in repr(form.cleaned_data)
    form.save()
    assert text(fresh(row)) == "new@example.org"


def test_a_form_with_errors_shows_what_was_typed_and_nothing_else(row: PersonalDatum) -> None:
    typed = Form({"value": "typed@example.org", "verified_on": "no date"}, instance=row)
    assert not typed.is_valid()
    assert "typed@example.org" in str(typed) and SECRET not in str(typed)
    silent = Form({"value": "", "verified_on": "no date"}, instance=row)
    assert not silent.is_valid() and SECRET not in str(silent)
    assert isinstance(silent.fields["value"], SealedFormField)


def test_a_form_in_a_formset_with_hidden_initials(row: PersonalDatum) -> None:
    formset = forms.modelformset_factory(PersonalDatum, Form, extra=0)
    page = str(formset(queryset=PersonalDatum.objects.filter(pk=row.pk)))
    assert SECRET not in page
