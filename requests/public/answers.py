"""The page where the answer about somebody's data is fetched: the link, then a one-time code."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator
from registry.public.pages import page, sorry
from requests.models import AccessAnswer
from requests.public.addresses import client_address
from requests.public.forms import CodeForm
from requests.public.refusals import READS, no_method, problems_of, too_often
from requests.public.tracking import opened, refused
from requests.services import throttling
from requests.services.answer_codes import (
    answer_code_check,
    answer_code_send,
    has_address,
    require_pass,
)
from requests.services.answer_ends import MACHINE, PAPER, answer_file, standing_answer
from requests.services.submissions import CodeRefused

SUFFIX = {PAPER: "pdf", MACHINE: "json"}


def answer(request: HttpRequest, code: str, tracking: str) -> HttpResponse:
    """Send a code, take it, give out the files; whatever is wrong is said in one sentence."""
    found = opened(request, code, tracking)
    if isinstance(found, HttpResponse):
        return found
    operator, subject_request = found
    now = timezone.now()
    row = standing_answer(subject_request, now=now)
    if row is None:
        return sorry(
            request, operator, 404, gettext("There is no answer to fetch"),
            [gettext("It was not released yet, or its time is over.")],
            again_link=reverse("public_track", args=[operator.code, tracking]),
            again_text=gettext("To your request"),
        )  # fmt: skip
    row.request = subject_request
    if request.method in READS:
        return _asks(request, operator, row)
    if request.method != "POST":
        return no_method(request, operator)
    try:
        if "fetch" in request.POST:
            return _given(request, row)
        if "send" in request.POST:
            answer_code_send(answer=row, now=now)
            return _asks(request, operator, row, form=CodeForm(), told=True)
        return _tried(request, operator, row)
    except throttling.ComesTooOften as error:
        return too_often(request, operator, error.params["seconds"])
    except CodeRefused as error:
        form = CodeForm(request.POST if "code" in request.POST else {"code": ""})
        form.errors.clear()
        form.add_error("code", sentence(error))
        return _asks(request, operator, row, form=form, status=error.status)
    except OperatorError as error:
        return refused(request, operator, error)


def _asks(
    request: HttpRequest,
    operator: Operator,
    row: AccessAnswer,
    *,
    form: CodeForm | None = None,
    told: bool = False,
    status: int = 200,
) -> HttpResponse:
    """First the button that sends a code, then the field for it."""
    context: dict[str, Any] = {
        "title": gettext("The answer about your data"),
        "row": row,
        "form": form,
        "told": told,
        "has_address": has_address(row),
        "problems": problems_of(form) if form is not None and form.is_bound else [],
        "back": "../",
    }
    return page(request, operator, "public/answer.html", context, status=status)


def _tried(request: HttpRequest, operator: Operator, row: AccessAnswer) -> HttpResponse:
    now = timezone.now()
    who = throttling.visitor_of(client_address(request))
    throttling.count(throttling.CODE_TRIES, who=who, now=now)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _asks(request, operator, row, form=form, status=422)
    shown = answer_code_check(answer=row, code=form.cleaned_data["code"], now=now)
    context = {
        "title": gettext("The answer about your data"), "row": row, "shown": shown, "back": "../",
    }  # fmt: skip
    return page(request, operator, "public/answer.html", context)


def _given(request: HttpRequest, row: AccessAnswer) -> HttpResponse:
    media_type = MACHINE if request.POST["fetch"] == "machine" else PAPER
    require_pass(row, request.POST.get("shown", ""))
    content = b"".join(
        answer_file(answer=row, media_type=media_type, user=None, now=timezone.now())
    )
    name = f"{row.request.number}.{SUFFIX[media_type]}"
    return HttpResponse(
        content,
        content_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )
