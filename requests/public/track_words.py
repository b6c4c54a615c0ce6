"""The story of a request in words for the person: facts come from ``services.story``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, ngettext

from registry.choices import Effect
from registry.errors import OperatorError
from registry.explain import long_day, short_day, steps_in_words
from registry.models import Deadline
from registry.services.texts import when_due
from requests import states
from requests.models import Letter, RequestItem, SubjectRequest
from requests.models.letters import Way
from requests.public.forms import WISHES
from requests.refusals import refusals
from requests.services.duties import ANSWERED_KINDS, STOPPED_BY_DECISION
from requests.services.ends import kept_until
from requests.services.story import Asked, Event, Happened, Story, Went
from subjects import fate
from subjects.services.act_facts import thing
from subjects.services.pictures import JPEG, PDF, PNG
from subjects.services.reading import Shown, State

TYPES = {PDF: "PDF", JPEG: "JPEG", PNG: "PNG"}


@dataclass(slots=True)
class Line:
    """Something on the timeline: when, what, and what stands below it."""

    when: str
    machine: str
    text: str
    more: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Paper:
    """A letter as the page shows it; ``files``: number and name of each."""

    head: str
    when: str
    language: str
    # A fault on the page quotes what it had in hand.
    text: str = field(repr=False)
    ours: bool
    gone: bool
    files: list[tuple[int, str]] = field(default_factory=list)


def wish(item: RequestItem) -> str:
    """What the person asks, in the words of the form where the form has them."""
    plain = dict(WISHES).get(item.kind, "") if not item.scope else ""
    return str(plain) or capfirst(item.what)


def what(item: RequestItem) -> str:
    return capfirst(item.what)


# --- what happened -------------------------------------------------------------------------------
def timeline(story: Story) -> list[Line]:
    """All that happened, in its order; once the correspondence is over, without its reasons."""
    zone = story.request.operator.zone
    return [
        Line(
            when=long_day(event.at.astimezone(zone).date()),
            machine=event.at.astimezone(zone).date().isoformat(),
            text=_happened(event),
            more=[] if story.over else _why(event),
        )
        for event in story.events
    ]


def _happened(event: Event) -> str:
    if event.what == Happened.RECEIVED:
        return gettext("Your request arrived.")
    if event.what == Happened.IN_WORK:
        return gettext("Somebody has begun to work on it.")
    if event.what == Happened.CLOSED:
        return gettext("Everything was done and the request was closed.")
    if event.what == Happened.WITHDRAWN:
        return gettext("The request was taken back.")
    if event.act is not None:
        return gettext("The data were destroyed; act %(number)s says so.") % {
            "number": event.act.number
        }
    assert event.item is not None
    if event.extension is not None:
        return gettext("%(what)s: the term is longer now, until %(day)s. You were sent why.") % {
            "what": what(event.item), "day": short_day(event.extension.due_after),
        }  # fmt: skip
    if event.what == Happened.RETURNED:
        return gettext("%(what)s: the obligation is performed, so it is decided anew.") % {
            "what": what(event.item)
        }
    return _decided(event.item)


def _decided(item: RequestItem) -> str:
    said = {
        states.ACCEPTED: gettext("%(what)s: we do it."),
        states.PARTLY: gettext("%(what)s: we do a part of it."),
        states.REFUSED: gettext("%(what)s: refused."),
        states.BARRED: gettext("%(what)s: not yet. First an obligation has to be performed."),
    }
    if item.kind in ANSWERED_KINDS:
        said[states.ACCEPTED] = gettext("%(what)s: we answer by letter.")
        said[states.PARTLY] = gettext("%(what)s: we answer a part of it by letter.")
    return said[item.decision] % {"what": what(item)}


def _why(event: Event) -> list[str]:
    """The ground of the law's list, and what the operator says about it."""
    item = event.item
    if event.what != Happened.DECIDED or item is None:
        return []
    found = refusals().get(item.refusal)
    lines = [line for line in item.reasons.splitlines() if line.strip()]
    if found is None:
        return lines
    language = (get_language() or "en").split("-")[0]
    ground = gettext("%(text)s (article %(article)s)") % {
        "text": found.text(language).rstrip("."), "article": found.article,
    }  # fmt: skip
    return [ground, *lines]


def next_step(story: Story) -> str:
    """What comes next, in one or two sentences."""
    state, clock = story.request.state, story.clock
    by_when = []
    if clock is not None and clock.ends_at is not None:
        by_when = [gettext("This is done by %(day)s.") % {"day": when_due(clock)}]
    if state in (states.RECEIVED, states.IN_WORK):
        words = gettext("We find out whose data it is about and what the law lets us do.")
        return " ".join([words, *by_when])
    if state == states.WAITING:
        return gettext(
            "An obligation of yours has to be performed first (Law 94-V, article 8(2)). When it "
            "is, tell us: then your request goes on by itself."
        )
    if state == states.DECIDED:
        if not story.granted:
            return gettext("It is decided. We write to you why, and then close the request.")
        words = gettext("What we decided is being carried out. Then we write to you once more.")
        return " ".join([words, *by_when])
    if state == states.WITHDRAWN:
        return gettext("Nothing more happens. You can write to us again whenever you want.")
    return gettext("Nothing more is to be done.")


def clocks(story: Story) -> list[dict[str, Any]]:
    """By when each demand is due or was done, and how that day was counted."""
    found = []
    for one in story.asked:
        if one.clock is None or one.clock.voided_at is not None:
            continue
        found.append(
            {
                "what": what(one.item),
                "due": when_due(one.clock),
                "met": _met(one, one.clock),
                "steps": steps_in_words(one.clock.steps),
            }
        )
    return found


def _met(one: Asked, clock: Deadline) -> str:
    if clock.met_at is None:
        return ""
    day = long_day(clock.met_at.astimezone(clock.operator.zone).date())
    late = clock.ends_at is not None and clock.met_at >= clock.ends_at
    if Effect(clock.effect) in STOPPED_BY_DECISION:
        # The destruction that follows has a day of its own.
        words = gettext("decided on %(day)s, late") if late else gettext("decided on %(day)s")
    else:
        words = gettext("done on %(day)s, late") if late else gettext("done on %(day)s")
    return words % {"day": day}


# --- what went, what stays -----------------------------------------------------------------------
def went(story: Story) -> list[dict[str, Any]]:
    """Act by act: its number, its day, how many values, and which where that may be told."""
    return [_act(story, one) for one in story.went]


def _act(story: Story, one: Went) -> dict[str, Any]:
    assert one.act.finished_at is not None
    things: dict[str, int] = defaultdict(int)
    for kind, category, count in one.things:
        things[_thing(kind, category)] += count
    return {
        "act": one.act.number,
        "day": long_day(one.act.finished_at.astimezone(story.request.operator.zone).date()),
        "count": ngettext("%(count)d value", "%(count)d values", one.count) % {"count": one.count},
        "things": [f"{name}: {count}" for name, count in things.items()] if story.known else [],
    }


def _thing(kind: int | None, category: Any) -> str:
    if kind is None:
        return str(category) if category else gettext("identity in the operator's systems")
    return thing(kind, category)


def stays(story: Story) -> list[dict[str, str]]:
    """What stays, why, under which article, and until when; data that fare alike in one line."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for datum, one in story.stays:
        _add(found[_holding(one)], datum.category)
    return [_line(names, *words) for words, names in found.items()]


def goes(story: Story) -> list[dict[str, str]]:
    """What is still there and goes, and by when."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for datum, one in story.goes:
        until = short_day(one.due_on) if one.due_on else ""
        article = one.limit.article if one.limit else ""
        _add(found[article, until], datum.category)
    return [_line(names, *words) for words, names in found.items()]


def _add(names: list[str], category: Any) -> None:
    name = str(category or gettext("identity in the operator's systems"))
    if name not in names:
        names.append(name)


def _line(names: list[str], why: str, until: str) -> dict[str, str]:
    return {"names": "; ".join(names), "why": why, "until": until}


def _holding(found: fate.Fate) -> tuple[str, str]:
    holding = found.held_by[0]
    if holding.keep is not None:
        why = gettext("a law orders us to keep it: %(article)s") % {"article": holding.keep.article}
        return why, short_day(holding.keep.until)
    why = gettext("%(what)s, article %(article)s") % {
        "what": holding.activity, "article": holding.article,
    }  # fmt: skip
    return why, short_day(holding.until) if holding.until is not None else ""


# --- the letters ---------------------------------------------------------------------------------
def first_letter(row: SubjectRequest, shown: Shown) -> list[Paper]:
    """What the person wrote at first; nothing when the letter had no words."""
    if shown.state == State.EMPTY:
        return []
    when = long_day(row.received_at.astimezone(row.operator.zone).date())
    gone = shown.state != State.OPEN
    return [Paper(gettext("You wrote"), when, row.language, shown.text, False, gone)]


def paper(letter: Letter, shown: Shown) -> Paper:
    """A letter with its files, each with a name that is nobody's."""
    ours = letter.way == Way.OUT
    assert letter.sent_at is not None
    files = [
        (one.pk, gettext("file %(number)d (%(type)s)") % {
            "number": number, "type": TYPES.get(one.file.media_type, "?"),
        })
        for number, one in enumerate(letter.files.all(), start=1)
    ]  # fmt: skip
    return Paper(
        head=gettext("We wrote: %(kind)s") % {"kind": letter.get_kind_display()}
        if ours
        else gettext("You wrote"),
        when=long_day(letter.sent_at.astimezone(letter.operator.zone).date()),
        language=letter.language,
        text=shown.text,
        ours=ours,
        gone=shown.state in (State.DESTROYED, State.LOST),
        files=files,
    )


def kept_day(row: SubjectRequest, ended_at: datetime | None) -> str:
    """Until when the correspondence of a request that has ended is kept."""
    if ended_at is None:
        return ""
    ended_on = ended_at.astimezone(row.operator.zone).date()
    try:
        return short_day(kept_until(row.operator, ended_on).until)
    except OperatorError:
        # The page does without the day.
        return ""
