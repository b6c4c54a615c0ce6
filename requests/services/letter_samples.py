"""Letters as they would look, made of invented facts: what a preview shows, and what changed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import ndiff
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from registry.explain import short_day
from registry.models import Operator
from requests import states
from requests.models import LetterTemplate
from requests.models.letter_templates import LetterPart
from requests.models.subject_requests import RequestKind
from requests.refusals import refusals
from requests.services.letter_templates import in_force, in_force_instead
from requests.services.letter_texts import body_of, own_text, texts, title_of, word

FILE = Path(__file__).resolve().parent.parent / "data" / "letter_samples.toml"
NUMBER = "REQ-0000-0000"
CAME, DUE, LATER, KEPT = (
    date(2026, 3, 5), date(2026, 3, 20), date(2026, 3, 27), date(2029, 3, 20),
)  # fmt: skip


class Situation(models.TextChoices):
    """What may have become of a request."""

    RUNNING = "running", _("the request is open")
    GRANTED = "granted", _("everything is granted")
    PARTLY = "partly", _("granted, but not everything")
    REFUSED = "refused", _("refused")
    EXTENDED = "extended", _("more time is needed")


_DECIDED = (Situation.GRANTED, Situation.PARTLY, Situation.REFUSED)
_SHOWN: Mapping[str, tuple[tuple[str, Situation], ...]] = {
    LetterPart.RECEIPT: (("receipt", Situation.RUNNING),),
    LetterPart.DECISION: tuple(("decision", each) for each in _DECIDED),
    LetterPart.EXTENSION: (("extension", Situation.EXTENDED),),
    LetterPart.CLOSING: tuple(("closing", each) for each in _DECIDED),
    LetterPart.REPLY: (("reply", Situation.RUNNING),),
    LetterPart.GREETING: (("receipt", Situation.RUNNING), ("closing", Situation.GRANTED)),
    LetterPart.FOOTER: (("receipt", Situation.RUNNING), ("closing", Situation.GRANTED)),
}
_DECISIONS = {
    Situation.GRANTED: (states.ACCEPTED, states.ACCEPTED),
    Situation.PARTLY: (states.ACCEPTED, states.PARTLY),
    Situation.REFUSED: (states.REFUSED, states.REFUSED),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """One whole letter in one situation."""

    situation: str
    title: str
    body: str


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return found


def previews(template: LetterTemplate, *, now: datetime) -> list[Preview]:
    """The whole letter with these words in it, in each situation that this part meets."""
    found, language = [], template.language
    for kind, situation in _SHOWN[template.part]:
        around = dict(
            in_force(operator=template.operator, language=language, kind=kind, moment=now)
        )
        around[template.part] = template
        facts = sample_facts(template.operator, kind=kind, language=language, situation=situation)
        words = body_of(language=language, kind=kind, facts=facts, templates=around)
        title = title_of(
            language=language, kind=kind, number=facts["number"], template=around.get(kind)
        )
        found.append(Preview(str(situation.label), title, words.body))
    return found


def instead_of(template: LetterTemplate, *, now: datetime) -> tuple[str, str]:
    """Subject line and text that letters have now in the place of these words."""
    row = in_force_instead(template, now)
    return (row.title, row.text) if row else own_text(template.language, template.part)


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Line by line: ``same``, ``added`` or ``removed``, and the line."""
    kinds = {"  ": "same", "+ ": "added", "- ": "removed"}
    lines = ndiff(before.splitlines(), after.splitlines())
    return [(kinds[line[:2]], line[2:]) for line in lines if line[:2] in kinds]


def sample_facts(
    operator: Operator, *, kind: str, language: str, situation: Situation
) -> dict[str, Any]:
    """Facts as ``letter_facts`` gives them; the operator's own, all else invented."""
    said = _words()[language]
    with override(language):
        ended = kind == LetterPart.CLOSING
        return {
            "number": NUMBER,
            "name": said["name"],
            "operator": str(operator),
            "email": operator.requests_email or operator.email,
            "phone": operator.phone,
            "law": str(operator.jurisdiction.law),
            "received": short_day(CAME),
            "closed": short_day(DUE),
            "ended": ended,
            "kept_until": short_day(KEPT),
            "kept_why": texts(language)["kept"][f"{operator.jurisdiction.code}.EVIDENCE.CONSENT"],
            "authority": word(language, "words", "unnamed_authority"),
            "link": f"{settings.OFFICE_URL.rstrip('/')}/{operator.code}/",
            "text": said["text"],
            "demands": _demands(operator, language, situation, said),
            **_fates(situation, said),
        }


def _demands(
    operator: Operator, language: str, situation: Situation, said: Mapping[str, str]
) -> list[dict[str, Any]]:
    found = []
    decisions = _DECISIONS.get(situation, (states.OPEN, states.OPEN))
    law = operator.jurisdiction.code
    grounds = [one for one in refusals().values() if one.jurisdiction == law]
    for kind, decision in zip(
        (RequestKind.WITHDRAWAL, RequestKind.DESTRUCTION), decisions, strict=True
    ):
        refused = decision in {states.REFUSED, states.PARTLY}
        what = word(language, "demands", kind)
        found.append({
            "what": what[:1].upper() + what[1:],
            "due": short_day(DUE),
            "steps": [said["step"]],
            "extended": short_day(LATER) if situation == Situation.EXTENDED else "",
            "decided": decision != states.OPEN,
            "decision": word(language, "decisions", decision),
            "finding": "",
            "article": grounds[0].article if refused else "",
            "ground": grounds[0].text(language) if refused else "",
            "reasons": said["reasons"] if refused else "",
        })  # fmt: skip
    return found


def _fates(situation: Situation, said: Mapping[str, str]) -> dict[str, Any]:
    day = short_day(LATER)
    goes = situation in {Situation.GRANTED, Situation.PARTLY}
    stays = situation in {Situation.REFUSED, Situation.PARTLY}
    return {
        "goes": [{"names": said["category"], "day": day, "article": ""}] if goes else [],
        "gone": [{"names": said["category"], "day": day, "act": NUMBER}] if goes else [],
        "asked": [{"name": said["recipient"], "answer": said["answer"], "day": day}]
        if goes else [],
        "stays": [{"names": said["other_category"], "why": said["activity"], "article": "6",
                   "until": short_day(KEPT)}] if stays else [],
    }  # fmt: skip
