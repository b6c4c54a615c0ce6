"""The board of deadlines: every clock that runs, filtered, assigned in bulk, as CSV, as a calendar.

A page beside the list of deadlines; whoever may see a deadline sees it here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http import HttpResponseNotAllowed as NotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operator_ids, operators_for, scoped
from registry.choices import Effect
from registry.desk import link_of
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import CalendarFeed, Deadline, Operator, User
from registry.services.board import deadlines_assign, deadlines_csv
from registry.services.feeds import feed_make, feed_of, feed_revoke
from registry.services.texts import state, when_due

A_PAGE = 50
WRITERS = ("dpo", "clerk")


class When:
    """The choices of the filter by time; the days are those of the server's zone."""

    OVERDUE, TODAY, WEEK, LATER, UNDATED = "overdue", "today", "week", "later", "undated"
    CHOICES = (
        (OVERDUE, _("overdue")),
        (TODAY, _("today")),
        (WEEK, _("within seven days")),
        (LATER, _("later")),
        (UNDATED, _("no date yet")),
    )


class OwnerChoice(forms.ModelChoiceField):
    def __init__(self, **kw: Any) -> None:
        super().__init__(User.objects.none(), **kw)


def people_of(operators: QuerySet[Operator]) -> QuerySet[User]:
    """Whoever may own a clock of these operators."""
    return (
        User.objects.filter(
            is_active=True,
            memberships__operator__in=operators,
            memberships__ended_on=None,
            memberships__role__in=WRITERS,
        )
        .distinct()
        .order_by("last_name", "username")
    )


class BoardFilter(django_filters.FilterSet):
    """What of the clocks that run is shown."""

    about = django_filters.CharFilter(
        field_name="label", lookup_expr="icontains", label=_("number"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    operator = django_filters.ModelChoiceFilter(
        queryset=Operator.objects.none(), label=_("operator"), empty_label=_("all")
    )
    kind = django_filters.ModelChoiceFilter(
        field_name="about_type", queryset=ContentType.objects.none(), label=_("about"),
        empty_label=_("everything"),
    )  # fmt: skip
    effect = django_filters.ChoiceFilter(
        choices=Effect.choices, label=_("demands"), empty_label=_("everything")
    )
    owner = django_filters.CharFilter(method="by_owner", label=_("owner"), widget=forms.Select)
    when = django_filters.ChoiceFilter(
        choices=When.CHOICES, method="by_time", label=_("due"), empty_label=_("at any time")
    )
    since = django_filters.DateFilter(
        field_name="due_on", lookup_expr="gte", label=_("due from"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip
    until = django_filters.DateFilter(
        field_name="due_on", lookup_expr="lte", label=_("due until"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip

    class Meta:
        model = Deadline
        fields: list[str] = []

    def __init__(self, *args: Any, user: Any, now: datetime, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.user, self.now = user, now
        operators = operators_for(user, "view", Deadline)
        self.filters["operator"].queryset = operators
        kinds = self.queryset.order_by().values("about_type")
        self.filters["kind"].queryset = ContentType.objects.filter(pk__in=kinds)
        self.filters["kind"].field.label_from_instance = _kind_name
        people = [(str(one.pk), str(one)) for one in people_of(operators)]
        self.form.fields["owner"].widget.choices = [
            ("", gettext("everybody")), ("me", gettext("me")), ("none", gettext("nobody")), *people
        ]  # fmt: skip

    def by_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        if value == "me":
            return rows.filter(owner=self.user)
        if value == "none":
            return rows.filter(owner=None)
        return rows.filter(owner=int(value)) if _number(value) else rows.none()

    def by_time(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        now, today = self.now, timezone.localdate(self.now)
        over = Q(ends_at__lte=now)
        safe = Q(due_on__lte=today) | Q(internal_on__lte=today)
        soon = today + timedelta(days=7)
        near = Q(due_on__lte=soon) | Q(internal_on__lte=soon)
        return {
            When.OVERDUE: rows.filter(over),
            When.TODAY: rows.filter(safe).exclude(over),
            When.WEEK: rows.filter(near).exclude(over),
            When.LATER: rows.filter(due_on__gt=soon).exclude(internal_on__lte=soon),
            When.UNDATED: rows.filter(due_on=None),
        }[value]


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _kind_name(kind: ContentType) -> str:
    model = kind.model_class()
    return capfirst(str(model._meta.verbose_name)) if model else str(kind)


class BulkForm(forms.Form):
    """To whom everything that the filter shows is given."""

    owner = OwnerChoice(
        label=_("Give all of these to"),
        empty_label="—",
        help_text=_("Gets the reminders. While away, the substitute gets the cases."),
    )
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: QuerySet[User], **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["owner"].queryset = people  # type: ignore[attr-defined]


class WithBoard:
    """Gives the admin of deadlines the board; each view asks for its own right."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("board/", view(self.board_view), name="deadline_board"),
            path("board/deadlines.csv", view(self.board_csv_view), name="deadline_board_csv"),
            path("board/calendar/", view(self.calendar_view), name="deadline_calendar"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def board_view(self, request: HttpRequest) -> HttpResponse:
        """The table, page by page; a POST gives everything that the filter shows to one person."""
        now = timezone.now()
        found = self._found(request, now)
        people = people_of(operators_for(request.user, "assign", Deadline))
        form = BulkForm(request.POST or None, people=people)
        status = 200
        if request.method == "POST":
            self._must(request, "assign")
            if form.is_valid() and found.is_valid():
                try:
                    count = deadlines_assign(
                        deadlines=found.qs, seen=form.cleaned_data["seen"],
                        owner=form.cleaned_data["owner"], by=request.user, now=now,
                    )  # fmt: skip
                except OperatorError as error:
                    form.add_error(None, sentence(error))
                    status = error.status
                else:
                    said = ngettext(
                        "%(count)s deadline is assigned.", "%(count)s deadlines are assigned.",
                        count,
                    )  # fmt: skip
                    messages.success(request, said % {"count": count})
                    return HttpResponseRedirect(request.get_full_path())
            else:
                status = 422
        rows = found.qs.select_related("operator__jurisdiction", "owner", "about_type")
        page = Paginator(rows.order_by("ends_at", "pk"), A_PAGE).get_page(request.GET.get("page"))
        # Those that may be given away; somebody may only read at another operator.
        mine = found.qs.filter(operator__in=self._mine(request)).count()
        form.initial["seen"] = mine
        query = request.GET.copy()
        query.pop("page", None)
        context = self.admin_site.each_context(request) | {
            "title": gettext("Deadline board"),
            "opts": self.opts,
            "filter": found,
            "page": page,
            "query": query.urlencode(),
            "entries": [(row, link_of(row), when_due(row), state(row, now), _late(row, now))
                        for row in page],
            "bulk": form if mine else None,
            "mine": mine,
        }  # fmt: skip
        return TemplateResponse(
            request, "admin/registry/deadline/board.html", context, status=status
        )

    def board_csv_view(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return NotAllowed(["GET", "HEAD"])
        now = timezone.now()
        found = self._found(request, now)
        if not found.is_valid():
            return HttpResponseRedirect(
                f"{reverse('admin:deadline_board')}?{request.GET.urlencode()}"
            )
        return HttpResponse(
            deadlines_csv(deadlines=found.qs, now=now),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="deadlines.csv"'},
        )

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        """Makes the reader's calendar, or revokes it; its address is shown once."""
        self._must(request, "view")
        user: Any = request.user
        link = ""
        if request.method == "POST":
            now = timezone.now()
            if request.POST.get("what") == "revoke":
                feed_revoke(user=user, by=user, now=now)
                messages.success(request, gettext("The calendar is revoked: nobody reads it now."))
                return HttpResponseRedirect(reverse("admin:deadline_calendar"))
            mine = request.POST.get("mine_only") == "on"
            _feed, token = feed_make(user=user, mine_only=mine, now=now)
            link = request.build_absolute_uri(reverse("calendar_feed", args=[token]))
        context = self.admin_site.each_context(request) | {
            "title": gettext("Calendar of deadlines"),
            "opts": self.opts,
            "feed": feed_of(user),
            "link": link,
            "mine_help": CalendarFeed._meta.get_field("mine_only").help_text,
        }
        return TemplateResponse(request, "admin/registry/deadline/calendar.html", context)

    # --- what they share ---------------------------------------------------------------------
    def _found(self, request: HttpRequest, now: datetime) -> BoardFilter:
        self._must(request, "view")
        rows = scoped(Deadline.objects.open().duties(), request.user)
        if request.method == "POST":
            # Seen is more than may be given away, for whoever only reads elsewhere.
            rows = rows.filter(operator__in=self._mine(request))
        return BoardFilter(request.GET, queryset=rows, user=request.user, now=now)

    def _must(self, request: HttpRequest, action: str) -> None:
        if not may(request.user, action, Deadline):
            raise PermissionDenied

    def _mine(self, request: HttpRequest) -> list[int]:
        """Operators whose clocks the user may give away."""
        return operator_ids(request.user, "assign", Deadline.access)


def _late(row: Deadline, now: datetime) -> bool:
    return row.ends_at is not None and row.ends_at <= now
