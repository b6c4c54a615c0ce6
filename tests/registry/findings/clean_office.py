"""The register of ``registers.clean`` entered in the database: no check has a word on it.

``clean_office("RU")`` and ``clean_office("KZ")`` make an operator with its staff and enter every
row as the DPO would; the consent text and the policy are published by their services.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.db.models import Model

from registry import models as r
from registry.findings.facts import Register, Wording
from registry.models import User
from registry.services import audit
from registry.services.consents import consent_text_draft, consent_text_publish
from registry.services.instructions import CONTENTS
from registry.services.policies import policy_import
from registry.services.staff import membership_start
from tests.conftest import Team, make_user
from tests.registry.findings.registers import OPERATIONS, TODAY, clean

M = TypeVar("M", bound=Model)
REASON = "entered for a test"


def clean_office(law: str, *, today: date = TODAY) -> Team:
    """An operator under that law, complete on that day: its dates move along with it."""
    return Entry(moved(clean(law), today - TODAY)).made()


def of_the_dpo(register: Register, dpo: User) -> Register:
    """The register with the number of an office's DPO where ``clean`` has one of its own."""
    steps = tuple(replace(row, checker=dpo.pk) for row in register.steps)
    papers = tuple(
        replace(row, steps=tuple((code, often, dpo.pk) for code, often, _ in row.steps))
        for row in register.papers
    )
    return replace(register, steps=steps, papers=papers)


def moved(register: Register, by: timedelta) -> Register:
    """The register with every day of it moved."""

    def told(value: Any) -> Any:
        if isinstance(value, date):
            return value + by
        if isinstance(value, tuple):
            return tuple(map(told, value))
        if hasattr(value, "__dataclass_fields__"):
            values = {field.name: told(getattr(value, field.name)) for field in fields(value)}
            return type(value)(**values)
        return value

    return told(register)  # type: ignore[no-any-return]


class Entry:
    """Enters one register, table by table, and remembers the rows by their codes."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.rows: dict[tuple[type[Model], str], Any] = {}
        self.first_day = register.today - timedelta(days=300)

    def made(self) -> Team:
        self.team = self._team()
        self._law()
        for enter in (
            self._tables, self._activities, self._papers, self._transfers, self._consents,
            self._policy, self._signed, self._steps,
        ):  # fmt: skip
            enter()
        self.team.operator.refresh_from_db()
        return self.team

    # --- the operator ------------------------------------------------------------------------
    def _team(self) -> Team:
        card = self.register.operator
        law = r.Jurisdiction.objects.get(code=card.jurisdiction)
        columns = ("code", "name", "bin", "inn", "address", "website", "email", "requests_email")
        operator = r.Operator(
            jurisdiction=law,
            languages=sorted(card.languages),
            policy_address=card.policy_address,
            mailbox_country=r.Country.objects.get(code=card.mailbox_country),
            **{name: getattr(card, name) for name in columns},
        )
        self.operator = operator
        self._saved(operator)
        people = {}
        for name, role in (("dpo", "dpo"), ("clerk", "clerk")):
            people[name] = make_user(f"{name}@{card.code}")
            membership_start(
                user=people[name], operator=operator, role=role, started_on=self.first_day,
                by=None, reason=REASON, undertaking=f"U-{name}", undertaking_on=self.first_day,
            )  # fmt: skip
        operator.refresh_from_db()
        return Team(operator=operator, deputy=people["clerk"], auditor=people["clerk"], **people)

    def _law(self) -> None:
        """The administrator has read every rule of this law this year (all at once: it is quick,
        and nobody asks for the history of the law here)."""
        r.DeadlineRule.objects.filter(jurisdiction=self.operator.jurisdiction).update(
            verification="confirmed", verified_on=self.register.today - timedelta(days=170)
        )

    # --- the register ------------------------------------------------------------------------
    def _saved(self, row: M) -> M:
        row.full_clean()
        return audit.save(row, by=None, reason=REASON)

    def _row(self, model: type[M], fact: Any, **values: Any) -> M:
        """A named row, known by its code."""
        names = {f"name_{language}": fact.name for language in ("ru", "kk", "en")}
        row = self._saved(model(operator=self.operator, code=fact.code, **names, **values))
        self.rows[model, fact.code] = row
        return row

    def _all(self, model: type[Model], codes: Any) -> list[Any]:
        return [self.rows[model, code] for code in sorted(codes)]

    def _country(self, code: str) -> Any:
        return r.Country.objects.get(code=code)

    def _basis(self, code: str) -> Any:
        return r.LegalBasis.objects.get(code=code)

    def _tables(self) -> None:
        found = self.register
        for one in found.people:
            self._row(r.SubjectCategory, one, relation=one.relation)
        for two in found.categories:
            self._row(
                r.DataCategory, two, kind=two.kind, format=two.format, open_ended=two.open_ended,
                clause=two.clause,
            )  # fmt: skip
        for aim in found.purposes:
            self._row(r.Purpose, aim, contact_by=sorted(aim.contact_by), ended_on=aim.ended_on)
        for system in found.systems:
            country = self._country(system.country)
            self._row(r.InformationSystem, system, address=system.address, country=country)
        for receiver in found.recipients:
            country = self._country(receiver.country)
            self._row(r.Recipient, receiver, kind=receiver.kind, country=country)
        for measure in found.measures:
            self._row(
                r.SecurityMeasure, measure, kind=measure.kind, topic=measure.topic,
                review_on=measure.review_on, evidence=measure.evidence,
            )  # fmt: skip

    def _activities(self) -> None:
        for fact in self.register.activities:
            row = self._row(
                r.ProcessingActivity,
                fact,
                purpose=self.rows[r.Purpose, fact.purpose],
                operations=sorted(fact.operations),
                collection_ways=sorted(fact.collection_ways),
                mode=fact.mode,
                balance_note=fact.balance_note,
                review_on=fact.review_on,
                started_on=fact.started_on,
                ended_on=fact.ended_on,
            )
            row.subject_categories.set(self._all(r.SubjectCategory, fact.people))
            row.data_categories.set(self._all(r.DataCategory, fact.categories))
            row.legal_bases.set([self._basis(code) for code in fact.bases])
            row.systems.set(self._all(r.InformationSystem, fact.systems))
            row.recipients.set(self._all(r.Recipient, fact.recipients))

    def _papers(self) -> None:
        found = self.register
        for claimed in found.claimed:
            self._saved(
                r.ClaimedGround(
                    operator=self.operator,
                    code=claimed.code,
                    words_en=claimed.words,
                    clause=claimed.clause,
                    legal_basis=self._basis(claimed.basis),
                )  # fmt: skip
            )
        for claim in found.claims:
            self._saved(
                r.PolicyClaim(
                    operator=self.operator,
                    topic=claim.topic,
                    code=claim.code,
                    clause=claim.clause,
                    words_en=claim.words,
                )  # fmt: skip
            )
        for rule in found.retention:
            self._saved(
                r.RetentionRule(
                    operator=self.operator,
                    code=rule.code,
                    event=rule.event,
                    activity=self.rows.get((r.ProcessingActivity, rule.activity)),
                    length=rule.length,
                    unit=rule.unit,
                    after=rule.after,
                    automatic=rule.automatic,
                    article=rule.article,
                )  # fmt: skip
            )
        for way in found.channels:
            self._saved(
                r.IntakeChannel(
                    operator=self.operator,
                    channel=way.channel,
                    intake=way.intake,
                    address=way.address,
                    clause=way.clause,
                )  # fmt: skip
            )

    def _transfers(self) -> None:
        for fact in self.register.transfers:
            # As far as its gate wants: the recipient assessed, the notice filed, the wait over.
            noticed = fact.gate in ("notice", "wait")
            row = self._row(
                r.Transfer,
                fact,
                recipient=self.rows[r.Recipient, fact.recipient],
                activity=self.rows[r.ProcessingActivity, fact.activity],
                legal_basis=self._basis(fact.basis),
                gate=fact.gate,
                assessed_on=self.first_day if noticed else None,
                filed_on=self.first_day if noticed else None,
                notice_number="1" if noticed else "",
                opens_on=self.first_day if fact.gate == "wait" else None,
                opened_on=self.first_day,
            )
            row.data_categories.set(self._all(r.DataCategory, fact.categories))
        for told in self.register.instructions:
            said = {name: True for name in CONTENTS if name not in LISTED}
            paper = self._saved(
                r.ProcessorInstruction(
                    operator=self.operator,
                    recipient=self.rows[r.Recipient, told.recipient],
                    number=told.number,
                    signed_on=self.first_day,
                    operations=sorted(OPERATIONS),
                    **said,
                )  # fmt: skip
            )
            paper.activities.set(self._all(r.ProcessingActivity, told.activities))
            paper.data_categories.set(self._all(r.DataCategory, told.categories))

    # --- what people read --------------------------------------------------------------------
    def _consents(self) -> None:
        for fact in self.register.consents:
            self._consent(fact)

    def _consent(self, fact: Wording) -> None:
        draft = consent_text_draft(
            operator=self.operator,
            code=fact.code,
            activities=self._all(r.ProcessingActivity, fact.activities),
            data_categories=self._all(r.DataCategory, fact.categories),
            in_force_on=self.first_day,
            by=self.team.dpo,
            now=self._moment(),
            third_parties=fact.third_parties,
            cross_border=fact.cross_border,
            dissemination=fact.dissemination,
            end_event="purpose_achieved",
            withdrawal_channels=sorted(fact.withdrawal_channels),
            separate_document=fact.separate_document,
            name_ru=fact.name,
            name_kk=fact.name,
            name_en=fact.name,
        )
        consent_text_publish(text=draft, by=self.team.dpo, now=self._moment())

    def _policy(self) -> None:
        policy = self.register.policy
        assert policy is not None
        for language in sorted(policy.languages):
            policy_import(
                operator=self.operator, language=language, dated=policy.in_force_on,
                text=b"1. Policy\n1.1. First.\n1.2. Second.\n", by=self.team.dpo,
                now=self._moment(),
            )  # fmt: skip

    # --- what is signed ----------------------------------------------------------------------
    def _signed(self) -> None:
        """As they were signed then: what the register says since, they do not have to say."""
        for number, fact in enumerate(self.register.papers, 1):
            signed_at = datetime.combine(fact.signed_on, time(9), tzinfo=self.operator.zone)
            told = {
                "categories": sorted(fact.categories), "degree": fact.degree, "class": fact.size,
                "restricted": fact.restricted,
                "ceased_on": fact.ceased_on and fact.ceased_on.isoformat(),
                "steps": [
                    {"code": code, "every_months": often, "responsible": self.team.dpo.pk}
                    for code, often, _ in fact.steps
                ],
            }  # fmt: skip
            paper = audit.save(
                r.RegisterPaper(
                    operator=self.operator,
                    kind=fact.kind,
                    number=f"RP-{number}",
                    language="ru",
                    activity=self.rows.get((r.ProcessingActivity, fact.activity)),
                    facts={"title": "", "article": "", "sections": [], "missing": []},
                    particulars={
                        name: value for name, value in told.items() if value or value is False
                    },
                    digest="0" * 64,
                    made_at=signed_at,
                    made_by=self.team.dpo,
                    signer=self.team.dpo,
                    signed_on=fact.signed_on,
                    signed_at=signed_at,
                ),
                by=None,
                reason=REASON,
            )
            if fact.filed_on is not None:
                r.Filing.objects.create(
                    paper=paper, filed_on=fact.filed_on, reference="1", recorded_at=signed_at
                )

    def _steps(self) -> None:
        for fact in self.register.steps:
            self._row(
                r.ControlStep, fact, every_months=fact.every_months, responsible=self.team.dpo,
                next_on=fact.next_on,
            )  # fmt: skip

    def _moment(self) -> datetime:
        return datetime.combine(self.first_day, time(9), tzinfo=self.operator.zone)


LISTED = ("activities", "data_categories", "operations")
