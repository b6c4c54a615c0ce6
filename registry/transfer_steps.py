"""The gate of a transfer as data: what is done, what comes next, what is missing, by which article.

Standard library only. ``gate_of`` says what the law wants (152-FZ 12, 94-V 16), ``state_of`` how
far a transfer has come, ``steps_of`` every step with its day and article.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from registry.consent_contents import Missing
from registry.errors import OperatorError, gettext_noop

RU, KZ = "RU", "KZ"
NONE, NOTICE, WAIT, GROUND = "none", "notice", "wait", "ground"
# On which grounds data may go to a state that does not protect them: consent, a ratified treaty or
# a law, constitutional rights (94-V 16(3)).
GROUND_KINDS = frozenset({"consent", "law", "other_law", "vital_interest"})
# Life, health and other vital interests do not wait for the authority (152-FZ 12(11)).
KINDS_WITHOUT_WAITING = frozenset({"vital_interest"})
MEASURES, REGULATION, CONTACTS = "measures", "regulation", "contacts"


class UnknownGateLaw(OperatorError):
    template = gettext_noop("The office does not know what the law of %(law)s wants of a transfer.")


class State(StrEnum):
    """How far a transfer has come."""

    PLANNED = "planned"
    COLLECTING = "collecting"
    ASSESSED = "assessed"
    FILED = "filed"
    WAITING = "waiting"
    READY = "ready"
    OPEN = "open"
    BANNED = "banned"
    ENDED = "ended"


STATE_WORDS: dict[str, str] = {
    State.PLANNED: gettext_noop("planned"),
    State.COLLECTING: gettext_noop("information is collected"),
    State.ASSESSED: gettext_noop("recipient assessed"),
    State.FILED: gettext_noop("notice filed"),
    State.WAITING: gettext_noop("waiting period runs"),
    State.READY: gettext_noop("may open"),
    State.OPEN: gettext_noop("open for data"),
    State.BANNED: gettext_noop("banned"),
    State.ENDED: gettext_noop("has ended"),
}


class Look(StrEnum):
    """How a step stands: only one is the next, and of a closed transfer none is."""

    DONE = "done"
    NEXT = "next"
    LATER = "later"
    STOPPED = "stopped"
    NOTE = "note"


LOOK_WORDS: dict[str, str] = {
    Look.DONE: gettext_noop("done"),
    Look.NEXT: gettext_noop("next"),
    Look.LATER: gettext_noop("later"),
    Look.STOPPED: gettext_noop("stopped"),
    Look.NOTE: gettext_noop("note"),
}


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """All that the gate is judged by; ``gate`` None: the recipient's country is not known.

    ``protects``: whether the law holds the country to protect data; None: it does not say.
    ``received``: which information came on which day. ``asked_on``: since when the authority
    waits for an answer. ``particulars``: what the notice lacks. ``instruction``: what the
    instruction of a processor lacks (None: the recipient is no processor). ``obstacles``: what
    else keeps it from opening.
    """

    law: str
    gate: str | None
    today: date
    country: str = ""
    abroad: bool = True
    protects: bool | None = None
    bears: bool = True
    received: Mapping[str, date] = field(default_factory=dict)
    assessed_on: date | None = None
    filed_on: date | None = None
    notice_number: str = ""
    asked_on: date | None = None
    opens_on: date | None = None
    opened_on: date | None = None
    banned_on: date | None = None
    ban_document: str = ""
    ended_on: date | None = None
    particulars: tuple[Missing, ...] = ()
    instruction: tuple[Missing, ...] | None = None
    obstacles: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``template % params`` is its sentence, ``day`` when it was done or may be."""

    code: str
    look: Look
    article: str
    template: str
    params: Mapping[str, Any]
    day: date | None = None
    missing: tuple[Missing, ...] = ()


def gate_of(
    *, law: str, home: str, country: str | None, protects: bool | None, kind: str
) -> str | None:
    """What the law wants of a transfer to the country; None while the country is not known.

    ``kind`` of the ground: vital interests need no waiting period (152-FZ 12(11)). A country of
    which nothing is known does not protect. Refuses a law that the office does not know.
    """
    if law not in (RU, KZ):
        raise UnknownGateLaw(law=law)
    if country is None:
        return None
    if country == home:
        return NONE
    if law == KZ:
        return NONE if protects else GROUND
    return NOTICE if protects or kind in KINDS_WITHOUT_WAITING else WAIT


def strictest(law: str) -> str:
    """What is written down while the country is not known."""
    return WAIT if law == RU else GROUND


def facts_needed(protects: bool | None) -> tuple[str, ...]:
    """What is found out before the notice; the state's rules only where it does not protect."""
    # 152-FZ 12(5)(1), 12(5)(2), 12(5)(3)
    return (MEASURES, CONTACTS) if protects else (MEASURES, REGULATION, CONTACTS)


def assessment_holds(
    assessed_on: date | None, received: Mapping[str, date], protects: bool | None
) -> bool:
    """Whether everything needed had come when the recipient was assessed."""
    return assessed_on is not None and all(
        fact in received and received[fact] <= assessed_on for fact in facts_needed(protects)
    )


def state_of(facts: TransferFacts) -> State:
    """How far it has come. What is needed beside the gate (instruction, data) is not asked here."""
    if facts.banned_on is not None:
        return State.BANNED
    if facts.ended_on is not None:
        return State.ENDED
    if facts.opened_on is not None:
        return State.OPEN
    if facts.gate is None:
        return State.PLANNED
    if facts.gate in (NONE, GROUND):
        return State.READY if facts.gate == NONE or facts.bears else State.PLANNED
    if facts.filed_on is not None:
        return _after_filing(facts)
    if assessment_holds(facts.assessed_on, facts.received, facts.protects):
        return State.ASSESSED
    return State.COLLECTING if facts.received else State.PLANNED


def _stands_still(facts: TransferFacts) -> bool:
    """Whether the waiting period waits for an answer; asked after it, nothing does (12(10))."""
    return (
        facts.gate == WAIT
        and facts.asked_on is not None
        and (facts.opens_on is None or facts.asked_on < facts.opens_on)
    )


def _after_filing(facts: TransferFacts) -> State:
    if facts.gate == NOTICE:
        return State.READY
    if _stands_still(facts) or facts.opens_on is None:
        return State.FILED
    return State.WAITING if facts.today < facts.opens_on else State.READY


# --- the steps ---------------------------------------------------------------------------------
TEXTS: dict[str, str] = {
    "country": gettext_noop("The country of the recipient is known: %(country)s."),
    "country_missing": gettext_noop("Find out in which country the recipient is."),
    "home": gettext_noop("The data stay in the country."),
    "protects": gettext_noop("%(country)s protects personal data."),
    "protects_not": gettext_noop("%(country)s is not known to protect personal data."),
    "information": gettext_noop("Information about the recipient is collected."),
    "assessment": gettext_noop("The recipient's confidentiality and security are assessed."),
    "notice": gettext_noop("The authority is told of the transfer."),
    "notice_filed": gettext_noop("The authority was told of the transfer: No. %(number)s."),
    "question": gettext_noop("The authority waits for an answer about the recipient."),
    "waiting": gettext_noop("The waiting period: ten working days after the notice."),
    "ground": gettext_noop("The ground bears a transfer to a state that does not protect data."),
    "instruction": gettext_noop("The processor has an instruction that covers the transfer."),
    "obstacles": gettext_noop("Data, purpose and ground are in order."),
    "open": gettext_noop("Data may go to the recipient."),
    "banned": gettext_noop("The authority has banned the transfer: %(document)s."),
    "ended": gettext_noop("The transfer has ended."),
    "localisation": gettext_noop("A copy may go abroad; the database itself stays in the country."),
    "fact_measures": gettext_noop(
        "how it protects data and on which conditions it ceases processing (%(article)s)"
    ),
    "fact_regulation": gettext_noop("how its state regulates personal data (%(article)s)"),
    "fact_contacts": gettext_noop("its name, phones, postal and e-mail addresses (%(article)s)"),
    "ground_kind": gettext_noop(
        "Only consent, a ratified treaty, a law or constitutional rights do (%(article)s)."
    ),
}
FACT_ARTICLES = {
    MEASURES: "152-FZ 12(5)(1)",
    REGULATION: "152-FZ 12(5)(2)",
    CONTACTS: "152-FZ 12(5)(3)",
}


def missing_facts(received: Mapping[str, date], protects: bool | None) -> tuple[Missing, ...]:
    """The information that has not come yet (152-FZ 12(5))."""
    return tuple(
        Missing(fact, FACT_ARTICLES[fact], TEXTS[f"fact_{fact}"], {"article": FACT_ARTICLES[fact]})
        for fact in facts_needed(protects)
        if fact not in received
    )


def steps_of(facts: TransferFacts) -> tuple[Step, ...]:
    """Every step of the gate in its order, done, next or later; notes at the end."""
    found: list[Step] = []
    closed = facts.banned_on is not None or facts.ended_on is not None

    def add(
        code: str,
        done: bool,
        article: str,
        *,
        text: str = "",
        day: date | None = None,
        missing: tuple[Missing, ...] = (),
        **params: Any,
    ) -> None:
        undone = any(step.look != Look.DONE for step in found)
        look = (
            Look.DONE if done else Look.STOPPED if closed else Look.LATER if undone else Look.NEXT
        )
        found.append(Step(code, look, article, TEXTS[text or code], params, day, missing))

    abroad = "152-FZ 12(1)" if facts.law == RU else "94-V 16(1)"
    if facts.gate is None:
        add("country", False, abroad, text="country_missing")
    else:
        _country(facts, add)
    if facts.gate in (NOTICE, WAIT):
        _notice(facts, add)
    if facts.gate == GROUND:
        kind = Missing("ground", "94-V 16(3)", TEXTS["ground_kind"], {"article": "94-V 16(3)"})
        add("ground", facts.bears, "94-V 16(3)", missing=() if facts.bears else (kind,))
    _opening(facts, add)
    if facts.banned_on is not None:
        banned = {"document": facts.ban_document}
        found.append(
            Step("banned", Look.STOPPED, "152-FZ 12(14)", TEXTS["banned"], banned, facts.banned_on)
        )
    elif facts.ended_on is not None:
        found.append(Step("ended", Look.STOPPED, "", TEXTS["ended"], {}, facts.ended_on))
    if facts.asked_on is not None and not _stands_still(facts):
        text, asked = TEXTS["question"], facts.asked_on
        found.append(Step("question", Look.NOTE, "152-FZ 12(6)", text, {}, asked))
    if facts.gate is not None and facts.abroad:
        article = "152-FZ 18(5)" if facts.law == RU else "94-V 12(2)"
        found.append(Step("localisation", Look.NOTE, article, TEXTS["localisation"], {}))
    return tuple(found)


def _country(facts: TransferFacts, add: Any) -> None:
    if not facts.abroad:
        add("country", True, "152-FZ 3(11)" if facts.law == RU else "94-V 16(1)", text="home")
        return
    article = "152-FZ 12(2)" if facts.law == RU else "94-V 16(2)"
    text = "protects" if facts.protects else "protects_not"
    add("country", True, article, text=text, country=facts.country)


def _notice(facts: TransferFacts, add: Any) -> None:
    came = max(facts.received.values(), default=None)
    lacking = missing_facts(facts.received, facts.protects)
    filed = facts.filed_on is not None
    # What was filed stands, whatever was learned of the country later.
    holds = filed or assessment_holds(facts.assessed_on, facts.received, facts.protects)
    add("information", filed or not lacking, "152-FZ 12(5)", day=came, missing=lacking)
    add("assessment", holds, "152-FZ 12(4)(7)", day=facts.assessed_on if holds else None)
    if filed:
        number = facts.notice_number
        add("notice", True, "152-FZ 12(3)", text="notice_filed", day=facts.filed_on, number=number)
    else:
        add("notice", False, "152-FZ 12(3)-(4)", missing=facts.particulars)
    if _stands_still(facts):
        add("question", False, "152-FZ 12(6)", day=facts.asked_on)
    if facts.gate == WAIT:
        over = (
            filed
            and not _stands_still(facts)
            and facts.opens_on is not None
            and facts.today >= facts.opens_on
        )
        add("waiting", over, "152-FZ 12(9)-(11)", day=facts.opens_on)


def _opening(facts: TransferFacts, add: Any) -> None:
    opened = facts.opened_on is not None
    if facts.instruction is not None:
        article = "152-FZ 6(3)" if facts.law == RU else "94-V 22"
        add(
            "instruction",
            opened or not facts.instruction,
            article,
            missing=() if opened else facts.instruction,
        )
    if facts.obstacles and not opened:
        article = "152-FZ 5, 6" if facts.law == RU else "94-V 7, 9"
        add("obstacles", False, article, missing=facts.obstacles)
    add("open", opened, "152-FZ 12" if facts.law == RU else "94-V 16", day=facts.opened_on)
