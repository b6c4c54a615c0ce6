"""The rows of an operator's whole register in two queries, however long the register is.

Each table tells its rows as one JSON object each, and all of them come in one UNION; a second one
brings what is linked to what. Names are in the active language.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import CharField, F, Model, Q, QuerySet, Value
from django.db.models.functions import JSONObject

from registry.choices import RuleSource
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
from registry.models.base import LANGUAGES, Localized
from registry.services.control import going_on
from registry.services.rules import in_force

NAMES = tuple(f"name_{language}" for language in LANGUAGES)
WORDS = tuple(f"words_{language}" for language in LANGUAGES)
CODED = ("code", *NAMES)
# Model -> the columns that are read as they stand; those with another name follow as pairs.
COLUMNS: dict[type[Model], tuple[str | tuple[str, str], ...]] = {
    Operator: (
        "code", "name", "bin", "inn", "address", "website", "email", "requests_email",
        "policy_address", "languages", ("law", "jurisdiction__code"),
        ("country", "jurisdiction__country"), ("mailbox_country", "mailbox_country__code"),
        ("responsible", "responsible__is_active"), ("responsible_user", "responsible_id"),
    ),
    SubjectCategory: (*CODED, "relation"),
    DataCategory: (*CODED, "kind", "format", "open_ended", "clause"),
    Purpose: (*CODED, "contact_by", "ended_on"),
    InformationSystem: (*CODED, "address", ("country", "country__code")),
    Recipient: (*CODED, "kind", ("country", "country__code")),
    ProcessingActivity: (
        *CODED, ("purpose", "purpose__code"), "operations", "collection_ways", "mode",
        "balance_note", "review_on", "started_on", "ended_on",
    ),
    ClaimedGround: (
        "code", *WORDS, "clause", ("purpose", "purpose__code"), ("basis", "legal_basis__code"),
    ),
    PolicyClaim: ("topic", "code", "clause", *WORDS),
    RetentionRule: (
        "code", ("activity", "activity__code"), "event", "length", "unit", "after", "automatic",
        "article",
    ),
    SecurityMeasure: (*CODED, "kind", "topic", "review_on", "evidence"),
    Transfer: (
        *CODED, ("recipient", "recipient__code"), ("activity", "activity__code"),
        ("basis", "legal_basis__code"), "gate", "filed_on", "opened_on", "banned_on", "ended_on",
    ),
    ProcessorInstruction: (
        "number", ("recipient", "recipient__code"), "signed_on", "ended_on", "operations",
        "confidentiality", "localisation", "security", "incident_notice",
    ),
    ConsentText: (
        *CODED, "version", "third_parties", "cross_border", "dissemination", "term_length",
        "end_event", "withdrawal_channels", "separate_document",
    ),
    DeadlineRule: (
        "code", "source", "event", "effect", "direction", "length", "unit", "article",
        "verification", "verified_on", ("own", "operator__code"),
    ),
    IntakeChannel: ("channel", "intake", "address", "clause"),
    PolicyVersion: ("number", "in_force_on"),
    PolicyText: ("language", "clauses"),
    LegalBasis: ("code", ("law", "jurisdiction__code"), "article", "kind", "closed_on"),
    Adequacy: (("country", "country__code"),),
    Authority: ("code", "supervises"),
    Membership: ("role", ("user", "user_id"), "undertaking_on"),
    RegisterPaper: (
        "kind", ("activity", "activity__code"), "signed_on", ("filed_on", "filing__filed_on"),
        ("listed", "particulars__categories"), ("degree", "particulars__degree"),
        ("size", "particulars__class"), ("restricted", "particulars__restricted"),
        ("ceased_on", "particulars__ceased_on"), ("planned", "particulars__steps"),
        "signed_at", ("filed_order", "filing__pk"),
    ),
    ReturnOfDestroyed: (
        "code", *((f"name_{language}", f"system__name_{language}") for language in LANGUAGES),
        "act", "rows", "last_on",
    ),
    ControlStep: (*CODED, "every_months", "next_on", ("responsible_user", "responsible_id")),
}  # fmt: skip
LINKS = (
    (Operator, "also_under"),
    (Purpose, "incompatible"),
    (ProcessingActivity, "subject_categories"),
    (ProcessingActivity, "data_categories"),
    (ProcessingActivity, "legal_bases"),
    (ProcessingActivity, "systems"),
    (ProcessingActivity, "recipients"),
    (Transfer, "data_categories"),
    (ProcessorInstruction, "activities"),
    (ProcessorInstruction, "data_categories"),
    (ConsentText, "activities"),
    (ConsentText, "data_categories"),
)
DATES = frozenset({"review_on", "verified_on", "signed_on"} | {
    f"{name}_on"
    for name in (
        "ended", "started", "opened", "banned", "closed", "filed", "in_force", "next",
        "undertaking", "ceased", "last",
    )
})  # fmt: skip
LISTS = frozenset({"languages", "contact_by", "operations", "collection_ways", "clauses"} | {
    "withdrawal_channels", "listed", "planned",
})  # fmt: skip
FLAGS = frozenset({
    "responsible", "open_ended", "automatic", "confidentiality", "localisation", "security",
    "incident_notice", "third_parties", "cross_border", "dissemination", "separate_document",
    "restricted",
})  # fmt: skip


CODES = frozenset({
    "country", "mailbox_country", "purpose", "basis", "activity", "degree", "size",
})  # fmt: skip
Links = Mapping[str, list[str]]
Rows = Mapping[type[Model], list["Row"]]


class Row:
    """One row as it came, its dates and flags as Python has them, and what it names."""

    name = Localized("name")
    words = Localized("words")

    def __init__(self, pk: int, values: Mapping[str, Any], links: Links) -> None:
        self.pk, self._links = pk, links
        vars(self).update({name: _value(name, value) for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        # Only reached by what was not read.
        raise AttributeError(name)

    def links(self, name: str) -> frozenset[str]:
        """Codes of the rows that a many-to-many field names."""
        return frozenset(self._links.get(name, ()))

    def take(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}


def _value(name: str, value: Any) -> Any:
    """SQLite hands flags over as numbers, those inside JSON and lists as text, and nobody has
    dates in JSON."""
    if name in LISTS and isinstance(value, str):
        return json.loads(value)
    if value is None and name in CODES:
        return ""  # leads nowhere
    if value is None or isinstance(value, bool):
        return value
    if name in FLAGS:
        return value == "true" if isinstance(value, str) else bool(value)
    return date.fromisoformat(value) if name in DATES else value


# --- reading -----------------------------------------------------------------------------------
def _wanted(operator: Operator, today: date) -> dict[type[Model], QuerySet[Any]]:
    law = operator.jurisdiction_id
    policy = PolicyVersion.objects.filter(operator=operator).in_force(today)
    wanted: dict[type[Model], QuerySet[Any]] = {
        Operator: Operator.objects.filter(pk=operator.pk),
        ConsentText: ConsentText.objects.filter(operator=operator).in_force(today),
        DeadlineRule: DeadlineRule.objects.filter(in_force(today)).filter(
            Q(source=RuleSource.STATUTE, jurisdiction=law)
            | Q(source=RuleSource.PROMISE, operator=operator)
            | Q(source=RuleSource.PROMISE, operator=None, jurisdiction=None)
            | Q(source=RuleSource.PROMISE, operator=None, jurisdiction=law)
        ),
        PolicyVersion: policy,
        PolicyText: PolicyText.objects.filter(version__in=policy.values("pk")),
        LegalBasis: LegalBasis.objects.all(),
        Adequacy: Adequacy.objects.filter(jurisdiction=law, adequate=True),
        Authority: Authority.objects.filter(jurisdiction=law),
        Membership: Membership.objects.filter(
            Q(ended_on=None) | Q(ended_on__gte=today), operator=operator, started_on__lte=today
        ),
        RegisterPaper: RegisterPaper.objects.filter(operator=operator, signed_on__lte=today),
        ReturnOfDestroyed: ReturnOfDestroyed.objects.filter(operator=operator, cleared_at=None),
        ControlStep: ControlStep.objects.filter(going_on(today), operator=operator),
    }
    others = (model for model in COLUMNS if model not in wanted)
    return wanted | {model: model._default_manager.filter(operator=operator) for model in others}


def _all_of(parts: Iterable[QuerySet[Any]]) -> QuerySet[Any]:
    first, *others = parts
    return first.union(*others, all=True)


def _kind(text: str) -> Value:
    return Value(text, output_field=CharField())


def _linked(operator: Operator) -> Mapping[tuple[str, int], Links]:
    """Table and row -> field -> the codes that it names; one query."""
    parts = []
    for model, name in LINKS:
        field: Any = model._meta.get_field(name)
        near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
        mine = {near: operator.pk} if model is Operator else {f"{near}__operator": operator.pk}
        rows = getattr(model, name).through._default_manager.filter(**mine)
        kind, to = _kind(model.__name__), _kind(name)
        parts.append(rows.order_by().values_list(kind, F(f"{near}_id"), to, F(f"{far}__code")))
    linked: dict[tuple[str, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for table, pk, name, code in _all_of(parts):
        linked[table, pk][name].append(code)
    return linked


def rows_of(operator: Operator, today: date) -> Rows:
    """Model -> its rows, in the order of their codes, papers in that of their signing; two
    queries."""
    linked = _linked(operator)
    by_name = {model.__name__: model for model in COLUMNS}
    parts = []
    for model, queryset in _wanted(operator, today).items():
        pairs = [name if isinstance(name, tuple) else (name, name) for name in COLUMNS[model]]
        told = JSONObject(**{name: F(path) for name, path in pairs})
        parts.append(queryset.order_by().values_list(_kind(model.__name__), F("pk"), told))
    rows: dict[type[Model], list[Row]] = {model: [] for model in COLUMNS}
    for table, pk, values in _all_of(parts):
        rows[by_name[table]].append(Row(pk, values, linked.get((table, pk), {})))
    for found in rows.values():
        found.sort(key=lambda row: (getattr(row, "code", ""), row.pk))
    # As the services take the paper that was signed last; moments are ISO text, which sorts.
    rows[RegisterPaper].sort(key=lambda row: (row.signed_on, row.signed_at, row.pk))
    return rows
