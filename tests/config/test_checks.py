"""The questions that the office asks itself before it starts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from config import checks
from registry import declarations
from subjects.vault.field import SealedField


def test_every_field_is_declared() -> None:
    assert declarations.problems() == []
    assert checks.every_field_is_declared() == []


def test_a_new_field_is_an_error_until_it_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    with isolate_apps("registry"):

        class Diary(models.Model):
            secret = models.TextField()

            class Meta:
                app_label = "registry"

    real = list(declarations.apps.get_models())
    monkeypatch.setattr(declarations, "apps", SimpleNamespace(get_models=lambda: [*real, Diary]))
    assert "registry.diary.secret is not declared" in declarations.problems()
    assert checks.every_field_is_declared()[0].id == "office.E001"


def test_a_declaration_of_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("declarations") / "fields.toml"
    file.write_text(
        declarations.FILE.read_text().replace(
            '["auth.group"]\nnone = ["id"', '["auth.group"]\nsomeone = ["ghost", "id", "id"'
        )
    )
    monkeypatch.setattr(declarations, "FILE", file)
    assert set(declarations.problems()) == {
        "auth.group: unknown kind someone",
        "auth.group.ghost does not exist",
        "auth.group.id twice",
    }


def test_what_is_the_peoples_is_sealed_or_a_token() -> None:
    found = {
        f"{label}.{name}"
        for label, fields in declarations.declared().items()
        for name, kind in fields.items()
        if kind == "subject"
    }
    assert found == {
        "subjects.personaldatum.value",
        "subjects.consent.evidence",
        "subjects.searchtoken.token",
        "requests.subjectrequest.name",
        "requests.subjectrequest.email",
        "requests.subjectrequest.phone",
        "requests.subjectrequest.postal",
        "requests.subjectrequest.message",
        "requests.submission.told",
        "requests.letter.body",
        "requests.letter.address",
        "requests.subjectrequest.tracking",
        "requests.subjectrequest.power",
        "requests.requestnote.text",
        "requests.accessanswer.withheld",
        "requests.incomingmail.told",
    }
    for name in found - {"subjects.searchtoken.token"}:
        label, _, field = name.rpartition(".")
        assert isinstance(apps.get_model(label)._meta.get_field(field), SealedField)
    # And no sealed field is declared as anything else.
    sealed = {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, SealedField) and not hasattr(model, "history_id")
    }
    assert sealed == found - {"subjects.searchtoken.token"}


def test_import_requests_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.the_app_is_ours() == []
    library = "/somewhere/site-packages/requests/__init__.py"
    monkeypatch.setattr(checks, "requests", SimpleNamespace(__file__=library))
    assert checks.the_app_is_ours()[0].id == "office.E002"
