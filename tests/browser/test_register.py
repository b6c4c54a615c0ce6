"""The whole register as the DPO of IPM keeps it: entered from its policy, judged, repaired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from playwright.sync_api import expect

from registry.models import DeadlineRule, Jurisdiction, Membership, Operator, User
from tests.browser.conftest import House, Visitor
from tests.browser.line_hands import press
from tests.browser.register_facts import POLICY, enter_the_policy
from tests.browser.register_hands import CODE, Key, done, enter, fill, findings
from tests.browser.register_papers import (
    a_transfer_is_planned,
    everybody_reads_the_policy,
    the_map,
    the_notice_is_filed,
    the_policy,
    the_waiting_is_over,
)
from tests.browser.register_repairs import repairs
from tests.browser.register_signing import (
    POSITION,
    signings,
    the_change_is_told,
    the_list_is_approved,
    the_register_is_taken_along,
)
from tests.conftest import Office, make_user

pytestmark = pytest.mark.browser

MOSCOW = ZoneInfo("Europe/Moscow")


# What the policy and the law say of a register that holds no more than the policy does; the numbers
# are those of the short list of ``law/clauses.md``.
AT_FIRST: set[Key] = {
    ("PRM-002", "term:PROMISE.IPM.INQUIRY/RU.REG.INQUIRY"),  # 1
    ("CLG-004", "claimed:public_data"),  # 2
    ("CLG-001", "claimed:table_149fz"),  # 3
    ("DAT-002", "activity:email_information/phone"),
    ("CLM-023", "claim:principle/operations_performed/9.1"),
    ("CLM-011", "claim:third_party_transfer/never/8.2"),  # 4
    ("CLM-012", "claim:third_party_transfer/never/8.2"),
    ("CLM-013", "claim:third_party_transfer/never/8.2"),
    ("OPR-001", "operator:ipm-site"),  # 5
    ("OPR-003", "operator:ipm-site"),
    ("OPR-006", "operator:ipm-site/requests_email"),
    ("OPR-008", "operator:ipm-site/kz"),
    ("SYS-006", "operator:ipm-site"),
    ("CLM-021", "operator:ipm-site"),  # 14
    # Beside the list: other contradictions, and what a register wants that no policy says.
    ("CLG-006", "claimed:contract"),
    ("CLG-006", "claimed:legitimate_interests"),
    ("CLM-020", "claim:liability/not_for_third_parties/8.5"),
    ("CLM-022", "operator:ipm-site"),
    ("CLM-026", "claim:policy_publication/editor_note/12.3"),
    ("GRD-007", "activity:email_information"),
    ("LAW-001", "law:RU"),
    ("MEA-001", "operator:ipm-site"),
    ("MEA-002", "operator:ipm-site"),
    ("MEA-003", "operator:ipm-site"),
    ("MEA-004", "operator:ipm-site"),
    ("MEA-006", "measure:legal"),
    ("MEA-006", "measure:organisational"),
    ("MEA-006", "measure:technical"),
    ("OPR-005", "operator:ipm-site"),
    ("OPR-010", "operator:ipm-site"),
    ("PAP-001", "operator:ipm-site"),
    ("PAP-006", "activity:email_information"),
    ("PAP-007", "operator:ipm-site"),
    ("POL-001", "operator:ipm-site"),
    ("PPL-001", "operator:ipm-site"),
    ("RCP-001", "recipient:communication_tools"),
    ("RCP-001", "recipient:payment_systems"),
    ("RET-002", "operator:ipm-site"),
    ("SYS-001", "system:website"),
}
# What only a lawyer or the administrator can clear, or nobody needs to.
STANDING: set[Key] = {
    ("PRM-002", "term:PROMISE.IPM.INQUIRY/RU.REG.INQUIRY"),
    ("LAW-001", "law:RU"),
}


def moscow(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=MOSCOW)


@pytest.fixture
def clock(live_office: Office) -> Iterator[time_machine.Coordinates]:
    """The time of the server, which the story moves on."""
    with time_machine.travel(moscow(3, 2), tick=True) as traveller:
        yield traveller


@pytest.fixture
def dpo(live_office: Office, clock: Any) -> User:
    return make_user("dpo@ipm-site", first_name="Анна", last_name="Иванова")


def test_from_the_policy_to_the_papers(
    live_office: Office, dpo: User, house: House, clock: time_machine.Coordinates
) -> None:
    desk = house.visitor()
    the_administrator_opens_the_operator(desk, dpo)
    desk.log_in(dpo.username)
    enter_the_policy(desk)
    assert findings(desk) == AT_FIRST
    desk.judge("findings")
    desk.picture("b-findings")
    one_by_one(desk, dpo)
    everybody_reads_the_policy(house)
    page = a_transfer_is_planned(desk)
    the_notice_is_filed(desk, page)
    the_waiting_is_over(desk, page, clock, moscow(3, 17), moscow(3, 18))
    the_change_is_told(desk)
    the_list_is_approved(desk)
    assert findings(desk) == set()
    the_map(desk)
    the_register_is_taken_along(desk)


def one_by_one(desk: Visitor, dpo: User) -> None:
    """Each is there, is repaired, is gone, and none of the earlier ones is back."""
    gone: set[Key] = set()
    there = findings(desk)
    steps = [*repairs(dpo), *signings(dpo), (("POL-001", "operator:ipm-site"), the_policy)]
    for key, repair in steps:
        assert key in there, (key, sorted(there))
        repair(desk, key)
        now = findings(desk)
        assert key not in now, key
        assert gone & now == set(), key
        gone |= there - now
        there = now
    assert there == set()
    expect(desk.page.locator(".desk-empty")).to_contain_text("Nothing is open")
    assert findings(desk, state="acknowledged") == STANDING
    desk.judge("findings that stand")
    desk.picture("b-findings-stand")


def the_administrator_opens_the_operator(desk: Visitor, dpo: User) -> None:
    """The card as the policy has it, the DPO with an undertaking, the promise of ten days."""
    desk.log_in("admin")
    card = {**POLICY["operator"], "code": CODE}
    card["jurisdiction"] = russia = Jurisdiction.objects.get(code="RU")
    enter(desk, Operator, **card)
    enter(
        desk, Membership, user=dpo, role="dpo", started_on="2026-03-02", position=POSITION,
        undertaking="U-1", undertaking_on="2026-03-02",
    )  # fmt: skip
    (promise,) = POLICY["promise"]
    typed = {**promise, "code": "PROMISE.IPM.INQUIRY", "source": "promise"}
    for name in ("trigger", "duty", "note"):
        typed |= {f"{name}_{key}": words for key, words in typed.pop(name).items()}
    desk.open("/admin/registry/deadlinerule/add/")
    fill(desk, {**typed, "jurisdiction": russia, "operator": Operator.objects.get(code=CODE)})
    press(desk, "input[name=_save]")
    press(desk, "form input.default")
    done(desk)
    assert DeadlineRule.objects.filter(code=typed["code"]).exists()
    desk.log_out()
