"""The public form, the page that asks for its code, the receipt."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator
from registry.public.pages import operator_of, page, sorry, speak
from requests.models import Submission
from requests.models.submissions import new_public_id
from requests.public.addresses import client_address
from requests.public.forms import CodeForm, RequestForm
from requests.public.receipts import receipt
from requests.public.refusals import (
    READS,
    no_method,
    no_operator,
    problems_of,
    too_often,
    unreadable,
)
from requests.public.uploads import FormHandler
from requests.services import throttling
from requests.services.submissions import (
    LIFE,
    CodeRefused,
    SubmissionGone,
    code_again,
    code_left,
    submission_confirm,
    submission_found,
    submission_make,
    submission_of,
    submission_register,
)

# Longer than anybody fills in a form; what it brings once more is a new page.
NONCE_LIFE = LIFE


# --- refusals ------------------------------------------------------------------------------------
def _refused(request: HttpRequest, operator: Operator, error: OperatorError) -> HttpResponse:
    if isinstance(error, throttling.ComesTooOften):
        return too_often(request, operator, error.params["seconds"])
    if isinstance(error, SubmissionGone):
        return _gone(request, operator)
    return sorry(
        request, operator, error.status, gettext("This could not be registered"),
        [sentence(error),
         gettext("Write to us another way, please; the address stands below.")],
    )  # fmt: skip


def _gone(request: HttpRequest, operator: Operator) -> HttpResponse:
    return sorry(
        request, operator, 404, gettext("This link is not valid"),
        [gettext("It was not copied as a whole, or it is older than a day."),
         gettext("Did you type in the code of our mail within a day? Then your request is "
                 "registered: follow it by the link that stood on the receipt."),
         gettext("If not, nothing was registered and what you wrote is destroyed. Fill in the "
                 "form once more.")],
        again_link=reverse("public_form", args=[operator.code]),
        again_text=gettext("To the form"),
    )  # fmt: skip


# --- the form ------------------------------------------------------------------------------------
# Checked below: what is forged is refused after the throttle, before anything is read of the rest.
@csrf_exempt
def request_form(request: HttpRequest, code: str) -> HttpResponse:
    """Show the form, or take it. A flood is refused before its body is read."""
    operator = operator_of(code)
    speak(request, operator)
    if operator is None:
        return no_operator(request)
    if request.method in READS:
        return _form_page(request, operator, RequestForm())
    if request.method != "POST":
        return no_method(request, operator)
    now = timezone.now()
    who = throttling.visitor_of(client_address(request))
    try:
        throttling.require_room(throttling.POSTS, throttling.SUBMISSIONS, who=who, now=now)
        throttling.count(throttling.POSTS, who=who, now=now)
    except throttling.ComesTooOften as error:
        return too_often(request, operator, error.params["seconds"])
    handler = FormHandler(request)
    return unreadable(request, operator, handler) or _posted(
        request, operator=operator, too_big=frozenset(handler.too_big), who=who, now=now
    )


@csrf_protect
def _posted(
    request: HttpRequest, *, operator: Operator, too_big: frozenset[str], who: str, now: datetime
) -> HttpResponse:
    nonce = _nonce_of(operator, request.POST.get("nonce", ""))
    if nonce:
        earlier = submission_of(operator=operator, nonce=nonce)
        if earlier is not None:
            return _to(operator, earlier.public_id)
    form = RequestForm(request.POST, request.FILES, too_big=too_big)
    if request.POST.get("website", "").strip():
        # A machine: it is told what everybody is told, and nothing is kept.
        return _to(operator, new_public_id())
    if not form.is_valid():
        return _form_page(request, operator, form, nonce=nonce)
    if not nonce:
        form.add_error(None, gettext("This page was open for too long. Please send it once more."))
        return _form_page(request, operator, form)
    told, take = form.told(), submission_register
    try:
        throttling.count(throttling.SUBMISSIONS, who=who, now=now)
        if told.email:
            take = submission_make
        row = take(
            operator=operator, told=told, files=form.uploads(), nonce=nonce,
            language=request.LANGUAGE_CODE, now=now,
        )  # fmt: skip
    except OperatorError as error:
        return _refused(request, operator, error)
    return _to(operator, row.public_id)


def _to(operator: Operator, public_id: str) -> HttpResponse:
    answer = HttpResponseRedirect(reverse("public_submission", args=[operator.code, public_id]))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _form_page(
    request: HttpRequest, operator: Operator, form: RequestForm, *, nonce: str = ""
) -> HttpResponse:
    context = {
        "title": gettext("Write to us about your personal data"),
        "form": form,
        "nonce": _signer(operator).sign(nonce or secrets.token_urlsafe(24)),
        "problems": problems_of(form),
        "has_files": any(field in form.errors for field in form.FILES) or bool(request.FILES),
    }
    status = 422 if form.is_bound and form.errors else 200
    return page(request, operator, "public/form.html", context, status=status)


def _signer(operator: Operator) -> TimestampSigner:
    return TimestampSigner(salt=f"requests.public.form.{operator.pk}")


def _nonce_of(operator: Operator, signed: str) -> str:
    """The number of a page that we have shown within a day; empty: of none."""
    try:
        return _signer(operator).unsign(signed, max_age=NONCE_LIFE)
    except BadSignature:
        return ""


# --- the code and the receipt --------------------------------------------------------------------
def submission(request: HttpRequest, code: str, public_id: str) -> HttpResponse:
    """Ask for the code of the mail; once it was right, the receipt, for a day."""
    now = timezone.now()
    # A receipt outlives the operator's taking requests; what waits does not.
    operator = operator_of(code, active=False)
    try:
        if operator is None:
            raise SubmissionGone()
        row = submission_found(operator=operator, public_id=public_id, now=now)
        if row.confirmed_at is None and not operator.is_active:
            raise SubmissionGone()
    except SubmissionGone:
        known = operator if operator is not None and operator.is_active else None
        speak(request, known)
        return _gone(request, known) if known else no_operator(request)
    speak(request, operator, default=row.language)
    if request.method in READS:
        if row.confirmed_at is not None:
            return page(request, operator, "public/receipt.html", receipt(operator, row))
        return _code_page(request, operator, row, CodeForm())
    if request.method != "POST":
        return no_method(request, operator)
    try:
        return _answered(request, operator, row, now)
    except OperatorError as error:
        return _refused(request, operator, error)


def _answered(
    request: HttpRequest, operator: Operator, row: Submission, now: datetime
) -> HttpResponse:
    who = throttling.visitor_of(client_address(request))
    throttling.count(throttling.POSTS, who=who, now=now)
    if row.confirmed_at is not None:
        return _to(operator, row.public_id)
    if "again" in request.POST:
        try:
            code_again(operator=operator, public_id=row.public_id, now=now)
        except CodeRefused as error:
            return _code_page(
                request, operator, row, CodeForm(), told=sentence(error), status=error.status
            )
        return _to(operator, row.public_id)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _code_page(request, operator, row, form)
    throttling.count(throttling.CODE_TRIES, who=who, now=now)
    try:
        submission_confirm(
            operator=operator, public_id=row.public_id, code=form.cleaned_data["code"], now=now
        )
    except CodeRefused as error:
        form.add_error("code", sentence(error))
        return _code_page(request, operator, row, form)
    return _to(operator, row.public_id)


def _code_page(
    request: HttpRequest,
    operator: Operator,
    row: Submission,
    form: CodeForm,
    *,
    told: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "title": gettext("Confirm your e-mail address"),
        "form": form,
        "problems": problems_of(form) if form.is_bound else [],
        "told": told,
        "sent": row.code_sent_at is not None,
        "again": code_left(row),
        "form_link": reverse("public_form", args=[operator.code]),
    }
    if form.is_bound and form.errors:
        status = 422
    return page(request, operator, "public/code.html", context, status=status)


def cookies_off(request: HttpRequest, code: str) -> HttpResponse:
    """A form whose cookie did not come back: how to go on, in plain words."""
    operator = operator_of(code)
    speak(request, operator)
    if operator is None:
        return no_operator(request)
    return sorry(
        request, operator, 403, gettext("Your browser kept no cookie"),
        [gettext("The form sets one cookie, so that no other site can send it in your name. It "
                 "did not come back: cookies are switched off, or the page was open for too long."),
         gettext("Nothing was kept. Allow cookies for this site, load the form again and send it."),
         gettext("You can also write to us another way: the address stands below.")],
        again_link=reverse("public_form", args=[operator.code]),
    )  # fmt: skip
