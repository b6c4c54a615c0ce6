"""``load_operator``: an operator's card and every fact of its policy, from one file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import models, transaction

from registry.choices import RuleSource
from registry.models import (
    ClaimedGround,
    Country,
    DataCategory,
    DeadlineRule,
    InformationSystem,
    IntakeChannel,
    Jurisdiction,
    LegalBasis,
    Operator,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    Recipient,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
    SubjectLine,
)
from registry.services.corrections import correct
from registry.services.law import (
    RULE_KEYS,
    check_keys,
    check_owner_of_code,
    read_toml,
    rows_of,
    rule_values,
)
from registry.services.loading import LoadRefused, Report, put_row, texts

NAMED = {"code", "name", "clause"}
OPERATOR_KEYS = {
    "code", "name", "jurisdiction", "bin", "inn", "address", "website", "email",
    "requests_email", "phone", "telegram", "bank_account", "bank_name", "bank_code",
    "time_zone", "languages", "policy_version", "policy_dated", "policy_address",
    "mailbox_country",
}  # fmt: skip
# Table -> model, allowed keys, the fields that find the row beside the operator.
TABLES: dict[str, tuple[type[models.Model], set[str], tuple[str, ...]]] = {
    "subject_category": (SubjectCategory, NAMED | {"relation", "condition"}, ("code",)),
    "data_category": (
        DataCategory, NAMED | {"kind", "format", "search", "open_ended"}, ("code",),
    ),
    "purpose": (Purpose, NAMED | {"contact_by", "incompatible"}, ("code",)),
    "information_system": (InformationSystem, NAMED | {"address", "country"}, ("code",)),
    "recipient": (Recipient, NAMED | {"kind", "country"}, ("code",)),
    "activity": (
        ProcessingActivity,
        NAMED
        | {
            "purpose", "subject_categories", "data_categories", "legal_bases", "systems",
            "recipients", "operations", "collection_ways", "mode", "over_network", "started_on",
            "balance_note", "review_on",
        },
        ("code",),
    ),
    "claimed_ground": (
        ClaimedGround, {"code", "purpose", "words", "clause", "legal_basis"}, ("code",),
    ),
    "claim": (PolicyClaim, {"topic", "code", "clause", "words"}, ("topic", "code", "clause")),
    "intake_channel": (
        IntakeChannel, {"channel", "intake", "address", "clause"}, ("channel", "intake", "clause"),
    ),
    "subject_line": (
        SubjectLine, {"text", "language", "intake", "mailbox", "clause"}, ("text",),
    ),
    "retention_rule": (
        RetentionRule,
        {
            "code", "activity", "event", "counted_from", "length", "unit", "after", "automatic",
            "article", "clause",
        },
        ("code",),
    ),
    "security_measure": (SecurityMeasure, NAMED | {"kind", "topic"}, ("code",)),
}  # fmt: skip
TEXTS = ("condition", "words", "name")
# Field -> the table of the same file, or the model, whose code it holds.
IN_FILE = {
    "purpose": "purpose",
    "activity": "activity",
    "incompatible": "purpose",
    "subject_categories": "subject_category",
    "data_categories": "data_category",
    "systems": "information_system",
    "recipients": "recipient",
}
IN_LAW: dict[str, type[models.Model]] = {
    "country": Country,
    "legal_basis": LegalBasis,
    "legal_bases": LegalBasis,
}


def _law_row(model: type[models.Model], code: str, where: str) -> models.Model:
    manager: Any = model._default_manager
    row: models.Model | None = manager.filter(code=code).first()
    if row is None:
        raise LoadRefused(where=where, why=f"unknown {model._meta.verbose_name} {code}")
    return row


def _resolve(
    model: type[models.Model],
    values: dict[str, Any],
    rows: dict[str, dict[str, models.Model]],
    where: str,
) -> dict[str, Any]:
    """Codes become rows: of the same file, or of the law."""

    def one(name: str, code: Any) -> models.Model:
        if name in IN_LAW:
            return _law_row(IN_LAW[name], code, where)
        try:
            return rows[IN_FILE[name]][code]
        except (KeyError, TypeError):
            raise LoadRefused(where=where, why=f"unknown {name} {code}") from None

    resolved = {}
    for name, value in values.items():
        if name not in IN_FILE and name not in IN_LAW:
            resolved[name] = value
            continue
        many = model._meta.get_field(name).many_to_many
        if many != isinstance(value, list):
            raise LoadRefused(
                where=where, why=f"{name} must be {'a list of codes' if many else 'one code'}"
            )
        if many:
            resolved[name] = [one(name, code) for code in value]
        else:
            resolved[name] = one(name, value)
    return resolved


def _load_card(data: dict[str, Any], where: str, reason: str, report: Report) -> Operator:
    card = data.get("operator")
    if card is None:
        raise LoadRefused(where=where, why="the table operator is missing")
    check_keys(card, OPERATOR_KEYS, f"{where}: operator")
    values = dict(card)
    for name in ("code", "name", "jurisdiction"):
        if not values.get(name):
            raise LoadRefused(where=f"{where}: operator", why=f"{name} is missing")
    values["jurisdiction"] = _law_row(Jurisdiction, values["jurisdiction"], f"{where}: operator")
    if "mailbox_country" in values:
        country = values["mailbox_country"]
        values["mailbox_country"] = _law_row(Country, country, f"{where}: operator")
    code = values.pop("code")
    row = put_row(
        Operator,
        where=f"{where}: operator",
        lookup={"code": code},
        values=values,
        reason=reason,
        report=report,
    )
    assert isinstance(row, Operator)
    return row


@transaction.atomic
def operator_load(*, path: Path, now: datetime) -> tuple[Operator, Report]:
    """Load or update one operator. Idempotent; keeps what people changed; all or nothing.

    Refuses unknown tables and keys, codes that nothing answers to, wrong check digits.
    """
    data = read_toml(path)
    where, reason, report = path.name, f"loaded from {path.name}", Report()
    unknown = sorted(set(data) - set(TABLES) - {"operator", "promise"})
    if unknown:
        raise LoadRefused(where=where, why=f"unknown table {unknown[0]}")
    loaded: list[Operator] = []

    def load() -> Operator:
        operator = _load_card(data, where, reason, report)
        loaded.append(operator)
        rows: dict[str, dict[str, models.Model]] = {}
        for table, (model, allowed, lookup_names) in TABLES.items():
            rows[table] = {}
            for place, entry in rows_of(data, table, where):
                check_keys(entry, allowed, place)
                values = _resolve(model, texts(dict(entry), TEXTS, place), rows, place)
                try:
                    lookup = {"operator": operator} | {
                        name: values.pop(name) for name in lookup_names
                    }
                except KeyError as error:
                    raise LoadRefused(where=place, why=f"{error.args[0]} is missing") from None
                row = put_row(
                    model, where=place, lookup=lookup, values=values, reason=reason, report=report
                )
                rows[table][entry.get("code", "")] = row
        for place, entry in rows_of(data, "promise", where):
            check_keys(entry, RULE_KEYS - {"jurisdiction", "source"}, place)
            values = rule_values(dict(entry), place) | {
                "operator": operator,
                "jurisdiction": operator.jurisdiction,
                "source": RuleSource.PROMISE,
            }
            if "code" not in values:
                raise LoadRefused(where=place, why="code is missing")
            check_owner_of_code(values["code"], operator, place)
            lookup = {name: values.pop(name) for name in ("code", "effective_from")}
            put_row(
                DeadlineRule,
                where=place,
                lookup=lookup,
                values=values,
                reason=reason,
                report=report,
            )
        return operator

    correct(
        change=load, what=f"the file {where}", reason=reason, by=None, now=now, always_record=False
    )
    return loaded[0], report
