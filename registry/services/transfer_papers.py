"""The notice of a cross-border transfer, with each particular that 152-FZ 12(4) wants, as PDF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext, override

from registry.choices import Gate, Supervises
from registry.explain import long_day, missing_in_words
from registry.models import Authority, Operator, Transfer
from registry.models.base import LANGUAGES
from registry.papers import Paper
from registry.services.transfer_gates import looked_at, particulars_missing, transfer_gate
from registry.services.transfer_rows import today_of
from registry.transfer_refusals import NoNoticeWanted, NoticeIncomplete


def notice_languages(operator: Operator) -> list[str]:
    """The authority reads Russian; then the operator's own languages."""
    return [one for one in dict.fromkeys(["ru", *operator.languages]) if one in LANGUAGES]


def proposed_number(transfer: Transfer) -> str:
    """Under which the notice is printed until it is filed under a number of its own."""
    return f"XB-{transfer.code}"


def notice_paper(
    *, transfer: Transfer, language: str, now: datetime, processing_notice: str = ""
) -> bytes:
    """The notice as PDF in one language, under its number.

    ``processing_notice``: number and date of the notice of processing (152-FZ 22), which the
    register does not hold. Printed after filing it says from the register of which day it is.
    Refuses a transfer of which nobody is told, and a notice with
    particulars missing, all of them named.
    """
    row = looked_at(transfer)
    if row.filed_on is None and transfer_gate(row) not in (Gate.NOTICE, Gate.WAIT):
        raise NoNoticeWanted(transfer=row.code)
    lacking = particulars_missing(row, today_of(row, now))
    if lacking:
        why = " ".join(missing_in_words(lacking))
        raise NoticeIncomplete(missing=lacking, transfer=row.code, why=why)
    with override(language):
        return _written(row, language, now, processing_notice.strip())


def _written(row: Any, language: str, now: datetime, processing_notice: str) -> bytes:
    operator = row.operator
    today = today_of(row, now)
    day = row.filed_on or today
    paper = Paper(
        gettext("Notice of the intention to transfer personal data across the border"),
        language=language,
        number=gettext("No. %(number)s") % {"number": row.notice_number or proposed_number(row)},
        subtitle=f"{long_day(day)} · {operator.jurisdiction.law}, 12(3)-(4)",
        made_at=now,
        footer=operator.name,
    )
    authorities = Authority.objects.filter(
        jurisdiction=operator.jurisdiction, supervises=Supervises.PERSONAL_DATA
    )
    paper.facts([(gettext("To"), ", ".join(str(one) for one in authorities))])
    if row.filed_on is not None:
        # What was filed is with the authority; the register may say something else by now.
        paper.facts([(gettext("From the register of"), long_day(today))])
    parts = (
        (gettext("The operator"), _operator(operator, processing_notice)),
        (gettext("The responsible person"), _responsible(operator)),
        (gettext("Ground and purpose"), _ground(row)),
        (gettext("Categories and list of data"), _rows(_named(row.data_categories.all()))),
        (
            gettext("Categories of people"),
            _rows(_named(row.activity.subject_categories.all())),
        ),
        (gettext("States"), _rows([str(row.recipient.country)])),
        (gettext("Assessment of the recipient"), _assessment(row)),
    )
    for number, (title, facts) in enumerate(parts, 1):
        paper.heading(f"{number}. {title} (12(4)({number}))")
        paper.facts(facts)
    person = operator.responsible
    paper.signatures([(gettext("Responsible for personal data"), person.get_full_name())])
    return paper.render()


def _operator(operator: Operator, processing_notice: str) -> Iterator[tuple[str, str]]:
    yield gettext("Legal name"), operator.name
    if operator.inn:
        yield gettext("INN"), operator.inn
    yield gettext("Address"), operator.address
    yield gettext("Notice of processing (article 22): number and date"), processing_notice


def _responsible(operator: Any) -> Iterator[tuple[str, str]]:
    person = operator.responsible
    yield gettext("Full name"), person.get_full_name()
    yield gettext("Phone"), operator.phone
    yield gettext("Postal address"), operator.address
    yield gettext("E-mail"), person.email or operator.email


def _ground(row: Any) -> Iterator[tuple[str, str]]:
    yield gettext("Legal ground"), f"{row.legal_basis.article} {row.legal_basis.name}"
    yield (
        gettext("Purpose of the transfer and of the processing after it"),
        str(row.activity.purpose.name),
    )


def _named(rows: Iterable[Any]) -> list[str]:
    return sorted(str(one.name) for one in rows)


def _rows(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, name in enumerate(names, 1):
        yield f"{number}", name


def _assessment(row: Any) -> Iterator[tuple[str, str]]:
    yield (
        gettext("Confidentiality and security at the recipient were assessed on"),
        long_day(row.assessed_on),
    )
