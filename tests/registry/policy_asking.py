"""The facts that a policy must say, asked of the register row by row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from registry import models as r
from registry.policy_writing import phrases
from tests.registry.policy_reading import Read, Row


def asked(operator: r.Operator, language: str, day: date) -> Read:
    """What the register holds on that day, by as many queries as it takes."""

    def said(row: Any, name: str = "name") -> str:
        return " ".join(getattr(row, f"{name}_{language}").split())

    def country_of(row: Any) -> str:
        return said(row.country) if row.country else ""

    def data(rows: Any) -> frozenset[Row]:
        shown = {"special", "biometric"}
        return frozenset((said(d), d.kind if d.kind in shown else "") for d in rows.all())

    def period(rule: r.RetentionRule) -> Row:
        counted = rule.counted_from if rule.length else ""
        return (rule.event, rule.length, rule.unit, counted, rule.after, rule.article)

    mine = {"operator": operator}
    open_now = r.ProcessingActivity.objects.filter(**mine).exclude(ended_on__lte=day)
    live = list(open_now.exclude(purpose__ended_on__lte=day))
    found = Read()
    found.card = {("title", operator.name), ("name", operator.name)}
    for name in phrases(language)["card"]:
        value = getattr(operator, name)
        if name == "responsible":
            value = value.get_full_name() if value else ""
        if value:
            found.card.add((name, " ".join(value.split())))
    found.law = said(operator.jurisdiction, "law")
    found.authorities = {
        said(row)
        for row in r.Authority.objects.filter(
            jurisdiction=operator.jurisdiction, supervises="personal_data"
        )
    }
    for kind in r.SubjectCategory.objects.filter(**mine):
        if _still_told(kind, live):
            found.people.add((said(kind), said(kind, "condition")))
    busy = set()
    for row in live:
        busy.add(row.purpose_id)
        found.processes.add((
            said(row.purpose),
            frozenset(said(kind) for kind in row.subject_categories.all()),
            data(row.data_categories),
            frozenset((basis.article, said(basis)) for basis in row.legal_bases.all()),
            frozenset(row.operations),
            frozenset(row.collection_ways),
            row.mode or frozenset(),
            frozenset() if row.over_network is None else "yes" if row.over_network else "no",
            frozenset((said(system), country_of(system)) for system in row.systems.all()),
            frozenset(said(recipient) for recipient in row.recipients.all()),
            frozenset(period(rule) for rule in row.retention_rules.all()),
        ))  # fmt: skip
    for purpose in r.Purpose.objects.filter(**mine).exclude(ended_on__lte=day):
        if purpose.pk not in busy:
            found.idle.add(said(purpose))
    moving = [
        row
        for row in r.Transfer.objects.filter(**mine, activity__in=live)
        if row.open_on(day)
    ]  # fmt: skip
    home = operator.jurisdiction.country
    places = [system.country for row in live for system in row.systems.all()]
    for recipient in r.Recipient.objects.filter(**mine):
        if _still_told(recipient, live) or any(row.recipient == recipient for row in moving):
            found.recipients.add((said(recipient), recipient.kind, country_of(recipient)))
            places.append(recipient.country)
    for flow in moving:
        if flow.recipient.country and flow.recipient.country.code != home:
            basis = flow.legal_basis
            found.flows.add((
                said(flow.recipient), country_of(flow.recipient),
                frozenset({said(flow.activity.purpose)}), data(flow.data_categories),
                frozenset({(basis.article, said(basis))}),
            ))  # fmt: skip
    found.periods = {period(rule) for rule in r.RetentionRule.objects.filter(**mine, activity=None)}
    found.rights = {
        said(row, "words") for row in r.PolicyClaim.objects.filter(**mine, topic="right")
    }
    found.ways = {
        (row.intake, row.channel, row.address) for row in r.IntakeChannel.objects.filter(**mine)
    }
    found.measures = {(row.kind, said(row)) for row in r.SecurityMeasure.objects.filter(**mine)}
    found.terms = _terms(operator, day, said)
    if operator.requests_email:
        places.append(operator.mailbox_country)
    done = [set(row.operations) for row in live]
    sure = bool(live) and all(done)
    if (
        sure
        and not found.recipients
        and not any(row & {"transfer", "provision", "access", "dissemination"} for row in done)
    ):
        found.sentences.add("nobody")
    if sure and not any(row & {"transfer", "dissemination"} for row in done):
        found.sentences.add("unpublished")
    if live and all(place is not None and place.code == home for place in places):
        found.sentences.add("at_home")
    return found


def _still_told(row: Any, live: Iterable[r.ProcessingActivity]) -> bool:
    activities = set(row.activities.all())
    return not activities or bool(activities & set(live))


def _terms(operator: r.Operator, day: date, said: Any) -> set[Row]:
    found = set()
    for rule in r.DeadlineRule.objects.filter(direction="due"):
        begins, ends = rule.effective_from or date.min, rule.effective_until or date.max
        promise = rule.source == "promise"
        own = rule.operator_id == operator.pk if promise else (
            rule.jurisdiction_id == operator.jurisdiction_id and rule.event in ASKED_BY_PEOPLE
        )  # fmt: skip
        if own and begins <= day <= ends:
            number = re.match(r"\d[\d.,() -]*", rule.article)
            article = "" if promise or not number else number.group().rstrip(" ,.-")
            found.add((
                said(rule, "trigger"), said(rule, "duty"), rule.length or None, rule.unit,
                rule.extension_length, rule.extension_unit, article, promise,
            ))  # fmt: skip
    return found


ASKED_BY_PEOPLE = {
    "request_received", "correction_proved", "unlawful_or_unneeded_proved", "breach_alleged",
    "consent_withdrawn", "cease_demanded", "erasure_demanded", "marketing_stop_demanded",
    "dissemination_stop_demanded", "dissemination_breach_demand", "public_removal_demanded",
    "automated_decision_objected",
}  # fmt: skip
