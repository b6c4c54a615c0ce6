"""What waits on the desk beside the clocks: proofs, prints, results of checks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import scoped
from registry.desk import Counter, counted_by
from registry.models import Operator
from requests import states
from requests.admin.letters import QueueFilter
from requests.models import IdentityCheck, Letter, RequestItem, SubjectRequest
from requests.models.subject_requests import Finding
from requests.services.duties import CHECKED_KINDS
from requests.services.matching import NEEDS_IDENTITY, VERIFIES

_ENDED = (states.DONE, states.WITHDRAWN)


def without_identity(rows: QuerySet[SubjectRequest]) -> QuerySet[SubjectRequest]:
    """Requests that cannot be decided before somebody has made sure who writes."""
    mine = {"request": OuterRef("pk")}
    open_items = RequestItem.objects.filter(kind__in=NEEDS_IDENTITY, decision=states.OPEN, **mine)
    checks = IdentityCheck.objects.filter(kind__in=VERIFIES, **mine)
    return rows.exclude(state__in=_ENDED).filter(Exists(open_items), ~Exists(checks))


def without_finding(rows: QuerySet[SubjectRequest]) -> QuerySet[SubjectRequest]:
    """Requests with a check that has shown nothing yet, although what it is for was granted."""
    open_checks = RequestItem.objects.filter(
        request=OuterRef("pk"), kind__in=CHECKED_KINDS, finding="",
        decision__in=[states.ACCEPTED, states.PARTLY],
    )  # fmt: skip
    return rows.exclude(state__in=_ENDED).filter(Exists(open_checks))


def without_correction(rows: QuerySet[SubjectRequest]) -> QuerySet[SubjectRequest]:
    """Requests where wrong data were found and none is corrected."""
    wrong = RequestItem.objects.filter(
        request=OuterRef("pk"), finding=Finding.INACCURATE, corrections=None
    ).exclude(decision=states.REFUSED)
    return rows.exclude(state__in=_ENDED).filter(Exists(wrong))


WAITS = {
    "identity": (_("waits for a proof of identity"), without_identity),
    "check": (_("waits for the result of a check"), without_finding),
    "correction": (_("waits for a correction"), without_correction),
}


class WaitsFilter(admin.SimpleListFilter):
    """What the request waits for that is no clock."""

    title = _("waits for")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(name, title) for name, (title, _rows) in WAITS.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() in WAITS:
            return WAITS[str(self.value())][1](queryset)
        return queryset


def _counter(
    title: str, rows: QuerySet, page: str, query: str, operator: str, code: str
) -> Counter:
    """``operator``: the path of the rows to theirs; ``code``: of the one that is chosen, if any."""
    if code:
        rows = rows.filter(**{f"{operator}__code": code})
        # The lists filter by the number, as their own filters do.
        number = Operator.objects.filter(code=code).values_list("pk", flat=True).first()
        query += f"&{operator}__id__exact={number}"
    return Counter(title, rows.count(), f"{reverse(f'admin:requests_{page}_changelist')}?{query}")


def _requests(user: Any, code: str, name: str) -> Counter:
    title, rows = WAITS[name]
    mine = rows(scoped(SubjectRequest.objects.all(), user))
    return _counter(str(title), mine, "subjectrequest", f"waits={name}", "operator", code)


def _letters(user: Any, code: str, queue: str, title: str) -> Counter:
    mine = scoped(Letter.objects.filter(**QueueFilter.queues[queue]), user)
    return _counter(title, mine, "letter", f"queue={queue}", "request__operator", code)


@counted_by
def identity(user: Any, operator_code: str) -> Counter | None:
    return _requests(user, operator_code, "identity")


@counted_by
def check(user: Any, operator_code: str) -> Counter | None:
    return _requests(user, operator_code, "check")


@counted_by
def correction(user: Any, operator_code: str) -> Counter | None:
    return _requests(user, operator_code, "correction")


@counted_by
def to_print(user: Any, operator_code: str) -> Counter | None:
    return _letters(user, operator_code, "print", gettext("letters to print"))


@counted_by
def to_prove(user: Any, operator_code: str) -> Counter | None:
    title = gettext("letters that wait for the proof of sending")
    return _letters(user, operator_code, "proof", title)
