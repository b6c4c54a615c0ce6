"""Consent texts from the draft to the publication, after which nothing moves them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.commands.migrate import Command as PlainMigrate
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone, translation

from registry import seam
from registry.consent_contents import UnknownLaw, digest
from registry.models import (
    Carrier,
    ConsentText,
    DataCategory,
    ProcessingActivity,
    Purpose,
    Recipient,
    User,
)
from registry.models.base import LANGUAGES
from registry.services import audit
from registry.services.consents import (
    ActivitiesMissing,
    DataBeyondActivities,
    DraftRefused,
    ForeignActivity,
    TextIncomplete,
    TextPublished,
    consent_text_draft,
    consent_text_publish,
    contents_of,
    missing_of,
)
from tests.conftest import Office, Team
from tests.crawl.forms import shown
from tests.crawl.makers import make, mark_of
from tests.crawl.rows import consent_text as crawl_draft

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REASON = {"change_reason": "clearer words"}


def ready(team: Team) -> Team:
    """What the two policies leave open, filled in: languages, and the address of IPM."""
    operator = team.operator
    operator.languages = list(LANGUAGES)
    operator.address = operator.address or "101000, Москва, улица 1"
    audit.save(operator, by=team.dpo, reason="test")
    return team


def draft(team: Team, **changes: Any) -> ConsentText:
    asked: dict[str, Any] = {
        "operator": team.operator,
        "code": "account",
        "activities": ProcessingActivity.objects.filter(operator=team.operator),
        "in_force_on": date(2026, 3, 10),
        "by": team.dpo,
        "now": NOW,
        "name_ru": "Учётная запись",
        "cross_border": False,
        "term_length": 3,
        "term_unit": "year",
    }
    return consent_text_draft(**asked | changes)


def published(team: Team, **changes: Any) -> ConsentText:
    return consent_text_publish(text=draft(team, **changes), by=team.dpo, now=NOW)


def link(row: ConsentText, page: str = "change") -> str:
    return f"/admin/registry/consenttext/{row.pk}/{page}/"


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


# --- drafts ------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["pandev", "ipm"])
def test_a_draft_from_a_complete_register_lacks_nothing_in_any_language(
    code: str, office: Office
) -> None:
    team = ready(getattr(office, code))
    text = draft(team)
    assert text.text_ru and text.text_kk and text.text_en
    assert missing_of(text) == []
    for language, words in (("ru", "Согласие"), ("kk", "келісім"), ("en", "Consent")):
        assert words in getattr(text, f"text_{language}")
    assert set(text.data_categories.all()) == set(
        DataCategory.objects.filter(activities__operator=team.operator)
    )
    row = consent_text_publish(text=text, by=team.dpo, now=NOW)
    assert (row.published_at, row.published_by) == (NOW, team.dpo)
    assert len(row.digest) == 64
    newest = row.history.first()
    assert (newest.history_user, newest.history_change_reason) == (team.dpo, "published")


def test_the_draft_speaks_the_operators_languages_alone(office: Office) -> None:
    text = draft(office.pandev)
    assert text.text_en and not text.text_ru and not text.text_kk


def test_an_incomplete_register_leaves_a_draft_that_says_so(office: Office) -> None:
    """IPM's policy names no address; PanDev's names no country of its third parties."""
    ipm = draft(office.ipm, term_length=None, term_unit="")
    assert [item.code for item in missing_of(ipm)] == ["operator_address_unknown", "term"]
    pandev = draft(office.pandev, cross_border=None)
    assert pandev.third_parties is True and pandev.cross_border is None
    assert [item.code for item in missing_of(pandev)] == ["cross_border"]


def test_recipients_answer_what_they_can(pandev: Team, office: Office) -> None:
    activities = ProcessingActivity.objects.filter(operator=pandev.operator, code="accounts")
    text = draft(pandev, activities=activities, cross_border=None)
    assert (text.third_parties, text.cross_border, text.dissemination) == (False, False, False)
    abroad = Recipient.objects.create(
        operator=pandev.operator, code="cloud", kind="processor", country_id=_abroad(), name_en="Cx"
    )
    activities[0].recipients.add(abroad)
    text = draft(pandev, activities=activities, cross_border=None)
    assert text.cross_border is True
    assert "Cx" in text.text_ru


def _abroad() -> int:
    from_russia = Recipient._meta.get_field("country").related_model
    return from_russia.objects.get(code="RU").pk


def test_versions_count_and_keep_the_name(pandev: Team) -> None:
    first = draft(pandev)
    second = draft(pandev, name_ru="")
    other = draft(pandev, code="letters")
    assert [first.version, second.version, other.version] == [1, 2, 1]
    assert second.name_ru == first.name_ru
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentText.objects.create(operator=pandev.operator, code="account", version=2, name_en="x")


def test_refused_drafts(office: Office, pandev: Team) -> None:
    foreign = ProcessingActivity.objects.filter(operator=office.ipm.operator)
    accounts = ProcessingActivity.objects.filter(operator=pandev.operator, code="accounts")
    beyond = [make(DataCategory, pandev)]
    for error, changes in (
        (ActivitiesMissing, {"activities": []}),
        (ForeignActivity, {"activities": foreign}),
        (DataBeyondActivities, {"activities": accounts, "data_categories": beyond}),
        (DataBeyondActivities, {"data_categories": [DataCategory.objects.get(
            operator=office.ipm.operator, code="email")]}),
        (DraftRefused, {"name_ru": ""}),
        (DraftRefused, {"term_unit": ""}),
        (DraftRefused, {"end_event": "purpose_achieved"}),
        (DraftRefused, {"operations": ["telepathy"]}),
        (DraftRefused, {"withdrawal_channels": ["pigeon"]}),
        (DraftRefused, {"code": "not a slug"}),
    ):  # fmt: skip
        with pytest.raises(error):
            draft(pandev, **changes)
    assert not ConsentText.objects.exists()


def test_a_law_that_is_not_known_is_said(pandev: Team, as_user: Any, office: Office) -> None:
    text = draft(pandev)
    state = pandev.operator.jurisdiction
    state.code = "AA"
    audit.save(state, by=None, reason="test")
    with pytest.raises(UnknownLaw):
        consent_text_publish(text=text, by=pandev.dpo, now=NOW)
    assert "AA" in as_user(pandev.dpo).get(link(text)).content.decode()


# --- publication -------------------------------------------------------------------------------
def test_publication_names_all_that_is_missing_with_its_articles(office: Office) -> None:
    text = draft(office.pandev, cross_border=None, term_length=None, term_unit="")
    text.text_en = "Nothing."
    audit.save(text, by=None, reason="test")
    with pytest.raises(TextIncomplete) as refused:
        consent_text_publish(text=text, by=office.pandev.dpo, now=NOW)
    said = str(refused.value)
    assert len(refused.value.missing) > 15
    for article in ("94-V 8(4)(1)", "94-V 8(4)(2)", "94-V 8(4)(3)", "94-V 8(4)(5)", "94-V 7(8)"):
        assert article in said
    text.refresh_from_db()
    assert not text.is_published and text.digest == ""


def test_a_second_publication_is_a_conflict(pandev: Team) -> None:
    row = published(pandev)
    versions = row.history.count()
    with pytest.raises(TextPublished):
        consent_text_publish(text=row, by=pandev.dpo, now=NOW + timedelta(days=1))
    assert row.history.count() == versions


def test_the_digest_can_be_counted_again_years_later(pandev: Team) -> None:
    row = published(pandev)
    purpose = Purpose.objects.filter(operator=pandev.operator).first()
    assert purpose is not None
    purpose.name_ru = "Renamed since"
    audit.save(purpose, by=pandev.dpo, reason="renamed")
    pandev.operator.name = "Renamed since"
    audit.save(pandev.operator, by=pandev.dpo, reason="renamed")
    again = ConsentText.objects.select_related("operator__jurisdiction").get(pk=row.pk)
    assert digest(contents_of(again)) == row.digest


# --- in force ----------------------------------------------------------------------------------
def test_the_text_in_force_changes_at_midnight_of_the_operator(pandev: Team) -> None:
    zone = pandev.operator.zone
    first = published(pandev, in_force_on=date(2026, 3, 10))
    second = published(pandev, in_force_on=date(2026, 4, 1))
    draft(pandev, in_force_on=date(2026, 4, 1))
    other = published(pandev, code="letters", in_force_on=date(2026, 4, 1))

    def at(*moment: int) -> set[ConsentText]:
        local = datetime(*moment, tzinfo=zone)  # type: ignore[arg-type]
        return set(ConsentText.objects.in_force(timezone.localdate(local, zone)))

    assert at(2026, 3, 9, 23, 59) == set()
    assert at(2026, 3, 10, 0, 0) == {first}
    assert at(2026, 3, 31, 23, 59) == {first}
    assert at(2026, 4, 1, 0, 0) == {second, other}


def test_a_higher_version_wins_whatever_its_day(pandev: Team, office: Office) -> None:
    published(pandev, in_force_on=date(2026, 3, 10))
    higher = published(pandev, in_force_on=date(2026, 3, 1))
    theirs = published(ready(office.ipm), in_force_on=date(2026, 3, 1))
    assert set(ConsentText.objects.in_force(date(2026, 5, 1))) == {higher, theirs}


# --- what is published is immutable ------------------------------------------------------------
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


def fingerprint(row: ConsentText) -> Any:
    return (
        list(ConsentText.objects.filter(pk=row.pk).values_list()),
        sorted(row.activities.values_list("pk", flat=True)),
        sorted(row.data_categories.values_list("pk", flat=True)),
        row.history.count(),
    )


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
    assert [(frozen.table, frozen.link) for frozen in seam.frozen_tables()] == [
        ("registry_consenttext", ""),
        ("registry_consenttext_activities", "consenttext_id"),
        ("registry_consenttext_data_categories", "consenttext_id"),
    ]


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


# --- the pages ---------------------------------------------------------------------------------
def test_the_add_page_writes_the_first_draft_from_the_register(pandev: Team, as_user: Any) -> None:
    client = as_user(pandev.dpo)
    activities = ProcessingActivity.objects.filter(operator=pandev.operator)
    data = {
        "operator": pandev.operator.pk, "code": "account", "name_ru": "Учётная запись",
        "activities": [row.pk for row in activities], "cross_border": "false", "term_length": "1",
        "term_unit": "year", "in_force_on": "2026-03-10", "separate_document": "on",
    }  # fmt: skip
    response = client.post("/admin/registry/consenttext/add/", data)
    text = ConsentText.objects.get()
    assert response.headers["Location"] == link(text)
    assert text.text_ru and missing_of(text) == []
    first = text.history.last()
    assert (first.history_user, first.history_change_reason) == (
        pandev.dpo,
        "written from the register",
    )
    page = client.get(link(text)).content.decode()
    assert "it can be published" in page
    # Refusals of the service come back to the form.
    response = client.post("/admin/registry/consenttext/add/", data | {"term_unit": ""})
    assert response.status_code == 422
    assert ConsentText.objects.count() == 1


def test_the_add_page_asks_for_an_activity(pandev: Team, as_user: Any) -> None:
    data = {"operator": pandev.operator.pk, "code": "account", "name_ru": "x"}
    response = as_user(pandev.dpo).post("/admin/registry/consenttext/add/", data)
    assert response.status_code == 200
    assert "activities" in response.context["adminform"].form.errors


def test_a_draft_is_changed_shown_what_it_lacks_and_published(pandev: Team, as_user: Any) -> None:
    text = draft(pandev)
    client = as_user(pandev.dpo)
    data = shown(client.get(link(text)).context["adminform"].form) | REASON
    assert client.post(link(text), data | {"text_kk": "Бос\r\nмәтін"}).status_code == 302
    text.refresh_from_db()
    assert text.text_kk == "Бос\nмәтін"
    for page in ("change", "publish"):
        shown_page = client.get(link(text, page)).content.decode()
        assert "94-V 8(4)(2)" in shown_page and "94-V 8(4)(7)" in shown_page
    refused_page = client.post(link(text, "publish"))
    assert refused_page.status_code == 422
    assert "94-V 8(4)(2)" in refused_page.content.decode()
    assert client.post(link(text), data | {"change_reason": "back"}).status_code == 302
    assert client.post(link(text, "publish")).status_code == 302
    text.refresh_from_db()
    assert text.published_by == pandev.dpo
    page = client.get(link(text)).content.decode()
    assert text.digest in page and "94-V" not in page.split("<fieldset")[0]


def test_what_was_not_read_is_not_published(pandev: Team, as_user: Any) -> None:
    text = draft(pandev)
    client = as_user(pandev.dpo)
    page = client.get(link(text, "publish"))
    assert text.text_kk in page.content.decode()
    data = shown(page.context["form"])
    text.text_kk += "Жаңа сөз"
    audit.save(text, by=pandev.clerk, reason="meanwhile")
    again = client.post(link(text, "publish"), data)
    assert again.status_code == 409
    assert "Жаңа сөз" in again.content.decode()
    data = {"read": again.context["form"]["read"].value()}
    assert client.post(link(text, "publish"), data).status_code == 302


def test_data_beyond_the_activities_are_refused_at_the_field(pandev: Team, as_user: Any) -> None:
    text = draft(pandev)
    client = as_user(pandev.dpo)
    data = shown(client.get(link(text)).context["adminform"].form) | REASON
    beyond = make(DataCategory, pandev)
    data["data_categories"] = [*data["data_categories"], beyond.pk]
    response = client.post(link(text), data)
    assert response.status_code == 200
    assert "data_categories" in response.context["adminform"].form.errors


def test_the_admin_cannot_change_what_is_published(
    pandev: Team, office: Office, as_user: Any
) -> None:
    text = draft(pandev)
    for user in (pandev.dpo, office.admin):
        client = as_user(user)
        if not text.is_published:
            data = shown(client.get(link(text)).context["adminform"].form) | REASON
            text = consent_text_publish(text=text, by=pandev.dpo, now=NOW)
            before = fingerprint(text)
        assert client.post(link(text), data | {"text_ru": "Другое"}).status_code == 403
        assert client.get(link(text, "publish")).status_code == 409
        assert client.post(link(text, "publish")).status_code == 409
        assert client.post(link(text, "delete"), {"post": "yes"}).status_code == 403
        assert "<textarea" not in client.get(link(text)).content.decode()
    assert fingerprint(text) == before


def test_whoever_saves_after_a_publication_is_told(
    pandev: Team, as_user: Any, monkeypatch: Any
) -> None:
    """The page was allowed, then somebody else published before it was saved."""
    text = draft(pandev)
    client = as_user(pandev.dpo)
    data = shown(client.get(link(text)).context["adminform"].form) | REASON
    consent_text_publish(text=text, by=pandev.dpo, now=NOW)
    monkeypatch.setattr(ConsentText, "is_published", False)
    monkeypatch.setattr(
        "registry.admin.consents.draft_locked",
        lambda row: (_ for _ in ()).throw(TextPublished(text=str(row))),
    )
    response = client.post(link(text), data | {"text_ru": "Другое"})
    assert response.status_code == 409
    assert "published" in response.content.decode()


def test_a_new_version_is_written_from_the_register_of_today(pandev: Team, as_user: Any) -> None:
    old = published(pandev)
    purpose = Purpose.objects.filter(activities__consent_texts=old).first()
    assert purpose is not None
    purpose.name_ru = "Новое имя цели"
    audit.save(purpose, by=pandev.dpo, reason="renamed")
    client = as_user(pandev.dpo)
    response = client.post(link(old, "version"), {"in_force_on": "2026-06-01"})
    new = ConsentText.objects.get(version=2)
    assert response.headers["Location"] == link(new)
    assert "Новое имя цели" in new.text_ru and "Новое имя цели" not in old.text_ru
    assert (new.term_length, new.cross_border) == (3, False)
    assert missing_of(new) == [] and not new.is_published
    assert new.in_force_on == date(2026, 6, 1)


def test_what_a_published_text_names_cannot_be_deleted(pandev: Team, as_user: Any) -> None:
    text = published(pandev)
    client = as_user(pandev.dpo)
    for kind, row in (
        ("datacategory", text.data_categories.first()),
        ("processingactivity", text.activities.first()),
    ):
        assert row is not None
        path = f"/admin/registry/{kind}/{row.pk}/delete/"
        assert str(text) in client.get(path).content.decode()
        assert client.post(path, {"post": "yes"}).status_code == 200
        assert type(row).objects.filter(pk=row.pk).exists()
    free = make(DataCategory, pandev)
    path = f"/admin/registry/datacategory/{free.pk}/delete/"
    assert client.post(path, {"post": "yes"}).status_code == 302


def test_who_may_do_what(pandev: Team, office: Office, as_user: Any) -> None:
    text = draft(pandev)
    rights: dict[User, tuple[int, int, int, int]] = {
        # add page, change page by POST, publish page, new version page
        pandev.dpo: (200, 302, 200, 200),
        office.admin: (200, 302, 200, 403),
        pandev.clerk: (403, 403, 403, 403),
        pandev.auditor: (403, 403, 403, 403),
        office.ipm.dpo: (200, 404, 404, 404),
        office.nobody: (403, 403, 404, 404),
    }
    data = shown(as_user(pandev.dpo).get(link(text)).context["adminform"].form) | REASON
    for user, (add, change, publish, version) in rights.items():
        client = as_user(user)
        got = (
            client.get("/admin/registry/consenttext/add/").status_code,
            client.post(link(text), data).status_code,
            client.get(link(text, "publish")).status_code,
            client.get(link(text, "version")).status_code,
        )
        assert got == (add, change, publish, version), user
    for user in (pandev.clerk, pandev.auditor, office.ipm.dpo, office.nobody):
        assert as_user(user).post(link(text, "publish")).status_code in {403, 404}
    text.refresh_from_db()
    assert not text.is_published
    assert as_user(office.admin).post(link(text, "publish")).status_code == 302


def test_the_pages_speak_russian(pandev: Team, as_user: Any) -> None:
    pandev.dpo.language = "ru"
    pandev.dpo.save()
    text = draft(pandev)
    with translation.override("ru"):
        assert as_user(pandev.dpo).get(link(text)).status_code == 200


# --- carriers ----------------------------------------------------------------------------------
def test_a_carrier_is_kept_by_somebody_of_its_operator(pandev: Team, office: Office) -> None:
    carrier = make(Carrier, pandev)
    carrier.full_clean()
    carrier.responsible = office.ipm.clerk
    with pytest.raises(ValidationError, match="staff"):
        carrier.full_clean()
    carrier.responsible = office.nobody
    with pytest.raises(ValidationError, match="staff"):
        carrier.full_clean()


def test_whoever_leaves_hands_over_carriers(pandev: Team, as_user: Any) -> None:
    carrier = make(Carrier, pandev)
    role = pandev.clerk.memberships.get()
    path = f"/admin/registry/membership/{role.pk}/leave/"
    client = as_user(pandev.dpo)
    assert str(carrier) in client.get(path).content.decode()
    assert client.post(path, {"reason": "order 5", "successor": ""}).status_code == 422
    data = {"reason": "order 5", "successor": pandev.deputy.pk}
    assert client.post(path, data).status_code == 302
    carrier.refresh_from_db()
    assert carrier.responsible == pandev.deputy
    assert carrier.history.first().history_change_reason == "order 5"


def test_a_carrier_has_sheets_or_is_not_counted_yet(pandev: Team) -> None:
    carrier = make(Carrier, pandev)
    carrier.sheets = None
    carrier.full_clean()
    carrier.sheets = 0
    with pytest.raises(ValidationError, match="at least one sheet"):
        carrier.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        carrier.save()


def test_the_crawl_has_a_draft(pandev: Team) -> None:
    assert crawl_draft(pandev, mark_of(pandev)).in_force_on == date(2025, 9, 1)
