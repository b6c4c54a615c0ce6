"""Every page of the office, found by itself, as everybody: another operator does not exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignKey, Model
from django.test import Client
from django.urls import reverse

from registry.access import access_of
from registry.admin.base import OfficeAdmin
from registry.models import Deadline, Membership, Notice, Purpose, User
from registry.roles import Access
from requests.models import RegulatorInquiry
from tests.conftest import Office
from tests.crawl.makers import MAKERS, Made
from tests.crawl.pages import (
    MODEL_PAGES,
    OUR_APPS,
    ROW_PAGES,
    SITE_PAGES,
    VISITORS,
    Visitor,
    address,
    differences,
    expected,
    faults,
    fingerprint,
    hidden_words,
    pages_of,
    url_names,
    visitors,
)
from tests.crawl.rows import make_everything

# Rows that belong to no operator: each needs a reason to be readable across the office.
LAW = "the law is the same for everybody"
MACHINE = "the machine's own journal; names no operator's rows"
VAULT = "a number and a key, on no page; services read it"
WITHOUT_OPERATOR = {
    "registry.Jurisdiction": LAW,
    "registry.Authority": LAW,
    "registry.Country": LAW,
    "registry.Adequacy": LAW,
    "registry.CalendarYear": LAW,
    "registry.CalendarDay": LAW,
    "registry.LegalBasis": LAW,
    "registry.JobRun": MACHINE,
    "registry.CalendarFeed": "of one user, on that user's own page; only the administrator",
    "registry.LoadedRow": "what the data files said last; only the administrator",
    "subjects.MasterKey": "says when the keys of the whole office go; never a key",
    "subjects.VaultKey": VAULT,
    "subjects.SearchToken": VAULT,
    "subjects.Evidence": VAULT,
    "subjects.DestructionItem": VAULT,
    "requests.Throttle": "counts an hour, names neither visitor nor operator; on no page",
    "subjects.ImportSeen": "the working memory of a run, on no page",
    "subjects.SearchResult": "only who searched reaches it, and only for a while",
}


# With a different role here and there, what matters is whatever the two roles may differ in.
TWO_HATS = (Purpose, Membership, Deadline, Notice, RegulatorInquiry)


def is_history(model: type[Model]) -> bool:
    return hasattr(model, "history_id") or hasattr(model, "m2m_history_id")


def our_models() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in OUR_APPS and not is_history(model)
    ]


# --- declarations ------------------------------------------------------------------------------
@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_every_model_says_who_may_do_what(model: type[Model]) -> None:
    access = getattr(model, "access", None)
    assert isinstance(access, Access), "declare `access = Access(...)`"
    if access.scope is None:
        assert model._meta.label in WITHOUT_OPERATOR, "give it a scope, or a reason above"
    else:
        assert model._meta.label not in WITHOUT_OPERATOR
        assert model in MAKERS, "tests/crawl/rows.py makes no row of it"


def test_no_reason_outlives_its_model() -> None:
    assert set(WITHOUT_OPERATOR) <= {model._meta.label for model in our_models()}


def test_models_of_installed_packages_are_for_nobody() -> None:
    for model in apps.get_models(include_auto_created=True):
        if model not in our_models():
            assert access_of(model) is None, model._meta.label


def test_every_admin_stands_on_the_scoped_base() -> None:
    for model, model_admin in admin.site._registry.items():
        assert model._meta.app_label in OUR_APPS, model._meta.label
        assert isinstance(model_admin, OfficeAdmin), model._meta.label


def test_the_crawl_knows_every_page() -> None:
    known = set(SITE_PAGES) | {"auth_user_password_change"}
    for model_admin in admin.site._registry.values():
        assert model_admin.model in MAKERS, model_admin.model._meta.label
        opts = model_admin.opts
        own = {verb.name for verb in getattr(model_admin, "verbs", ())}
        for page in MODEL_PAGES | ROW_PAGES | own:
            known.add(f"{opts.app_label}_{opts.model_name}_{page}")
    unnamed = {"admin/(?P<url>.*)$"}
    unknown = [
        (route, name)
        for route, name in url_names()
        if name not in known
        and not (name == "" and (route in unnamed or "<path:object_id>/" in route))
    ]
    assert not unknown


# --- the crawl ---------------------------------------------------------------------------------
@pytest.fixture
def people(office: Office) -> dict[str, Visitor]:
    return visitors(office)


@pytest.fixture
def everything(office: Office, people: dict[str, Visitor]) -> dict[type[Model], list[Made]]:
    return make_everything(office)


class Walk:
    """One visitor's walk; collects what is wrong instead of stopping at the first."""

    def __init__(self, client: Client, visitor: Visitor, office: Office) -> None:
        self.client = client
        self.client.raise_request_exception = False
        self.hidden = hidden_words(visitor, office)
        self.wrong: list[str] = []
        self.seen = 0

    def get(self, path: str, *statuses: int, **query: Any) -> Any:
        response = self.client.get(path, query)
        self.seen += 1
        where = f"{path} {query or ''}"
        if response.status_code not in statuses:
            self.wrong.append(f"{where}: {response.status_code}, not {statuses}")
        self.wrong += [f"{where}: {fault}" for fault in faults(response, self.hidden)]
        return response

    def done(self, at_least: int) -> None:
        assert not self.wrong, f"{len(self.wrong)} faults:\n" + "\n".join(self.wrong[:40])
        assert self.seen >= at_least


@pytest.mark.parametrize("name", VISITORS)
def test_every_page_owes_each_role_its_status_and_shows_nothing_foreign(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    visitor = people[name]
    walk = Walk(as_user(visitor.user), visitor, office)
    before = fingerprint()
    for model, model_admin in admin.site._registry.items():
        if name == "two hats" and model not in TWO_HATS:
            continue
        for page in pages_of(model_admin):
            if page in MODEL_PAGES:
                walk.get(address(model_admin, page), expected(model_admin, page, visitor, None))
                continue
            for made in everything[model]:
                walk.get(
                    address(model_admin, page, made.row),
                    expected(model_admin, page, visitor, made),
                )
        for made in everything[model]:
            path = address(model_admin, "change", made.row)
            walk.get(path.removesuffix("change/"), 302)
            if expected(model_admin, "change", visitor, made) == 404:
                # Asked for in the other ways that the admin knows.
                walk.get(path, 404, _popup="1")
                walk.get(path, 404, _to_field="id")
    walk.done(at_least=50)
    assert not differences(before)


@pytest.mark.parametrize("name", VISITORS)
def test_pages_of_the_site_itself(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    visitor = people[name]
    walk = Walk(as_user(visitor.user), visitor, office)
    before = fingerprint()
    for page in ("index", "password_change", "password_change_done", "jsi18n"):
        walk.get(reverse(f"admin:{page}"), 200)
    for team in (office.pandev, office.ipm):
        walk.get(reverse("admin:index"), 200, operator=team.operator.code)
    walk.get(reverse("admin:login"), 302)
    walk.get(reverse("front"), 302)
    walk.get(reverse("healthz"), 200)
    walk.get(reverse("readyz"), 503)  # no job has run
    walk.get("/admin/no/such/page/", 404)
    walk.get(reverse("my_language"), 405)
    for app in ("registry", "requests", "auth", "otp_totp", "axes"):
        sees_any = any(
            "view" in visitor.grants(model, None)
            for model in admin.site._registry
            if model._meta.app_label == app
        )
        try:
            path = reverse("admin:app_list", args=[app])
        except Exception:
            path = f"/admin/{app}/"
        walk.get(path, 200 if sees_any else 404)
    for model, rows in everything.items():
        kind = ContentType.objects.get_for_model(model)
        for made in rows:
            walk.get(reverse("admin:view_on_site", args=[kind.pk, made.row.pk]), 404)
    walk.done(at_least=70)
    assert not differences(before)


@pytest.mark.parametrize("name", ["dpo", "other dpo"])
def test_lists_show_nothing_foreign_however_they_are_asked(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    visitor = people[name]
    walk = Walk(as_user(visitor.user), visitor, office)
    for model, model_admin in admin.site._registry.items():
        if "view" not in visitor.grants(model, None):
            continue
        path = address(model_admin, "changelist")
        walk.get(path, 200, _popup="1", _to_field="id")
        walk.get(path, 200, _facets="True")
        walk.get(path, 200, all="")
        for column in (1, len(model_admin.list_display)):
            walk.get(path, 200, o=str(-column))
        foreign = [made for made in everything[model] if not _mine(visitor, made)]
        for made in foreign:
            if model_admin.search_fields:
                # The box repeats what was typed; the mark with its number was not typed.
                code = "zzipm" if name != "other dpo" else "zzpandev"
                found = walk.get(path, 200, q=code)
                if model._meta.label != "registry.Operator":
                    assert not list(found.context["cl"].result_list), model
            walk.get(path, 200, id__exact=made.row.pk)
            for field in model._meta.concrete_fields:
                target = getattr(made.row, field.attname)
                if not isinstance(field, ForeignKey) or target is None:
                    continue
                # 302 and 400: the admin knows no such filter and says so without looking.
                walk.get(path, 200, 302, **{f"{field.name}__id__exact": target})
                if field.related_model is User:
                    walk.get(path, 302, 400, **{f"{field.name}__username__startswith": "dpo@"})
    walk.done(at_least=150)


def _mine(visitor: Visitor, made: Made) -> bool:
    return not made.operators or bool(made.operators & set(visitor.roles))


@pytest.mark.parametrize("name", ["dpo", "other dpo", "nobody"])
def test_autocomplete_of_every_relation_shows_nothing_foreign(
    name: str,
    office: Office,
    people: dict[str, Visitor],
    everything: dict[type[Model], list[Made]],
    as_user: Any,
) -> None:
    visitor = people[name]
    walk = Walk(as_user(visitor.user), visitor, office)
    answered = 0
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if not (field.is_relation and field.concrete and field.related_model):
                continue
            for term in ("", "zz"):
                response = walk.get(
                    reverse("admin:autocomplete"), 200, 403, 404, app_label=model._meta.app_label,
                    model_name=model._meta.model_name, field_name=field.name, term=term,
                )  # fmt: skip
                answered += response.status_code == 200
    walk.done(at_least=100)
    assert (answered == 0) == (name == "nobody")


def test_a_stranger_is_sent_to_the_log_in(
    office: Office, everything: dict[type[Model], list[Made]]
) -> None:
    client = Client()
    before = fingerprint()
    paths = [reverse(f"admin:{page}") for page in ("index", "password_change", "autocomplete")]
    paths += [reverse("two_factor"), reverse("two_factor_picture"), "/admin/no/such/page/"]
    for model, model_admin in admin.site._registry.items():
        for page in pages_of(model_admin):
            row = everything[model][0].row
            paths.append(address(model_admin, page, row))
    for path in paths:
        for method in (client.get, client.post):
            response = method(path)
            assert response.status_code == 302, path
            assert response.headers["Location"].startswith(reverse("admin:login")), path
    assert not faults(client.get(reverse("admin:login")), logged_in=False)
    assert not differences(before)
