"""Proof of consent: one paper with the text, the moment, the way and the end of a consent.

For a court or the authority (152-FZ 9(3), 94-V 8: the operator proves that it has the consent).
It names the person, so printing it is a look at their data and leaves its event.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from django.utils.translation import gettext, override

from registry.choices import DataFormat, EndEvent
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import User
from registry.models.base import LANGUAGES
from registry.papers import Paper
from subjects.choices import Looked
from subjects.models import Consent
from subjects.services.grounds import SCOPES
from subjects.services.guard import refusal
from subjects.services.looking import look
from subjects.services.reading import Shown, State, data_of, show

NAMES = {"ru": gettext_noop("Russian"), "kk": gettext_noop("Kazakh"), "en": gettext_noop("English")}


class NoSuchLanguage(OperatorError):
    template = gettext_noop("The office prints papers in Russian, Kazakh and English only.")


def number_of(consent: Consent) -> str:
    """The paper's number: the same for the same consent whenever it is printed."""
    return f"{consent.ground.subject.code}/{consent.pk}"


def consent_proof(
    *, consent: Consent, language: str, user: User, now: datetime, label: str = ""
) -> bytes:
    """The paper as PDF, in one of the office's three languages.

    Reads the person's name and the evidence; what was destroyed is said to be destroyed. The same
    consent, language and moment give the same bytes. Refuses another language, and while the name
    or the evidence is blocked, unless ``label`` is the number that blocks it: the case for which
    the proof is needed.
    """
    if language not in LANGUAGES:
        raise NoSuchLanguage()
    row = (
        Consent.objects.filter(pk=consent.pk)
        .select_related(
            "text__published_by", "ground__activity__purpose", "ground__legal_basis",
            "ground__subject__operator__jurisdiction", "ground__subject__operator__responsible",
        )
        .get()
    )  # fmt: skip
    subject = row.ground.subject
    names = list(data_of([subject.pk]).filter(category__format=DataFormat.NAME).order_by("pk"))
    shown = show([*names, row], opened=True, for_label=label)
    for found in shown.values():
        if found.block is not None:
            raise refusal(subject, found.block)
    with override(language):
        paper = _paper(row, [shown[datum] for datum in names], shown[row], language, now)
    content = paper.render()
    look(
        operator=subject.operator_id, what=Looked.PAPER, user=user, now=now, subject=subject,
        reason=label.strip() or number_of(row), consent=row.pk, language=language,
    )  # fmt: skip
    return content


def _paper(
    row: Consent, names: list[Shown], evidence: Shown, language: str, now: datetime
) -> Paper:
    subject, operator = row.ground.subject, row.operator
    zone = operator.zone
    paper = Paper(
        gettext("Proof of consent to the processing of personal data"),
        language=language,
        number=gettext("No. %(number)s") % {"number": number_of(row)},
        subtitle=gettext("Made on %(day)s") % {"day": _moment(now, zone)},
        made_at=now,
        footer=operator.name,
    )
    paper.heading(gettext("The operator"))
    paper.facts(
        [
            (gettext("Legal name"), operator.name),
            *([(gettext("BIN"), operator.bin)] if operator.bin else []),
            *([(gettext("INN"), operator.inn)] if operator.inn else []),
            (gettext("Address"), operator.address),
            (gettext("Law"), str(operator.jurisdiction.law)),
        ]
    )
    paper.heading(gettext("The person"))
    paper.facts(
        [
            (gettext("Code of the card"), subject.code),
            (gettext("Full name"), _names(names, zone)),
        ]
    )
    paper.heading(gettext("The consent"))
    paper.facts(_facts(row, evidence, zone))
    paper.heading(gettext("Data that it covers"))
    listed = sorted(category.name for category in row.text.data_categories.all())
    paper.table(
        [gettext("No."), gettext("Data category")],
        [(str(place), name) for place, name in enumerate(listed, 1)],
        widths=[1, 12],
    )
    paper.heading(gettext("The text that the person agreed to"))
    in_force_on = row.text.in_force_on
    published_at = row.text.published_at
    paper.facts(
        [
            (gettext("Title"), str(row.text.name)),
            (gettext("Version"), str(row.text.version)),
            (gettext("In force from"), long_day(in_force_on) if in_force_on else ""),
            (gettext("Published at"), _moment(published_at, zone) if published_at else ""),
            (gettext("Digest (SHA-256)"), _in_groups(row.text.digest)),
        ]
    )
    paper.quote(_text(row, language))
    paper.signatures([(gettext("Responsible for personal data"), "")])
    return paper


def _facts(row: Consent, evidence: Shown, zone: tzinfo) -> Iterator[tuple[str, str]]:
    ground = row.ground
    yield gettext("Processing activity"), str(ground.activity.name)
    yield gettext("Purpose"), str(ground.activity.purpose.name)
    yield (
        gettext("Legal basis"),
        f"{ground.legal_basis.name} ({ground.legal_basis.article})",
    )
    yield gettext("Given at"), _moment(row.given_at, zone)
    yield gettext("Given by way of"), row.get_channel_display()
    if row.language in LANGUAGES:
        yield gettext("Read in"), gettext(NAMES[row.language])
    yield gettext("Evidence"), _value(evidence, zone)
    yield (
        gettext("How it was expressed"),
        gettext("by an action of the person: weak as proof by itself")
        if row.by_action
        else gettext("by an express statement"),
    )
    fields: Any = Consent._meta
    for scope in SCOPES:
        label = str(fields.get_field(scope).verbose_name)
        yield (
            label[:1].upper() + label[1:],
            gettext("Yes") if getattr(row, scope) else gettext("No"),
        )
    yield gettext("Valid until"), _term(row)
    if row.withdrawn_at:
        yield (
            gettext("Withdrawn"),
            f"{_moment(row.withdrawn_at, zone)}, {row.get_withdrawn_by_display()}",
        )
    elif ground.ended_on:
        yield gettext("Ended"), f"{long_day(ground.ended_on)}, {ground.get_end_reason_display()}"
    else:
        yield gettext("Withdrawn"), gettext("No")


def _term(row: Consent) -> str:
    if row.expires_on:
        return gettext("%(day)s, that day not included") % {"day": long_day(row.expires_on)}
    if row.text.end_event:
        return str(dict(EndEvent.choices).get(row.text.end_event, row.text.end_event))
    return gettext("withdrawal")


def _names(names: list[Shown], zone: tzinfo) -> str:
    known = [_value(shown, zone) for shown in names]
    return "; ".join(dict.fromkeys(known)) or gettext("not known to the office")


def _value(shown: Shown, zone: tzinfo) -> str:
    if shown.state == State.OPEN:
        return shown.text
    if shown.state == State.DESTROYED and shown.item is not None:
        day = shown.item.destroyed_at.astimezone(zone).date()
        return gettext("destroyed on %(day)s") % {"day": long_day(day)}
    if shown.state == State.LOST:
        return gettext("lost: the key is gone")
    return gettext("not recorded")


def _text(row: Consent, language: str) -> str:
    """The words that the person read: in their language, else in the paper's, else in any."""
    for wanted in (row.language, language, *LANGUAGES):
        text: str = getattr(row.text, f"text_{wanted}", "") if wanted else ""
        if text:
            return text
    return ""


def _moment(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    return f"{long_day(local.date())}, {local:%H:%M} ({zone}, UTC{offset[:3]}:{offset[3:]})"


def _in_groups(digest: str) -> str:
    """The digest in groups of eight, to be read aloud and compared."""
    return " ".join(digest[start : start + 8] for start in range(0, len(digest), 8))
