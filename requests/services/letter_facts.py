"""What a letter to a person tells, gathered from where the office itself reads it; no value.

Everything is in words of the letter's language. Of data there are the names of their categories
alone: a letter is read by whoever opens the mailbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.translation import override

from registry.choices import Supervises
from registry.explain import short_day, steps_in_words
from registry.models import Authority, DataCategory, Deadline
from registry.services.rules import outcome
from registry.services.texts import when_due
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.letters import LetterKind
from requests.refusals import refusals
from requests.services.duties import ENDS_NOTHING
from requests.services.ends import kept_until
from requests.services.letter_texts import texts, word
from requests.services.outlook import item_preview, people_of
from requests.services.tracking import tracking_path
from subjects import fate
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DestructionItem, RecipientNotice
from subjects.services.act_facts import thing

_DAYS = {"kk": "Y ж. j E"}
_GRANTED = (states.ACCEPTED, states.PARTLY)


def facts_of(
    row: SubjectRequest, *, kind: str, name: str, now: datetime, text: str = ""
) -> Mapping[str, Any]:
    """All that the templates of this kind may say. ``name``: of the applicant, as it is shown.

    ``text``: what staff write themselves (a reply, why more time is needed).
    """
    language = row.language
    with override(language):
        items = list(row.items.order_by("pk").prefetch_related("deadlines__statute"))
        found = _frame(row, items, now, ending=kind == LetterKind.CLOSING) | {
            "name": name,
            "text": text,
            "demands": [_demand(row, item, kind) for item in items],
        }
        if kind in (LetterKind.DECISION, LetterKind.CLOSING):
            found |= _fates(row, items, now)
        if kind == LetterKind.CLOSING:
            found["gone"] = _gone(row)
            found["asked"] = _asked(row)
    return found


def _frame(
    row: SubjectRequest, items: list[RequestItem], now: datetime, *, ending: bool
) -> dict[str, Any]:
    operator, language = row.operator, row.language
    today = now.astimezone(operator.zone).date()
    ended = row.ended_at.astimezone(operator.zone).date() if row.ended_at else today
    last = [clock.due_on for item in items for clock in item.deadlines.all() if clock.due_on]
    over = ending or row.ended_at is not None
    kept = kept_until(operator, ended if over else max([*last, today]))
    authority = Authority.objects.filter(
        jurisdiction=operator.jurisdiction_id, supervises=Supervises.PERSONAL_DATA
    ).first()
    path = tracking_path(row)
    return {
        "number": row.number,
        "operator": str(operator),
        "email": operator.requests_email or operator.email,
        "phone": operator.phone,
        "law": str(operator.jurisdiction.law),
        "received": short_day(row.received_at.astimezone(operator.zone).date()),
        "closed": short_day(ended),
        "ended": over,
        "kept_until": short_day(kept.until),
        "kept_why": texts(language)["kept"].get(kept.rule, kept.article),
        "authority": str(authority) if authority else word(language, "words", "unnamed_authority"),
        "link": settings.OFFICE_URL.rstrip("/") + path if path else "",
    }


def _demand(row: SubjectRequest, item: RequestItem, kind: str) -> dict[str, Any]:
    language = row.language
    what = word(language, "demands", item.kind)
    if item.scope:
        what = f"{what} ({word(language, 'demands', item.scope)})"
    clock = clock_shown(item.deadlines.all())
    if clock is not None:
        clock.operator = row.operator
    refusal = refusals().get(item.refusal)
    return {
        "what": what[:1].upper() + what[1:] if kind != LetterKind.RECEIPT else what,
        "due": when_due(clock) if clock else "",
        "steps": _steps(clock) if clock and kind == LetterKind.RECEIPT else [],
        "extended": _extended(clock) if clock and kind == LetterKind.EXTENSION else "",
        "decided": item.decision != states.OPEN,
        "decision": word(language, "decisions", item.decision),
        "finding": word(language, "findings", item.finding) if item.finding else "",
        "article": refusal.article if refusal else "",
        "ground": refusal.text(language) if refusal else "",
        "reasons": item.reasons,
    }


def clock_shown(clocks: Iterable[Deadline]) -> Deadline | None:
    """The clock that a person is told of: the one that can be put off, if it runs; a finding has
    others beside it. Else the last.
    """
    clocks = sorted(clocks, key=lambda one: one.pk)
    running = [one for one in clocks if one.is_open]
    answers = [one for one in running if one.statute and one.statute.extension_length]
    return next(iter([*answers, *running[-1:], *clocks[-1:]]), None)


def _steps(clock: Deadline) -> list[str]:
    """Why that day; the safe day, on which the office itself counts, is not the person's."""
    return steps_in_words(step for step in clock.steps if not str(step[0]).startswith("safe_"))


def _extended(clock: Deadline) -> str:
    """The last day after the one extension that the law allows; empty where it allows none."""
    if not (clock.is_open and clock.statute and clock.statute.extension_length):
        return ""
    found = outcome(
        operator=clock.operator, statute=clock.statute, promise=None, trigger=clock.trigger_at,
        extended=True,
    )  # fmt: skip
    moved = Deadline(operator=clock.operator, due_on=found.due_on, due_at=found.due_at)
    return when_due(moved)


# --- what goes, what stays -----------------------------------------------------------------------
def _fates(row: SubjectRequest, items: list[RequestItem], now: datetime) -> dict[str, Any]:
    """Of what was granted; a decided demand leaves one and the same prospect."""
    goes: dict[tuple[str, str], list[str]] = defaultdict(list)
    stays: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    granted = [one for one in items if one.decision in _GRANTED and one.kind not in ENDS_NOTHING]
    people = people_of(row) if granted else []
    today = now.astimezone(row.operator.zone).date()
    for item in granted[:1]:
        item.request = row
        for card in item_preview(item, today=today, people=people):
            for datum, found in card.fates:
                if found.stays:
                    _add(stays[_why(found)], _named(row, datum.category))
                elif found.due_on:
                    article = found.limit.article if found.limit else ""
                    day = short_day(max(found.due_on, today))
                    _add(goes[day, article], _named(row, datum.category))
    return {
        "goes": [
            {"names": "; ".join(names), "day": day, "article": article}
            for (day, article), names in goes.items()
        ],
        "stays": [
            {"names": "; ".join(names), "why": why, "article": article, "until": until}
            for (why, article, until), names in stays.items()
        ],
    }


def _why(found: fate.Fate) -> tuple[str, str, str]:
    holding = found.held_by[0]
    until = holding.keep.until if holding.keep is not None else holding.until
    return holding.activity, holding.article, short_day(until) if until else ""


def _named(row: SubjectRequest, category: DataCategory | None) -> str:
    return str(category or word(row.language, "words", "identity"))


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _gone(row: SubjectRequest) -> list[dict[str, str]]:
    """What the acts of this request destroyed: in this office's vault, and confirmed elsewhere."""
    of_request = {"act__operator": row.operator_id, "act__label": row.number}
    rows = (
        DestructionItem.objects.filter(**of_request)
        .order_by("act__number", "kind", "category")
        .values_list("act__number", "kind", "category")
        .annotate(last=Max("destroyed_at"))
    )
    categories = DataCategory.objects.filter(operator=row.operator_id).in_bulk()
    found: dict[tuple[str, date], list[str]] = defaultdict(list)
    for act, kind, category, last in rows:
        day = last.astimezone(row.operator.zone).date()
        _add(found[act, day], thing(kind, categories.get(category)))
    elsewhere = ActItem.objects.filter(outcome=Outcome.DESTROYED, **of_request)
    for item in elsewhere.select_related("act", "category").order_by("pk"):
        if item.confirmed_at is not None:
            day = item.confirmed_at.astimezone(row.operator.zone).date()
            _add(found[item.act.number, day], _named(row, item.category))
    return [
        {"act": act, "day": short_day(day), "names": "; ".join(names)}
        for (act, day), names in found.items()
    ]


def _asked(row: SubjectRequest) -> list[dict[str, str]]:
    """Who was given data that the acts of this request destroyed, and what has come of it there."""
    notices = RecipientNotice.objects.filter(
        act__operator=row.operator_id, act__label=row.number, people__gt=0
    ).exclude(act__state=ActState.CANCELLED)
    found = []
    for one in notices.select_related("recipient").order_by("recipient__code", "act"):
        moment = one.answered_at or one.told_at
        found.append({
            "name": str(one.recipient),
            "answer": word(row.language, "recipients", one.state),
            "day": short_day(moment.astimezone(row.operator.zone).date()) if moment else "",
        })  # fmt: skip
    return found
