"""Stops of destruction for the DPO: which stand, on which document, and which wait for a review."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from registry.access import scoped
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.desk import Counter, counted_by
from registry.explain import long_day, short_day
from registry.models import Operator
from subjects.admin import hold_forms
from subjects.admin.forms import today_of
from subjects.admin.pages import short_moment
from subjects.choices import StopKind
from subjects.models import Stop
from subjects.services.holds import hold_review
from subjects.services.stops import stop_end

# So many days before its day a review is asked for on the desk.
AHEAD = timedelta(days=7)


def _standing(rows: QuerySet[Stop]) -> QuerySet[Stop]:
    return rows.filter(ended_at=None)


def _to_review(rows: QuerySet[Stop]) -> QuerySet[Stop]:
    return _standing(rows).filter(review_on__lte=timezone.localdate() + AHEAD)


class StateFilter(admin.SimpleListFilter):
    """Without a choice: what stands."""

    title = _("state")
    parameter_name = "state"
    shown = {"review": _to_review, "ended": lambda rows: rows.exclude(ended_at=None)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("review", _("to review")),
            ("ended", pgettext_lazy("stops", "ended")),
            ("all", pgettext_lazy("stops", "all")),
        ]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [first | {"display": pgettext_lazy("stops", "standing")}, *others]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return self.shown.get(str(self.value()), _standing)(queryset)


def review(request: HttpRequest, row: Stop, data: Mapping[str, Any]) -> str:
    found = hold_review(stop=row, **data, by=request.user, now=timezone.now())
    assert found.review_on is not None
    return gettext("The hold %(label)s stands; the next review is due by %(day)s.") % {
        "label": row.label,
        "day": long_day(found.review_on),
    }


def release(request: HttpRequest, row: Stop, data: Mapping[str, Any]) -> str:
    stop_end(stop=row, by=request.user, now=timezone.now(), reason=data["reason"])
    return gettext("The hold %(label)s is released.") % {"label": row.label}


def _holds(row: Stop) -> bool:
    return row.kind == StopKind.LEGAL_HOLD and row.ended_at is None


@admin.register(Stop)
class StopAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "operator", "person", "kind", "begun", "until", "to_review"]
    list_select_related = ["operator__jurisdiction", "subject"]
    list_filter = [StateFilter, "kind", "operator"]
    search_fields = ["label", "subject__code"]
    readonly_fields = ["person", "since", "until", "to_review", "ended"]
    verbs = (
        Verb(
            "review",
            pgettext_lazy("verb", "Review"),
            hold_forms.ReviewForm,
            review,
            "release",
            _holds,
            _(
                "Is the hold still needed? Then say why and when to ask again. If it is not, "
                "release it: nobody may keep data longer than what they are kept for (152-FZ "
                "5(7), 94-V 12)."
            ),
        ),
        Verb(
            "release",
            _("Release"),
            hold_forms.ReleaseStopForm,
            release,
            "release",
            _holds,
            _("What is overdue by then is destroyed by the next sweep."),
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        facts = ["operator", "person", "kind", "label", "document", "reason", "since"]
        if obj is not None and obj.kind == StopKind.LEGAL_HOLD:
            facts += ["until", "to_review"]
        if obj is not None and obj.ended_at is not None:
            facts.append("ended")
        return [(None, {"fields": facts})]

    @admin.display(description=_("number"), ordering="label")
    def number(self, row: Stop) -> str | SafeString:
        if not row.document:
            return row.label
        return format_html('{}<br><span class="quiet">{}</span>', row.label, row.document)

    @admin.display(description=_("person"))
    def person(self, row: Stop) -> SafeString:
        link = reverse("admin:subjects_datasubject_change", args=[row.subject_id])
        return format_html('<a class="code" href="{}">{}</a>', link, row.subject.code)

    @admin.display(description=_("since"), ordering="started_at")
    def begun(self, row: Stop) -> str:
        return short_day(row.started_at.astimezone(row.operator.zone).date())

    @admin.display(description=_("since"), ordering="started_at")
    def since(self, row: Stop) -> str:
        return short_moment(row.started_at, row.operator.zone)

    @admin.display(description=_("last day"), ordering="until_on")
    def until(self, row: Stop) -> str:
        return short_day(row.until_on) if row.until_on else "–"

    @admin.display(description=_("review by"), ordering="review_on")
    def to_review(self, row: Stop) -> str | SafeString:
        if row.review_on is None or row.ended_at is not None:
            return "–"
        day = short_day(row.review_on)
        if row.review_on < today_of(row):
            return format_html(
                '<span class="late">{}</span>', gettext("%(day)s, overdue") % {"day": day}
            )
        return day

    @admin.display(description=_("ended at"))
    def ended(self, row: Stop) -> str:
        return short_moment(row.ended_at, row.operator.zone)


@counted_by
def reviews(user: Any, operator_code: str) -> Counter | None:
    """Legal holds whose review comes within a week or is late."""
    rows = scoped(_to_review(Stop.objects.all()), user)
    query = "state=review"
    if operator_code:
        rows = rows.filter(operator__code=operator_code)
        number = Operator.objects.filter(code=operator_code).values_list("pk", flat=True).first()
        query += f"&operator__id__exact={number}"
    late = Count("pk", filter=Q(review_on__lt=timezone.localdate()))
    found = rows.order_by().aggregate(all=Count("pk"), late=late)
    link = f"{reverse('admin:subjects_stop_changelist')}?{query}"
    return Counter(gettext("legal holds to review"), found["all"], link, urgent=found["late"] > 0)
