"""The verbs of an inquiry, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime

from registry.models import Authority
from requests.services.inquiries import clock_of, inquiry_register
from tests.conftest import Office


def test_ipm_inquiry_of_25_december_is_due_on_12_january(office: Office) -> None:
    inquiry = inquiry_register(
        operator=office.ipm.operator,
        authority=Authority.objects.get(code="RU.RKN"),
        reference="08-1234 of 24.12.2025",
        received_at=datetime(2025, 12, 25, 9, tzinfo=UTC),
        questions="Which measures?",
        channel="post",
        by=office.ipm.clerk,
        now=datetime(2025, 12, 25, 10, tzinfo=UTC),
    )
    clock = clock_of(inquiry)
    assert inquiry.number == "INQ-2025-0001"
    assert (clock.due_on, clock.binding) == (date(2026, 1, 12), "promise")
    assert clock.statute_due_on == date(2026, 1, 20)
    assert clock.owner == office.ipm.dpo
