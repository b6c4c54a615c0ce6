"""Requests of people: staff register them, find the person, check who writes, close."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.choices import Role
from registry.errors import OperatorError
from registry.explain import sentence, short_day
from registry.models import User
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.admin import request_acts as acts
from requests.admin.counters import WaitsFilter
from requests.admin.inquiries import _local
from requests.admin.journals import WithJournals
from requests.admin.letter_forms import WriteForm
from requests.admin.letters import lines_of
from requests.admin.request_forms import (
    CheckForm,
    CodeForm,
    DemandForm,
    LinkedForm,
    NoteForm,
    NothingForm,
    ReasonForm,
    ReceiveForm,
    ReopenForm,
    RepresentForm,
    RequestAssignForm,
    ScanForm,
    UnlinkForm,
)
from requests.admin.request_items import clock_context
from requests.models import RequestItem, SubjectRequest
from requests.models.letters import LetterKind
from requests.models.subject_requests import RequestKind
from requests.services.alike import others_of
from requests.services.moving import clocks_of
from requests.services.noting import notes_of
from requests.services.representing import lapsed
from requests.services.told import letter_open_until, told
from requests.services.tracking import tracking_link
from requests.services.writing import composed
from requests.tasks import post_letters
from subjects.services.reading import State, contacts
from subjects.uploads import require_small

WORKED_ON = frozenset({states.RECEIVED, states.IN_WORK})
RUNNING = frozenset({*WORKED_ON, states.WAITING, states.DECIDED})


def _in(wanted: frozenset[str]) -> Any:
    return lambda row: bool(row and row.state in wanted)


def _represented(row: SubjectRequest) -> bool:
    return bool(row.represented_by) and row.state in WORKED_ON | {states.WAITING, states.DECIDED}


@admin.register(SubjectRequest)
class SubjectRequestAdmin(WithJournals, ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "kinds", "received_day", "due", "left", "owner", "state"]
    list_select_related = ["operator__jurisdiction"]
    list_filter = [WaitsFilter, "state", "channel", "operator"]
    search_fields = ["number"]
    change_form_template = "admin/requests/subjectrequest/change_form.html"
    readonly_fields = ["received", "registered", "ended"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "operator", "channel", "track", "received", "registered", "language",
                    "answer_by", "withdrawn_reason", "ended",
                ]
            },
        ),
    ]  # fmt: skip
    verbs = (
        Verb("open", _("Open the letter"), NothingForm, acts.open_letter, "open", _in(RUNNING)),
        Verb(
            "find", _("Find the person"), NothingForm, acts.find, "link", _in(WORKED_ON),
            _("Looks for cards that hold the contact of the letter. That you looked is recorded."),
        ),
        Verb("link", _("Link a card"), CodeForm, acts.link, "link", _in(WORKED_ON)),
        Verb("unlink", _("Unlink a card"), UnlinkForm, acts.unlink, "unlink", _in(WORKED_ON)),
        Verb("reveal", _("Open a card"), LinkedForm, acts.reveal, "open", _in(RUNNING)),
        Verb("check", _("Note an identity check"), CheckForm, acts.check, "check", _in(WORKED_ON)),
        Verb(
            "represent", _("Note a representative"), RepresentForm, acts.represent, "represent",
            _in(WORKED_ON | {states.WAITING, states.DECIDED}),
            _("Somebody speaks for the person. When the power has ended nothing is told or done "
              "for them; the term runs all the same."),
        ),
        Verb(
            "unrepresent", _("No representative any more"), ReasonForm, acts.represent_no_more,
            "represent", _represented,
            _("From now on the person speaks for themselves."),
        ),
        Verb("note", _("Add a note"), NoteForm, acts.note, "note", _in(RUNNING)),
        Verb(
            "file", _("Add what the person sent"), ScanForm, acts.keep_scan, "file", _in(RUNNING),
            _("A letter or a document that came later, or the scan of the envelope."),
        ),
        Verb("demand", _("Add a demand"), DemandForm, acts.demand, "demand", _in(WORKED_ON)),
        Verb(
            "block", _("Block the data"), ReasonForm, acts.block, "block", _in(WORKED_ON),
            _("While what the letter says is checked: nobody uses the data (152-FZ 21(1), 94-V "
              "25(2)(8))."),
        ),
        Verb("assign", _("Assign"), RequestAssignForm, acts.assign, "assign", _in(RUNNING)),
        Verb(
            "withdraw", _("Taken back"), ReasonForm, acts.withdraw, "withdraw",
            _in(WORKED_ON | {states.WAITING}),
            _("The person takes the request back: its clocks are void."),
        ),
        Verb(
            "draft", _("Draft the act again"), NothingForm, acts.draft, "draft",
            _in(frozenset({states.IN_WORK, states.WAITING, states.DECIDED})),
            _("When the act was cancelled, or the data stood in an act that this request stopped."),
        ),
        Verb("write", _("Write a letter"), WriteForm, acts.write, "write", _in(RUNNING)),
        Verb(
            "close", _("Close the request"), NothingForm, acts.close, "close",
            _in(frozenset({states.DECIDED})),
            _("Everything is decided and done. Its clocks are met, its stops end."),
            template="admin/requests/subjectrequest/close.html",
        ),
        Verb(
            "reopen", _("Open again"), ReopenForm, acts.reopen, "reopen",
            _in(frozenset({states.DONE, states.WITHDRAWN})),
            _("The answer was incomplete, or it was closed by mistake. Nothing that was destroyed "
              "comes back."),
        ),
    )  # fmt: skip

    # --- registration ------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            told_fields = ["name", "email", "phone", "postal", "message"]
            return [
                (None, {"fields": [*ReceiveForm.Meta.fields, "kinds", "owner"]}),
                (_("the person, as the letter says"), {"fields": told_fields}),
            ]
        hidden = set() if obj.ended_at else {"ended"}
        hidden |= set() if obj.withdrawn_reason else {"withdrawn_reason"}
        hidden |= set() if obj.track else {"track"}
        return [
            (title, {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", SubjectRequest).filter(is_active=True)

        class ScopedReceiveForm(ReceiveForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["operator"].queryset = operators
                self.fields["owner"].queryset = User.objects.filter(
                    is_active=True,
                    memberships__operator__in=operators,
                    memberships__ended_on=None,
                    memberships__role__in=[Role.DPO, Role.CLERK],
                ).distinct()
                if operators.count() == 1:
                    self.fields["operator"].initial = operators[0]

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean()
                if not self.errors:
                    try:
                        self.instance = acts.receive(request, cleaned)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def _post_clean(self) -> None:
                """The service has judged the row already."""

            def save(self, commit: bool = True) -> SubjectRequest:
                return self.instance

            def save_m2m(self) -> None:
                """There is nothing of the kind."""

        return ScopedReceiveForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        transaction.on_commit(lambda: ring(remind))
        transaction.on_commit(lambda: ring(post_letters))

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        first = clocks_of(obj)[0]
        first.operator = obj.operator
        self.message_user(
            request,
            gettext("%(number)s is registered; due %(when)s.")
            % {"number": obj.number, "when": when_due(first)},
        )
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- verbs -------------------------------------------------------------------------------
    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        if verb.name == "file":
            # Reading the files is what finds that one is too big.
            request.FILES.keys()
            require_small(request)
        answer = super().verb_view(request, object_id, verb=verb)
        found = getattr(request, "office_found", None)
        if found is None:
            return answer
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        context = self.admin_site.each_context(request) | {
            "title": verb.title,
            "opts": self.opts,
            "original": row,
            "back": self.after_verb(request, row),
            "found": found,
            "link": self.verb_link(row, "link"),
        }
        return TemplateResponse(request, "admin/requests/subjectrequest/found.html", context)

    def verb_context(self, request: HttpRequest, row: SubjectRequest, verb: Verb) -> dict[str, Any]:
        if verb.name != "close" or row.state != states.DECIDED:
            return {}
        now = timezone.now()
        opened = letter_open_until(row, request.user, now) is not None
        return {"closing": composed(row, kind=LetterKind.CLOSING, opened=opened, now=now)}

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        return getattr(request, "office_next", None) or super().after_verb(request, row)

    # --- reading -----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> Any:
        items = RequestItem.objects.order_by("pk").prefetch_related("deadlines__owner")
        return super().get_queryset(request).prefetch_related(Prefetch("items", queryset=items))

    def _clock(self, row: SubjectRequest) -> Any:
        """The most urgent clock that runs, else the last that ran."""
        clocks = [clock for item in row.items.all() for clock in item.deadlines.all()]
        running = [clock for clock in clocks if clock.is_open]
        key = {True: running, False: clocks}[bool(running)]
        found = min(key, key=lambda clock: (clock.ends_at is None, clock.ends_at), default=None)
        if found is not None:
            found.operator = row.operator
        return found

    @admin.display(description=_("what is asked for"))
    def kinds(self, row: SubjectRequest) -> str:
        return ", ".join(dict.fromkeys(item.what for item in row.items.all()))

    @admin.display(description=_("received at"), ordering="received_at")
    def received_day(self, row: SubjectRequest) -> str:
        return short_day(row.received_at.astimezone(row.operator.zone).date())

    @admin.display(description=_("received at"))
    def received(self, row: SubjectRequest) -> str:
        return _local(row.received_at, row.operator)

    @admin.display(description=_("registered at"))
    def registered(self, row: SubjectRequest) -> str:
        return _local(row.registered_at, row.operator)

    @admin.display(description=_("ended at"))
    def ended(self, row: SubjectRequest) -> str:
        return _local(row.ended_at, row.operator) if row.ended_at else "–"

    @admin.display(description=_("due"))
    def due(self, row: SubjectRequest) -> str:
        clock = self._clock(row)
        return when_due(clock) if clock else "–"

    @admin.display(description=_("clock"))
    def left(self, row: SubjectRequest) -> str:
        clock = self._clock(row)
        if clock is None or not clock.is_open:
            return "–"
        return state(clock, timezone.now())

    @admin.display(description=_("owner"))
    def owner(self, row: SubjectRequest) -> str:
        clock = self._clock(row)
        return str(clock.owner) if clock and clock.owner else "–"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        # A registration always leads to its page, where the clock is; it has one button.
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if row is not None:
            context |= self._page(request, row)
        response = super().render_change_form(request, context, *args, **kw)
        if row is not None:
            found = response.context_data
            found["may"] = {verb["name"]: verb["link"] for verb in found["verbs"]}
            shown = {"open", "find", "reveal", "write"}  # buttons of their own, each one click
            found["verbs"] = [verb for verb in found["verbs"] if verb["name"] not in shown]
            if not found["people"]:
                found["verbs"] = [v for v in found["verbs"] if v["name"] not in {"unlink", "block"}]
        return response

    def _power(self, row: SubjectRequest) -> dict[str, Any]:
        """Who speaks for the person, whether they still may, and about what; no day of a birth."""
        if not row.represented_by:
            return {}
        today = timezone.now().astimezone(row.operator.zone).date()
        kinds = dict(RequestKind.choices)
        return {
            "kind": row.get_represented_by_display(),
            "lapsed": lapsed(row, today=today),
            "kinds": ", ".join(str(kinds[one]) for one in row.power_for),
        }

    def _page(self, request: HttpRequest, row: SubjectRequest) -> dict[str, Any]:
        until = None
        if self._may(request, "open", row):
            until = letter_open_until(row, request.user, timezone.now())
        letter = told(row, opened=until is not None)
        fields: Any = row._meta
        labels = {name: fields.get_field(name).verbose_name for name in letter}
        gone = {State.DESTROYED: gettext("destroyed"), State.LOST: gettext("lost")}
        people = list(
            row.people.filter(unlinked_at=None)
            .select_related("subject", "confirmed_by")
            .order_by("pk")
        )
        masks = contacts([link.subject_id for link in people])
        items = list(row.items.all())
        found: dict[str, Any] = {
            "letter": [
                (labels[name], gone.get(shown.state, shown.text))
                for name, shown in letter.items()
                if shown.state != State.EMPTY
            ],
            # To be told by phone to whoever was made sure of; it opens all that the page shows.
            "tracking": tracking_link(row) if until else "",
            "letter_until": f"{until.astimezone(row.operator.zone):%H:%M}" if until else "",
            "people": [(link, masks.get(link.subject_id, [])) for link in people],
            "letters": lines_of(row),
            "power": self._power(row),
            "notes": notes_of(row, opened=until is not None),
            "others": others_of(row),
            "checks": list(row.checks.select_related("checked_by")),
            "items": [
                (
                    item,
                    reverse("admin:requests_requestitem_change", args=[item.pk]),
                    [clock_context(clock, row.operator) for clock in item.deadlines.all()],
                )
                for item in items
            ],
        }
        clock = self._clock(row)
        return found | (clock_context(clock, row.operator) if clock else {})
