"""The second factor, and the pages that say what went wrong."""

from __future__ import annotations

import io
from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_otp import login as otp_login
from django_otp.plugins.otp_totp.models import TOTPDevice

from registry.choices import Language
from registry.services import audit
from requests.public.views import cookies_off


class CodeForm(forms.Form):
    """Six digits from the person's device."""

    code = forms.RegexField(
        r"^\d{6}$",
        label=_("code"),
        help_text=_("Six digits that your device shows now."),
        error_messages={"invalid": _("The code has six digits.")},
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        ),
    )


def _device(request: HttpRequest) -> tuple[TOTPDevice, bool]:
    """The person's device, and whether it has been confirmed; a new one at the first log-in."""
    confirmed = TOTPDevice.objects.filter(user=request.user, confirmed=True).first()
    if confirmed is not None:
        return confirmed, True
    device, _made = TOTPDevice.objects.get_or_create(
        user=request.user, confirmed=False, defaults={"name": "totp"}
    )
    return device, False


@login_required
@require_http_methods(["GET", "POST"])
def two_factor(request: HttpRequest) -> HttpResponse:
    """Enrol a device at the first log-in, ask for its code at every other."""
    device, confirmed = _device(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        allowed, _why = device.verify_is_allowed()
        if allowed and device.verify_token(form.cleaned_data["code"]):
            if not confirmed:
                device.confirmed = True
                device.save(update_fields=["confirmed"])
                messages.success(request, gettext("Your device is enrolled."))
            otp_login(request, device)
            return HttpResponseRedirect(reverse("admin:index"))
        if allowed:
            form.add_error("code", _("This code is wrong or has been used. Wait for the next one."))
        else:
            form.add_error("code", _("Too many wrong codes. Wait a little, then try again."))
    context = admin.site.each_context(request) | {
        "title": gettext("Second factor"),
        "form": form,
        "enrolling": not confirmed,
        "secret": _spelled(device) if not confirmed else "",
        "is_nav_sidebar_enabled": False,
    }
    return render(request, "admin/two_factor.html", context)


def _spelled(device: TOTPDevice) -> str:
    """The secret in groups of four, for whoever cannot photograph the picture."""
    secret = device.config_url.split("secret=")[1].split("&")[0]
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


@login_required
@require_safe
def two_factor_picture(request: HttpRequest) -> HttpResponse:
    """The enrolment as a picture for the device's camera; gone once the device is confirmed."""
    device, confirmed = _device(request)
    if confirmed:
        raise Http404
    picture = io.BytesIO()
    segno.make(device.config_url, error="m").save(picture, kind="svg", scale=5, xmldecl=False)
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")


@login_required
@require_POST
def my_language(request: HttpRequest) -> HttpResponse:
    """The person chooses the language of their pages and of the mails they get."""
    user: Any = request.user
    wanted = request.POST.get("language", "")
    if wanted in Language.values and wanted != user.language:
        user.language = wanted
        audit.save(user, by=user, reason="chose the language", fields=["language"])
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = reverse("admin:index")
    return HttpResponseRedirect(back)


def _sorry(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "sorry.html", {"title": title, "text": text}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _sorry(
        request, 400, gettext("This was not understood"), gettext("Go back and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _sorry(
        request,
        403,
        gettext("Not for your role"),
        gettext("Ask the data protection officer of the operator if you need this."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    match = request.resolver_match
    if match is not None and (match.url_name or "").startswith("public_"):
        # The public pages begin with their operator's code.
        return cookies_off(request, request.path_info.split("/")[1])
    return _sorry(
        request,
        403,
        gettext("This page was open for too long"),
        gettext("Nothing was saved. Go back, load the page again and repeat."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _sorry(
        request, 404, gettext("There is no such page"), gettext("Look at the desk instead.")
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _sorry(
        request,
        500,
        gettext("Something broke"),
        gettext("Nothing was half-saved. Try again; if it stays, tell the administrator."),
    )
