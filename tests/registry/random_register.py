"""Registers of any shape, for the policy that is written from them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from registry import models as r
from registry.choices import (
    AfterRetention,
    Channel,
    CollectionWay,
    CountedFrom,
    DataKind,
    Gate,
    Intake,
    MeasureKind,
    Mode,
    Operation,
    RecipientKind,
    RetentionEvent,
)

DAY = date(2026, 3, 2)
# What people type into a name; none of it may be taken for a clause, a label or a list.
NAMES = (
    "Данные (при наличии)", "a; b", "c: d", "1.2. e", "3. f", "- g", "жұмыс күні", "h,\n i",
    "Where the data are kept", "(биометрические данные) j",
)  # fmt: skip
ENDS = (None, DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))
COUNTRIES = (None, "KZ", "RU", "DE")


class Register:
    """Makes rows of one new operator as ``draw`` chooses."""

    def __init__(self, draw: Any, law: str) -> None:
        self.draw, self.made = draw, 0
        self.countries = {row.code: row for row in r.Country.objects.filter(code__in=COUNTRIES[1:])}
        self.operator = r.Operator(
            code="random", name="Random", jurisdiction=r.Jurisdiction.objects.get(code=law),
            address=draw(st.sampled_from(["", "Street 1"])),
            requests_email=draw(st.sampled_from(["", "a@example.org"])),
            mailbox_country=self.country(),
        )  # fmt: skip
        self.operator.save()
        self.fill()

    def country(self) -> r.Country | None:
        return self.countries.get(self.draw(st.sampled_from(COUNTRIES)))

    def few(self, most: int = 3) -> range:
        return range(self.draw(st.integers(0, most)))

    def some(self, rows: list[Any]) -> list[Any]:
        return self.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def texts(self, name: str = "name") -> dict[str, str]:
        """A text of its own in each language."""
        self.made += 1
        said = self.one(*NAMES)
        return {f"{name}_{lang}": f"{said} {self.made} {lang}" for lang in ("ru", "kk", "en")}

    def row(self, model: Any, **fields: Any) -> Any:
        self.made += 1
        return model.objects.create(operator=self.operator, code=f"r{self.made}", **fields)

    def named(self, model: Any, **fields: Any) -> Any:
        return self.row(model, **self.texts(), **fields)

    def fill(self) -> None:
        law = self.operator.jurisdiction
        people = [
            self.named(r.SubjectCategory, **(self.texts("condition") if self.one(0, 1) else {}))
            for _ in self.few()
        ]
        data = [self.named(r.DataCategory, kind=self.one(*DataKind)) for _ in self.few(4)]
        systems = [self.named(r.InformationSystem, country=self.country()) for _ in self.few()]
        recipients = [
            self.named(r.Recipient, kind=self.one(*RecipientKind), country=self.country())
            for _ in self.few()
        ]
        bases = list(r.LegalBasis.objects.filter(jurisdiction=law)[:6])
        purposes = [self.named(r.Purpose, ended_on=self.one(*ENDS)) for _ in self.few(4)]
        activities = []
        for _ in self.few(5) if purposes else ():
            row = self.named(
                r.ProcessingActivity,
                purpose=self.one(*purposes),
                operations=self.some(list(Operation.values)),
                collection_ways=self.some(list(CollectionWay.values)),
                mode=self.one("", *Mode),
                over_network=self.one(None, True, False),
                ended_on=self.one(*ENDS),
            )
            row.subject_categories.set(self.some(people))
            row.data_categories.set(self.some(data))
            row.legal_bases.set(self.some(bases))
            row.systems.set(self.some(systems))
            row.recipients.set(self.some(recipients))
            activities.append(row)
        for _ in self.few(4):
            self.retention(activities)
        for _ in self.few() if activities and recipients else ():
            self.transfer(activities, recipients, data, bases)
        for topic in self.some(["right", "right", "scope", "withdrawal"][1:]):
            self.row(r.PolicyClaim, topic=topic, clause="1", **self.texts("words"))
        for kind in self.some(list(MeasureKind)):
            self.named(r.SecurityMeasure, kind=kind)
        for number in self.few():
            r.IntakeChannel.objects.create(
                operator=self.operator, channel=self.one(*Channel), intake=self.one(*Intake),
                address=self.one("", "x: y"), clause=str(number),
            )  # fmt: skip
        for _ in self.few(2):
            self.promise()

    def retention(self, activities: list[Any]) -> None:
        length = self.one(None, 1, 2, 5, 11, 21, 30)
        self.row(
            r.RetentionRule,
            activity=self.one(None, *activities),
            event=self.one(*RetentionEvent),
            counted_from=self.one(*CountedFrom),
            length=length,
            unit=self.one("calendar_day", "working_day", "month", "year") if length else "",
            after=self.one(*AfterRetention),
            article=self.one("", "НК 48(1)", "Law: 5"),
        )

    def transfer(self, activities: Any, recipients: Any, data: Any, bases: Any) -> None:
        opened = self.one(None, DAY, DAY + timedelta(days=1))
        banned = self.one(None, DAY, DAY + timedelta(days=1))
        row = self.named(
            r.Transfer,
            recipient=self.one(*recipients),
            activity=self.one(*activities),
            legal_basis=self.one(*bases),
            gate=Gate.NONE,
            opened_on=opened,
            ended_on=self.one(None, DAY + timedelta(days=1)),
            banned_on=banned,
            ban_document="1" if banned else "",
        )
        # A transfer of nothing says nothing; a service refuses it.
        row.data_categories.set(self.some(data) or data[:1])

    def promise(self) -> None:
        self.made += 1
        r.DeadlineRule.objects.create(
            code=f"PROMISE.RANDOM.{self.made}", operator=self.operator,
            jurisdiction=self.operator.jurisdiction, event="request_received", effect="answer",
            length=self.one(1, 3, 12, 22), unit=self.one("calendar_day", "working_day", "hour"),
            source="promise", article="3.2",
            effective_until=self.one(None, DAY - timedelta(days=1), DAY),
            **self.texts("trigger"), **self.texts("duty"),
        )  # fmt: skip
