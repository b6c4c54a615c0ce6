"""Writes the notices of start, change and end of processing from the register.

Russia: 152-FZ 22(3), 22(3.1) and 22(7), on the forms of Order 180. Kazakhstan: 94-V 10-1 and 25-1
by Law 326-VIII, of large operators only; the office knows that law from a secondary source, so its
notice answers what the Russian one asks, without the questions that only Russia has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from registry.choices import MeasureKind, RegisterPaperKind
from registry.explain import long_day
from registry.models import Operator, RegisterPaper
from registry.notice_refusals import (
    CeasesInFuture,
    CeasingDayMissing,
    CeasingReasonMissing,
    NothingChanged,
    NothingFiledYet,
)
from registry.paper_contents import Contents, Section
from registry.particular_changes import Key, changed, flat
from registry.services.notice_gaps import Law, lacking, lacking_of_operator
from registry.services.notice_words import (
    LABELS,
    OF_PURPOSE,
    Names,
    in_words,
    label,
    of_purpose,
    place,
    value,
)
from registry.services.notices import notice_in_force
from registry.services.paper_kinds import Ask, writes
from registry.services.particulars import read
from registry.transfer_steps import KZ

# What 152-FZ 22(3)(7) and 22(3)(10.2) ask and no register holds: the form asks it.
SAID = ("encryption", "state_systems")
EXEMPT = ("small", "medium")
TITLES = {
    RegisterPaperKind.NOTICE_START: gettext_lazy(
        "Notice of the intention to process personal data"
    ),
    RegisterPaperKind.NOTICE_CHANGE: gettext_lazy("Notice of changed particulars of processing"),
    RegisterPaperKind.NOTICE_END: gettext_lazy("Notice of the end of processing"),
}


# --- start -------------------------------------------------------------------------------------
@writes(RegisterPaperKind.NOTICE_START, laws="RU KZ", notice=True)
def notice_of_start(ask: Ask) -> Contents:
    """Everything that 152-FZ 22(3) wants, in its order, and what of it the register lacks."""
    law, names = Law(ask.operator), Names(ask.operator)
    reading = read(operator=ask.operator, today=ask.today)
    said = _said(ask, {})
    return Contents(
        title=str(TITLES[RegisterPaperKind.NOTICE_START]),
        article=law.article("22(1), 22(3), 22(3.1)"),
        sections=(*_exemption(ask.operator), *_sections(reading.particulars, said, law, names)),
        missing=tuple(lacking(reading, said, law, names)),
        particulars=reading.particulars | ({"said": said} if law.russian else {}),
    )


def _said(ask: Ask, before: Mapping[str, str]) -> dict[str, str]:
    """What the form was told; what it was not told is as it was told the last time."""
    told = {name: str(ask.given.get(name) or "").strip() for name in SAID}
    return {name: told[name] or before.get(name, "") for name in SAID}


def _exemption(operator: Operator) -> Iterator[Section]:
    """Small and medium operators of Kazakhstan need not send it (94-V 25-1)."""
    size = size_class(operator) if operator.jurisdiction.code == KZ else ""
    if size not in EXEMPT:
        return
    text = (
        gettext("By its last signed paper the operator is small.")
        if size == "small"
        else gettext("By its last signed paper the operator is of medium size.")
    )
    yield Section(
        gettext("Whether the law wants this notice"),
        text=(
            text,
            gettext(
                "The law exempts small and medium operators from notifying the authority "
                "(94-V 10-1, 25-1, added by Law 326-VIII): this notice is sent of its own will."
            ),
        ),
    )


def size_class(operator: Operator) -> str:
    """The size class by the last paper that was signed; empty before the first."""
    paper = (
        RegisterPaper.objects.filter(
            operator=operator, kind=RegisterPaperKind.SIZE_CLASS, signed_at__isnull=False
        )
        .order_by("-signed_on", "-signed_at", "-pk")
        .first()
    )
    return str(paper.particulars.get("class", "")) if paper else ""


def _sections(
    told: Mapping[str, Any], said: Mapping[str, str], law: Law, names: Names
) -> Iterator[Section]:
    words = in_words(told, names)
    yield _operator(law, told, names)
    for code in sorted(told["purposes"], key=lambda code: names.name("purposes", code)):
        purpose = gettext("Purpose: %(purpose)s") % {"purpose": names.name("purposes", code)}
        yield Section(
            law.heading(purpose, "22(3)(2), 22(3.1)"),
            pairs=tuple(
                (str(one), words["purposes", code, name]) for name, one in OF_PURPOSE.items()
                if name != "network" or words["purposes", code, name]
            ),
        )  # fmt: skip
    measures = [(str(kind.label), words["measures", kind.value]) for kind in MeasureKind]
    if law.russian:
        measures.append((str(LABELS["said", "encryption"]), said["encryption"]))
    measures_heading = (
        gettext("Measures of articles 18.1 and 19") if law.russian
        else gettext("Measures of protection")
    )  # fmt: skip
    yield Section(law.heading(measures_heading, "22(3)(7)"), pairs=tuple(measures))
    yield Section(
        law.heading(gettext("The responsible person"), "22(3)(7.1)"),
        pairs=_pairs("responsible", words),
    )
    yield Section(
        law.heading(gettext("Start of processing"), "22(3)(8)"),
        pairs=((str(LABELS["started_on",]), words["started_on",]),),
    )
    yield Section(
        law.heading(gettext("Term or condition of ceasing"), "22(3)(9)"),
        pairs=tuple((of_purpose(code, names), words["ceasing", code]) for code in told["ceasing"]),
    )
    yield Section(
        law.heading(gettext("Cross-border transfer"), "22(3)(10)"),
        pairs=((str(LABELS["cross_border",]), words["cross_border",]),),
    )
    yield Section(
        law.heading(gettext("Where the databases are"), "22(3)(10.1)"),
        columns=(gettext("Database"), gettext("Place")),
        rows=tuple(
            (names.name("systems", code), place(one, names))
            for code, one in told["systems"].items()
        ),
    )
    if not law.russian:
        return
    yield Section(
        law.heading(gettext("Who has access to state information systems"), "22(3)(10.2)"),
        text=(said["state_systems"],),
    )
    technical = told["measures"]["technical"]
    yield Section(
        law.heading(gettext("Security of the data as the Government demands it"), "22(3)(11)"),
        text=tuple(sorted(names.name("measures", code) for code in technical)),
    )


def _pairs(part: str, words: Mapping[Key, str]) -> tuple[tuple[str, str], ...]:
    """The labelled particulars of a part; a number that this law does not know is left out."""
    return tuple(
        (str(LABELS[key]), text)
        for key, text in words.items()
        if key[0] == part and (text or key[1] not in ("inn", "bin"))
    )


# --- change ------------------------------------------------------------------------------------
@writes(RegisterPaperKind.NOTICE_CHANGE, laws="RU", notice=True)
def notice_of_change(ask: Ask) -> Contents:
    """What is not as the notice in force says, old beside new (152-FZ 22(7)).

    Refuses before any notice was filed, after a filed end, and when nothing has changed. Its
    particulars are all of them: once filed, it is what the next change is compared with.
    """
    before = notice_in_force(ask.operator)
    if before is None:
        raise NothingFiledYet(operator=str(ask.operator))
    law, names = Law(ask.operator), Names(ask.operator)
    reading = read(operator=ask.operator, today=ask.today)
    said = _said(ask, before.particulars.get("said", {}))
    now_said = reading.particulars | {"said": said}
    keys = changed(before.particulars, now_said)
    if not keys:
        raise NothingChanged(number=before.number)
    old, new = flat(before.particulars), flat(now_said)
    return Contents(
        title=str(TITLES[RegisterPaperKind.NOTICE_CHANGE]),
        article=law.article("22(7)"),
        sections=(
            _operator(law, reading.particulars, names),
            _notice(before),
            Section(
                law.heading(gettext("What has changed"), "22(7)"),
                columns=(gettext("Particular"), gettext("Was"), gettext("Is now")),
                rows=tuple(
                    (label(key, names), *(_side(key, side, names) for side in (old, new)))
                    for key in keys
                ),
            ),
        ),
        missing=tuple(lacking(reading, said, law, names)),
        particulars=now_said,
    )


def _side(key: Key, side: Mapping[Key, Any], names: Names) -> str:
    return value(key, side[key], names) if key in side else ""


def _operator(law: Law, told: Mapping[str, Any], names: Names) -> Section:
    heading = law.heading(gettext("The operator"), "22(3)(1)")
    return Section(heading, pairs=_pairs("operator", in_words(told, names)))


def _notice(paper: RegisterPaper) -> Section:
    """By what the authority finds the notice that it has."""
    return Section(
        gettext("The notice in force"),
        pairs=(
            (gettext("Number"), paper.number),
            (gettext("Kind"), str(paper.get_kind_display())),
            (gettext("Filed on"), long_day(paper.filing.filed_on)),
            (gettext("Number of the sending"), paper.filing.reference),
        ),
    )


# --- end ---------------------------------------------------------------------------------------
@writes(RegisterPaperKind.NOTICE_END, laws="RU KZ", notice=True)
def notice_of_end(ask: Ask) -> Contents:
    """On which day the processing ceased, and why (152-FZ 22(7), 94-V 10-1).

    ``given``: ``ceased_on``, an ISO day, and ``reason``. Refuses either missing. In Russia the
    authority is told afterwards, so a day to come is refused; in Kazakhstan beforehand.
    """
    law, names = Law(ask.operator), Names(ask.operator)
    ceased_on, reason = ceased_on_of(ask.given), str(ask.given.get("reason") or "").strip()
    if ceased_on is None:
        raise CeasingDayMissing()
    if not reason:
        raise CeasingReasonMissing()
    if law.russian and ceased_on > ask.today:
        raise CeasesInFuture(day=ceased_on)
    reading = read(operator=ask.operator, today=ask.today)
    told = reading.particulars
    before = notice_in_force(ask.operator)
    return Contents(
        title=str(TITLES[RegisterPaperKind.NOTICE_END]),
        article=law.article("22(7)"),
        sections=(
            *_exemption(ask.operator),
            _operator(law, told, names),
            Section(
                law.heading(gettext("The responsible person"), "22(3)(7.1)"),
                pairs=_pairs("responsible", in_words(told, names)),
            ),
            *([_notice(before)] if before else []),
            Section(
                law.heading(gettext("End of processing"), "22(7)"),
                pairs=(
                    (gettext("Processing ceases on"), long_day(ceased_on)),
                    (gettext("Reason"), reason),
                ),
            ),
        ),
        missing=tuple(lacking_of_operator(told, law)),
        particulars={"operator": told["operator"], "ceased_on": ceased_on.isoformat()},
    )


def ceased_on_of(given: Mapping[str, Any]) -> date | None:
    """The day that the form was told; None when it is no day."""
    try:
        return date.fromisoformat(str(given.get("ceased_on") or ""))
    except ValueError:
        return None
