"""Policies on the pages of the office: read, imported, published, discarded, and by whom."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.admin.policies import MOST_BYTES
from registry.models import PolicyText, PolicyVersion, Purpose, User
from registry.services import audit
from tests.conftest import Office, Team
from tests.crawl.pages import faults
from tests.registry.policies import (
    EN,
    FIRST,
    KK,
    NOW,
    RU,
    TODAY,
    draft,
    everything,
    imported,
    published,
    real,
    speaks,
    written,
)

LIST = "/admin/registry/policyversion/"
IMPORT = f"{LIST}import/"


@pytest.fixture(autouse=True)
def clock(db: None) -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pandev(office: Office) -> Team:
    return speaks(office.pandev, "ru", "kk", "en")


def link(row: PolicyVersion, page: str = "change") -> str:
    return f"{LIST}{row.pk}/{page}/"


def asked(team: Team, raw: bytes = EN.encode(), **changes: Any) -> dict[str, Any]:
    return {
        "operator": team.operator.pk, "language": "en", "dated": "2026-02-09", "label": "v2",
        "content": SimpleUploadedFile("policy.txt", raw),
    } | changes  # fmt: skip


# --- the office's pages ------------------------------------------------------------------------
def test_the_list_and_the_page_of_a_version(pandev: Team, as_user: Any) -> None:
    version = imported(pandev)
    published(pandev, TODAY + timedelta(days=5))
    client = as_user(pandev.dpo)
    shown = client.get(LIST).content.decode()
    assert "in force" in shown and "published, not in force yet" in shown
    assert "Saturday, 7 March 2026" in shown  # when the first one is superseded
    page = client.get(link(version))
    text = page.content.decode()
    assert not faults(page)
    assert "A visitor is anybody." in text and "Clauses that are missing:" in text
    assert "1.2" in text and version.texts.get().digest in text
    assert f'href="/pandev/policy/{version.number}/en/"' in text
    assert "<textarea" not in text


def test_a_missing_heading_is_shown(office: Office, as_user: Any) -> None:
    version = imported(office.pandev, real("pandev"))
    text = as_user(office.pandev.dpo).get(link(version)).content.decode()
    assert "Headings that are missing: 4<" in text and "Clauses that are missing: 10.2<" in text


def test_a_draft_is_read_and_published(pandev: Team, as_user: Any) -> None:
    imported(pandev)
    row = written(pandev)
    client = as_user(pandev.dpo)
    page = client.get(link(row, "publish"))
    assert "Клиенттерді сәйкестендіру" in page.content.decode() and not faults(page)
    for day, status, said in (
        ("", 422, "without a date"),
        ("2026-03-01", 422, "nobody can have read it"),
        ("2026-02-08", 422, "never comes before it"),
        ("2026-02-09", 409, "two versions cannot begin on one day"),
        ("2026-02-30", 200, "Enter a valid date"),
    ):
        answer = client.post(link(row, "publish"), {"in_force_on": day})
        assert (answer.status_code, said in answer.content.decode()) == (status, True), day
    answer = client.post(link(row, "publish"), {"in_force_on": "2026-03-02"}, follow=True)
    assert "is published, in force from Monday, 2 March 2026" in answer.content.decode()
    row.refresh_from_db()
    assert row.published_by == pandev.dpo
    for page_name in ("publish", "discard"):
        assert client.get(link(row, page_name)).status_code == 409
        assert client.post(link(row, page_name), {"in_force_on": "2026-03-09"}).status_code == 409


def test_a_draft_that_the_register_has_left_behind_is_not_published(
    pandev: Team, as_user: Any
) -> None:
    row = written(pandev)
    purpose = Purpose.objects.filter(operator=pandev.operator).first()
    assert purpose is not None
    purpose.name_en = "Something else"
    audit.save(purpose, by=pandev.dpo, reason="test")
    answer = as_user(pandev.dpo).post(link(row, "publish"), {"in_force_on": "2026-03-02"})
    assert answer.status_code == 409 and "draft it again" in answer.content.decode()
    row.refresh_from_db()
    assert not row.is_published


def test_a_draft_is_discarded_after_a_look(pandev: Team, as_user: Any) -> None:
    row = draft(pandev)
    client = as_user(pandev.dpo)
    assert "Посетитель любой." in client.get(link(row, "discard")).content.decode()
    answer = client.post(link(row, "discard"), follow=True)
    assert answer.redirect_chain == [(LIST, 302)] and "is discarded" in answer.content.decode()
    assert not PolicyVersion.objects.exists()
    assert client.post(link(row, "publish"), {"in_force_on": "2026-03-02"}).status_code == 404


def test_a_policy_is_uploaded(pandev: Team, as_user: Any) -> None:
    client = as_user(pandev.dpo)
    assert not faults(client.get(IMPORT))
    answer = client.post(IMPORT, asked(pandev), follow=True)
    version = PolicyVersion.objects.get()
    assert answer.redirect_chain == [(link(version), 302)]
    assert "is imported" in answer.content.decode()
    assert (version.label, version.in_force_on, version.published_by) == ("v2", FIRST, pandev.dpo)
    assert version.texts.get().text == EN
    answer = client.post(IMPORT, asked(pandev), follow=True)
    assert "nothing has changed" in answer.content.decode()
    assert PolicyText.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"content": ""}, 200, "Choose a file."),
        ({"language": "de"}, 200, "de"),
        ({"dated": "2026-02-30"}, 200, "Enter a valid date"),
        ({"label": "x" * 41}, 200, "at most 40"),
        ({"raw": RU.encode("cp1251")}, 422, "Windows-1251"),
        ({"raw": b" "}, 422, "empty"),
        ({"raw": b"x" * (MOST_BYTES + 1)}, 422, "bigger than 1 MB"),
        ({"raw": b"1. Other"}, 409, "another text"),
    ],
)
def test_what_cannot_be_uploaded(
    changes: dict[str, Any], status: int, said: str, pandev: Team, as_user: Any
) -> None:
    imported(pandev, label="v2")
    before = everything()
    answer = as_user(pandev.dpo).post(IMPORT, asked(pandev, **changes))
    assert (answer.status_code, said in answer.content.decode()) == (status, True)
    assert everything() == before


def test_an_upload_that_was_dropped_for_its_size_is_named(
    pandev: Team, as_user: Any, settings: Any
) -> None:
    settings.IMPORT_LIMIT_MB = 1
    before = everything()
    big = b"x" * (MOST_BYTES + 100_000)
    answer = as_user(pandev.dpo).post(IMPORT, asked(pandev, big))
    assert answer.status_code == 422 and "bigger than 1 MB" in answer.content.decode()
    assert everything() == before


def test_who_may_do_what(pandev: Team, office: Office, as_user: Any) -> None:
    row, other = written(pandev), imported(office.ipm)
    rights: dict[User, tuple[int, ...]] = {
        # list, page, publish, discard, import page
        pandev.dpo: (200, 200, 200, 200, 200),
        office.admin: (200, 200, 200, 200, 200),
        pandev.clerk: (200, 200, 403, 403, 403),
        pandev.auditor: (200, 200, 403, 403, 403),
        office.ipm.dpo: (200, 404, 404, 404, 200),
        office.nobody: (403, 403, 404, 404, 403),
    }
    for user, wanted in rights.items():
        client = as_user(user)
        paths = (LIST, link(row), link(row, "publish"), link(row, "discard"), IMPORT)
        assert tuple(client.get(path).status_code for path in paths) == wanted, user
        mine = user in (pandev.dpo, office.admin)
        assert (b"verb-publish" in client.get(link(row)).content) == mine
        assert (b"policy_import" in client.get(LIST).content or
                b"verb-import" in client.get(LIST).content) == (wanted[4] == 200)  # fmt: skip
    before = everything()
    for user in (pandev.clerk, pandev.auditor, office.ipm.dpo, office.nobody):
        client = as_user(user)
        for page, data in (("publish", {"in_force_on": "2026-03-09"}), ("discard", {})):
            assert client.post(link(row, page), data).status_code in {403, 404}
        # Another operator's DPO may import, but not for this one.
        status = 200 if user == office.ipm.dpo else 403
        assert client.post(IMPORT, asked(pandev)).status_code == status
        for page in ("change", "delete"):
            assert client.post(link(other, page), {"post": "yes"}).status_code in {403, 404}
    stranger = Client()
    for path in (LIST, IMPORT, link(row), link(row, "publish")):
        assert stranger.post(path).status_code == 302
    assert everything() == before
    data = {"in_force_on": "2026-03-09"}
    assert as_user(office.admin).post(link(row, "publish"), data).status_code == 302


def test_nobody_edits_a_text(pandev: Team, office: Office, as_user: Any) -> None:
    row = draft(pandev)
    before = everything()
    for user in (pandev.dpo, office.admin):
        client = as_user(user)
        for page in ("change", "delete"):
            assert client.post(link(row, page), {"label": "x", "post": "yes"}).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403
    assert everything() == before


def test_the_list_and_the_page_ask_the_same_however_many_there_are(
    pandev: Team, as_user: Any
) -> None:
    client = as_user(pandev.dpo)

    def counted(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    versions = [imported(pandev, dated=date(2020, 1, 1))]
    few = counted(LIST)
    for place in range(60):
        day = date(2020, 2, 1) + timedelta(days=place)
        versions.append(imported(pandev, f"{EN}\n2.2. {place}", dated=day))
    assert counted(LIST) == few <= 10
    counted(link(versions[0]))  # what a process asks once
    one = counted(link(versions[0]))
    for language, text in (("ru", RU), ("kk", KK)):
        imported(pandev, text, dated=date(2020, 1, 1), language=language)
    assert counted(link(versions[0])) == one <= 10
