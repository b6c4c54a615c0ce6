"""What every page of the staff passes through."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from registry.access import roles_of
from registry.errors import OperatorError
from registry.explain import sentence
from requests.services.inspector_access import page_seen

Handler = Callable[[HttpRequest], HttpResponse]


class StaffLanguageMiddleware:
    """A person who has logged in reads in the language of their own card."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class TwoFactorMiddleware:
    """Where it is required, nobody passes with a password alone: enrol first, then verify."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if settings.REQUIRE_TWO_FACTOR and user.is_authenticated and not user.is_verified():
            open_to_all = {
                reverse("two_factor"),
                reverse("two_factor_picture"),
                reverse("admin:logout"),
                reverse("admin:jsi18n"),
                reverse("set_language"),
                reverse("my_language"),
            }
            health = request.path in {reverse("healthz"), reverse("readyz")}
            if request.path not in open_to_all and not health:
                return HttpResponseRedirect(reverse("two_factor"))
        return self.get_response(request)


class InspectorMiddleware:
    """An inspector of the authority reads lists and cards of the open rooms, and nothing else.

    No form, no file, no search, no history; each page is written down before it is given. When
    the pass has ended, so has the session, at that moment.
    """

    # Logging in and out, the second factor, the language: nothing of the operator.
    OWN = frozenset({
        "admin:login", "admin:logout", "admin:jsi18n", "two_factor", "two_factor_picture",
        "set_language", "my_language",
    })  # fmt: skip

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        seen: int | None = getattr(request, "inspector_of", None)
        if seen is not None and response.status_code == 200:
            user: Any = request.user
            page_seen(user=user, operator=seen, path=request.path, now=timezone.now())
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return None
        visit = roles_of(request.user).visit
        match = request.resolver_match
        if visit is None or match is None:
            return None
        if not visit.holds_at(timezone.now()):
            logout(request)
            return _sorry(request, gettext("Your access has ended."))
        if match.view_name in self.OWN or match.app_name != "admin":
            return None
        read = request.method in {"GET", "HEAD"} and match.url_name in _lists_and_cards()
        if not read or "q" in request.GET:
            return _sorry(request, gettext("An inspector reads lists and cards, and nothing else."))
        request.inspector_of = visit.operator_id  # type: ignore[attr-defined]
        return None


@cache
def _lists_and_cards() -> frozenset[str]:
    """The names of the pages that only show: the desk, each list, each card."""
    models = [model._meta for model in admin.site._registry]
    pages = ("changelist", "change")
    named = {f"{one.app_label}_{one.model_name}_{page}" for one in models for page in pages}
    return frozenset({"index", *named})


def _sorry(request: HttpRequest, text: str) -> HttpResponse:
    context = {"title": gettext("The office refuses this"), "text": text}
    return render(request, "sorry.html", context, status=403)


class NoStoreMiddleware:
    """Pages of people who are logged in stay in no cache."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class RefusalMiddleware:
    """A refusal that no form caught becomes one sentence with status 409, never a traceback."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, OperatorError):
            return None
        context = {"title": gettext("The office refuses this"), "text": sentence(error)}
        return render(request, "sorry.html", context, status=error.status)
