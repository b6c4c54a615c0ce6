"""What the words of a letter may tell: the facts of each kind, and those that may never be lost.

The values come from ``letter_facts``; here stand their names, what they mean to whoever writes the
words, and whether every letter has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from requests.models.letter_templates import FRAME, LetterPart


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. ``always``: every letter has it. ``rows``: it is a list, each row has these.

    ``plain``: a list of lines without names. ``flag``: yes or no, for an ``if`` alone.
    """

    name: str
    means: Any
    always: bool = True
    flag: bool = False
    plain: bool = False
    rows: tuple[Fact, ...] = ()

    @property
    def is_list(self) -> bool:
        return self.plain or bool(self.rows)


@dataclass(frozen=True, slots=True)
class Obliged:
    """A fact that must come out wherever the office knows it, and all of ``when`` too."""

    path: str
    when: tuple[str, ...] = ()


def _facts(*facts: Fact) -> tuple[Fact, ...]:
    return facts


NUMBER = Fact("number", _("the number of the request"))
_FRAME = _facts(
    NUMBER,
    Fact("name", _("the person's name, as they told it"), always=False),
    Fact("operator", _("the name of the operator")),
    Fact("email", _("the operator's e-mail address"), always=False),
    Fact("phone", _("the operator's phone number"), always=False),
    Fact("law", _("the law that applies, in short")),
    Fact("received", _("the day on which the request came")),
    Fact("ended", _("whether the request has ended"), flag=True, always=False),
    Fact("kept_until", _("until when the correspondence is kept")),
    Fact("kept_why", _("why it is kept so long")),
    Fact("authority", _("who takes complaints")),
    Fact("link", _("the address of the page of the request"), always=False),
)
_WHAT = Fact("what", _("what the person asks for"))
_DUE = Fact("due", _("the last day for the answer, before any extension"), always=False)
_DECIDED = (
    Fact("decided", _("whether it is decided"), flag=True, always=False),
    Fact("decision", _("what was decided, in words")),
    Fact("finding", _("what the check of the data has shown"), always=False),
    Fact("article", _("the article of the law on which a refusal rests"), always=False),
    Fact("ground", _("the ground of a refusal, in words"), always=False),
    Fact("reasons", _("the reasons that staff gave for a refusal"), always=False),
)
_STEPS = Fact("steps", _("why that day: the count, line by line"), plain=True, always=False)
_EXTENDED = Fact("extended", _("the new last day after the extension"), always=False)
_TEXT = Fact("text", _("what staff wrote themselves in this letter"))
_CLOSED = Fact("closed", _("the day on which the request was closed"))


def _demands(*facts: Fact) -> Fact:
    return Fact("demands", _("everything that the person asks for"), rows=facts)


_GOES = Fact(
    "goes", _("what will be destroyed"), always=False,
    rows=_facts(
        Fact("names", _("kinds of data")),
        Fact("day", _("the last day for it")),
        Fact("article", _("the article that sets that day"), always=False),
    ),
)  # fmt: skip
_STAYS = Fact(
    "stays", _("what stays"), always=False,
    rows=_facts(
        Fact("names", _("kinds of data")),
        Fact("why", _("what it is still needed for")),
        Fact("article", _("the article that lets it stay"), always=False),
        Fact("until", _("until which day it stays"), always=False),
    ),
)  # fmt: skip
_GONE = Fact(
    "gone", _("what is destroyed already"), always=False,
    rows=_facts(
        Fact("names", _("kinds of data")),
        Fact("day", _("the day on which it was destroyed")),
        Fact("act", _("the number of the act of destruction")),
    ),
)  # fmt: skip
_ASKED = Fact(
    "asked", _("who else was given the destroyed data"), always=False,
    rows=_facts(
        Fact("name", _("name of the recipient")),
        Fact("answer", _("whether it was told and what it answered")),
        Fact("day", _("the day on which it was told or answered"), always=False),
    ),
)  # fmt: skip

_OF_PART: Mapping[str, tuple[Fact, ...]] = {
    LetterPart.GREETING: (),
    LetterPart.FOOTER: (),
    LetterPart.RECEIPT: (_demands(_WHAT, _DUE, _STEPS),),
    LetterPart.DECISION: (_demands(_WHAT, *_DECIDED), _GOES, _STAYS),
    LetterPart.EXTENSION: (_TEXT, _demands(_WHAT, _DUE, _EXTENDED)),
    LetterPart.REPLY: (_TEXT,),
    LetterPart.CLOSING: (_CLOSED, _demands(_WHAT, *_DECIDED), _GONE, _ASKED, _STAYS),
}


def _decided(*when: str) -> tuple[Obliged, ...]:
    ground = ("demands.ground", "demands.article", *when)
    return (
        Obliged("demands.what", when),
        Obliged("demands.decision", when),
        Obliged("demands.finding", when),
        Obliged("demands.article", ground),
        Obliged("demands.ground", ground),
        Obliged("law", ground),
        Obliged("demands.reasons", when),
    )


_STAYING = tuple(Obliged(f"stays.{name}") for name in ("names", "why", "article", "until"))
# What the law wants a person to be told: the last day and the number (152-FZ 20, 94-V 25), a
# refusal with its ground and whom to complain to (152-FZ 20(2), 17; 94-V 24), what was destroyed.
_OBLIGED: Mapping[str, tuple[Obliged, ...]] = {
    LetterPart.GREETING: (),
    LetterPart.FOOTER: tuple(
        Obliged(name) for name in ("authority", "kept_until", "kept_why", "operator")
    ),
    LetterPart.RECEIPT: tuple(
        Obliged(name) for name in ("number", "received", "demands.what", "demands.due")
    ),
    LetterPart.DECISION: (
        *_decided("demands.decided"),
        Obliged("goes.names"),
        Obliged("goes.day"),
        *_STAYING,
    ),
    LetterPart.EXTENSION: (
        Obliged("text"),
        Obliged("demands.what", ("demands.extended",)),
        Obliged("demands.extended"),
    ),
    LetterPart.REPLY: (Obliged("text"),),
    LetterPart.CLOSING: (
        Obliged("closed"),
        *_decided(),
        *(Obliged(f"gone.{name}") for name in ("names", "day", "act")),
        *_STAYING,
    ),
}


@cache
def facts_for(part: str) -> Mapping[str, Fact]:
    """The facts that the text of this part may tell, by name."""
    return {fact.name: fact for fact in (*_FRAME, *_OF_PART[part])}


@cache
def facts_by_path(part: str) -> Mapping[str, Fact]:
    """The same with those of rows: ``demands.what``."""
    return dict(_paths(facts_for(part).values()))


def _paths(facts: Any) -> Iterator[tuple[str, Fact]]:
    for fact in facts:
        yield fact.name, fact
        for row in fact.rows:
            yield f"{fact.name}.{row.name}", row


def obliged(part: str) -> tuple[Obliged, ...]:
    """What the text of this part must always tell."""
    return _OBLIGED[part]


def has_title(part: str) -> bool:
    return part not in FRAME
