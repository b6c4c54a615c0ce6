"""A sealed row to test with, and what one reads of it."""

from __future__ import annotations

from typing import Any

from registry.models import DataCategory
from subjects.models import PersonalDatum
from subjects.vault.sealing_bridge import open_rows
from tests.conftest import Office
from tests.subjects.people import person

SECRET = "secret-canary@example.org"


def sealed_row(office: Office) -> PersonalDatum:
    """The address of somebody new."""
    subject = person(office.pandev, email=SECRET)
    return PersonalDatum.objects.get(subject=subject, category__code="email")


def text(row: Any, name: str = "value") -> str:
    return open_rows([row], name)[row.pk].text


def fresh(row: PersonalDatum) -> PersonalDatum:
    return PersonalDatum.objects.get(pk=row.pk)


def category_of_row(row: PersonalDatum, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=row.subject.operator, code=code)
