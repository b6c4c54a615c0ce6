"""The register as an import needs it: read once for a run, then asked row by row without a query.

The rules are those of ``subjects.services.grounds`` and ``.people``, with their own refusals; one
test puts the same bad facts through both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from registry.choices import BasisKind, Channel, DataFormat, DataKind
from registry.errors import OperatorError
from registry.models import (
    ConsentText,
    DataCategory,
    LegalBasis,
    Operator,
    ProcessingActivity,
)
from registry.services.data_list import beyond_the_list
from subjects.models import Consent
from subjects.services import grounds
from subjects.services.covering import WITHOUT_CATEGORY, Law
from subjects.services.grounds import SCOPES
from subjects.services.importing import errors
from subjects.services.importing.parts import FACTS, Column, Facts
from subjects.services.importing.reading import ACCOUNT
from subjects.services.people import NotYet, OperatorClosed

Wrong = list[tuple[str, OperatorError]]
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Spec:
    """A ground that a row asks for, judged by the register."""

    activity: int
    basis: int
    started_on: date
    # What it covers from today on; empty when it is over already.
    covers: frozenset[int]
    text: int | None = None
    scopes: frozenset[str] = frozenset()
    expires_on: date | None = None
    channel: str = ""
    name: str = ""


class Register:
    """The operator's activities, bases, texts and categories. Refuses a closed operator."""

    def __init__(self, operator: Operator, *, now: datetime) -> None:
        if not operator.is_active:
            raise OperatorClosed(operator=operator.name)
        self.operator, self.now = operator, now
        self.today = now.astimezone(operator.zone).date()
        self.law = Law(operator)
        self.activities = {
            row.code: row
            for row in ProcessingActivity.objects.filter(operator=operator).select_related(
                "purpose"
            )
        }
        self.bases = {row.code: row for row in LegalBasis.objects.all()}
        self.texts = {
            f"{row.code}-{row.version}": row
            for row in ConsentText.objects.filter(operator=operator)
        }
        self.categories = {row.code: row for row in DataCategory.objects.filter(operator=operator)}
        activity, text = ProcessingActivity, ConsentText
        self.beyond = frozenset(
            row.code for row in beyond_the_list(operator, self.categories.values())
        )
        self.bases_of = _links(activity.legal_bases, "processingactivity_id", "legalbasis_id")
        self.data_of = _links(activity.data_categories, "processingactivity_id", "datacategory_id")
        self.activities_of = _links(text.activities, "consenttext_id", "processingactivity_id")
        self.data_of_text = _links(text.data_categories, "consenttext_id", "datacategory_id")
        if any(text.term_length for text in self.texts.values()):
            # Read now: while rows are judged, nothing is asked of the database.
            self.law.calendar  # noqa: B018
        self._judged = lru_cache(maxsize=REMEMBERED)(self._judge)

    # --- the header --------------------------------------------------------------------------
    def columns(self, header: Iterable[str]) -> dict[str, Column]:
        """The columns of values; refuses one that the operator's register of data does not
        have, or that is beyond the signed list of necessary data (94-V 25(2)(1))."""
        found = {}
        for number, name in enumerate(header, start=1):
            if name == ACCOUNT or name in FACTS or not name:
                continue
            category = self.categories.get(name)
            if category is None:
                known = sorted(code for code, row in self.categories.items() if _can_come(row))
                raise errors.ColumnUnknown(
                    number=number, known=", ".join([ACCOUNT, *known, *FACTS])
                )
            if category.kind == DataKind.NOT_PERSONAL:
                raise errors.ColumnNotPersonal(column=name)
            if category.open_ended:
                raise errors.ColumnOpenEnded(column=name)
            if category.format == DataFormat.IMAGE:
                raise errors.ColumnNeedsFiles(column=name)
            if name in self.beyond:
                raise errors.ColumnBeyondTheList(column=name)
            found[name] = Column(name, category.pk, category.format, category.search)
        return found

    def account(self) -> Column:
        """The column of the account: of the category of that code, where the operator has one."""
        category = self.categories.get(ACCOUNT)
        if category is None or not _can_come(category):
            return Column(ACCOUNT, None, DataFormat.ACCOUNT, "whole")
        return Column(ACCOUNT, category.pk, category.format, category.search)

    # --- a row -------------------------------------------------------------------------------
    def judge(self, facts: Facts) -> tuple[Spec | None, Wrong]:
        """The ground that the row asks for (None: it asks for none), or what is wrong with it."""
        wrong: Wrong = []
        if facts.given_at is not None and facts.given_at > self.now:
            wrong.append(("accepted_at", NotYet()))
        spec, others = self._judged(
            facts.activity,
            facts.basis,
            facts.text,
            facts.scopes,
            facts.channel,
            facts.started_on,
            facts.given_on,
            facts.proven,
        )
        return spec, [*wrong, *others]

    def _judge(
        self,
        activity_code: str,
        basis_code: str,
        text_code: str,
        scopes: str,
        channel: str,
        started_on: date | None,
        given_on: date | None,
        proven: bool,
    ) -> tuple[Spec | None, Wrong]:
        said = {
            "basis": basis_code,
            "started_on": started_on,
            "accepted_at": given_on,
            "consent_text": text_code,
            "scopes": scopes,
            "channel": channel,
            "evidence": proven,
        }
        if not activity_code:
            return None, [(name, errors.CellWithoutActivity()) for name in said if said[name]]
        wrong: Wrong = []
        activity = self.activities.get(activity_code)
        if activity is None:
            wrong.append(("activity", errors.ActivityUnknown()))
        basis = self.bases.get(basis_code)
        if basis is None:
            missing = errors.BasisUnknown() if basis_code else errors.CellMissing()
            wrong.append(("basis", missing))
        if activity is None or basis is None:
            return None, wrong
        spec = None
        if basis.kind == BasisKind.CONSENT:
            spec = self._consent(activity, basis, text_code, scopes, channel, given_on, wrong)
        else:
            for name in ("consent_text", "accepted_at", "scopes", "channel", "evidence"):
                if said[name]:
                    wrong.append((name, grounds.NoConsentBasis(basis=basis.name)))
            if started_on is None:
                wrong.append(("started_on", errors.CellMissing()))
            elif started_on > self.today:
                wrong.append(("started_on", NotYet()))
            else:
                self._startable(activity, basis, started_on, wrong)
                spec = self._spec(activity, basis, started_on, self.data_of[activity.pk], None)
        return (None if wrong else spec), wrong

    def _consent(
        self,
        activity: ProcessingActivity,
        basis: LegalBasis,
        text_code: str,
        scopes: str,
        channel: str,
        given_on: date | None,
        wrong: Wrong,
    ) -> Spec | None:
        text = self.texts.get(text_code)
        if text is None:
            missing = errors.TextUnknown() if text_code else errors.CellMissing()
            wrong.append(("consent_text", missing))
        if given_on is None:
            wrong.append(("accepted_at", errors.CellMissing()))
        if channel not in Channel.values:
            known = ", ".join(Channel.values)
            unknown = errors.ChannelUnknown(known=known) if channel else errors.CellMissing()
            wrong.append(("channel", unknown))
        asked = self._scopes(scopes, wrong)
        if text is None or given_on is None:
            return None
        if text.published_at is None:
            wrong.append(("consent_text", grounds.TextNotPublished(text=str(text))))
        elif text.in_force_on is None or text.in_force_on > given_on:
            wrong.append(
                ("consent_text", grounds.TextNotInForce(text=str(text), day=str(text.in_force_on)))
            )
        if activity.pk not in self.activities_of[text.pk]:
            wrong.append(
                (
                    "consent_text",
                    grounds.TextOfOtherActivity(text=str(text), activity=activity.name),
                )
            )
        for scope in sorted(asked):
            if not getattr(text, scope):
                label = str(Consent._meta.get_field(scope).verbose_name)  # type: ignore[union-attr]
                wrong.append(("scopes", grounds.ScopeNotInText(text=str(text), scope=label)))
        self._startable(activity, basis, given_on, wrong)
        expires_on = grounds.expiry(text, given_on, self.law)
        covered = self.data_of_text[text.pk]
        spec = self._spec(activity, basis, given_on, covered, expires_on)
        return Spec(
            **{name: getattr(spec, name) for name in ("activity", "basis", "started_on", "covers")},
            text=text.pk,
            scopes=asked,
            expires_on=expires_on,
            channel=channel,
            name=spec.name,
        )

    def _scopes(self, scopes: str, wrong: Wrong) -> frozenset[str]:
        named = [scope.strip() for scope in scopes.split("|")] if scopes else []
        if any(scope not in SCOPES for scope in named):
            wrong.append(("scopes", errors.ScopeUnknown(known=", ".join(SCOPES))))
            return frozenset()
        if len(set(named)) < len(named):
            wrong.append(("scopes", errors.ScopeTwice()))
        return frozenset(named)

    def _startable(
        self, activity: ProcessingActivity, basis: LegalBasis, day: date, wrong: Wrong
    ) -> None:
        """``grounds.require_startable`` without its query."""
        if basis.pk not in self.bases_of[activity.pk]:
            found: Any = grounds.BasisNotOfActivity(basis=basis.name, activity=activity.name)
            wrong.append(("basis", found))
        elif basis.closed_on is not None and basis.closed_on <= day:
            closed = grounds.BasisClosed(basis=basis.name, day=str(basis.closed_on))
            wrong.append(("basis", closed))
        if activity.ended_on is not None and activity.ended_on <= day:
            ended = grounds.ActivityEnded(activity=activity.name, day=str(activity.ended_on))
            wrong.append(("activity", ended))
        elif activity.purpose.ended_on is not None and activity.purpose.ended_on <= day:
            purpose = activity.purpose
            achieved = grounds.PurposeEnded(purpose=purpose.name, day=str(purpose.ended_on))
            wrong.append(("activity", achieved))

    def _spec(
        self,
        activity: ProcessingActivity,
        basis: LegalBasis,
        started_on: date,
        covered: frozenset[int],
        expires_on: date | None,
    ) -> Spec:
        live = self.live(activity, started_on, None, expires_on)
        return Spec(
            activity=activity.pk,
            basis=basis.pk,
            started_on=started_on,
            covers=covered | {WITHOUT_CATEGORY} if live else frozenset(),
            name=f"{activity.name} ({basis.article})",
        )

    def live(
        self,
        activity: ProcessingActivity,
        started_on: date,
        ended_on: date | None,
        expires_on: date | None,
    ) -> bool:
        """Whether a ground covers anything today: ``covering.end_of``, in one line."""
        ends = (ended_on, expires_on, activity.ended_on, activity.purpose.ended_on)
        return started_on <= self.today and all(end is None or self.today < end for end in ends)


def _can_come(category: DataCategory) -> bool:
    return (
        category.kind != DataKind.NOT_PERSONAL
        and not category.open_ended
        and category.format != DataFormat.IMAGE
    )


def _links(relation: Any, owner: str, target: str) -> dict[int, frozenset[int]]:
    """A many-to-many table as a mapping; empty for an owner without any."""
    found: dict[int, set[int]] = defaultdict(set)
    for left, right in relation.through.objects.values_list(owner, target):
        found[left].add(right)
    return defaultdict(frozenset, {left: frozenset(rights) for left, rights in found.items()})
