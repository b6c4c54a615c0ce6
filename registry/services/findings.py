"""Findings of an operator's register, and why one of them may stand for a time.

Findings are computed from the register of the day, never stored. What is stored is an
acknowledgement: who has seen one, why it may stand and until which day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.explain import finding_clears, finding_message
from registry.findings import CHECKS, Finding, Severity, find
from registry.findings import checks as _all_checks  # noqa: F401  (fills CHECKS)
from registry.findings.law import TITLES
from registry.models import Acknowledgement, Operator, User
from registry.services import audit
from registry.services.register_facts import Place, Reading, reading_of

# Internal control looks at everything anew at least once a year (152-FZ 18.1(1)(4), Order 178;
# 94-V 25(3)): what stands longer than that has been forgotten, not decided.
# So many days that the same day of the next year is always among them.
LONGEST = timedelta(days=366)
LONGEST_REASON = 2000
SEVERITY_WORDS = {
    Severity.ERROR: gettext_noop("error"),
    Severity.WARNING: gettext_noop("warning"),
    Severity.NOTE: gettext_noop("note"),
}
HEADINGS = {
    Severity.ERROR: gettext_noop("Errors"),
    Severity.WARNING: gettext_noop("Warnings"),
    Severity.NOTE: gettext_noop("Notes"),
}


class LawWithoutChecks(OperatorError):
    template = gettext_noop(
        "The office has no checks for the law of %(law)s: it knows those of Russia and Kazakhstan."
    )


class UnknownFinding(OperatorError):
    template = gettext_noop("No check of the office is called %(finding)s.")


class FindingGone(Conflict):
    template = gettext_noop("There is no finding %(finding)s about %(object)s now.")


class NoReasonToStand(OperatorError):
    template = gettext_noop("Say why the finding may stand, and who has decided that.")


class WhyItStandsTooLong(OperatorError):
    template = gettext_noop("The reason is longer than %(limit)s characters.")


class AcknowledgedInThePast(OperatorError):
    template = gettext_noop("%(day)s is over: name today or a later day.")


class AcknowledgedTooLong(OperatorError):
    template = gettext_noop(
        "A finding may stand for a year at most, here until %(last_day)s: internal control looks "
        "at it again by then."
    )


class NotAcknowledged(Conflict):
    template = gettext_noop("The finding %(finding)s about %(object)s is open already.")


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding of the day; ``acknowledgement``: the one that covers that day, if any does.

    ``changed``: the one that would, had the finding not said something else when it was made.
    ``place``: the row that it is about; None where it is about the law or about nothing that is.
    """

    finding: Finding
    acknowledgement: Acknowledgement | None
    place: Place | None
    changed: Acknowledgement | None = None

    @property
    def id(self) -> str:
        return self.finding.check.id

    @property
    def severity(self) -> Severity:
        return self.finding.check.severity

    @property
    def object(self) -> str:
        return self.finding.hit.object

    @property
    def table(self) -> str:
        return self.object.partition(":")[0]

    @property
    def article(self) -> str:
        return self.finding.hit.article

    @property
    def is_open(self) -> bool:
        return self.acknowledgement is None

    @property
    def message(self) -> str:
        """In the active language, as is ``clears``."""
        return finding_message(self.finding)

    @property
    def clears(self) -> str:
        return finding_clears(self.finding)


def findings_of(*, operator: Operator, today: date) -> list[Standing]:
    """Every finding of that day, the worst first, with its acknowledgement; three queries.

    An acknowledgement covers its last day too; the day after, the finding is open again. It covers
    what the finding said when it was made (``Finding.digest``): more data, another country or a
    later day, and the finding is open again at once. Names do not count. One without a digest,
    from before digests were kept, covers nothing.
    Refuses a law of which the office has no checks.
    """
    reading = reading_of(operator=operator, today=today)
    rows = Acknowledgement.objects.filter(operator=operator, until__gte=today)
    covered = {(row.finding, row.object): row for row in rows.select_related("made_by")}
    return _standing(reading, covered)


def _standing(
    reading: Reading, covered: Mapping[tuple[str, str], Acknowledgement]
) -> list[Standing]:
    return [
        _one(finding, covered.get(finding.key), reading.place(finding.hit.object))
        for finding in _found(reading)
    ]


def _one(finding: Finding, said: Acknowledgement | None, place: Place | None) -> Standing:
    if said is not None and said.digest != finding.digest:
        return Standing(finding, None, place, changed=said)
    return Standing(finding, said, place)


def _found(reading: Reading) -> list[Finding]:
    law = reading.register.operator.jurisdiction
    if law not in TITLES:
        raise LawWithoutChecks(law=law)
    return find(reading.register)


@transaction.atomic
def finding_acknowledge(
    *,
    operator: Operator,
    finding: str,
    object: str,
    reason: str,
    until: date,
    by: User,
    now: datetime,
) -> Acknowledgement:
    """Let a finding stand until a day, that day included, as long as it says what it says now.
    Again: replaces what was said before.

    Refuses an unknown id, a finding that the register does not have now, no reason, a day that is
    over and one more than a year ahead.
    """
    row = _locked(operator)
    today = now.astimezone(row.zone).date()
    reason = reason.strip()
    if finding not in CHECKS:
        raise UnknownFinding(finding=finding)
    if not reason:
        raise NoReasonToStand()
    if len(reason) > LONGEST_REASON:
        raise WhyItStandsTooLong(limit=LONGEST_REASON)
    if until < today:
        raise AcknowledgedInThePast(day=until)
    if until > last_day(today):
        raise AcknowledgedTooLong(last_day=last_day(today))
    found = {one.key: one for one in _found(reading_of(operator=row, today=today))}
    if (finding, object) not in found:
        raise FindingGone(finding=finding, object=object)
    key = {"operator": row, "finding": finding, "object": object}
    said = Acknowledgement.objects.filter(**key).first() or Acknowledgement(**key)
    said.reason, said.until, said.digest = reason, until, found[finding, object].digest
    said.made_at, said.made_by = now, by
    return audit.save(said, by=by, reason="acknowledged")


def last_day(today: date) -> date:
    """The last day until which a finding may be let stand from that day on."""
    return today + LONGEST


@transaction.atomic
def finding_reopen(*, operator: Operator, finding: str, object: str, by: User) -> None:
    """Take an acknowledgement back: the finding is open at once; what was said stays in history.

    Refuses where nothing is acknowledged.
    """
    row = _locked(operator)
    said = Acknowledgement.objects.filter(operator=row, finding=finding, object=object).first()
    if said is None:
        raise NotAcknowledged(finding=finding, object=object)
    audited: Any = said
    audited._history_user, audited._change_reason = by, "taken back"
    audited.delete()


def _locked(operator: Operator) -> Operator:
    return seam.lock(Operator.objects.filter(pk=operator.pk)).select_related("jurisdiction").get()
