"""The page where a person follows a request: no log-in, the link is the key.

Whoever guesses is told the same as whoever mistypes, and is stopped after a few tries an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import long_day, sentence
from registry.models import Operator
from registry.public.pages import languages_of, operator_of, page, sorry, speak
from registry.services.texts import when_due
from requests import states
from requests.models import LetterFile, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.public import track_words as words
from requests.public.addresses import client_address
from requests.public.refusals import (
    READS,
    no_method,
    no_operator,
    problems_of,
    too_often,
    unreadable,
)
from requests.public.track_forms import EntryForm, ReplyForm
from requests.public.uploads import FormHandler
from requests.services import throttling
from requests.services.answer_ends import standing_answer
from requests.services.letters import RequestOver, letter_file_open, letter_texts, letters_of
from requests.services.replies import reply_take
from requests.services.story import Story, story_of
from requests.services.subject_requests import request_withdraw
from requests.services.told import told
from requests.services.tracking import NoSuchRequest, request_by, spelled
from subjects.services.pictures import JPEG, PDF, PNG

# What names no request; nobody mistypes a link so often.
MISSES = throttling.Limit("tracking misses", 20)
# What is sent to one request, by whomever.
REPLIES = throttling.Limit("replies", 20)
DAY = timedelta(days=1)
ENDINGS = {PDF: "pdf", JPEG: "jpg", PNG: "png"}


# --- who may see what ----------------------------------------------------------------------------
def _guarded(request: HttpRequest, operator: Operator, tracking: str) -> SubjectRequest:
    """The request of the code. A visitor who missed too often finds nothing, right or wrong."""
    now = timezone.now()
    who = throttling.visitor_of(client_address(request))
    throttling.require_room(MISSES, who=who, now=now)
    try:
        return request_by(operator, tracking)
    except NoSuchRequest:
        throttling.count(MISSES, who=who, now=now)
        raise


def opened(
    request: HttpRequest, code: str, tracking: str
) -> tuple[Operator, SubjectRequest] | HttpResponse:
    """The request of a link, the page in its language; or the page that says why not."""
    operator = operator_of(code, active=False)
    if operator is None:
        speak(request, None)
        return no_operator(request)
    try:
        row = _guarded(request, operator, tracking)
    except OperatorError as error:
        speak(request, operator)
        return refused(request, operator, error)
    speak(request, operator, default=row.language)
    row.operator = operator
    return operator, row


def refused(request: HttpRequest, operator: Operator, error: OperatorError) -> HttpResponse:
    if isinstance(error, throttling.ComesTooOften):
        return too_often(request, operator, error.params["seconds"])
    if isinstance(error, NoSuchRequest):
        return _missing(request, operator)
    return sorry(
        request, operator, error.status, gettext("This cannot be done"), [sentence(error)],
        again_link=request.path, again_text=gettext("Back"),
    )  # fmt: skip


def _missing(request: HttpRequest, operator: Operator) -> HttpResponse:
    return sorry(
        request, operator, 404, gettext("This link is not valid"),
        [gettext("No request of this company has this code. Perhaps the link was not copied as a "
                 "whole."),
         gettext("Number and code stand on your receipt and in our letters: type them in.")],
        again_link=reverse("public_track_entry", args=[operator.code]),
        again_text=gettext("Type in number and code"),
    )  # fmt: skip


def _back(request: HttpRequest, operator: Operator, tracking: str, place: str = "") -> HttpResponse:
    """To the page of the request, in the language that was chosen for it."""
    asked = request.GET.get("lang", "")
    query = f"?lang={asked}" if asked in Language.values else ""
    path = reverse("public_track", args=[operator.code, tracking])
    answer = HttpResponseRedirect(f"{path}{query}{place}")
    answer.headers["Cache-Control"] = "no-store"
    return answer


# --- number and code -----------------------------------------------------------------------------
def track_entry(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for number and code; both right, lead to the page. One answer for whatever is wrong."""
    operator = operator_of(code, active=False)
    speak(request, operator)
    if operator is None:
        return no_operator(request)
    if request.method in READS:
        return _entry_page(request, operator, EntryForm())
    if request.method != "POST":
        return no_method(request, operator)
    form = EntryForm(request.POST)
    if not form.is_valid():
        return _entry_page(request, operator, form)
    try:
        row = _guarded(request, operator, form.cleaned_data["tracking"])
        if row.number != form.cleaned_data["number"]:
            who = throttling.visitor_of(client_address(request))
            throttling.count(MISSES, who=who, now=timezone.now())
            raise NoSuchRequest()
    except NoSuchRequest as error:
        form.add_error(None, sentence(error))
        return _entry_page(request, operator, form, status=404)
    except throttling.ComesTooOften as error:
        return too_often(request, operator, error.params["seconds"])
    return _back(request, operator, spelled(form.cleaned_data["tracking"]))


def _entry_page(
    request: HttpRequest, operator: Operator, form: EntryForm, *, status: int = 422
) -> HttpResponse:
    context = {
        "title": gettext("Follow your request"),
        "form": form,
        "problems": problems_of(form) if form.is_bound else [],
    }
    return page(
        request, operator, "public/track_entry.html", context,
        status=status if form.is_bound else 200,
    )  # fmt: skip


# --- the page ------------------------------------------------------------------------------------
# Checked below: a letter is read only after the throttle, and by the handler of the form.
@csrf_exempt
def track(request: HttpRequest, code: str, tracking: str) -> HttpResponse:
    """Tell the whole story of a request; take what the person writes to it."""
    found = opened(request, code, tracking)
    if isinstance(found, HttpResponse):
        return found
    operator, row = found
    if request.method in READS:
        return _story_page(request, operator, row, ReplyForm())
    if request.method != "POST":
        return no_method(request, operator)
    now = timezone.now()
    who = throttling.visitor_of(client_address(request))
    try:
        throttling.require_room(throttling.POSTS, who=who, now=now)
        throttling.count(throttling.POSTS, who=who, now=now)
        throttling.count(REPLIES, who=f"request {row.pk}", now=now)
    except throttling.ComesTooOften as error:
        return too_often(request, operator, error.params["seconds"])
    handler = FormHandler(request)
    return unreadable(request, operator, handler) or _replied(
        request, operator=operator, row=row, tracking=tracking,
        too_big=frozenset(handler.too_big), now=now,
    )  # fmt: skip


@csrf_protect
def _replied(
    request: HttpRequest, *, operator: Operator, row: SubjectRequest, tracking: str,
    too_big: frozenset[str], now: datetime,
) -> HttpResponse:  # fmt: skip
    form = ReplyForm(request.POST, request.FILES, too_big=too_big)
    if row.ended_at is None and not form.is_valid():
        return _story_page(request, operator, row, form, status=422)
    try:
        if row.ended_at is not None:
            raise RequestOver(number=row.number)
        reply_take(
            subject_request=row, body=form.cleaned_data["message"], files=form.uploads(), now=now
        )
    except OperatorError as error:
        return refused(request, operator, error)
    return _back(request, operator, tracking, "#letters")


def _story_page(
    request: HttpRequest, operator: Operator, row: SubjectRequest, form: ReplyForm, *,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    today = timezone.now().astimezone(operator.zone).date()
    story = story_of(row, today=today)
    clock = story.clock
    context = {
        "title": gettext("Your request %(number)s") % {"number": row.number},
        "story": story,
        "row": row,
        "asked": list(dict.fromkeys(words.wish(one.item) for one in story.asked)),
        "received": long_day(row.received_at.astimezone(operator.zone).date()),
        "due": when_due(clock) if clock is not None and clock.ends_at is not None else "",
        "next": words.next_step(story),
        "timeline": words.timeline(story),
        "clocks": [] if story.over else words.clocks(story),
        "went": words.went(story),
        "goes": words.goes(story),
        "stays": words.stays(story),
        "law": str(operator.jurisdiction.law),
        "path": request.path,
        "answer": _answer(row, story),
        "cancel_link": f"{request.path}cancel/{_query(request)}",
    }
    if not story.over:
        context |= _letters(row, story) | {
            "form": form,
            "problems": problems_of(form) if form.is_bound else [],
            "kept": words.kept_day(row, row.ended_at),
        }
    return page(request, operator, "public/track.html", context, status=status)


def _answer(row: SubjectRequest, story: Story) -> dict[str, str]:
    """Where the answer about the data is fetched, and through which day; empty where there is none.

    Asked only of a request in which that was granted.
    """
    granted = (states.ACCEPTED, states.PARTLY)
    items = [one.item for one in story.asked]
    if not any(one.kind == RequestKind.INFORMATION and one.decision in granted for one in items):
        return {}
    found = standing_answer(row, now=timezone.now())
    if found is None or found.ends_on is None:
        return {}
    return {"link": "answer/", "day": long_day(found.ends_on - DAY)}


def _query(request: HttpRequest) -> str:
    asked = request.GET.get("lang", "")
    return f"?lang={asked}" if asked in Language.values else ""


def _letters(row: SubjectRequest, story: Story) -> dict[str, Any]:
    letters = letters_of(row)
    shown = letter_texts(letters)
    first = told(row, opened=True, names=["message"])["message"]
    return {
        "papers": words.first_letter(row, first)
        + [words.paper(letter, shown[letter]) for letter in letters],
        "can_write": not story.ended,
    }


# --- files ---------------------------------------------------------------------------------------
def track_file(request: HttpRequest, code: str, tracking: str, number: int) -> HttpResponse:
    """A file of a letter that has gone or come, to be saved; never one of another request."""
    found = opened(request, code, tracking)
    if isinstance(found, HttpResponse):
        return found
    operator, row = found
    if request.method not in READS:
        return no_method(request, operator)
    file = _file(row, number)
    back = reverse("public_track", args=[operator.code, tracking])
    if file is None:
        return sorry(
            request, operator, 404, gettext("There is no such file"),
            [gettext("Your request has no file of this number.")],
            again_link=back, again_text=gettext("To your request"),
        )  # fmt: skip
    try:
        content = b"".join(letter_file_open(file))
    except OperatorError:
        return sorry(
            request, operator, 410, gettext("This file is not kept any more"),
            [gettext("It was destroyed with the correspondence of the request.")],
            again_link=back, again_text=gettext("To your request"),
        )  # fmt: skip
    name = f"{row.number}-{number}.{ENDINGS.get(file.file.media_type, 'bin')}"
    return HttpResponse(
        content,
        content_type=file.file.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )


def _file(row: SubjectRequest, number: int) -> LetterFile | None:
    found = [one for letter in letters_of(row) for one in letter.files.all() if one.pk == number]
    return found[0] if found else None


# --- taking it back ------------------------------------------------------------------------------
def track_cancel(request: HttpRequest, code: str, tracking: str) -> HttpResponse:
    """Ask once more, then take the request back; refused once something was accepted."""
    found = opened(request, code, tracking)
    if isinstance(found, HttpResponse):
        return found
    operator, row = found
    back = reverse("public_track", args=[operator.code, tracking])
    story = story_of(row, today=timezone.now().astimezone(operator.zone).date())
    if request.method in READS:
        context = {
            "title": gettext("Take your request back?"),
            "row": row,
            "story": story,
            "asked": list(dict.fromkeys(words.wish(one.item) for one in story.asked)),
            "back": back + _query(request),
        }
        return page(request, operator, "public/track_cancel.html", context)
    if request.method != "POST":
        return no_method(request, operator)
    # Staff read it: in the language in which their operator writes.
    with translation.override(languages_of(operator)[0]):
        reason = gettext("The person took it back on the page of the request.")
    try:
        request_withdraw(subject_request=row, reason=reason, by=None, now=timezone.now())
    except OperatorError:
        return sorry(
            request, operator, 409, gettext("It cannot be taken back any more"),
            [gettext("It was decided, is being carried out or is over. What was decided goes on."),
             gettext("If you want something else now, write to us.")],
            again_link=back, again_text=gettext("To your request"),
        )  # fmt: skip
    return _back(request, operator, tracking)
