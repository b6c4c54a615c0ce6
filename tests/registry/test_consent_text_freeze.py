"""What is published is immutable, in the ORM and in SQL, and a lost trigger is noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands.migrate import Command as PlainMigrate
from django.db import DatabaseError, connection, transaction

from registry import seam
from registry.consent_contents import digest
from registry.models import ConsentText, DataCategory, ProcessingActivity
from registry.services.consents import consent_text_publish, contents_of
from tests.conftest import Office, Team
from tests.crawl.rows import make
from tests.registry.consenting import NOW, draft, fingerprint, published, ready


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


def refused(act: Callable[[], Any]) -> None:
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        act()


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_orm_cannot_change_what_is_published(pandev: Team, office: Office) -> None:
    row = published(pandev)
    before = fingerprint(row)
    category, activity = make(DataCategory, pandev), make(ProcessingActivity, pandev)
    row.text_ru = "Другое"
    texts = ConsentText.objects.filter(pk=row.pk)
    for act in (
        row.save,
        row.delete,
        lambda: texts.update(text_ru="Другое"),
        lambda: texts.update(published_at=None),
        texts.delete,
        lambda: row.data_categories.add(category),
        lambda: row.data_categories.remove(row.data_categories.first()),
        row.data_categories.clear,
        lambda: row.activities.add(activity),
        row.activities.clear,
        lambda: activity.consent_texts.add(row),
        # Deleting what the text names would empty its list.
        lambda: row.data_categories.first().delete(),
    ):
        refused(act)
    assert fingerprint(row) == before


def test_raw_sql_cannot_change_what_is_published(pandev: Team) -> None:
    row, open_draft = published(pandev), draft(pandev)
    before = fingerprint(row)
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    table = "registry_consenttext"
    links = {f"{table}_activities": "processingactivity_id",
             f"{table}_data_categories": "datacategory_id"}  # fmt: skip
    statements = [
        f"UPDATE {table} SET code = code",
        f"UPDATE {table} SET published_at = NULL WHERE id = {row.pk}",
        f"UPDATE {table} SET text_ru = 'x' WHERE id = {row.pk}",
        f"DELETE FROM {table} WHERE id = {row.pk}",
    ]
    for name, column in links.items():
        statements += [
            f"UPDATE {name} SET {column} = {column} WHERE consenttext_id = {row.pk}",
            # Neither away from the published text nor to it.
            f"UPDATE {name} SET consenttext_id = {open_draft.pk} WHERE consenttext_id = {row.pk}",
            f"UPDATE {name} SET consenttext_id = {row.pk} WHERE consenttext_id = {open_draft.pk}",
            f"DELETE FROM {name} WHERE consenttext_id = {row.pk}",
            f"INSERT INTO {name} (consenttext_id, {column}) "
            f"SELECT {row.pk}, max({column}) + 1 FROM {name}",
        ]
    if connection.vendor == "postgresql":
        statements += [f"TRUNCATE {name} CASCADE" for name in (table, *links)]
    else:
        statements += [f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}" for name in links]
        statements.append(
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE id = {row.pk}"
        )
    for statement in statements:
        refused(lambda sql=statement: run(sql))
    assert fingerprint(row) == before


def test_a_draft_stays_free(pandev: Team) -> None:
    published(pandev)
    text = draft(pandev)
    text.data_categories.remove(text.data_categories.first())
    text.activities.set(text.activities.all()[:2])
    text.text_ru = "Другое"
    text.save()
    text.activities.clear()
    text.data_categories.clear()
    assert ConsentText.objects.get(pk=text.pk).text_ru == "Другое"


@pytest.mark.parametrize("frozen", seam.frozen_tables(), ids=lambda frozen: frozen.table)
def test_a_lost_trigger_is_noticed_and_migrate_lays_it_again(
    frozen: seam.Frozen, office: Office
) -> None:
    assert seam.tables_without_freeze() == []
    for name in frozen.triggers:
        on = f" ON {frozen.table}" if connection.vendor == "postgresql" else ""
        run(f"DROP TRIGGER {name}{on}")
        assert seam.tables_without_freeze() == [frozen.table]
        call_command("migrate", verbosity=0)
        assert seam.tables_without_freeze() == []
    seam.freeze(seam.frozen_tables())
    assert seam.tables_without_freeze() == []


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="only PostgreSQL can switch a trigger off"
)
def test_a_trigger_that_is_switched_off_is_noticed(db: None) -> None:
    run("ALTER TABLE registry_consenttext DISABLE TRIGGER frozen_rows")
    assert seam.tables_without_freeze() == ["registry_consenttext"]


def test_the_texts_and_their_links_are_frozen(db: None) -> None:
    assert {(frozen.table, frozen.link) for frozen in seam.frozen_tables()} >= {
        ("registry_consenttext", ""),
        ("registry_consenttext_activities", "consenttext_id"),
        ("registry_consenttext_data_categories", "consenttext_id"),
        ("registry_policyversion", ""),
        ("registry_policytext", ""),
    }


def test_migrations_run_without_the_triggers_and_leave_with_them(
    office: Office, monkeypatch: Any
) -> None:
    """SQLite refuses to rebuild a table that a trigger of another table reads."""
    met = []

    def fails(self: Any, *args: Any, **options: Any) -> None:
        met.append(seam.tables_without_freeze())
        raise RuntimeError("half-way")

    monkeypatch.setattr(PlainMigrate, "handle", fails)
    with pytest.raises(RuntimeError):
        call_command("migrate", verbosity=0)
    assert met == [[frozen.table for frozen in seam.frozen_tables()]]
    assert seam.tables_without_freeze() == []


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite rebuilds tables")
def test_a_table_can_be_rebuilt_by_a_migration(transactional_db: None) -> None:
    field = ConsentText._meta.get_field("code")
    longer = field.clone()
    longer.max_length = 61
    longer.set_attributes_from_name("code")
    longer.model = ConsentText
    frozen = seam.frozen_tables()
    seam.lift_freeze(frozen)
    with connection.schema_editor() as editor:
        editor.alter_field(ConsentText, field, longer)
        editor.alter_field(ConsentText, longer, field)
    assert seam.tables_without_freeze()
    seam.freeze(frozen)
    assert seam.tables_without_freeze() == []


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_list_that_changes_while_the_text_is_published_waits_and_is_refused(
    live_office: Office,
) -> None:
    team = ready(live_office.pandev)
    text = draft(team)
    category = DataCategory.objects.create(operator=team.operator, code="late", name_en="Late")
    met: list[BaseException] = []

    def add() -> None:
        try:
            ConsentText.data_categories.through.objects.create(
                consenttext_id=text.pk, datacategory_id=category.pk
            )
        except DatabaseError as error:
            met.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=add)
    with transaction.atomic():
        consent_text_publish(text=text, by=team.dpo, now=NOW)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(20)
    assert met and "immutable" in str(met[0])
    row = ConsentText.objects.select_related("operator__jurisdiction").get(pk=text.pk)
    assert digest(contents_of(row)) == row.digest
