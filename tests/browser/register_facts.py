"""What the DPO of IPM types: its policy fact by fact, in our own words.

The words are those of ``registry/data/operators/ipm.toml``; here nobody loads that file: every
row goes through the form of its table. Left out are claims that no check judges, and all but two
of the recipients and of the grounds that are claimed without need.
"""

from __future__ import annotations

import tomllib
from typing import Any

from registry.findings.known import KNOWN
from registry.models import (
    ClaimedGround,
    DataCategory,
    InformationSystem,
    IntakeChannel,
    LegalBasis,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    Recipient,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
)
from tests.browser.conftest import Visitor
from tests.browser.register_hands import enter, row
from tests.conftest import ROOT

POLICY = tomllib.loads((ROOT / "registry/data/operators/ipm.toml").read_text("utf-8"))
# In the order in which a row may name those before it.
TABLES = {
    "subject_category": SubjectCategory,
    "data_category": DataCategory,
    "purpose": Purpose,
    "information_system": InformationSystem,
    "recipient": Recipient,
    "activity": ProcessingActivity,
    "claimed_ground": ClaimedGround,
    "claim": PolicyClaim,
    "intake_channel": IntakeChannel,
    "retention_rule": RetentionRule,
    "security_measure": SecurityMeasure,
}
LEFT_OUT = {
    "recipient": {"other_services", "contract_third_parties"},
    "claimed_ground": {"treaty_or_law", "justice", "enforcement", "publication_by_law"},
}
NAMED_BY_CODE = {
    "purpose": Purpose,
    "subject_categories": SubjectCategory,
    "data_categories": DataCategory,
    "systems": InformationSystem,
    "recipients": Recipient,
}


def enter_the_policy(desk: Visitor) -> None:
    for table, model in TABLES.items():
        for fact in POLICY[table]:
            if _is_entered(table, fact):
                enter(desk, model, **_typed(fact))


def _is_entered(table: str, fact: dict[str, Any]) -> bool:
    if table == "claim":
        return fact["code"] in KNOWN.get(fact["topic"], {})
    return table not in LEFT_OUT or fact["code"] not in LEFT_OUT[table]


def _typed(fact: dict[str, Any]) -> dict[str, Any]:
    """The fields of the form; what is empty stays as the form offers it."""
    found: dict[str, Any] = {}
    for name, value in fact.items():
        if isinstance(value, dict):
            found |= {f"{name}_{language}": words for language, words in value.items()}
        elif name == "legal_basis":
            found[name] = LegalBasis.objects.get(code=value)
        elif name == "legal_bases":
            found[name] = list(LegalBasis.objects.filter(code__in=value))
        elif name in NAMED_BY_CODE and value:
            model = NAMED_BY_CODE[name]
            found[name] = (
                [row(model, code) for code in value]
                if isinstance(value, list)
                else row(model, value)
            )
        elif value != []:
            found[name] = value
    return found


def named(english: str, russian: str, kazakh: str, field: str = "name") -> dict[str, str]:
    return {f"{field}_en": english, f"{field}_ru": russian, f"{field}_kk": kazakh}
