"""Calls of systems: who was told by machine what an act destroys there, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import scoped
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.desk import Counter, counted_by
from registry.models import Operator
from registry.tasks import ring
from subjects.admin.pages import short_moment
from subjects.choices import CallState
from subjects.models import SystemCall
from subjects.services.calling import call_retry, troubled
from subjects.tasks import call_systems


def retry(request: HttpRequest, row: SystemCall, data: Mapping[str, Any]) -> str:
    call_retry(row=row, now=timezone.now())
    ring(call_systems)
    return gettext("The system is told again within five minutes.")


def _waits(row: SystemCall) -> bool:
    return row.state in (CallState.FAILED, CallState.WAITING, CallState.SENT)


class TroubleFilter(admin.SimpleListFilter):
    """Those that fail or are silent."""

    title = _("trouble")
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", _("failed or not confirmed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset & troubled(timezone.now()) if self.value() == "yes" else queryset


@admin.register(SystemCall)
class SystemCallAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "act",
        "to_system",
        "state",
        "part",
        "people",
        "attempts",
        "tried",
        "last_error",
    ]
    list_display_links = ["act"]
    list_select_related = ["act__operator__jurisdiction", "system"]
    list_filter = [TroubleFilter, "state", "act__operator"]
    sortable_by: list[str] = []
    readonly_fields = ["to_system", "tried", "told", "confirmed"]
    fields = [
        "act", "to_system", "state", "part", "people", "attempts", "tried", "told", "confirmed",
        "last_error",
    ]  # fmt: skip
    verbs = (
        Verb(
            "retry",
            _("Try again"),
            VerbForm,
            retry,
            "retry",
            _waits,
            _("The system is told once more whom to destroy. That it is told is recorded."),
        ),
    )

    @admin.display(description=_("information system"))
    def to_system(self, row: SystemCall) -> str:
        return str(row.system)

    @admin.display(description=_("next attempt"))
    def tried(self, row: SystemCall) -> str:
        if row.state not in (CallState.WAITING, CallState.SENDING):
            return "–"
        return short_moment(row.next_try_at, row.act.operator.zone)

    @admin.display(description=_("sent at"))
    def told(self, row: SystemCall) -> str:
        return short_moment(row.sent_at, row.act.operator.zone) if row.sent_at else "–"

    @admin.display(description=_("confirmed at"))
    def confirmed(self, row: SystemCall) -> str:
        return short_moment(row.confirmed_at, row.act.operator.zone) if row.confirmed_at else "–"


@counted_by
def silent(user: Any, operator_code: str) -> Counter | None:
    """Systems that a webhook could not tell, or that have not confirmed for days."""
    rows = scoped(troubled(timezone.now()), user)
    query = "trouble=yes"
    if operator_code:
        rows = rows.filter(act__operator__code=operator_code)
        number = Operator.objects.filter(code=operator_code).values_list("pk", flat=True).first()
        query += f"&act__operator__id__exact={number}"
    link = f"{reverse('admin:subjects_systemcall_changelist')}?{query}"
    return Counter(gettext("systems that have not confirmed"), rows.count(), link, urgent=True)
