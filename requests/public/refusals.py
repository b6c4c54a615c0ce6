"""What every page for the public refuses, in plain words, before it looks at anything."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from django.utils.translation import gettext

from registry.models import Operator
from registry.public.pages import sorry
from requests.public.uploads import BODY_BYTES, FormHandler

READS = ("GET", "HEAD")
FORM_TYPES = {"multipart/form-data", "application/x-www-form-urlencoded"}


def no_operator(request: HttpRequest) -> HttpResponse:
    return sorry(
        request, None, 404, gettext("There is no such page"),
        [gettext("Nobody takes requests under this address. Look at the link once more: it "
                 "stands in the policy of the company that you want to write to.")],
    )  # fmt: skip


def no_method(request: HttpRequest, operator: Operator) -> HttpResponse:
    answer = sorry(
        request, operator, 405, gettext("This was not understood"),
        [gettext("Open the page in a browser.")],
        again_link=reverse("public_form", args=[operator.code]),
    )  # fmt: skip
    answer.headers["Allow"] = "GET, HEAD, POST"
    return answer


def too_often(request: HttpRequest, operator: Operator, seconds: int) -> HttpResponse:
    """429 in plain words; nothing is kept."""
    minutes = -(-seconds // 60)
    answer = sorry(
        request, operator, 429, gettext("Too many tries"),
        [gettext("Much was sent from your address within this hour. Nothing was kept."),
         gettext("Try again in %(minutes)s minutes, or write to us another way; the address "
                 "stands below.") % {"minutes": minutes}],
    )  # fmt: skip
    answer.headers["Retry-After"] = str(seconds)
    return answer


def unreadable(
    request: HttpRequest, operator: Operator, handler: FormHandler
) -> HttpResponse | None:
    """Read the body; why that cannot be, if so."""
    if request.content_type not in FORM_TYPES:
        return _misused(request, operator, 415)
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_BYTES:
            return _misused(request, operator, 413)
    except ValueError:
        return _misused(request, operator, 400)
    request.upload_handlers = [handler]  # type: ignore[assignment]
    try:
        request.POST  # noqa: B018
    except RequestDataTooBig:
        return _misused(request, operator, 413)
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return _misused(request, operator, 400)
    return None


def _misused(request: HttpRequest, operator: Operator, status: int) -> HttpResponse:
    lines = {
        413: gettext("This is more than the form takes: three files of at most 5 MB each."),
        415: gettext("Only the form itself can be sent here."),
    }
    return sorry(
        request, operator, status, gettext("This was not understood"),
        [lines.get(status, gettext("What arrived was damaged on its way. Please try again.")),
         gettext("Nothing was kept.")],
        again_link=reverse("public_form", args=[operator.code]),
    )  # fmt: skip


def problems_of(form: Any) -> list[dict[str, str]]:
    """The errors in the order of the fields, each with the place where it is mended."""
    found = [{"place": "", "text": text} for text in form.non_field_errors()]
    for bound in form:
        # Of a group of buttons the first can be reached.
        place = bound.subwidgets[0].id_for_label if len(bound.subwidgets) > 1 else ""
        place = place or bound.id_for_label
        found += [{"place": place, "text": text, "label": bound.label} for text in bound.errors]
    return found
