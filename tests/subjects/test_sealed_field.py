"""The sealed field: what saves and opens, in rows, histories and forms, and shows no value."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django import forms
from django.core.exceptions import FieldError
from django.db import transaction
from django.forms import modelform_factory

from subjects.models import Consent, PersonalDatum, SearchToken, VaultKey
from subjects.services.people import datum_rectify
from subjects.vault import store
from subjects.vault.field import Ciphertext, Plain, RowStays, SealedFormField
from subjects.vault.sealing_bridge import NotText, State, open_rows
from tests.conftest import Office
from tests.subjects.people import TODAY, person
from tests.subjects.sealed_rows import SECRET, category_of_row, fresh, sealed_row, text


@pytest.fixture
def row(office: Office) -> PersonalDatum:
    return sealed_row(office)


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
