"""A blocked person: what the tests of blocks share."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from registry.models import DataCategory
from subjects.models import Block, DataSubject, PersonalDatum
from subjects.services.photos import datum_photo
from subjects.services.stops import block_place
from tests.conftest import Team
from tests.subjects.persons import EVIDENCE, NOW, SINCE, VALUES

LABEL = "REQ-2026-0001"
OTHER = "REQ-2026-0002"
MASKS = ("С. Ә. Н.", "9087")


def category(team: Team, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=team.operator, code=code)


def block(
    team: Team, card: DataSubject, code: str = "", label: str = LABEL, **changed: Any
) -> Block:
    facts: dict[str, Any] = {
        "subject": card,
        "category": category(team, code) if code else None,
        "why": "check",
        "label": label,
        "reason": "a complaint is checked",
        "by": team.dpo,
        "now": NOW,
    }
    return block_place(**facts | changed)


def picture() -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    stream.seek(0)
    return stream


def photo(team: Team, card: DataSubject) -> PersonalDatum:
    stream = picture()
    return datum_photo(
        subject=card, category=category(team, "photo"), stream=stream,
        size=len(stream.getvalue()), source="subject", collected_on=SINCE, by=team.clerk, now=NOW,
    )  # fmt: skip


def leaks(said: Any) -> list[str]:
    """Values and masks of the person that stand in a text, a page or a paper."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return [value for value in (*VALUES.values(), EVIDENCE, *MASKS) if value in text]
