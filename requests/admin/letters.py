"""Letters to and from people: the outbox, the print queue, the page of a letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin, refuse_unless
from registry.admin.verbs import Verb, VerbAdmin
from registry.tasks import remind, ring
from requests import states
from requests.admin.incident_forms import LetterForm
from requests.admin.incidents import registered_words
from requests.admin.inquiries import _local
from requests.admin.letter_forms import EditForm, ProofForm, WayForm
from requests.admin.request_forms import NothingForm, ReasonForm
from requests.models import Letter, SubjectRequest
from requests.models.letters import LetterBy, Way
from requests.services.approving import letter_approve
from requests.services.incidents import GONE_OUT, incident_register
from requests.services.letters import (
    correspondence,
    letter_addresses,
    letter_file_download,
    letter_texts,
)
from requests.services.told import letter_open, letter_open_until
from requests.services.writing import (
    ON_PAPER,
    letter_cancel,
    letter_edit,
    letter_print,
    letter_prove,
    letter_reroute,
    letter_retry,
    letter_send,
    needs_second,
    title,
)
from requests.tasks import post_letters
from subjects.admin.pages import short_moment
from subjects.services.reading import Shown, State

SUFFIX = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
Data = Mapping[str, Any]


# --- what the verbs do ---------------------------------------------------------------------------
def open_it(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_open(subject_request=row.request, user=request.user, now=timezone.now())
    return gettext("The letters of this request are open to you for a while; that stands in the "
                   "journal.")  # fmt: skip


def edit(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_edit(letter=row, body=data["body"], version=data["version"], by=request.user)
    return gettext("The draft is changed.")


def send(request: HttpRequest, row: Letter, data: Data) -> str:
    sent = letter_send(letter=row, by=request.user, now=timezone.now())
    if sent.by in ON_PAPER:
        return gettext("It stands in the print queue.")
    if sent.by == LetterBy.PAGE:
        return gettext("It stands on the page of the request.")
    ring(post_letters)
    return gettext("It goes out within minutes.")


def approve(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_approve(letter=row, by=request.user, now=timezone.now())
    return gettext("Approved: it can go.")


def cancel(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_cancel(letter=row, reason=data["reason"], by=request.user)
    return gettext("The letter will not go.")


def reroute(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_reroute(letter=row, way=data["way"], by=request.user, now=timezone.now())
    ring(post_letters)
    return gettext("It goes another way.")


def retry(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_retry(letter=row, by=request.user, now=timezone.now())
    ring(post_letters)
    return gettext("It is tried again within minutes.")


def print_it(request: HttpRequest, row: Letter, data: Data) -> str:
    content = letter_print(letter=row, user=request.user, now=timezone.now())
    response = HttpResponse(content, content_type="application/pdf")
    name = f"{row.request.number}-{row.pk}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    request.office_file = response  # type: ignore[attr-defined]
    return ""


def prove(request: HttpRequest, row: Letter, data: Data) -> str:
    letter_prove(
        letter=row, proof=data["proof"], sent_at=data["sent_at"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The proof is recorded.")


def misdirected(request: HttpRequest, row: Letter, data: Data) -> str:
    incident = incident_register(
        operator=row.operator, detected_at=data["detected_at"], letter=row, by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    transaction.on_commit(lambda: ring(remind))
    return registered_words(incident)


def _out_to_nobodys_incident(row: Letter | None) -> bool:
    """It has gone out, and is no incident yet."""
    return bool(
        row
        and row.way == Way.OUT
        and row.state in GONE_OUT
        and not row.incidents.exclude(state=states.DISMISSED).exists()
    )


def _approvable(row: Letter | None) -> bool:
    return bool(
        row
        and row.state == states.DRAFT
        and row.approved_by_id is None
        and needs_second(row.request, row.kind)
    )


def _in(*wanted: str, paper: bool | None = None) -> Any:
    def allowed(row: Letter | None) -> bool:
        fits = paper is None or bool(row and (row.by in ON_PAPER) == paper)
        return bool(row and row.state in wanted and fits)

    return allowed


class QueueFilter(admin.SimpleListFilter):
    """What waits for somebody."""

    title = _("waits for")
    parameter_name = "queue"
    queues: ClassVar[dict[str, dict[str, Any]]] = {
        "send": {"state": states.DRAFT},
        "print": {"state": states.QUEUED, "by__in": sorted(ON_PAPER)},
        "proof": {"state": states.PRINTED},
        "failed": {"state": states.FAILED},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("send", _("being sent: drafts")),
            ("print", _("printing")),
            ("proof", _("proof of sending")),
            ("failed", _("another try or way")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.queues.get(self.value() or "")
        return queryset.filter(**chosen) if chosen else queryset


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "kind", "by", "state", "made_short", "sent_short"]
    list_select_related = ["request__operator__jurisdiction"]
    list_filter = [QueueFilter, "state", "kind", "by", "request__operator"]
    search_fields = ["request__number"]
    ordering = ["-id"]
    change_form_template = "admin/requests/letter/change_form.html"
    readonly_fields = ["number_link", "made", "sent", "next_try"]
    fieldsets = [
        (None, {"fields": [
            "number_link", "kind", "way", "language", "by", "made", "made_by", "written_by",
            "approved_by", "template", "greeting_template", "footer_template",
        ]}),
        (_("delivery"), {"fields": [
            "sent", "proof", "attempts", "next_try", "error", "keep_until",
        ]}),
    ]  # fmt: skip
    verbs = (
        Verb(
            "open", _("Open the letter"), NothingForm, open_it, "open",
            lambda row: bool(row and row.body_key),
        ),
        Verb("edit", _("Change the text"), EditForm, edit, "edit", _in(states.DRAFT)),
        Verb(
            "approve", _("Approve"), NothingForm, approve, "approve", _approvable,
            _("You have read it and agree. Whoever wrote it cannot approve it; a later change "
              "takes the approval back."),
            template="admin/requests/letter/send.html",
        ),
        Verb(
            "send", _("Send"), NothingForm, send, "send", _in(states.DRAFT),
            _("Read it first: what goes can no longer be changed."),
            template="admin/requests/letter/send.html",
        ),
        Verb(
            "print", _("Print"), NothingForm, print_it, "print",
            _in(states.QUEUED, states.PRINTED, paper=True),
            _("You get the letter as PDF, the address in the window of the envelope. That you "
              "printed it is recorded."),
        ),
        Verb("prove", _("Posted or handed over"), ProofForm, prove, "prove", _in(states.PRINTED)),
        Verb("retry", _("Try again"), NothingForm, retry, "retry", _in(states.FAILED)),
        Verb(
            "reroute", _("Another way"), WayForm, reroute, "reroute",
            _in(states.QUEUED, states.FAILED, states.PRINTED),
        ),
        Verb(
            "cancel", _("Do not send"), ReasonForm, cancel, "cancel",
            _in(states.DRAFT, states.QUEUED, states.FAILED, states.PRINTED),
        ),
        Verb(
            "misdirect", _("It went to the wrong person"), LetterForm, misdirected, "misdirect",
            _out_to_nobodys_incident,
            _("Registers an incident with this letter: the people of its request are affected, "
              "and the term to tell the authority runs from the detection (152-FZ 21(3.1), 94-V "
              "25(2)(8))."),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related(
                "request__operator__jurisdiction",
                "made_by",
                "written_by",
                "approved_by",
                "template",
                "greeting_template",
                "footer_template",
            )  # fmt: skip
            .prefetch_related("files__file")
        )

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        answer = super().verb_view(request, object_id, verb=verb)
        # A paper is the answer itself.
        paper: HttpResponse = getattr(request, "office_file", answer)
        return paper

    def verb_context(self, request: HttpRequest, row: Letter, verb: Verb) -> dict[str, Any]:
        return self._said(request, row) if verb.name in {"approve", "send"} else {}

    # --- files -------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:object_id>/file/<int:file>/",
            self.admin_site.admin_view(self.file_view),
            name="letter_file",
        )
        return [own, *super().get_urls()]

    def file_view(self, request: HttpRequest, object_id: int, file: int) -> Any:
        """A file, while the letters of the request are open to whoever asks."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        refuse_unless(request, "open", row)
        found = row.files.select_related("file").filter(pk=file).first()
        if found is None:
            raise Http404
        found.letter = row
        pieces = letter_file_download(file=found, user=request.user, now=timezone.now())
        kind = found.file.media_type
        name = f"{row.request.number}-{found.pk}.{SUFFIX.get(kind, 'bin')}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(pieces, content_type=kind, headers=headers)

    # --- the page ----------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= self._said(request, row)
        response = super().render_change_form(request, context, *args, **kw)
        if row is not None:
            found = response.context_data
            found["may"] = {verb["name"]: verb["link"] for verb in found["verbs"]}
            found["verbs"] = [verb for verb in found["verbs"] if verb["name"] != "open"]
        return response

    def _said(self, request: HttpRequest, row: Letter) -> dict[str, Any]:
        """The exact letter: its subject, its text while it is open, its address masked."""
        until = None
        if self._may(request, "open", row):
            until = letter_open_until(row.request, request.user, timezone.now())
        body = letter_texts([row], opened=until is not None)[row]
        return {
            "letter_title": title(row) if row.kind != "incoming" else "",
            "letter_body": in_words(body),
            "letter_open": body.state == State.OPEN,
            "letter_masked": body.state == State.MASKED,
            "letter_address": in_words(letter_addresses([row])[row]),
            "letter_until": f"{until.astimezone(row.operator.zone):%H:%M}" if until else "",
            "letter_files": [
                (
                    number,
                    SUFFIX.get(each.file.media_type, "bin").upper(),
                    each.file.size,
                    reverse("admin:letter_file", args=[row.pk, each.pk]) if until else "",
                )
                for number, each in enumerate(row.files.all(), 1)
            ],
        }

    @admin.display(description=_("request"), ordering="request__number")
    def number(self, row: Letter) -> str:
        return row.request.number

    @admin.display(description=_("request"))
    def number_link(self, row: Letter) -> str:
        page = reverse("admin:requests_subjectrequest_change", args=[row.request_id])
        return format_html('<a href="{}">{}</a>', page, row.request.number)

    @admin.display(description=_("made at"))
    def made(self, row: Letter) -> str:
        return _local(row.made_at, row.operator)

    @admin.display(description=_("sent at"))
    def sent(self, row: Letter) -> str:
        return _local(row.sent_at, row.operator) if row.sent_at else "–"

    @admin.display(description=_("made at"), ordering="made_at")
    def made_short(self, row: Letter) -> str:
        return short_moment(row.made_at, row.operator.zone)

    @admin.display(description=_("sent at"), ordering="sent_at")
    def sent_short(self, row: Letter) -> str:
        return short_moment(row.sent_at, row.operator.zone)

    @admin.display(description=_("next attempt"))
    def next_try(self, row: Letter) -> str:
        waits = row.state == states.QUEUED and row.next_attempt_at
        return _local(row.next_attempt_at, row.operator) if waits else "–"


def in_words(shown: Shown) -> str:
    """A text as a page shows it, or what became of it."""
    gone = {State.DESTROYED: gettext("destroyed"), State.LOST: gettext("lost"), State.EMPTY: "–"}
    return gone.get(shown.state, shown.text)


# --- on the page of a request ---------------------------------------------------------------------
@dataclass(slots=True)
class LetterLine:
    """One letter in the panel of its request."""

    letter: Letter
    page: str
    at: Any
    files: int


def lines_of(row: SubjectRequest) -> list[LetterLine]:
    """The correspondence of a request, in its order; two queries, however long it is."""
    return [
        LetterLine(
            letter=letter,
            page=reverse("admin:requests_letter_change", args=[letter.pk]),
            at=letter.sent_at or letter.made_at,
            files=len(letter.files.all()),
        )
        for letter in correspondence(row)
    ]
