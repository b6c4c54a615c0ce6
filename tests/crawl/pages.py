"""What the crawl knows: who looks, which status each page owes them, what no page may hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from registry.admin.base import OfficeAdmin, ReadOnlyAdmin
from registry.models import User
from registry.roles import Access
from registry.services.staff import membership_start
from tests.conftest import Office, Team, make_user
from tests.crawl.makers import Made

OUR_APPS = ("registry", "subjects", "requests", "config")
# Names of pages without a row; whatever is not here or below, the crawl refuses to pass over.
SITE_PAGES = {
    "front", "healthz", "readyz", "set_language", "two_factor", "two_factor_picture",
    "my_language", "index", "login", "logout", "password_change", "password_change_done",
    "autocomplete", "jsi18n", "view_on_site", "app_list", "people_find", "people_found",
    "people_file", "letter_file", "destroyed_ask", "act_paper", "act_scan",
    "public_form", "public_submission",
    "findings", "findings_choice", "finding_acknowledge", "finding_reopen",
    "data_map", "data_maps", "public_track_entry", "public_track", "public_track_cancel",
    "public_track_file", "public_answer", "register_file",
    "policy_import", "public_policy", "public_policy_versions", "public_policy_version",
    "public_policy_pdf", "public_policy_text", "public_policy_changes",
    "policy_from_register", "policy_standing", "policy_standing_people",
    "people_given", "disclosure_register", "control_journal",
    "register_paper_write", "register_paper_pdf",
    "deadline_board", "deadline_board_csv", "deadline_calendar", "calendar_feed",
    "journals", "statistics",
    "inspection_register", "inspection_ready", "letter_template_begin",
    "incident_register", "incident_notice", "incident_exported", "system_answer",
}  # fmt: skip
MODEL_PAGES = {"changelist", "add"}
ROW_PAGES = {"change", "delete", "history", "simple_history"}


@dataclass
class Visitor:
    """Somebody who looks at pages, with what the declarations give them."""

    name: str
    user: User
    roles: dict[int, str] = field(default_factory=dict)
    administrator: bool = False

    def grants(self, model: type[Model], operators: frozenset[int] | None) -> set[str]:
        """Actions on a row of these operators; with None, on any row of the kind.

        Read from the declarations anew, so that a fault of ``registry.access`` shows.
        """
        access: Access | None = getattr(model, "access", None)
        if access is None:
            return set()
        found: set[str] = set(access.administrator) if self.administrator else set()
        for operator, role in self.roles.items():
            anywhere = operators is None or access.scope is None
            if anywhere or operator in (operators or ()):
                found |= access.grants(role)
            elif access.shared and not operators:
                found |= access.grants(role) & {"view"}
        return found


def visitors(office: Office) -> dict[str, Visitor]:
    """Everybody in every role, and somebody with a different role with each operator."""
    pandev, ipm = office.pandev, office.ipm
    both = make_user("both@office")
    for team, role in ((pandev, "dpo"), (ipm, "clerk")):
        first = team.dpo.memberships.get().started_on
        membership_start(
            user=both, operator=team.operator, role=role, started_on=first, by=None,
            reason="two hats", undertaking="U-both", undertaking_on=first,
        )  # fmt: skip
    here, there = pandev.operator.pk, ipm.operator.pk
    people = [
        Visitor("administrator", office.admin, administrator=True),
        Visitor("dpo", pandev.dpo, {here: "dpo"}),
        Visitor("clerk", pandev.clerk, {here: "clerk"}),
        Visitor("auditor", pandev.auditor, {here: "auditor"}),
        Visitor("nobody", office.nobody),
        Visitor("other dpo", ipm.dpo, {there: "dpo"}),
        Visitor("two hats", both, {here: "dpo", there: "clerk"}),
    ]
    return {person.name: person for person in people}


VISITORS = ("administrator", "dpo", "clerk", "auditor", "nobody", "other dpo", "two hats")


# --- which pages there are ---------------------------------------------------------------------
def url_names() -> Iterator[tuple[str, str]]:
    """Every pattern of the site: its route and its name ("" for the two that have none)."""

    def walk(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                yield route, pattern.name or ""

    yield from walk(get_resolver().url_patterns, "")


def pages_of(model_admin: admin.ModelAdmin) -> list[str]:
    """The page names of one model, found in its own URL patterns."""
    prefix = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_"
    names = [pattern.name or "" for pattern in model_admin.get_urls()]
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)] + [
        "password" for name in names if name == "auth_user_password_change"
    ]


def address(model_admin: admin.ModelAdmin, page: str, row: Any = None) -> str:
    """The path of a page; of a row where the page is about one."""
    opts = model_admin.opts
    if page == "password":
        return reverse("admin:auth_user_password_change", args=[row.pk])
    name = f"admin:{opts.app_label}_{opts.model_name}_{page}"
    if page in MODEL_PAGES:
        return reverse(name)
    if page == "simple_history":
        return reverse(name, args=[row.pk, newest_version(row)])
    return reverse(name, args=[quote(row.pk)])


def newest_version(row: Any) -> int:
    history = getattr(row, "history", None)
    return history.order_by("-history_id").first().pk if history is not None else 1


# --- which status each owes --------------------------------------------------------------------
def expected(model_admin: admin.ModelAdmin, page: str, visitor: Visitor, made: Made | None) -> int:
    """The status of a GET, from the declarations alone."""
    model = model_admin.model
    any_row = visitor.grants(model, None)
    row = visitor.grants(model, made.operators) if made else set()
    ours = isinstance(model_admin, OfficeAdmin)
    if page == "changelist":
        return 200 if "view" in any_row else 403
    if page == "add":
        return 200 if "add" in any_row and _addable(model_admin) else 403
    if page == "delete":
        if "delete" not in any_row or isinstance(model_admin, ReadOnlyAdmin):
            return 403
        return _one_of("view" in row, "delete" in row)
    if page == "change":
        return 403 if "view" not in any_row else _one_of("view" in row, True)
    if page == "password":
        return 200 if "change" in row else 403
    if page in {"history", "simple_history"}:
        if not ours:
            return 200 if "view" in row else 403
        return 200 if "view" in row and model_admin.has_history() else 404
    verb = {verb.name: verb for verb in getattr(model_admin, "verbs", ())}[page]
    status = _one_of("view" in row, verb.action in row)
    # Somebody was first: the page says so.
    return status if status != 200 or verb.allowed(made.row if made else None) else 409


def _one_of(visible: bool, allowed: bool) -> int:
    return 404 if not visible else 200 if allowed else 403


def _addable(model_admin: admin.ModelAdmin) -> bool:
    """Rows of the services have no add page, except where an admin opens one by itself."""
    own = type(model_admin).has_add_permission
    return own is not ReadOnlyAdmin.has_add_permission


# --- what no page may hold ---------------------------------------------------------------------
def hidden_words(visitor: Visitor, office: Office) -> re.Pattern[str] | None:
    """Marks and staff of every operator with whom the visitor has no role."""
    if visitor.administrator:
        return None
    words = []
    for team in (office.pandev, office.ipm):
        if team.operator.pk not in visitor.roles:
            words += [rf"zz{team.operator.code}-\d+", *_staff(team)]
    return re.compile("|".join(words), re.IGNORECASE) if words else None


def _staff(team: Team) -> list[str]:
    people = (team.dpo, team.clerk, team.deputy, team.auditor)
    return [re.escape(word) for person in people for word in (person.username, person.email)]


INLINE_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
INLINE_STYLE = re.compile(r"<style\b|<[a-z][^>]*\sstyle\s*=", re.IGNORECASE)
INLINE_EVENT = re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE)
SCRIPT_LINK = re.compile(r"""(?:href|src|action)\s*=\s*["']?\s*javascript:""", re.IGNORECASE)


def faults(
    response: HttpResponse, hidden: re.Pattern[str] | None = None, *, logged_in: bool = True
) -> list[str]:
    """Everything that a page of the office must not be; empty when it is well."""
    found = []
    policy = response.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        found.append(f"Content-Security-Policy: {policy!r}")
    for name, wanted in (
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
    ):
        if response.headers.get(name) != wanted:
            found.append(f"{name}: {response.headers.get(name)!r}")
    if logged_in and "no-store" not in response.headers.get("Cache-Control", ""):
        found.append(f"Cache-Control: {response.headers.get('Cache-Control')!r}")
    body = b"".join(response.streaming_content) if response.streaming else response.content
    text = body.decode()
    for attributes, script in INLINE_SCRIPT.findall(text):
        if script.strip() and "application/json" not in attributes:
            found.append(f"inline script: {script.strip()[:60]!r}")
    for pattern in (INLINE_STYLE, INLINE_EVENT, SCRIPT_LINK):
        if "text/html" in response.headers.get("Content-Type", "") and pattern.search(text):
            found.append(f"inline: {pattern.search(text).group()[-60:]!r}")  # type: ignore[union-attr]
    if hidden is not None:
        shown = set(hidden.findall(text)) | set(hidden.findall(str(response.headers)))
        if shown:
            found.append(f"shows {sorted(shown)}")
    if "Traceback" in text:
        found.append("a traceback")
    return found


# --- what nobody may change by looking ---------------------------------------------------------
def fingerprint() -> dict[str, str]:
    """Each table's rows in one hash: two fingerprints differ where a row was written."""
    prints = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label in {"sessions.Session", "contenttypes.ContentType"}:
            continue
        digest = hashlib.sha256()
        for values in model._base_manager.order_by("pk").values_list():
            digest.update(repr(values).encode())
        prints[model._meta.label] = digest.hexdigest()
    return prints


def differences(before: dict[str, str]) -> list[str]:
    return sorted(label for label, value in fingerprint().items() if before[label] != value)
