"""Every change leaves who and why, in tables that nobody can bend."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from registry import seam
from registry.admin.base import OfficeAdmin, ReadOnlyAdmin
from registry.models import Purpose, User
from tests.conftest import Office
from tests.crawl.forms import post_and_confirm, shown
from tests.crawl.pages import OUR_APPS, address
from tests.crawl.rows import MAKERS, make

# Rows that carry no second history, each with its reason.
JOURNAL = "a journal of the machine itself: added and progressed by jobs, edited by nobody"
VAULT = "destroying a value is deleting it here: a history would keep what must go"
GROWS = "rows are added and never changed"
WITHOUT_HISTORY = {
    "registry.Reminder": JOURNAL,
    "registry.Notice": JOURNAL,
    "registry.NoticeLine": JOURNAL,
    "registry.JobRun": JOURNAL,
    "registry.Filing": GROWS,
    "registry.ControlRecord": GROWS,
    "subjects.VaultKey": VAULT,
    "subjects.SearchToken": VAULT,
    "subjects.SealedFile": "written once; its file and key go together",
    "requests.LetterFile": "written once; its file and key go together",
    "requests.AffectedPerson": "added once, removed once: when and by whom stands in the row",
    "requests.DatumCorrection": GROWS,
    "requests.RecipientTold": GROWS,
    "requests.RequestNote": GROWS,
    "requests.IncidentEntry": GROWS,
    "requests.IncidentNotice": GROWS,
    "requests.IncidentSending": GROWS,
    "requests.IncidentExport": "written once; its file and key go together",
    "requests.InspectionAnswer": GROWS,
    "requests.InspectionPack": GROWS,
    "requests.PrescriptionDelay": GROWS,
    "requests.AnswerCode": "a code lives for a quarter of an hour; a history would keep its hash",
    "requests.LetterTemplateWithdrawal": GROWS,
    "requests.Submission": "gone in a day: a history would keep what must go",
    "requests.Throttle": "a counter of one hour that names nobody",
    "subjects.AccessEvent": GROWS,
    "subjects.DestructionItem": GROWS,
    "subjects.Disclosure": GROWS,
    "subjects.DisclosedPerson": GROWS,
    "subjects.DisclosureReversal": GROWS,
    "subjects.ActItem": "what changes in it is said once, when it happens",
    "subjects.ActPaper": GROWS,
    "subjects.ActScan": GROWS,
    "subjects.Evidence": "written once and deleted once: a history would outlive its three years",
    "subjects.SystemCall": JOURNAL,
    "subjects.SearchResult": "gone within the hour; holds numbers of cards",
    "subjects.SubjectImport": JOURNAL,
    "subjects.ImportReject": JOURNAL,
    "subjects.ImportSeen": "the working memory of a run: gone when it ends",
    "subjects.ImportConflict": "decided once, by whom and when stands in the row",
    "registry.ReturnOfDestroyed": "counted by jobs, cleared once: by whom stands in the row",
    "registry.LoadedRow": "what a data file said last; what it changed stands in the row's history",
}
REASON = "order 12 of 1 March"


def is_history(model: type[Model]) -> bool:
    return hasattr(model, "history_id") or hasattr(model, "m2m_history_id")


def our_models() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in OUR_APPS and not is_history(model)
    ]


def history_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if is_history(model)]


# --- every model has one -----------------------------------------------------------------------
@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_every_model_has_a_history_or_a_reason(model: type[Model]) -> None:
    kept = hasattr(model._meta, "simple_history_manager_attribute")
    assert kept != (model._meta.label in WITHOUT_HISTORY)
    if kept:
        # Groups and permissions of Django's own are not used: rights are roles.
        own = {
            field.name
            for field in model._meta.many_to_many
            if field.related_model._meta.app_label in OUR_APPS
        }
        assert _m2m_tables(model) == {f"{model.__name__}_{name}" for name in own}


def _m2m_tables(model: type[Model]) -> set[str]:
    """The many-to-many fields whose changes are kept too."""
    prefix = f"Historical{model.__name__}_"
    return {
        found.__name__.removeprefix("Historical")
        for found in history_models()
        if found.__name__.startswith(prefix)
    }


def test_the_table_of_reasons_names_living_models() -> None:
    assert set(WITHOUT_HISTORY) <= {model._meta.label for model in our_models()}


def test_no_secret_of_staff_is_copied(office: Office) -> None:
    names = {field.name for field in User.history.model._meta.get_fields()}
    assert not names & {"password", "last_login"}


# --- and it cannot be bent ---------------------------------------------------------------------
def _a_row_of_each(office: Office) -> None:
    for model in (found for found in our_models() if found in MAKERS):
        make(model, office.pandev)


@pytest.mark.django_db
def test_no_history_table_is_without_its_triggers() -> None:
    journals = [model for model in our_models() if getattr(model, "append_only", False)]
    assert len(seam.history_tables()) == len(history_models()) + len(journals) > 40
    assert len(journals) == 19
    assert seam.tables_without_triggers() == []
    call_command("migrate", verbosity=0)
    assert seam.tables_without_triggers() == []


def test_a_lost_trigger_is_noticed_and_migrate_lays_it_again(office: Office) -> None:
    for verb in ("update", "delete"):
        table = Purpose.history.model._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER append_only_rows ON {table}")
            else:
                cursor.execute(f"DROP TRIGGER {table}_no_{verb}")
        assert seam.tables_without_triggers() == [table]
        seam.append_only(seam.history_tables())
        assert seam.tables_without_triggers() == []


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="only PostgreSQL can switch a trigger off"
)
def test_a_trigger_that_is_switched_off_is_noticed(db: None) -> None:
    table = Purpose.history.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_rows")
    assert seam.tables_without_triggers() == [table]


def test_no_row_of_any_history_can_be_changed_or_deleted(office: Office) -> None:
    _a_row_of_each(office)
    if connection.vendor == "postgresql":
        # A TRUNCATE is refused anyway while foreign keys wait to be checked.
        _run("SET CONSTRAINTS ALL IMMEDIATE")
    for model in history_models():
        table = connection.ops.quote_name(model._meta.db_table)
        rows = list(model._base_manager.order_by("pk").values_list())
        assert rows, f"{model._meta.label} has no row to try"
        first = model._base_manager.order_by("pk").first()
        column = connection.ops.quote_name(model._meta.pk.column)
        statements = [
            f"UPDATE {table} SET {column} = {column}",
            f"UPDATE {table} SET {column} = {column} WHERE {column} = {first.pk}",
            f"DELETE FROM {table}",
        ]
        if connection.vendor == "postgresql":
            statements += [f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE"]
        else:
            statements.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")
        for statement in statements:
            refused(lambda sql=statement: _run(sql), statement)
        refused(first.delete, model._meta.label)
        refused(first.save, model._meta.label)
        refused(model._base_manager.all().delete, model._meta.label)
        same = {model._meta.pk.name: first.pk}
        refused(lambda rows=model._base_manager, same=same: rows.update(**same), "update()")
        assert list(model._base_manager.order_by("pk").values_list()) == rows


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def refused(act: Any, what: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        act()
        pytest.fail(f"not refused: {what}")


def test_a_deleted_row_leaves_its_whole_history(office: Office, as_user: Any) -> None:
    purpose = make(Purpose, office.pandev)
    before = list(Purpose.history.filter(id=purpose.pk).values_list("history_id", flat=True))
    number = purpose.pk
    path = address(admin.site._registry[Purpose], "delete", purpose)
    assert as_user(office.pandev.dpo).post(path, {"post": "yes"}).status_code == 302
    assert not Purpose.objects.filter(pk=number).exists()
    trail = Purpose.history.filter(id=number)
    assert set(before) < set(trail.values_list("history_id", flat=True))
    last = trail.first()
    assert (last.history_type, last.history_user) == ("-", office.pandev.dpo)
    assert last.history_change_reason
    assert not LogEntry.objects.exists()


# --- the admin writes who and why ---------------------------------------------------------------
EDITED = [
    model
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, OfficeAdmin) and not isinstance(model_admin, ReadOnlyAdmin)
]


@pytest.mark.parametrize("model", EDITED, ids=lambda model: model._meta.label)
def test_a_change_needs_a_reason_and_keeps_it(
    model: type[Model], office: Office, as_user: Any
) -> None:
    row = make(model, office.pandev)
    client = as_user(office.admin)
    path = address(admin.site._registry[model], "change", row)
    form = client.get(path).context["adminform"].form
    assert "change_reason" in form.fields, "the form asks for no reason"
    data = shown(form)
    versions = row.history.count()
    for empty in ("", "   "):
        response = post_and_confirm(client, path, data | {"change_reason": empty})
        assert response.status_code == 200
        assert "change_reason" in response.context["adminform"].form.errors
    assert row.history.count() == versions
    response = post_and_confirm(client, path, data | {"change_reason": REASON})
    assert response.status_code == 302
    newest = row.history.first()
    assert row.history.count() > versions
    assert (newest.history_user, newest.history_change_reason) == (office.admin, REASON)
    assert newest.history_type == "~"
    assert not LogEntry.objects.exists()
    # And people can read it.
    page = client.get(address(admin.site._registry[model], "history", row)).content.decode()
    assert REASON in page and office.admin.username in page


def test_what_is_added_is_kept_with_who_added_it(office: Office, as_user: Any) -> None:
    client = as_user(office.pandev.dpo)
    data = {"operator": office.pandev.operator.pk, "code": "new", "name_en": "New"}
    assert client.post("/admin/registry/purpose/add/", data).status_code == 302
    version = Purpose.objects.get(code="new").history.get()
    assert (version.history_type, version.history_user) == ("+", office.pandev.dpo)
    assert version.history_change_reason
    assert not LogEntry.objects.exists()


def test_a_change_of_many_to_many_is_kept(office: Office, as_user: Any) -> None:
    purpose, other = make(Purpose, office.pandev), make(Purpose, office.pandev)
    client = as_user(office.pandev.dpo)
    path = address(admin.site._registry[Purpose], "change", purpose)
    data = shown(client.get(path).context["adminform"].form)
    data |= {"incompatible": [other.pk], "change_reason": REASON}
    assert client.post(path, data).status_code == 302
    newest = purpose.history.first()
    assert [row.to_purpose_id for row in newest.incompatible.all()] == [other.pk]
    assert newest.history_user == office.pandev.dpo
    assert newest.history_change_reason == REASON


def test_a_new_password_is_kept_with_who_set_it(office: Office, as_user: Any) -> None:
    user = office.pandev.clerk
    versions = user.history.count()
    path = f"/admin/registry/user/{user.pk}/password/"
    secret = "another-horse-battery"
    data = {"password1": secret, "password2": secret, "usable_password": "true"}
    assert as_user(office.admin).post(path, data).status_code == 302
    newest = user.history.first()
    assert (user.history.count(), newest.history_user) == (versions + 1, office.admin)
    assert not LogEntry.objects.exists()
