"""The number of queries of a list does not grow with its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.admin.base import OfficeAdmin
from registry.models import Operator
from requests.models import RegulatorInquiry
from tests.conftest import Office
from tests.crawl.pages import address
from tests.crawl.rows import MAKERS, make

# Session, user, roles (2), the rows and their count, and a query for each filter's choices.
LIST_LIMIT = 16
DESK_LIMIT = 15
# A page of one row: also the choices of each relation of its form.
FORM_LIMIT = 40
HISTORY_LIMIT = 16
# simple-history compares many-to-many fields version by version; a page has 25 versions.
EACH_VERSION_AND_MANY_TO_MANY = 2
LISTED = [
    model
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, OfficeAdmin)
]


def queries(client: Client, path: str) -> tuple[int, list[str]]:
    client.get(path)  # what is cached by the process is cached now
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200, path
    return len(captured), [query["sql"][:150] for query in captured.captured_queries]


def steady(client: Client, path: str, more: Callable[[int], None], limit: int) -> None:
    more(3)
    few, _ = queries(client, path)
    more(9)
    many, told = queries(client, path)
    assert many == few, "\n".join(told)
    assert many <= limit, "\n".join(told)


@pytest.mark.parametrize("model", LISTED, ids=lambda model: model._meta.label)
def test_a_list_asks_as_often_for_twelve_rows_as_for_three(
    model: type[Model], office: Office, as_user: Any
) -> None:
    # The DPO's list is scoped, which costs queries; the third operator is the administrator's.
    user = office.admin if model is Operator else office.pandev.dpo

    def more(count: int) -> None:
        for _ in range(count):
            make(model, office.pandev)

    path = address(admin.site._registry[model], "changelist")
    steady(as_user(user), path, more, LIST_LIMIT)


def test_the_desk(office: Office, as_user: Any) -> None:
    def more(count: int) -> None:
        for _ in range(count):
            make(RegulatorInquiry, office.pandev)
            make(RegulatorInquiry, office.ipm)

    for user in (office.pandev.dpo, office.admin):
        steady(as_user(user), reverse("admin:index"), more, DESK_LIMIT)


@pytest.mark.parametrize("model", LISTED, ids=lambda model: model._meta.label)
def test_a_form_asks_no_more_when_there_is_more_to_choose_from(
    model: type[Model], office: Office, as_user: Any
) -> None:
    row = make(model, office.pandev)
    model_admin = admin.site._registry[model]
    # The administrator runs the machine and sees no people.
    sees = "view" in model.access.administrator
    client = as_user(office.admin if sees else office.pandev.dpo)
    for page, limit in (("change", FORM_LIMIT), ("history", HISTORY_LIMIT)):
        if page == "history" and not model_admin.has_history():
            continue
        path = address(model_admin, page, row)
        few, _ = queries(client, path)
        for related in {field.related_model for field in model._meta.get_fields()
                        if field.is_relation and field.concrete}:  # fmt: skip
            if related in MAKERS:
                make(related, office.pandev)
                make(related, office.pandev)
        many, told = queries(client, path)
        assert many == few, "\n".join(told)
        if page == "history":
            compared = len(model._meta.many_to_many) * row.history.count()
            limit += EACH_VERSION_AND_MANY_TO_MANY * compared
        assert many <= limit, "\n".join(told)
