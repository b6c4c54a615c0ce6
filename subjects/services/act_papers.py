"""The papers of an act: the act as PDF and the extract of the event log as CSV (Order 179).

Both name people by the codes of their cards and hold no value, so that they may outlive the data.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from django.utils.translation import gettext, override

from registry.cells import safe
from registry.choices import RecipientKind
from registry.explain import long_day
from registry.models import (
    Operator,
    ProcessingActivity,
    Recipient,
    RetentionRule,
    User,
)
from registry.models.base import LANGUAGES
from registry.papers import Paper
from subjects.choices import GroundEnd, PaperKind, Ruled
from subjects.models import ActItem, DestructionAct
from subjects.services.act_facts import Gone, gather, items, reason_in_words, thing, why_in_words
from subjects.services.act_files import Printed
from subjects.services.act_places import SYSTEM, places_print, position_of
from subjects.services.verifying import SOUGHT
from subjects.vault.models import Sealed

# More people than these are in the extract alone, which the act then names with its digest.
LISTED = 500
# In which the papers of a state are read, whatever the operator writes in besides.
OF_STATE = {"KZ": ("kk", "ru"), "RU": ("ru",)}
EVENTS = dict([*GroundEnd.choices, *Ruled.choices])


def papers_of(act: DestructionAct, *, now: datetime) -> list[Printed]:
    """The act in each language of the operator and of its state, and one extract; not kept yet."""
    gone = gather(act)
    languages = languages_of(act.operator)
    with override(languages[0]):
        log = _log(act, gone)
    digest = hashlib.sha256(log).hexdigest()
    printed = [Printed(PaperKind.LOG, "", log)]
    for language in languages:
        with override(language):
            content = _act(act, gone, language, digest, now)
        printed.append(Printed(PaperKind.ACT, language, content))
    return printed


def languages_of(operator: Operator) -> list[str]:
    """Those of its state first: an inspector reads the act there."""
    wanted = [*OF_STATE.get(operator.jurisdiction.code, ()), *operator.languages]
    return list(dict.fromkeys(one for one in wanted if one in LANGUAGES)) or ["ru"]


# --- the extract ---------------------------------------------------------------------------------
def _log(act: DestructionAct, gone: Gone) -> bytes:
    """One line a destroyed value: person, category, system, reason, moment, number of the key."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(
        [
            gettext("Code of the card"), gettext("Data category"),
            gettext("Information system"), gettext("Reason"), gettext("Destroyed at"),
            gettext("Number of the key"), gettext("Act"),
        ]
    )  # fmt: skip
    zone, system = act.operator.zone, gettext(SYSTEM)
    names = {
        (kind, category): safe(thing(kind, gone.categories.get(category)))
        for kind, category in gone.values
    }
    reasons = {reason: safe(reason_in_words(reason)) for reason in gone.reasons}
    moments: dict[datetime, str] = {}
    for key, owner, kind, category, reason, at in items(act):
        if at not in moments:
            moments[at] = at.astimezone(zone).isoformat(timespec="seconds")
        writer.writerow(
            [
                safe(gone.codes.get(owner, "")), names[kind, category or 0], safe(system),
                reasons[reason], moments[at], str(key), safe(act.number),
            ]
        )  # fmt: skip
    return stream.getvalue().encode()


# --- the act -------------------------------------------------------------------------------------
def _act(act: DestructionAct, gone: Gone, language: str, log_digest: str, now: datetime) -> bytes:
    operator = act.operator
    paper = Paper(
        gettext("Act of destruction of personal data"),
        language=language,
        number=gettext("No. %(number)s") % {"number": act.number},
        subtitle=_moment(act.finished_at or now, operator.zone),
        made_at=now,
        footer=operator.name,
    )
    paper.heading(gettext("The operator"))
    paper.facts(_operator(act, gone))
    paper.heading(gettext("The people"))
    _people(paper, gone, log_digest)
    paper.heading(gettext("Categories of destroyed data"))
    paper.table(
        [gettext("Data category"), gettext("Values")],
        _categories(gone),
        widths=[10, 2],
    )
    paper.heading(gettext("Where the data were"))
    places_print(paper, act, gone)
    paper.heading(gettext("How, why and when"))
    paper.facts(_facts(act, gone))
    paper.heading(gettext("Verification"))
    paper.facts(_verification(act))
    paper.heading(gettext("What stays, and why"))
    _left(paper, act, gone)
    paper.heading(gettext("Who destroyed the data"))
    if act.automatic:
        paper.text(
            gettext("The office itself, by rule %(rules)s, without an approval; the responsible "
                    "person signs.")
            % {"rules": ", ".join(_automatic(act)) or "–"}
        )  # fmt: skip
    if act.waiver:
        paper.text(gettext("One person drafted and approved: %(waiver)s") % {"waiver": act.waiver})
    paper.signatures(_signatures(act))
    return paper.render()


def _operator(act: DestructionAct, gone: Gone) -> Iterator[tuple[str, str]]:
    operator = act.operator
    yield gettext("Legal name"), operator.name
    if operator.bin:
        yield gettext("BIN"), operator.bin
    if operator.inn:
        yield gettext("INN"), operator.inn
    yield gettext("Address"), operator.address
    yield gettext("Law"), str(operator.jurisdiction.law)
    categories = {category for _, category in gone.values}
    categories |= {item.category_id for item in gone.elsewhere if item.category_id}
    processors = Recipient.objects.filter(
        operator=operator,
        kind=RecipientKind.PROCESSOR,
        activities__data_categories__in=categories,
    ).distinct()
    yield (
        gettext("Processor, if the processing was entrusted"),
        ", ".join(sorted(str(one.name) for one in processors)),
    )


def _people(paper: Paper, gone: Gone, log_digest: str) -> None:
    names: dict[str, set[str]] = defaultdict(set)
    words = {one: thing(one[0], gone.categories.get(one[1])) for one in gone.values}
    for owner, things in gone.people.items():
        names[gone.codes.get(owner, "")].update(words[one] for one in things)
    for item in gone.elsewhere:
        names[item.subject.code].add(thing(Sealed.DATUM, item.category))
    paper.text(
        gettext(
            "People: %(count)s. A person is named by the code of the card, which holds no value."
        )
        % {"count": len(names)}
    )
    if len(names) > LISTED:
        paper.text(
            gettext("They are listed in the extract of the event log, SHA-256 %(digest)s.")
            % {"digest": log_digest}
        )
        return
    paper.table(
        [gettext("Code of the card"), gettext("Destroyed")],
        [(code, ", ".join(sorted(things))) for code, things in sorted(names.items())],
        widths=[3, 10],
    )


def _categories(gone: Gone) -> Iterator[tuple[str, str]]:
    counts: Counter[str] = Counter()
    for (kind, category), count in gone.values.items():
        counts[thing(kind, gone.categories.get(category))] += count
    for item in gone.elsewhere:
        counts[thing(Sealed.DATUM, item.category)] += 1
    for name, count in sorted(counts.items()):
        yield name, str(count)


def _facts(act: DestructionAct, gone: Gone) -> Iterator[tuple[str, str]]:
    zone = act.operator.zone
    ways = []
    if gone.people:
        ways.append(
            gettext("each value was encrypted under a key of its own; the keys and the search "
                    "tokens were deleted without a way back, sealed files removed")
        )  # fmt: skip
    ways += sorted({item.why for item in gone.elsewhere})
    yield gettext("Way of destruction"), "; ".join(ways)
    if act.label:
        yield gettext("Request"), act.label
    yield gettext("Reason"), "; ".join(sorted(map(reason_in_words, gone.reasons)))
    events = {str(EVENTS[event]) for event in _events(act) if event in EVENTS}
    yield gettext("What ended"), ", ".join(sorted(events))
    yield gettext("Due on"), long_day(act.due_on)
    if act.postponed_until is not None:
        yield (
            gettext("Not possible in time"),
            gettext("%(reason)s; blocked from %(at)s, second term until %(day)s")
            % {
                "reason": act.postponed_reason,
                "at": _moment(act.postponed_at, zone) if act.postponed_at else "",
                "day": long_day(act.postponed_until),
            },
        )
    for label, at in (
        (gettext("Approved at"), act.approved_at),
        (gettext("Execution began at"), act.started_at),
        (gettext("Destroyed at"), _destroyed_at(act, gone)),
    ):
        if at is not None:
            yield label, _moment(at, zone)
    if gone.found_by:
        yield (
            gettext("Kept until the last confirmation"),
            gettext("%(count)s values, by which the people were found elsewhere; destroyed here "
                    "after it")
            % {"count": gone.found_by},
        )  # fmt: skip
    if act.mute_on:
        yield (
            gettext("Copies are mute from"),
            gettext("%(day)s: key-encryption key %(number)s is destroyed then")
            % {"day": long_day(act.mute_on), "number": act.kek},
        )


def _destroyed_at(act: DestructionAct, gone: Gone) -> datetime | None:
    """The moment from which nothing of it was left, elsewhere either."""
    moments = [act.finished_at, *(item.confirmed_at for item in gone.elsewhere)]
    return max(filter(None, moments), default=None)


def _verification(act: DestructionAct) -> Iterator[tuple[str, str]]:
    structure = act.verification.get("structure", {})
    by_value = act.verification.get("by_value", {})
    if act.verified_at:
        yield gettext("Verified at"), _moment(act.verified_at, act.operator.zone)
    yield (
        gettext("Structure"),
        gettext("keys destroyed %(keys)s, left %(keys_left)s; search tokens left %(tokens_left)s; "
                "live values %(live)s and old versions %(history)s, under other keys "
                "%(other_keys)s; tried to open %(tried)s, opened %(opened)s")
        % {
            name: structure.get(name, 0)
            for name in (
                "keys", "keys_left", "tokens_left", "live", "history", "other_keys", "tried",
                "opened",
            )
        },
    )  # fmt: skip
    words = gettext(SOUGHT.get(by_value.get("state", ""), ""))
    if by_value.get("values"):
        words += "; " + gettext(
            "identifiers %(values)s, files %(files)s, cells %(cells)s, not readable %(unread)s, "
            "traces found %(found)s"
        ) % {name: by_value[name] for name in ("values", "files", "cells", "unread", "found")}
    yield gettext("By value"), words
    if act.verification.get("judged"):
        yield gettext("Traces judged"), act.verification["judged"]


def _left(paper: Paper, act: DestructionAct, gone: Gone) -> None:
    activities = {
        row.code: str(row.name) for row in ProcessingActivity.objects.filter(operator=act.operator)
    }
    told = Counter[tuple[str, str, str]]()
    for item in gone.left:
        code = item.subject.code if len(gone.left) <= LISTED else ""
        kind = (
            Sealed.DATUM if item.category_id or item.event != "consent_ended" else Sealed.EVIDENCE
        )
        words = f"{item.get_outcome_display()}: {why_in_words(item, activities)}"
        told[code, thing(kind, item.category), words] += 1
    paper.table(
        [gettext("Code of the card"), gettext("Data category"), gettext("Why"), gettext("Values")],
        [(*cells, str(count)) for cells, count in sorted(told.items())],
        widths=[3, 4, 7, 2],
    )


def _events(act: DestructionAct) -> set[str]:
    items = ActItem.objects.filter(act=act).order_by()
    return set(items.values_list("event", flat=True).distinct())


def _automatic(act: DestructionAct) -> list[str]:
    """The retention rules that let it run without an approval."""
    events = _events(act)
    rules = RetentionRule.objects.filter(operator=act.operator, automatic=True, event__in=events)
    return sorted(rules.values_list("code", flat=True))


def _signatures(act: DestructionAct) -> Iterable[tuple[str, str]]:
    """Who drafted, who approved and who is responsible, each once with the position.

    Three at the most: whoever confirmed a place is named with it, and does not sign.
    """
    signed: dict[int, tuple[str, str]] = {}
    for user, role in (
        (act.drafted_by, gettext("Drafted by")),
        (act.approved_by, gettext("Approved by")),
        (act.operator.responsible, gettext("Responsible for personal data")),
    ):
        if user is not None and user.pk not in signed:
            signed[user.pk] = (_position(act, user, role), str(user))
    return signed.values() or [(gettext("Responsible for personal data"), "")]


def _position(act: DestructionAct, user: User, role: str) -> str:
    return ", ".join(filter(None, [role, position_of(act, user)]))


def _moment(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    return f"{long_day(local.date())}, {local:%H:%M} (UTC{offset[:3]}:{offset[3:]})"
