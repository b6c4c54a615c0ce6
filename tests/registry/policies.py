"""Policies to test with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.models import PolicyText, PolicyVersion
from registry.services import audit
from registry.services.policies import policy_draft, policy_import, policy_publish
from registry.services.policy_generating import policy_generate
from tests.conftest import Team

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)
FIRST = date(2026, 2, 9)
REAL = Path(__file__).resolve().parents[3] / "shared" / "policies"
EN = "1. Terms\n1.1. A visitor is anybody.\n1.3. Data are words.\n2. Rights\n2.1. You may ask."
RU = "1. Термины\n1.1. Посетитель любой.\n1.3. Данные суть слова.\n2. Права\n2.1. Спросите."
KK = "1. Терминдер\n1.1. Келуші кез келген адам.\n2. Құқықтар\n2.1. Сұраңыз."
ALL = {"ru": RU, "kk": KK, "en": EN}


def real(name: str) -> bytes:
    path = REAL / f"{name}.txt"
    if not path.exists():
        pytest.skip("the two policies (../shared/policies) are not on this machine")
    return path.read_bytes()


def speaks(team: Team, *languages: str) -> Team:
    """The languages in which the operator publishes."""
    team.operator.languages = list(languages)
    audit.save(team.operator, by=team.dpo, reason="test", fields=["languages"])
    return team


def imported(team: Team, text: str | bytes = EN, **changes: Any) -> PolicyVersion:
    raw = text.encode() if isinstance(text, str) else text
    asked: dict[str, Any] = {
        "operator": team.operator, "language": "en", "dated": FIRST, "text": raw,
        "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return policy_import(**asked | changes)[0]


def draft(team: Team, **texts: str) -> PolicyVersion:
    return policy_draft(operator=team.operator, texts=texts or ALL, label="", by=team.dpo, now=NOW)


def written(team: Team) -> PolicyVersion:
    """A draft of what the register says."""
    return policy_generate(operator=team.operator, languages=["ru", "kk", "en"], by=None, now=NOW)


def published(team: Team, day: date, **texts: str) -> PolicyVersion:
    row = draft(team, **texts)
    return policy_publish(version=row, in_force_on=day, by=team.dpo, now=NOW)


def everything() -> Any:
    """All rows of the policies and of their histories."""
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (
            PolicyVersion, PolicyText, PolicyVersion.history.model, PolicyText.history.model,
        )
    ]  # fmt: skip
