"""Consent texts on their pages: drafted, changed, published, and who may do it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.utils import translation

from registry.models import ConsentText, DataCategory, ProcessingActivity, Purpose, User
from registry.services import audit
from registry.services.consents import TextPublished, consent_text_publish, missing_of
from tests.conftest import Office, Team
from tests.crawl.forms import shown
from tests.crawl.rows import make
from tests.registry.consenting import NOW, draft, fingerprint, link, published, ready

REASON = {"change_reason": "clearer words"}


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


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
