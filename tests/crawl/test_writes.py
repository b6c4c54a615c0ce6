"""What is posted about another operator's row, or beyond a role, changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from registry.admin.base import OfficeAdmin, ReadOnlyAdmin
from registry.models import (
    Absence,
    Correction,
    DeadlineRule,
    Membership,
    Operator,
    ProcessorInstruction,
    Purpose,
    User,
)
from registry.roles import Access
from requests.models import (
    Incident,
    IncomingMail,
    Inspection,
    RegulatorInquiry,
    SubjectRequest,
)
from subjects.models import Disclosure
from tests.conftest import Office, make_user
from tests.crawl.forms import copied, post_and_confirm, shown
from tests.crawl.makers import Made, make
from tests.crawl.pages import (
    MODEL_PAGES,
    ROW_PAGES,
    Visitor,
    address,
    differences,
    fingerprint,
    pages_of,
    visitors,
)
from tests.crawl.rows import make_everything

REASON = {"change_reason": "a test changes it"}
# What the DPO may add; each is tried with every relation turned to the other operator.
ADDED = [
    model
    for model in admin.site._registry
    if "add" in getattr(getattr(model, "access", None), "dpo", ())
]


@pytest.fixture
def people(office: Office) -> dict[str, Visitor]:
    return visitors(office)


@pytest.fixture
def everything(office: Office, people: dict[str, Visitor]) -> dict[type[Model], list[Made]]:
    return make_everything(office)


def office_admins() -> list[OfficeAdmin]:
    return [found for found in admin.site._registry.values() if isinstance(found, OfficeAdmin)]


def own_and_foreign(rows: list[Made], office: Office) -> tuple[Any, Any]:
    by_operator = {next(iter(made.operators)): made.row for made in rows}
    return by_operator[office.pandev.operator.pk], by_operator[office.ipm.operator.pk]


def one_of_each(model: type[Model], office: Office) -> tuple[Any, Any]:
    """A row of PanDev and one of IPM."""
    if model is Operator:
        return office.pandev.operator, office.ipm.operator
    return make(model, office.pandev), make(model, office.ipm)


def verb_names(model_admin: Any) -> list[str]:
    return [verb.name for verb in getattr(model_admin, "verbs", ())]


@pytest.mark.parametrize("name", ["dpo", "clerk", "auditor", "nobody"])
def test_posts_about_the_other_operators_rows_change_nothing(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    client, visitor = as_user(people[name].user), people[name]
    before = fingerprint()
    for model_admin in office_admins():
        model = model_admin.model
        if model.access.scope is None:
            continue
        _, foreign = own_and_foreign(everything[model], office)
        any_row = visitor.grants(model, None)
        for page in {*pages_of(model_admin)} - MODEL_PAGES:
            response = client.post(
                address(model_admin, page, foreign),
                {"post": "yes", "reason": "forged", **REASON},
            )
            # Without the right on any row of the kind the answer comes before the row is sought.
            wanted = {403, 404}
            if page in verb_names(model_admin) or (page == "change" and _may_change(model_admin)):
                wanted = {404} if page not in ROW_PAGES or "change" in any_row else {403}
            assert response.status_code in wanted, (model, page)
    assert not differences(before)


def _may_change(model_admin: OfficeAdmin) -> bool:
    return not isinstance(model_admin, ReadOnlyAdmin)


@pytest.mark.parametrize("name", ["auditor", "clerk", "administrator"])
def test_posts_beyond_the_role_change_nothing(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    client, visitor = as_user(people[name].user), people[name]
    before = fingerprint()
    refused = 0
    for model_admin in office_admins():
        made = everything[model_admin.model][0]  # of the visitor's own operator
        grants = visitor.grants(model_admin.model, made.operators)
        actions = {"change": "change", "delete": "delete", "add": "add"}
        actions |= {verb.name: verb.action for verb in getattr(model_admin, "verbs", ())}
        for page, action in actions.items():
            by_service = isinstance(model_admin, ReadOnlyAdmin) and page in {"change", "delete"}
            if action in grants and not by_service:
                continue
            if "view" not in grants and page not in {"add", "change", "delete"}:
                continue  # 404: the crawl holds that
            response = client.post(
                address(model_admin, page, made.row), {"post": "yes", "reason": "x", **REASON}
            )
            assert response.status_code == 403, (model_admin, page)
            refused += 1
        version = client.post(address(model_admin, "simple_history", made.row))\
            if model_admin.has_history() and "view" in grants else None  # fmt: skip
        assert version is None or version.status_code == 403
    assert refused > 20
    assert not differences(before)


def test_the_auditor_may_change_nothing_at_all() -> None:
    for model_admin in office_admins():
        access: Access = model_admin.model.access
        # To ask whether somebody was destroyed changes nothing.
        assert access.auditor <= {"view", "ask"}


# --- forged fields -----------------------------------------------------------------------------
def changed_by_the_dpo() -> list[type[Model]]:
    return [
        found.model
        for found in office_admins()
        if "change" in found.model.access.dpo and not isinstance(found, ReadOnlyAdmin)
    ]


@pytest.mark.parametrize("model", changed_by_the_dpo(), ids=lambda model: model._meta.label)
def test_a_change_cannot_move_a_row_or_tie_it_to_another_operator(
    model: type[Model],
    office: Office,
    as_user: Any,
) -> None:
    client = as_user(office.pandev.dpo)
    model_admin = admin.site._registry[model]
    own, foreign = one_of_each(model, office)
    path = address(model_admin, "change", own)
    form = client.get(path).context["adminform"].form
    honest = shown(form) | REASON
    saved = client.post(path, honest)
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    forged = {"operator": office.ipm.operator.pk, "id": foreign.pk, "pk": foreign.pk}
    theirs = fingerprint_of(foreign)
    assert client.post(path, honest | forged).status_code == 302
    own.refresh_from_db()
    if model is not Operator:
        assert own.operator_id == office.pandev.operator.pk
    assert fingerprint_of(foreign) == theirs
    for name, wrong in forged_relations(form, foreign, office).items():
        before = fingerprint()
        response = client.post(path, honest | {name: wrong})
        assert response.status_code == 200, name
        assert name in response.context["adminform"].form.errors
        assert not differences(before)


def fingerprint_of(row: Any) -> Any:
    return list(type(row)._base_manager.filter(pk=row.pk).values_list())


def forged_relations(form: Any, foreign: Any, office: Office) -> dict[str, Any]:
    """Every relation of the form that can point at a row of an operator, pointing at IPM's."""
    found: dict[str, Any] = {}
    for name, field in form.fields.items():
        queryset = getattr(field, "queryset", None)
        scope = getattr(getattr(queryset, "model", None), "access", None)
        if queryset is None or scope is None or scope.scope is None:
            continue
        if queryset.model is User:
            found[name] = office.ipm.clerk.pk
        elif queryset.model is Operator:
            found[name] = office.ipm.operator.pk
        else:
            rows = queryset.model._base_manager.filter(operator=office.ipm.operator)
            theirs = rows.first() or make(queryset.model, office.ipm)
            found[name] = [theirs.pk] if hasattr(queryset, "_hints") and _many(field) else theirs.pk
    return found


def _many(field: Any) -> bool:
    return type(field).__name__ == "ModelMultipleChoiceField"


@pytest.mark.parametrize("model", ADDED, ids=lambda model: model._meta.label)
def test_an_added_row_cannot_belong_or_be_tied_to_another_operator(
    model: type[Model],
    office: Office,
    as_user: Any,
) -> None:
    client = as_user(office.pandev.dpo)
    model_admin = admin.site._registry[model]
    own, foreign = one_of_each(model, office)
    path = address(model_admin, "add")
    form = client.get(path).context["adminform"].form
    changed = fresh(own)

    def honest() -> dict[str, Any]:
        # Anew for each post: a file can be read once.
        return copied(form, own) | changed

    forgeries = forged_relations(form, foreign, office)
    assert "operator" in forgeries
    for name, wrong in forgeries.items():
        before = fingerprint()
        response = client.post(path, honest() | {name: wrong})
        assert response.status_code == 200, name
        assert name in response.context["adminform"].form.errors
        assert not differences(before), name
    # The same post without the forgery is good: nothing else refused it.
    count = model._base_manager.count()
    response = client.post(path, honest())
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert model._base_manager.count() == count + 1


def fresh(row: Any) -> dict[str, Any]:
    """What must differ from the row that was copied."""
    if isinstance(row, Membership):
        return {"user": make_user("newcomer").pk}
    if isinstance(row, Absence):
        later = timedelta(days=60)
        return {"first_on": str(row.first_on + later), "last_on": str(row.last_on + later)}
    if isinstance(row, RegulatorInquiry):
        local = row.received_at.astimezone(row.operator.zone)
        return {"reference": "another letter", "received_at": f"{local:%Y-%m-%dT%H:%M}"}
    if isinstance(row, Incident):
        local = row.detected_at.astimezone(row.operator.zone)
        return {"detected_at": f"{local:%Y-%m-%dT%H:%M}"}
    if isinstance(row, Inspection):
        return {"order_number": "another order"}
    if isinstance(row, SubjectRequest):
        local = row.received_at.astimezone(row.operator.zone)
        told = {"name": "N", "email": "crawl@example.org", "phone": "", "postal": ""}
        # What was told is sealed: no form gives it back.
        return told | {
            "message": "M",
            "kinds": ["withdrawal"],
            "received_at": f"{local:%Y-%m-%dT%H:%M}",
        }
    if isinstance(row, ProcessorInstruction):
        return {"number": f"{row.number}-n"}
    if isinstance(row, Disclosure):
        one = row.people.get()
        return {"people": one.subject.code, "categories": [one.category_id]}
    unique = ("code", "text", "clause")
    return {name: f"{getattr(row, name)}-n" for name in unique if hasattr(row, name)}


def test_with_two_hats_the_weaker_role_adds_nothing(
    office: Office, people: dict[str, Visitor], as_user: Any
) -> None:
    client = as_user(people["two hats"].user)
    data = {"code": "zz", "name_en": "ZZ", "clause": ""}
    for operator, status in ((office.ipm.operator, 200), (office.pandev.operator, 302)):
        response = client.post("/admin/registry/purpose/add/", data | {"operator": operator.pk})
        assert response.status_code == status
        assert Purpose.objects.filter(code="zz", operator=operator).exists() == (status == 302)


def test_no_other_list_has_an_action_and_a_forged_one_does_nothing(
    office: Office,
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    clients: list[Client] = [as_user(user) for user in (office.admin, office.pandev.dpo)]
    before = fingerprint()
    for client in clients:
        for model_admin in office_admins():
            path = address(model_admin, "changelist")
            page = client.get(path)
            if page.status_code == 403:
                continue
            # Mails are sorted out by the dozen; nothing is deleted even there.
            sorts = model_admin.model is IncomingMail
            assert bool(page.context["action_form"]) == sorts, model_admin
            forged = {
                "action": "delete_selected",
                "_selected_action": [made.row.pk for made in everything[model_admin.model]],
                "post": "yes",
                "select_across": "1",
            }
            assert client.post(path, forged).status_code in {200, 302}
    assert not differences(before)


def test_a_correction_of_a_promise_stays_with_its_operator(office: Office, as_user: Any) -> None:
    make(RegulatorInquiry, office.ipm)
    rule = DeadlineRule.objects.get(operator=office.ipm.operator, event="inquiry_received")
    administrator = as_user(office.admin)
    path = address(admin.site._registry[DeadlineRule], "change", rule)
    data = shown(administrator.get(path).context["adminform"].form) | REASON
    saved = post_and_confirm(administrator, path, data | {"length": 3})
    assert saved.status_code == 302
    correction = Correction.objects.get()
    for user, sees in ((office.ipm.dpo, True), (office.pandev.dpo, False)):
        client = as_user(user)
        page = client.get("/admin/registry/correction/").content.decode()
        assert (rule.code in page) == sees
        status = client.get(f"/admin/registry/correction/{correction.pk}/change/").status_code
        assert status == (200 if sees else 404)
