"""Reads what an operator's policy has to say out of its register, in a fixed number of queries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar

from django.db.models import Model, Q

from registry import policy_contents as contents
from registry.choices import ClaimTopic, Direction, Event, RuleSource, Supervises
from registry.models import (
    Authority,
    Country,
    DataCategory,
    DeadlineRule,
    IntakeChannel,
    LegalBasis,
    Operator,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    Recipient,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
    Transfer,
)
from registry.models.base import LANGUAGES

T = TypeVar("T")

# What a person does that starts a clock; the clocks of the office and the authority are its own.
ASKED = (
    Event.REQUEST_RECEIVED,
    Event.CORRECTION_PROVED,
    Event.UNLAWFUL_OR_UNNEEDED_PROVED,
    Event.BREACH_ALLEGED,
    Event.CONSENT_WITHDRAWN,
    Event.CEASE_DEMANDED,
    Event.ERASURE_DEMANDED,
    Event.MARKETING_STOP_DEMANDED,
    Event.DISSEMINATION_STOP_DEMANDED,
    Event.DISSEMINATION_BREACH_DEMAND,
    Event.PUBLIC_REMOVAL_DEMANDED,
    Event.AUTOMATED_DECISION_OBJECTED,
)
# The numbers at the head of an article; what follows is a note of the office in one language.
ARTICLE = re.compile(r"\d+[\d(),.\- ]*")
CARD = (
    "name", "bin", "inn", "address", "website", "email", "requests_email", "phone", "telegram",
    "bank_account", "bank_name", "bank_code",
)  # fmt: skip


def policy_facts(*, operator: Operator, day: date) -> contents.Facts:
    """What the register says on that day.

    A purpose that was achieved and an activity that has ended by then are left out, and with them
    the people and recipients of whom nothing else speaks; an activity that begins later is
    announced. People and recipients to whom no activity was ever tied are what the register says.
    Data are what activities process: a category of none is processed for nothing.
    """
    card = Operator.objects.select_related("jurisdiction", "responsible", "mailbox_country").get(
        pk=operator.pk
    )
    activities = list(
        ProcessingActivity.objects.filter(operator=card)
        .select_related("purpose")
        .prefetch_related(
            "subject_categories",
            "data_categories",
            "legal_bases",
            "systems__country",
            "recipients__country",
        )
        .order_by("pk")
    )
    live = [row for row in activities if _goes_on(row, day) and _goes_on(row.purpose, day)]
    rules = list(RetentionRule.objects.filter(operator=card).order_by("pk"))
    flows = _open_transfers(card, day)
    used, told = _tied(activities, "subject_categories"), _tied(live, "subject_categories")
    people = [
        row
        for row in SubjectCategory.objects.filter(operator=card).order_by("pk")
        if row.pk in told or row.pk not in used
    ]
    used, told = _tied(activities, "recipients"), _tied(live, "recipients")
    told |= {row.recipient_id for row in flows}
    recipients = [
        row
        for row in Recipient.objects.filter(operator=card).select_related("country").order_by("pk")
        if row.pk in told or row.pk not in used
    ]
    home = card.jurisdiction.country
    countries = [row.country for row in recipients]
    countries += [system.country for row in live for system in row.systems.all()]
    if card.requests_email:
        # What people write lies where the provider of the mailbox keeps it.
        countries.append(card.mailbox_country)
    return contents.Facts(
        card=_card(card),
        law=_words(card.jurisdiction, "law"),
        authorities=tuple(
            _words(row)
            for row in Authority.objects.filter(
                jurisdiction=card.jurisdiction_id, supervises=Supervises.PERSONAL_DATA
            ).order_by("pk")
        ),
        people=tuple(contents.People(_words(row), _spoken(row, "condition")) for row in people),
        aims=_aims(card, live, rules, day),
        recipients=tuple(_receiver(row) for row in recipients),
        flows=tuple(_flow(row) for row in flows if _is_abroad(row.recipient.country, home)),
        periods=tuple(_period(rule) for rule in rules if rule.activity_id is None),
        rights=_once(
            _words(row, "words")
            for row in PolicyClaim.objects.filter(operator=card, topic=ClaimTopic.RIGHT).order_by(
                "pk"
            )
        ),
        ways=_once(
            contents.Way(row.intake, row.channel, _line(row.address))
            for row in IntakeChannel.objects.filter(operator=card).order_by("pk")
        ),
        terms=_terms(card, day),
        measures=tuple(
            contents.Measure(row.kind, _words(row))
            for row in SecurityMeasure.objects.filter(operator=card).order_by("pk")
        ),
        abroad=any(_is_abroad(country, home) for country in countries),
        unknown_countries=None in countries,
    )


# --- which rows --------------------------------------------------------------------------------
def _goes_on(row: ProcessingActivity | Purpose, day: date) -> bool:
    # As for a ground: none can start on the day on which its activity or purpose ended.
    return row.ended_on is None or row.ended_on > day


def _tied(activities: Iterable[ProcessingActivity], name: str) -> set[int]:
    return {row.pk for activity in activities for row in getattr(activity, name).all()}


def _open_transfers(operator: Operator, day: date) -> list[Transfer]:
    rows = (
        Transfer.objects.filter(operator=operator)
        .select_related("recipient__country", "activity__purpose", "legal_basis")
        .prefetch_related("data_categories")
        .order_by("pk")
    )
    return [
        row
        for row in rows
        if row.open_on(day) and _goes_on(row.activity, day) and _goes_on(row.activity.purpose, day)
    ]


def _is_abroad(country: Country | None, home: str) -> bool:
    return country is not None and country.code != home


# --- rows as facts -----------------------------------------------------------------------------
def _line(text: str) -> str:
    """One fact, one line: whoever typed it may have pressed Enter."""
    return " ".join(text.split())


def _words(row: Model, name: str = "name") -> contents.Words:
    said = {language: _line(getattr(row, f"{name}_{language}")) for language in LANGUAGES}
    return contents.Words(str(row._meta.model_name), str(getattr(row, "code", "")), **said)


def _spoken(row: Model, name: str) -> contents.Words | None:
    """A text that a row need not have; half of it is not none of it."""
    words = _words(row, name)
    return words if any(words.said(language) for language in LANGUAGES) else None


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _card(row: Operator) -> contents.Card:
    # A user name is no name: nobody outside knows whose it is.
    responsible = row.responsible.get_full_name() if row.responsible else ""
    return contents.Card(
        **{name: _line(getattr(row, name)) for name in CARD}, responsible=_line(responsible)
    )


def _aims(
    operator: Operator,
    live: list[ProcessingActivity],
    rules: list[RetentionRule],
    day: date,
) -> tuple[contents.Aim, ...]:
    by_purpose: dict[int, list[contents.Process]] = {}
    for row in live:
        own = [rule for rule in rules if rule.activity_id == row.pk]
        by_purpose.setdefault(row.purpose_id, []).append(_process(row, own))
    return tuple(
        contents.Aim(_words(row), _once(by_purpose.get(row.pk, ())))
        for row in Purpose.objects.filter(operator=operator).order_by("pk")
        if _goes_on(row, day)
    )


def _process(row: ProcessingActivity, rules: list[RetentionRule]) -> contents.Process:
    return contents.Process(
        people=tuple(_words(people) for people in _sorted(row.subject_categories)),
        data=tuple(_datum(datum) for datum in _sorted(row.data_categories)),
        bases=tuple(_basis(basis) for basis in _sorted(row.legal_bases)),
        operations=tuple(dict.fromkeys(row.operations)),
        ways=tuple(dict.fromkeys(row.collection_ways)),
        mode=row.mode,
        over_network=row.over_network,
        systems=tuple(
            contents.Place(_words(system), _words(system.country) if system.country else None)
            for system in _sorted(row.systems)
        ),
        recipients=tuple(_words(recipient) for recipient in _sorted(row.recipients)),
        periods=tuple(_period(rule) for rule in rules),
    )


def _sorted(related: Any) -> list[Any]:
    return sorted(related.all(), key=lambda row: row.pk)


def _datum(row: DataCategory) -> contents.Data:
    return contents.Data(_words(row), row.kind)


def _basis(row: LegalBasis) -> contents.Basis:
    return contents.Basis(_line(row.article), _words(row))


def _receiver(row: Recipient) -> contents.Receiver:
    return contents.Receiver(_words(row), row.kind, _words(row.country) if row.country else None)


def _flow(row: Transfer) -> contents.Flow:
    assert row.recipient.country is not None
    return contents.Flow(
        recipient=_words(row.recipient),
        country=_words(row.recipient.country),
        purpose=_words(row.activity.purpose),
        data=tuple(_datum(datum) for datum in _sorted(row.data_categories)),
        basis=_basis(row.legal_basis),
    )


def _period(rule: RetentionRule) -> contents.Period:
    return contents.Period(
        event=rule.event,
        # Without a length there is nothing to count from a day.
        counted_from=rule.counted_from if rule.length else "",
        length=rule.length,
        unit=rule.unit,
        after=rule.after,
        article=_line(rule.article),
    )


def _terms(operator: Operator, day: date) -> tuple[contents.Term, ...]:
    """What the law gives for what people ask, then what this operator promises."""
    rows = (
        DeadlineRule.objects.filter(direction=Direction.DUE)
        .filter(
            Q(
                source=RuleSource.STATUTE,
                jurisdiction=operator.jurisdiction_id,
                event__in=ASKED,
            )
            | Q(source=RuleSource.PROMISE, operator=operator)
        )
        .filter(
            Q(effective_from=None) | Q(effective_from__lte=day),
            Q(effective_until=None) | Q(effective_until__gte=day),
        )
        .order_by("pk")
    )
    terms = [_term(row) for row in rows]
    return tuple(sorted(terms, key=lambda term: term.promise))


def _term(row: DeadlineRule) -> contents.Term:
    promise = row.source == RuleSource.PROMISE
    article = ARTICLE.match(row.article)
    return contents.Term(
        trigger=_words(row, "trigger"),
        duty=_words(row, "duty"),
        length=row.length,
        unit=row.unit,
        extension_length=row.extension_length,
        extension_unit=row.extension_unit,
        # The article of a promise is a clause of the policy that this one replaces.
        article=article.group().rstrip(" ,.-") if article and not promise else "",
        promise=promise,
    )
