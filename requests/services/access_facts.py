"""What the person is told about their data, gathered as rows: for the paper and for machines.

In the order of 152-FZ 14(7) and 94-V 24(1)(1). Only what is still there: what was destroyed is
named by its category and its act. Staff are named by their role: their names are data of others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Max, Prefetch
from django.utils.translation import gettext

from registry.choices import Operation
from registry.models import Membership, RetentionRule
from requests.models import SubjectRequest
from requests.models.letters import Way
from requests.services.access_parts import Cell, Gathering, Section
from requests.services.access_register import (
    disclosures_section,
    measures_section,
    operator_section,
    recipients_section,
    rights_section,
)
from requests.services.letters import letter_texts, letters_of
from requests.services.outlook import people_of
from requests.services.told import told
from subjects.choices import Outcome
from subjects.models import (
    ActItem,
    Consent,
    DataSubject,
    DestructionItem,
    VaultKey,
)
from subjects.services.act_facts import thing
from subjects.services.covering import grounds_of
from subjects.services.reading import Shown, State, data_of, events_of, key_of, show
from subjects.vault.models import Sealed

# A list of looks is told by day and kind; so many of them are read.
LOOKS = 5_000
# What a person's own number owns.
_OF_PEOPLE = (Sealed.DATUM, Sealed.EVIDENCE, Sealed.FILE)


@dataclass(slots=True)
class AccessFacts:
    """The answer, and the keys of the values that stand in it."""

    sections: list[Section]
    keys: set[int]
    cards: list[DataSubject]


def access_facts(subject_request: SubjectRequest, *, now: datetime) -> AccessFacts:
    """Everything that is told, in the language that is active; some thirty queries for a person,
    however much is held. What another number blocks is not told, only that it is blocked.
    """
    found = Gathering(subject_request, now, people_of(subject_request))
    numbers = [card.pk for card in found.cards]
    found.grounds = grounds_of(numbers)
    found.data = list(data_of(numbers).order_by("subject", "category", "pk"))
    found.shown = show(found.data, opened=True, for_label=subject_request.number)
    found.keys = {
        key_of(datum) or 0 for datum, shown in found.shown.items() if shown.state == State.OPEN
    }
    sections = [
        _confirmation(found),
        _data(found),
        _grounds(found),
        _terms(found),
        operator_section(found),
        recipients_section(found),
        disclosures_section(found),
        _looks(found),
        _letters(found),
        _gone(found),
        rights_section(found),
        measures_section(found),
    ]
    return AccessFacts(sections, found.keys, found.cards)


def _confirmation(found: Gathering) -> Section:
    standing = [one for one in found.data if found.shown[one].state != State.DESTROYED]
    line = (
        gettext("Yes: we process personal data about you.")
        if standing or any(ground.ended_on is None for ground in found.grounds)
        else gettext("No: we hold no personal data about you any more.")
    )
    section = Section(
        "confirmation", found.article("14(7)(1)"), gettext("Are your data processed?"), lines=[line]
    )
    section.rows = [{"processed": bool(standing)}]
    return section


# --- the data ------------------------------------------------------------------------------------
def _data(found: Gathering) -> Section:
    columns = {
        "category": gettext("Data"), "value": gettext("Value"), "source": gettext("Source"),
        "collected_on": gettext("Since"), "place": gettext("Where"),
    }  # fmt: skip
    section = Section("data", found.article("14(7)(5)"), gettext("Your data"), columns)
    for datum in found.data:
        shown = found.shown[datum]
        if shown.state == State.DESTROYED:
            continue
        section.rows.append(
            {
                "key": f"datum-{datum.pk}",
                "category": str(datum.category or gettext("identity in our systems")),
                "value": _value(shown),
                "source": datum.get_source_display(),
                "collected_on": datum.collected_on,
                "place": str(datum.system or datum.carrier or gettext("this office")),
            }
        )
    return section


def _value(shown: Shown) -> str:
    if shown.state == State.OPEN:
        return shown.text
    if shown.state == State.BLOCKED and shown.block is not None:
        return gettext("blocked by %(number)s") % {"number": shown.block.label}
    return {
        State.FILE: gettext("an image; ask us for a copy"),
        State.ELSEWHERE: gettext("held there"),
        State.LOST: gettext("lost"),
    }.get(shown.state, gettext("empty"))


def _grounds(found: Gathering) -> Section:
    columns = {
        "purpose": gettext("Purpose"), "basis": gettext("Legal basis"),
        "operations": gettext("What is done"), "started_on": gettext("From"),
        "ended_on": gettext("Until"), "consent": gettext("Consent"),
    }  # fmt: skip
    title = gettext("For what, on which ground and how")
    section = Section("grounds", found.article("14(7)(2), (3)"), title, columns)
    operations = dict(Operation.choices)
    for ground in found.grounds:
        consent: Consent | None = getattr(ground, "consent", None)
        section.rows.append(
            {
                "purpose": str(ground.activity.purpose),
                "basis": str(ground.legal_basis),
                "operations": [str(operations.get(one, one)) for one in ground.activity.operations],
                "started_on": ground.started_on,
                "ended_on": ground.ended_on or (consent.expires_on if consent else None),
                "consent": _consent(found, consent),
            }
        )
    return section


def _consent(found: Gathering, consent: Consent | None) -> str:
    if consent is None:
        return ""
    text = gettext("%(text)s, version %(version)s, given on %(day)s") % {
        "text": consent.text.name, "version": consent.text.version,
        "day": f"{found.day(consent.given_at):%d.%m.%Y}",
    }  # fmt: skip
    if consent.withdrawn_at is None:
        return text
    day = f"{found.day(consent.withdrawn_at):%d.%m.%Y}"
    return text + "; " + gettext("withdrawn on %(day)s") % {"day": day}


def _terms(found: Gathering) -> Section:
    columns = {"category": gettext("Data"), "until": gettext("Kept until"), "why": gettext("Why")}
    section = Section(
        "terms", found.article("14(7)(6)"), gettext("How long they are kept"), columns
    )
    days = dict(
        VaultKey.objects.filter(pk__in=[key for key in map(key_of, found.data) if key]).values_list(
            "pk", "destroy_on"
        )
    )
    together: dict[tuple[date | None, str], list[str]] = defaultdict(list)
    for datum in found.data:
        if found.shown[datum].state == State.DESTROYED:
            continue
        until = days.get(key_of(datum) or 0)
        why = (
            gettext("destroyed on that day")
            if until
            else gettext("as long as a ground above stands, then within the term of the law")
        )
        name = str(datum.category or gettext("identity in our systems"))
        if name not in together[until, why]:
            together[until, why].append(name)
    section.rows = [
        {"category": names, "until": until, "why": why} for (until, why), names in together.items()
    ]
    activities = {ground.activity_id for ground in found.grounds}
    rules = RetentionRule.objects.filter(operator=found.operator, length__isnull=False)
    for rule in rules.select_related("activity").order_by("code"):
        if rule.activity_id is None or rule.activity_id in activities:
            section.lines.append(_rule(rule))
    return section


def _rule(rule: RetentionRule) -> str:
    words = gettext("%(what)s: %(length)s %(unit)s after: %(event)s") % {
        "what": rule.activity or gettext("All data"), "length": rule.length,
        "unit": rule.get_unit_display(), "event": rule.get_event_display(),
    }  # fmt: skip
    return f"{words} ({rule.article})" if rule.article else words


def _looks(found: Gathering) -> Section:
    columns = {
        "day": gettext("Day"), "what": gettext("What"), "who": gettext("Who"),
        "times": gettext("Times"),
    }  # fmt: skip
    title = gettext("Who looked at them")
    section = Section("looks", found.article("14(7)(4)"), title, columns)
    roles = _roles(found)
    events = events_of([card.pk for card in found.cards], LOOKS)
    counted = Counter(
        (found.day(event.at), event.get_what_display(), roles.get(event.user_id or 0, ""))
        for event in events
    )
    section.rows = [
        {"day": day, "what": what, "who": who or gettext("our staff"), "times": str(times)}
        for (day, what, who), times in sorted(counted.items(), reverse=True)
    ]
    if len(events) == LOOKS:
        section.lines.append(gettext("Only the newest %(count)s looks.") % {"count": LOOKS})
    return section


def _roles(found: Gathering) -> dict[int, str]:
    rows = Membership.objects.filter(operator=found.operator).order_by("pk")
    return {row.user_id: row.get_role_display() for row in rows}


# --- what was written, what is gone --------------------------------------------------------------
def _letters(found: Gathering) -> Section:
    columns = {
        "number": gettext("Request"), "at": gettext("Day"), "way": gettext("Letter"),
        "text": gettext("Text"), "files": gettext("Files"),
    }  # fmt: skip
    title = gettext("Your requests and our letters")
    section = Section("letters", found.article("14(7)(5)"), title, columns)
    for row in _requests(found):
        row.operator = found.operator
        first = told(row, opened=True, names=["message"])["message"]
        _told(found, row, "message_key", first)
        kinds = ", ".join(sorted({item.get_kind_display() for item in row.items.all()}))
        section.rows.append(
            {
                "key": f"request-{row.pk}", "number": row.number, "at": found.day(row.received_at),
                "way": gettext("from you: %(kinds)s") % {"kinds": kinds}, "text": _text(first),
                "files": "",
            }
        )  # fmt: skip
        letters = letters_of(row)
        shown = letter_texts(letters)
        for letter in letters:
            _told(found, letter, "body_key", shown[letter])
            files = len(letter.files.all())
            section.rows.append(
                {
                    "key": f"letter-{letter.pk}", "number": row.number,
                    "at": found.day(letter.sent_at or letter.made_at),
                    "way": gettext("from us") if letter.way == Way.OUT else gettext("from you"),
                    "text": _text(shown[letter]), "files": str(files) if files else "",
                }
            )  # fmt: skip
    return section


def _requests(found: Gathering) -> list[SubjectRequest]:
    """All requests that are linked to these cards now, this one first of all."""
    mine = SubjectRequest.objects.filter(
        operator=found.operator, people__subject__in=found.cards, people__unlinked_at=None
    )
    rows = mine | SubjectRequest.objects.filter(pk=found.request.pk)
    return list(rows.distinct().prefetch_related(Prefetch("items")).order_by("received_at", "pk"))


def _told(found: Gathering, row: Any, name: str, shown: Shown) -> None:
    if shown.state == State.OPEN:
        found.keys.add(getattr(row, name))


def _text(shown: Shown) -> str:
    if shown.state == State.OPEN:
        return shown.text
    return gettext("destroyed") if shown.state == State.DESTROYED else ""


def _gone(found: Gathering) -> Section:
    columns = {"day": gettext("Day"), "what": gettext("Data"), "act": gettext("Act")}
    section = Section("destroyed", "", gettext("What was destroyed"), columns)
    categories = {datum.category_id: datum.category for datum in found.data}
    rows = (
        DestructionItem.objects.filter(kind__in=_OF_PEOPLE, owner__in=[c.pk for c in found.cards])
        .order_by("act__number", "kind", "category")
        .values_list("act__number", "kind", "category")
        .annotate(last=Max("destroyed_at"))
    )
    for act, kind, category, last in rows:
        section.rows.append(
            {
                "day": found.day(last), "what": thing(kind, categories.get(category)),
                "act": act or "",
            }
        )  # fmt: skip
    elsewhere = ActItem.objects.filter(outcome=Outcome.DESTROYED, datum__in=found.data)
    for item in elsewhere.select_related("act", "category").order_by("pk"):
        if item.confirmed_at is not None:
            row: dict[str, Cell] = {
                "day": found.day(item.confirmed_at), "what": str(item.category or ""),
                "act": item.act.number,
            }  # fmt: skip
            section.rows.append(row)
    return section
