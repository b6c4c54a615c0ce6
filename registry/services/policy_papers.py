"""The policy on paper: a version in one language, with its number, its dates and its digest."""

from __future__ import annotations

import re

from django.utils.translation import gettext, override

from registry.choices import PolicyOrigin
from registry.clauses import restored
from registry.explain import long_day
from registry.models import PolicyText
from registry.papers import Paper

_BLANK = re.compile(r"\n(?:[^\S\n]*\n)+")


def policy_pdf(text: PolicyText) -> bytes:
    """The published text as PDF. Only the operator's name in its head is that of today."""
    version, operator = text.version, text.version.operator
    with override(text.language):
        number = gettext("Version %(number)s") % {"number": version.number}
        paper = Paper(
            gettext("Personal data policy"),
            language=text.language,
            number=number,
            subtitle=str(operator),
            made_at=version.published_at,
            footer=f"{operator} · SHA-256 {text.digest[:16]}",
        )
        facts = []
        if version.in_force_on:
            facts.append((gettext("In force from"), long_day(version.in_force_on)))
        if version.label:
            facts.append((gettext("Label"), version.label))
        if text.published_at:
            local = text.published_at.astimezone(operator.zone)
            # What was imported people had read elsewhere before.
            imported = version.origin == PolicyOrigin.IMPORTED
            caption = gettext("Recorded at") if imported else gettext("Published at")
            facts.append((caption, f"{long_day(local.date())}, {local:%H:%M}"))
        facts.append((gettext("Digest (SHA-256)"), text.digest))
        paper.facts(facts)
    for clause in restored(text.clauses):
        number = f"{clause.number}. " if clause.number else ""
        if clause.heading:
            paper.heading(f"{number}{clause.heading}")
            number = ""
        for paragraph in _BLANK.split(clause.text) if clause.text else ():
            paper.text(f"{number}{paragraph}")
            number = ""
        if number:
            paper.text(number)
    return paper.render()
