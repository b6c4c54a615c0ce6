"""An operator's register as findings read it: names in the active language, in two queries."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Model

from registry.choices import RuleSource
from registry.clauses import Clause, gaps
from registry.findings import facts
from registry.models import (
    Adequacy,
    Authority,
    ClaimedGround,
    ConsentText,
    ControlStep,
    DataCategory,
    DeadlineRule,
    InformationSystem,
    IntakeChannel,
    LegalBasis,
    Membership,
    Operator,
    PolicyClaim,
    PolicyText,
    PolicyVersion,
    ProcessingActivity,
    ProcessorInstruction,
    Purpose,
    Recipient,
    RegisterPaper,
    RetentionRule,
    ReturnOfDestroyed,
    SecurityMeasure,
    SubjectCategory,
    Transfer,
)
from registry.services.instructions import CONTENTS
from registry.services.register_rows import Row, Rows, rows_of

LABEL = 90  # letters
# How findings call the row that they are about: ``table:code``.
TABLES: dict[str, type[Model]] = {
    "operator": Operator,
    "people": SubjectCategory,
    "category": DataCategory,
    "purpose": Purpose,
    "system": InformationSystem,
    "recipient": Recipient,
    "activity": ProcessingActivity,
    "claimed": ClaimedGround,
    "claim": PolicyClaim,
    "retention": RetentionRule,
    "measure": SecurityMeasure,
    "transfer": Transfer,
    "instruction": ProcessorInstruction,
    "consent": ConsentText,
    "control": ControlStep,
    "term": DeadlineRule,
    "policy": PolicyVersion,
    "returned": ReturnOfDestroyed,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the office that findings may be about."""

    model: type[Model]
    pk: int
    label: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A register, and where its rows are: ``table:code`` -> the row."""

    register: facts.Register
    places: Mapping[str, Place]

    def place(self, object: str) -> Place | None:
        """The row of which a finding speaks; it may name a part of it after a slash."""
        while object not in self.places:
            object, slash, _part = object.rpartition("/")
            if not slash:
                return None
        return self.places[object]


def register_of(*, operator: Operator, today: date) -> facts.Register:
    """Everything that findings judge, of one operator on one of its days; two queries."""
    return reading_of(operator=operator, today=today).register


def reading_of(*, operator: Operator, today: date) -> Reading:
    """The register of that day and where each of its rows is; two queries."""
    rows = rows_of(operator, today)
    return Reading(_register(rows, today), _places(rows))


def _places(rows: Rows) -> dict[str, Place]:
    return {
        f"{table}:{_code(model, row)}": Place(model, row.pk, _label(model, row))
        for table, model in TABLES.items()
        for row in rows[model]
    }


def _label(model: type[Model], row: Row) -> str:
    """What people know the row by: its name, or the beginning of what the policy says."""
    words = textwrap.shorten(row.words, LABEL, placeholder=" …")
    return row.name or words or _code(model, row)


def _code(model: type[Model], row: Row) -> str:
    """What tells a row from the others of its table."""
    if model is PolicyClaim:
        return f"{row.topic}/{row.code}/{row.clause}"
    if model is ProcessorInstruction:
        return f"{row.recipient}/{row.number}"
    return str(row.number if model is PolicyVersion else row.code)


def _register(rows: Rows, today: date) -> facts.Register:
    (card,) = rows[Operator]
    policy = rows[PolicyVersion]
    return facts.Register(
        operator=_card(card, rows[Membership], today),
        today=today,
        people=tuple(
            facts.People(name=row.name, **row.take("code", "relation"))
            for row in rows[SubjectCategory]
        ),
        categories=tuple(
            facts.Category(
                name=row.name, **row.take("code", "kind", "format", "open_ended", "clause")
            )
            for row in rows[DataCategory]
        ),
        purposes=tuple(
            facts.Aim(
                name=row.name,
                contact_by=frozenset(row.contact_by),
                incompatible=row.links("incompatible"),
                **row.take("code", "ended_on"),
            )
            for row in rows[Purpose]
        ),
        systems=tuple(
            facts.System(name=row.name, **row.take("code", "address", "country"))
            for row in rows[InformationSystem]
        ),
        recipients=tuple(
            facts.Receiver(name=row.name, **row.take("code", "kind", "country"))
            for row in rows[Recipient]
        ),
        activities=tuple(map(_activity, rows[ProcessingActivity])),
        claimed=tuple(
            facts.Claimed(words=row.words, **row.take("code", "clause", "purpose", "basis"))
            for row in rows[ClaimedGround]
        ),
        claims=tuple(
            facts.Claim(words=row.words, **row.take("topic", "code", "clause"))
            for row in rows[PolicyClaim]
        ),
        retention=tuple(
            facts.Retention(
                **row.take(
                    "code", "activity", "event", "length", "unit", "after", "automatic", "article"
                )
            )
            for row in rows[RetentionRule]
        ),
        measures=tuple(
            facts.Measure(
                name=row.name, **row.take("code", "kind", "topic", "review_on", "evidence")
            )
            for row in rows[SecurityMeasure]
        ),
        transfers=tuple(_transfer(row, today) for row in rows[Transfer]),
        instructions=tuple(_instruction(row, today) for row in rows[ProcessorInstruction]),
        consents=tuple(map(_wording, rows[ConsentText])),
        terms=_terms(rows[DeadlineRule]),
        channels=tuple(
            facts.Way(**row.take("channel", "intake", "address", "clause"))
            for row in rows[IntakeChannel]
        ),
        papers=tuple(map(_paper, rows[RegisterPaper])),
        steps=tuple(
            facts.Step(
                name=row.name,
                responsible=row.responsible_user in _users(rows[Membership]),
                checker=row.responsible_user,
                **row.take("code", "next_on", "every_months"),
            )
            for row in rows[ControlStep]
        ),
        returned=tuple(
            facts.Returned(name=row.name, **row.take("code", "act", "rows", "last_on"))
            for row in rows[ReturnOfDestroyed]
        ),
        policy=_policy(policy[0], rows[PolicyText]) if policy else None,
        bases={
            row.code: facts.Basis(
                jurisdiction=row.law, **row.take("code", "article", "kind", "closed_on")
            )
            for row in rows[LegalBasis]
        },
        protecting=frozenset(row.country for row in rows[Adequacy]) - {card.country},
        authorities={row.code: row.supervises for row in rows[Authority]},
    )


def _users(staff: list[Row]) -> set[int]:
    return {one.user for one in staff}


def _is_sworn(row: Row, today: date) -> bool:
    return row.undertaking_on is not None and row.undertaking_on <= today


def _card(row: Row, staff: list[Row], today: date) -> facts.Card:
    return facts.Card(
        jurisdiction=row.law,
        also_under=row.links("also_under"),
        languages=frozenset(row.languages),
        # Whoever has left, or works for another operator only, is responsible for nothing.
        responsible=bool(row.responsible) and row.responsible_user in _users(staff),
        staff=len(staff),
        unsworn=sum(not _is_sworn(one, today) for one in staff),
        **row.take(
            "code", "name", "country", "bin", "inn", "address", "website", "email",
            "requests_email", "mailbox_country", "policy_address",
        ),
    )  # fmt: skip


def _activity(row: Row) -> facts.Activity:
    return facts.Activity(
        name=row.name,
        people=row.links("subject_categories"),
        categories=row.links("data_categories"),
        bases=row.links("legal_bases"),
        systems=row.links("systems"),
        recipients=row.links("recipients"),
        operations=frozenset(row.operations),
        collection_ways=frozenset(row.collection_ways),
        **row.take(
            "code", "purpose", "mode", "balance_note", "review_on", "started_on", "ended_on"
        ),
    )


def _transfer(row: Row, today: date) -> facts.Moved:
    is_open = Transfer(**row.take("opened_on", "banned_on", "ended_on")).open_on(today)
    return facts.Moved(
        name=row.name,
        categories=row.links("data_categories"),
        open=is_open,
        banned=row.banned_on is not None and row.banned_on <= today,
        ended=row.ended_on is not None and row.ended_on <= today and not is_open,
        filed=row.filed_on is not None and row.filed_on <= today,
        **row.take("code", "recipient", "activity", "basis", "gate"),
    )


def _paper(row: Row) -> facts.Signed:
    return facts.Signed(
        categories=frozenset(row.listed or ()),
        steps=tuple(
            (step["code"], step["every_months"], step["responsible"])
            for step in row.planned or ()
        ),
        filed_order=row.filed_order or 0,
        **row.take(
            "kind", "activity", "signed_on", "filed_on", "degree", "size", "restricted",
            "ceased_on",
        ),
    )  # fmt: skip


def _instruction(row: Row, today: date) -> facts.Instruction:
    days = ProcessorInstruction(**row.take("signed_on", "ended_on"))
    told = {name for name in CONTENTS if row.links(name) or getattr(row, name, None)}
    return facts.Instruction(
        activities=row.links("activities"),
        categories=row.links("data_categories"),
        missing=tuple(name for name in CONTENTS if name not in told),
        in_force=days.in_force(today),
        **row.take("number", "recipient"),
    )


def _wording(row: Row) -> facts.Wording:
    return facts.Wording(
        name=row.name,
        activities=row.links("activities"),
        categories=row.links("data_categories"),
        has_end=row.term_length is not None or bool(row.end_event),
        withdrawal_channels=frozenset(row.withdrawal_channels),
        **row.take(
            "code", "version", "third_parties", "cross_border", "dissemination",
            "separate_document",
        ),
    )  # fmt: skip


def _terms(rows: list[Row]) -> tuple[facts.Term, ...]:
    """An operator's own promise stands instead of the one that every operator makes."""
    own = {(row.event, row.effect) for row in rows if row.own}
    return tuple(
        facts.Term(
            own=bool(row.own),
            **row.take(
                "code", "source", "event", "effect", "direction", "length", "unit", "article",
                "verification", "verified_on",
            ),
        )
        for row in rows
        if row.own or row.source == RuleSource.STATUTE or (row.event, row.effect) not in own
    )  # fmt: skip


def _policy(row: Row, texts: list[Row]) -> facts.Policy:
    return facts.Policy(
        number=row.number,
        in_force_on=row.in_force_on,
        languages=frozenset(text.language for text in texts),
        gaps=_gaps(texts),
    )


def _gaps(texts: list[Row]) -> tuple[str, ...]:
    """Numbers that any of the texts skips, once each and in their order."""
    found = (gap.number for text in texts for gap in gaps(Clause(**row) for row in text.clauses))
    return tuple(dict.fromkeys(found))
