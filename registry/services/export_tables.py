"""What an export of the register consists of: its tables, their columns, and how each is told.

A column is a field of the model under its own name; what the office works out from several rows
(the state of a gate, when a step was last checked) is a column too. ``told`` is the value for a
program: codes, ISO dates, all three languages. ``shown`` is the value for a reader: the words of
the active language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import (
    Carrier,
    ClaimedGround,
    ConsentText,
    ControlStep,
    Country,
    DataCategory,
    DeadlineRule,
    InformationSystem,
    IntakeChannel,
    Jurisdiction,
    LegalBasis,
    Operator,
    PolicyClaim,
    PolicyText,
    PolicyVersion,
    ProcessingActivity,
    ProcessorInstruction,
    Purpose,
    Recipient,
    RecipientInformation,
    RegisterPaper,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
    SubjectLine,
    Transfer,
    User,
)
from registry.models.base import LANGUAGES, ChoiceListField, Localized
from registry.services.policies import policy_state
from registry.services.transfer_gates import gate_state
from registry.transfer_steps import STATE_WORDS

# A cell of the reader: nothing, a word, several, a number, a day, a moment on the operator's clock.
Shown = str | tuple[str, ...] | int | date | datetime | None
NOT_SAID = None


@dataclass(slots=True)
class Row:
    """One row of the register: the row itself, and what its many-to-many fields name.

    ``extra``: what was read along with it and is no field of it. ``today``: the operator's.
    """

    it: Any
    today: date = date.min
    links: dict[str, list[Any]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """One particular of every row of a table. ``json_only``: too long for a cell or a page."""

    key: str
    title: Any
    told: Callable[[Row], Any]
    shown: Callable[[Row], Shown]
    json_only: bool = False

    @property
    def heading(self) -> str:
        return str(capfirst(str(self.title)))


@dataclass(frozen=True)
class Table:
    """One kind of rows. ``key``: its name in JSON; ``order``: what its rows are sorted by;
    ``called``: what people call them, where that is not the name of the model.
    """

    key: str
    model: type[Model]
    names: tuple[str, ...]
    order: tuple[str, ...] = ("code",)
    called: Any = ""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return tuple(column_of(self.model, name) for name in self.names)

    @property
    def readable(self) -> tuple[Column, ...]:
        """The columns that a reader is shown."""
        return tuple(column for column in self.columns if not column.json_only)

    @property
    def title(self) -> str:
        return str(capfirst(str(self.called or self.model._meta.verbose_name_plural)))


CARD = Table(
    "operator",
    Operator,
    (
        "code", "name", "jurisdiction", "also_under", "bin", "inn", "address", "website", "email",
        "requests_email", "mailbox_country", "phone", "telegram", "bank_account", "bank_name",
        "bank_code", "time_zone", "languages", "policy_version", "policy_dated",
        "policy_address", "responsible", "second_person", "is_active",
    ),
)  # fmt: skip
TABLES: tuple[Table, ...] = (
    Table("purposes", Purpose, (
        "name", "code", "contact_by", "incompatible", "ended_on", "clause",
    )),
    Table("activities", ProcessingActivity, (
        "name", "code", "purpose", "subject_categories", "data_categories", "legal_bases",
        "operations", "collection_ways", "mode", "over_network", "systems", "recipients",
        "started_on", "ended_on", "review_on", "balance_note", "clause",
    )),
    Table("subject_categories", SubjectCategory, (
        "name", "code", "relation", "condition", "clause",
    )),
    Table("data_categories", DataCategory, (
        "name", "code", "kind", "format", "search", "open_ended", "clause",
    )),
    Table("legal_bases", LegalBasis, (
        "name", "code", "jurisdiction", "article", "kind", "opened_on", "closed_on",
        "verification",
    )),
    Table("claimed_grounds", ClaimedGround, (
        "words", "code", "purpose", "legal_basis", "clause",
    )),
    Table("systems", InformationSystem, ("name", "code", "address", "country", "clause")),
    Table("carriers", Carrier, ("name", "code", "room", "responsible", "sheets", "clause")),
    Table("recipients", Recipient, ("name", "code", "kind", "country", "clause")),
    Table("transfers", Transfer, (
        "name", "code", "recipient", "activity", "data_categories", "legal_basis", "gate",
        "state", "assessed_on", "filed_on", "notice_number", "opens_on", "opened_on", "banned_on",
        "ban_document", "ended_on", "clause",
    )),
    Table("recipient_information", RecipientInformation, (
        "transfer", "fact", "received_on", "document",
    ), order=("transfer_id", "fact")),
    Table("instructions", ProcessorInstruction, (
        "number", "recipient", "signed_on", "ended_on", "activities", "data_categories",
        "operations", "confidentiality", "localisation", "security", "incident_notice",
    ), order=("recipient_id", "signed_on", "number")),
    Table("retention_rules", RetentionRule, (
        "code", "activity", "event", "counted_from", "length", "unit", "after", "automatic",
        "article", "clause",
    )),
    Table("promises", DeadlineRule, (
        "code", "trigger", "duty", "event", "effect", "direction", "length", "unit",
        "from_moment", "effective_from", "effective_until", "article", "note",
    ), order=("code", "effective_from"), called=_("promises of the operator")),
    Table("security_measures", SecurityMeasure, (
        "name", "code", "kind", "topic", "review_on", "evidence", "clause",
    )),
    Table("policy_claims", PolicyClaim, ("words", "topic", "code", "clause"),
          order=("topic", "code", "clause")),
    Table("policy_versions", PolicyVersion, (
        "number", "label", "origin", "state", "in_force_on", "published_at", "texts",
    ), order=("number",)),
    Table("consent_texts", ConsentText, (
        "name", "code", "version", "activities", "data_categories", "operations", "third_parties",
        "cross_border", "dissemination", "term_length", "term_unit", "end_event",
        "withdrawal_channels", "separate_document", "in_force_on", "published_at", "digest",
        "text",
    ), order=("code", "version")),
    Table("channels", IntakeChannel, ("channel", "intake", "address", "clause"),
          order=("intake", "channel", "clause")),
    Table("subject_lines", SubjectLine, ("text", "language", "intake", "mailbox", "clause"),
          order=("text",)),
    Table("papers", RegisterPaper, (
        "number", "kind", "state", "language", "activity", "made_at", "order_number", "signed_on",
        "signer_position", "filed_on", "filing_number", "digest",
    ), order=("id",)),
    Table("control_steps", ControlStep, (
        "name", "code", "every_months", "responsible", "next_on", "last_on", "ended_on", "clause",
    )),
)  # fmt: skip
# Rows that others name, read for their names and for what the gates are judged by.
NAMED: dict[type[Model], tuple[str, ...]] = {
    Jurisdiction: ("code", "name", "law", "time_zone", "country"),
    Country: ("code", "name"),
    User: ("username", "first_name", "last_name"),
    PolicyText: ("version", "language", "digest"),
}


# --- columns that are fields -------------------------------------------------------------------
# The name of a text in three languages, whose fields are each named after a language.
TEXT_TITLES = {
    "name": _("name"),
    "words": _("in our own words"),
    "condition": _("condition"),
    "trigger": _("trigger"),
    "duty": _("duty"),
    "note": _("note"),
    "text": _("text"),
}


def is_in_three(model: type[Model], name: str) -> bool:
    """Whether the name stands for a text in Russian, Kazakh and English."""
    return isinstance(vars_of(model).get(name), Localized)


def vars_of(model: type[Model]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parent in reversed(model.__mro__):
        found |= vars(parent)
    return found


def column_of(model: type[Model], name: str) -> Column:
    if (model, name) in DERIVED:
        return DERIVED[model, name]
    if is_in_three(model, name):
        return _in_three(name)
    its: Any = model._meta.get_field(name)
    return Column(name, its.verbose_name, *_ways(its))


def _in_three(name: str) -> Column:
    def told(row: Row) -> dict[str, str]:
        return {language: getattr(row.it, f"{name}_{language}") for language in LANGUAGES}

    def shown(row: Row) -> Shown:
        return str(getattr(row.it, name))

    return Column(name, TEXT_TITLES[name], told, shown, json_only=name == "text")


def _ways(its: Any) -> tuple[Callable[[Row], Any], Callable[[Row], Shown]]:
    """How a field is told and how it is shown, by its kind."""
    name = its.name
    if its.many_to_many:
        return (
            lambda row: [_code(one) for one in row.links.get(name, ())],
            lambda row: tuple(str(one) for one in row.links.get(name, ())),
        )
    if its.is_relation:
        return lambda row: _code(getattr(row.it, name)), lambda row: _words(getattr(row.it, name))
    if isinstance(its, ChoiceListField):
        labels: Mapping[str, Any] = dict(its.options.choices) if its.options else {}
        return (
            lambda row: list(getattr(row.it, name)),
            lambda row: tuple(str(labels.get(one, one)) for one in getattr(row.it, name)),
        )
    if its.choices:
        choices = dict(its.flatchoices)
        return (
            lambda row: getattr(row.it, name),
            lambda row: str(choices.get(getattr(row.it, name), getattr(row.it, name))),
        )
    if isinstance(its, models.BooleanField):
        return lambda row: getattr(row.it, name), lambda row: yes_or_no(getattr(row.it, name))
    if isinstance(its, models.DateField):
        # A moment is a day's child in Django: both know their ISO form.
        return lambda row: _iso(getattr(row.it, name)), lambda row: getattr(row.it, name)
    return lambda row: getattr(row.it, name), lambda row: getattr(row.it, name)


def yes_or_no(said: bool | None) -> str:
    return "" if said is None else gettext("yes") if said else gettext("no")


def _iso(when: date | datetime | None) -> str | None:
    return when.isoformat() if when is not None else None


def _code(one: Any) -> str | None:
    """What another row is known by; a person of the staff by name, having no code."""
    if one is None:
        return None
    return str(one) if isinstance(one, User) else str(one.code)


def _words(one: Any) -> str:
    return "" if one is None else str(one)


# --- columns that the office works out -----------------------------------------------------------
def _gate(row: Row) -> str:
    return gate_state(row.it, row.today)


def _paper_state(row: Row) -> str:
    if row.extra["filed_on"] is not None:
        return "filed"
    return "signed" if row.it.is_signed else "draft"


PAPER_WORDS = {
    "draft": gettext_lazy("draft"),
    "signed": gettext_lazy("signed"),
    "filed": gettext_lazy("filed"),
}


def _digests(row: Row) -> dict[str, str]:
    return {text.language: text.digest for text in row.links.get("texts", ())}


def _extra(model: type[Model], name: str, title: Any) -> dict[tuple[type[Model], str], Column]:
    """A value that was read along with the row, a day or a word."""
    told = Column(
        name, title, lambda row: _told(row.extra[name]), lambda row: row.extra[name] or NOT_SAID
    )
    return {(model, name): told}


def _told(value: Any) -> Any:
    return _iso(value) if isinstance(value, date) else value


DERIVED: dict[tuple[type[Model], str], Column] = {
    (Transfer, "state"): Column(
        "state", _("state"), _gate, lambda row: gettext(STATE_WORDS[_gate(row)])
    ),
    (PolicyVersion, "state"): Column(
        "state",
        _("state"),
        lambda row: policy_state(row.it, today=row.today).value,
        lambda row: str(policy_state(row.it, today=row.today).label),
    ),
    (PolicyVersion, "texts"): Column(
        "texts",
        _("texts and their digests (SHA-256)"),
        _digests,
        lambda row: tuple(
            f"{Language(language).label}: {digest}" for language, digest in _digests(row).items()
        ),
    ),
    (RegisterPaper, "state"): Column(
        "state", _("state"), _paper_state, lambda row: str(PAPER_WORDS[_paper_state(row)])
    ),
    **_extra(RegisterPaper, "filed_on", _("filed on")),
    **_extra(RegisterPaper, "filing_number", _("number of the sending")),
    **_extra(ControlStep, "last_on", _("last checked on")),
}
