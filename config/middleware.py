"""What every page of the staff passes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from registry.errors import OperatorError
from registry.explain import sentence

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
