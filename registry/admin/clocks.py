"""Clocks and the machine's journal: to look at, to assign, to send again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.board import WithBoard
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.choices import NoticeState
from registry.explain import steps_in_words
from registry.models import Deadline, Extension, JobRun, Notice, Reminder, User
from registry.services.clocks import deadline_assign
from registry.services.outbox import notice_retry
from registry.services.texts import state, when_due
from registry.tasks import deliver, ring


class AssignForm(VerbForm):
    owner = forms.ModelChoiceField(
        User.objects.none(),
        label=_("owner"),
        required=False,
        help_text=_("Gets the reminders. While away, the substitute gets the case."),
    )

    def prepare(self) -> None:
        self.fields["owner"].queryset = User.objects.filter(
            is_active=True,
            memberships__operator=self.row.operator,
            memberships__ended_on=None,
            memberships__role__in=["dpo", "clerk"],
        ).distinct()
        self.fields["owner"].initial = self.row.owner_id


def assign(request: HttpRequest, row: Deadline, data: Mapping[str, Any]) -> str:
    deadline = deadline_assign(
        deadline=row,
        owner=data["owner"],
        by=request.user,
        now=timezone.now(),
        reason="assigned",
    )
    if deadline.owner is None:
        return gettext("Nobody owns this now.")
    return gettext("Assigned to %(owner)s.") % {"owner": deadline.owner}


ASSIGN = Verb(
    name="assign",
    title=_("Assign"),
    form=AssignForm,
    act=assign,
    action="assign",
    allowed=lambda row: row.is_open,
)


class OpenFilter(admin.SimpleListFilter):
    title = _("clock")
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("running")), ("overdue", _("overdue")), ("closed", _("closed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "open":
            return queryset.open()
        if self.value() == "overdue":
            return queryset.overdue(timezone.now())
        if self.value() == "closed":
            return queryset.exclude(pk__in=Deadline.objects.open().values("pk"))
        return queryset


@admin.register(Deadline)
class DeadlineAdmin(WithBoard, ReadOnlyAdmin, VerbAdmin):
    change_list_template = "admin/registry/deadline/change_list.html"
    list_display = ["label", "effect", "due", "left", "binding", "owner", "operator"]
    list_select_related = ["operator__jurisdiction", "owner"]
    list_filter = [OpenFilter, "operator", "effect"]
    search_fields = ["label"]
    readonly_fields = ["how"]
    verbs = (ASSIGN,)
    fields = [
        "operator", "label", "event", "effect", "trigger_at", "stated_on", "due_on", "due_at",
        "internal_on", "internal_at", "binding", "statute", "statute_due_on", "promise",
        "promise_due_on", "how", "owner", "created_at", "met_at", "voided_at",
    ]  # fmt: skip

    @admin.display(description=_("due"), ordering="ends_at")
    def due(self, row: Deadline) -> str:
        return when_due(row)

    @admin.display(description=_("state"))
    def left(self, row: Deadline) -> str:
        if row.met_at:
            return gettext("met")
        if row.voided_at:
            return gettext("void")
        return state(row, timezone.now())

    @admin.display(description=_("how it was counted"))
    def how(self, row: Deadline) -> str:
        steps = format_html_join("", "<li>{}</li>", ((step,) for step in steps_in_words(row.steps)))
        return format_html("<ol class='steps'>{}</ol>", steps)


@admin.register(Extension)
class ExtensionAdmin(ReadOnlyAdmin):
    list_display = ["deadline", "notice_number", "notice_sent_at", "due_before", "due_after"]
    list_select_related = ["deadline"]


@admin.register(Reminder)
class ReminderAdmin(ReadOnlyAdmin):
    list_display = ["deadline", "mark", "planned_at", "created_at"]
    list_select_related = ["deadline"]
    search_fields = ["deadline__label"]


class RetryForm(VerbForm):
    """Nothing to fill in: the button is the question."""


def retry(request: HttpRequest, row: Notice, data: Mapping[str, Any]) -> str:
    notice_retry(notice=row, now=timezone.now())
    ring(deliver)
    return gettext("The notice waits for its next try.")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["subject", "recipient", "kind", "state", "attempts", "created_at", "sent_at"]
    list_select_related = ["recipient"]
    list_filter = ["state", "kind", "operator"]
    search_fields = ["subject", "recipient__username"]
    fields = [
        "operator", "recipient", "kind", "state", "subject", "text", "attempts",
        "next_attempt_at", "error", "created_at", "sent_at",
    ]  # fmt: skip
    readonly_fields = ["text"]
    verbs = (
        Verb(
            name="retry",
            title=_("Send again"),
            form=RetryForm,
            act=retry,
            action="retry",
            allowed=lambda row: row.state in {NoticeState.FAILED, NoticeState.PENDING},
            intro=_("Gives the notice another try at once."),
        ),
    )

    @admin.display(description=_("text"))
    def text(self, row: Notice) -> str:
        return format_html("<pre class='mail'>{}</pre>", row.body)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ["job", "started_at", "finished_at", "state", "what_it_did", "error"]
    list_filter = ["job", "state"]

    @admin.display(description=_("did"))
    def what_it_did(self, row: JobRun) -> str:
        return ", ".join(f"{name} {count}" for name, count in row.did.items())
