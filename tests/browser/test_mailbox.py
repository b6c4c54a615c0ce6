"""Forty mails in the morning: a clerk clears them, with at most three clicks each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import expect

from requests.models import IncomingMail, SubjectRequest
from tests.browser.conftest import WIDE, House, Visitor
from tests.conftest import Office
from tests.requests.mailing import ARRIVED, READ, ingest, mail

pytestmark = pytest.mark.browser
MAILS = 40
MOST = 3


@pytest.fixture(autouse=True)
def clock(live_office: Office) -> Iterator[None]:
    with time_machine.travel(READ, tick=True):
        yield


class Hand:
    """Counts what is clicked."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.clicks = visitor, 0

    def click(self, selector: str) -> None:
        self.clicks += 1
        with self.visitor.page.expect_navigation():
            self.visitor.page.click(selector)


def test_a_clerk_clears_forty_mails(live_office: Office, house: House) -> None:
    team = live_office.pandev
    for number in range(MAILS):
        ingest(
            team, mail(f"Hello {number}", number=f"<{number}@x>", sender=f"s{number}@example.org"),
            received_at=ARRIVED + timedelta(minutes=number),
        )  # fmt: skip
    clerk = house.visitor(width=WIDE)
    clerk.log_in("clerk@pandev")
    hand = Hand(clerk)
    hand.click("text=mails in triage")
    expect(clerk.page.locator("#result_list tbody tr")).to_have_count(MAILS)
    hand.click("#result_list tbody tr:last-child th a")
    assert hand.clicks == 2
    for number in range(MAILS):
        hand.clicks = 0
        assert f"Hello {number}" not in clerk.page.content()
        hand.click("form[action$='/open/'] input[type=submit]")
        expect(clerk.page.locator("#said ~ dl")).to_contain_text(f"Hello {number}")
        if number == 0:
            clerk.judge("mail")
            clerk.picture("en-mail")
        if number % 4:
            hand.click(f"button[name=kind][value={'destruction' if number % 2 else 'other'}]")
        else:
            hand.click(".object-tools a.verb-dismiss")
            clerk.page.fill("[name=reason]", "An advertisement.")
            hand.click(".submit-row input[type=submit]")
        assert hand.clicks <= MOST
    expect(clerk.page.locator("#result_list tbody")).not_to_contain_text("waits for somebody")
    assert not IncomingMail.objects.filter(place="triage").exists()
    assert SubjectRequest.objects.count() == MAILS * 3 // 4
