"""Who stands under which version of the policy: live consents by when they were given.

A newer version never widens an older consent (94-V 8(4), 152-FZ 9(1)): a person stays under what
was published on the day, and under the text that they read, until they consent anew.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from registry.errors import OperatorError, gettext_noop
from registry.models import ConsentText, Operator, PolicyVersion, ProcessingActivity
from subjects.models import Consent, DataSubject

PAGE = 50


class NoSuchStanding(OperatorError):
    template = gettext_noop("There is no such version of the policy, or no such consent text.")


@dataclass(frozen=True, slots=True)
class Texts:
    """So many people consented to this version of a text meanwhile."""

    text: ConsentText
    people: int


@dataclass(slots=True)
class Standing:
    """The time in which one version was in force; without a version, before the first.

    ``begins`` is its first day, ``ends`` its last; None: without a beginning, without an end.
    """

    version: PolicyVersion | None
    begins: date | None
    ends: date | None
    people: int = 0
    texts: list[Texts] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.version.number if self.version else 0


def standings(*, operator: Operator, now: datetime) -> list[Standing]:
    """Each version in force until now, the newest first, with the people who stand under it.

    A person with consents from several times stands under each of them. Always five queries.
    """
    found = _windows(operator, now)
    live = live_consents(operator, now)
    if found[1:]:
        place = Case(
            *(
                When(given_at__gte=_midnight(operator, window.begins), then=Value(number))
                for number, window in reversed(list(enumerate(found)))
                if window.begins is not None
            ),
            default=Value(0),
            output_field=IntegerField(),
        )
    else:
        place = Case(default=Value(0), output_field=IntegerField())
    rows = live.annotate(place=place).order_by()
    people = Count("ground__subject", distinct=True)
    for number, count in rows.values_list("place").annotate(people=people):
        found[number].people = count
    texts = ConsentText.objects.filter(operator=operator).in_bulk()
    by_place = defaultdict(list)
    for number, text, count in rows.values_list("place", "text").annotate(people=people):
        by_place[number].append(Texts(texts[text], count))
    for number, listed in by_place.items():
        found[number].texts = sorted(listed, key=lambda row: (row.text.code, -row.text.version))
    return [window for window in reversed(found) if window.version or window.people]


def people_standing(
    *,
    operator: Operator,
    number: int,
    text: int | None = None,
    after: int = 0,
    now: datetime,
) -> tuple[Standing, list[DataSubject]]:
    """One page of the people under the version of that number (0: before the first).

    ``text``: only of this consent text. ``after``: the row number of the last one on the page
    before; a page costs the same wherever it is. Returns one more than ``PAGE`` when others
    follow. Refuses a version that was never in force and a text of somebody else.
    """
    windows = {window.number: window for window in _windows(operator, now)}
    window = windows.get(number)
    if window is None:
        raise NoSuchStanding()
    consents = live_consents(operator, now)
    if text is not None:
        if not ConsentText.objects.filter(operator=operator, pk=text).exists():
            raise NoSuchStanding()
        consents = consents.filter(text=text)
    if window.begins is not None:
        consents = consents.filter(given_at__gte=_midnight(operator, window.begins))
    if window.ends is not None:
        until = _midnight(operator, window.ends + timedelta(days=1))
        consents = consents.filter(given_at__lt=until)
    # One walk along the grounds of people, from where the page before ended.
    numbers = list(
        consents.filter(ground__subject__gt=after)
        .order_by("ground__subject")
        .values_list("ground__subject", flat=True)
        .distinct()[: PAGE + 1]
    )
    return window, list(DataSubject.objects.filter(pk__in=numbers).order_by("pk"))


def live_consents(operator: Operator, now: datetime) -> QuerySet[Consent]:
    """Consents that cover data today: not taken back, not run out, and their work goes on."""
    today = now.astimezone(operator.zone).date()

    def open_on(name: str) -> Q:
        return Q(**{name: None}) | Q(**{f"{name}__gt": today})

    going_on = ProcessingActivity.objects.filter(
        open_on("ended_on"), open_on("purpose__ended_on"), operator=operator
    )
    return Consent.objects.filter(
        open_on("expires_on"),
        open_on("ground__ended_on"),
        ground__activity__in=going_on.values("pk"),
        withdrawn_at=None,
    )


def _windows(operator: Operator, now: datetime) -> list[Standing]:
    """The times of all versions in their order, first the time before them."""
    today = now.astimezone(operator.zone).date()
    versions = list(
        PolicyVersion.objects.filter(operator=operator, in_force_on__lte=today)
        .published()
        .order_by("in_force_on")
    )
    for version in versions:
        version.operator = operator
    begins = [version.in_force_on for version in versions]
    ends = [day - timedelta(days=1) if day else None for day in begins]
    return [
        Standing(version, first, last)
        for version, first, last in zip(
            [None, *versions], [None, *begins], [*ends, None], strict=True
        )
    ]


def _midnight(operator: Operator, day: date | None) -> datetime:
    """The first moment of the day where the operator is."""
    assert day is not None
    return datetime.combine(day, time.min, tzinfo=operator.zone)
