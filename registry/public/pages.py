"""What every page for the public has: the operator, the reader's language, no trace in a cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import get_language_info, gettext
from django.utils.translation.trans_real import (
    get_supported_language_variant,
    parse_accept_lang_header,
)

from registry.choices import Language
from registry.models import Operator, PolicyVersion


def operator_of(code: str, *, active: bool = True) -> Operator | None:
    """The operator of that code; None: there is none, or (``active``) it takes no new cases."""
    found = Operator.objects.select_related("jurisdiction").filter(code=code).first()
    return None if found is None or (active and not found.is_active) else found


def languages_of(operator: Operator | None) -> list[str]:
    """All that the office speaks, those that the operator writes in first."""
    own = [code for code in (operator.languages if operator else []) if code in Language.values]
    return own + [code for code in Language.values if code not in own]


def speak(request: HttpRequest, operator: Operator | None, default: str = "") -> str:
    """The page's language from now on: asked for in the address, else ``default``, else the
    browser's, else the operator's first. Needs no cookie.
    """
    wanted = request.GET.get("lang", "")
    if wanted not in Language.values:
        wanted = default or _of_browser(request) or languages_of(operator)[0]
    translation.activate(wanted)
    request.LANGUAGE_CODE = wanted
    return wanted


def _of_browser(request: HttpRequest) -> str:
    for code, _weight in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        if code == "*":
            break
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return ""


def page(
    request: HttpRequest,
    operator: Operator | None,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """A page for the public; no cache keeps it and no search engine shows it."""
    languages = [
        {"code": code, "name": get_language_info(code)["name_local"].capitalize()}
        for code in languages_of(operator)
    ]
    frame = {
        "operator": operator,
        "languages": languages,
        "policy_link": _policy_link(operator) if operator else "",
        "site_link": web_link(operator.website) if operator else "",
    }
    response = render(request, template, frame | context, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if status >= 400:
        # Django writes the path of a refused page to the log, and ours are capabilities.
        response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def sorry(
    request: HttpRequest,
    operator: Operator | None,
    status: int,
    title: str,
    lines: Iterable[str],
    *,
    again_link: str = "",
    again_text: str = "",
) -> HttpResponse:
    """A refusal in plain words, and where to go on."""
    context = {
        "title": title, "lines": lines, "again_link": again_link,
        "again_text": again_text or gettext("Back to the form"),
    }  # fmt: skip
    return page(request, operator, "public/sorry.html", context, status=status)


def _policy_link(operator: Operator) -> str:
    """The policy that is in force here; before the office has one, the address it prints."""
    today = timezone.localdate(timezone.now(), operator.zone)
    if PolicyVersion.objects.in_force(today).filter(operator=operator).exists():
        return reverse("public_policy", args=[operator.code])
    return web_link(operator.policy_address)


def web_link(address: str) -> str:
    """The address where it can be followed; policies print broken ones too."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError:
        return ""
    return address.strip() if parts.scheme in {"http", "https"} and host else ""
