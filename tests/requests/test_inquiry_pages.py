"""The pages of an inquiry's verbs: who may, what they do, what the state forbids."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import Absence, DeadlineRule, Extension
from requests import states
from requests.models import RegulatorInquiry
from requests.services.inquiries import clock_of
from tests.conftest import Office
from tests.requests.letters import answer, everything, letter, withdraw
from tests.requests.pages import (
    FORMS,
    NOON,
    LogIn,
    errors,
    page_of,
    post,
    ready_for,
    refuses,
    said,
)

DECIDED_BY_DPO = {"answer", "extend", "restate", "withdraw"}
# The operator promised a term of its own, so the extension of the law is refused even to the DPO.
STATUS_OF_DPO = dict.fromkeys(FORMS, 302) | {"extend": 422}


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def inquiry(office: Office) -> RegulatorInquiry:
    return letter(office.ipm)


@pytest.fixture
def away(office: Office) -> Absence:
    """The DPO is away today, and the deputy stands in."""
    return Absence.objects.create(
        operator=office.ipm.operator, user=office.ipm.dpo, substitute=office.ipm.deputy,
        first_on=date(2025, 12, 29), last_on=date(2025, 12, 29), order_number="7",
    )  # fmt: skip


# --- who may ---------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", FORMS)
def test_the_dpo_may_everything(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    row, client = ready_for(verb, inquiry, office), as_user(office.ipm.dpo)
    assert client.get(page_of(row, verb)).status_code == 200
    assert post(client, row, verb).status_code == STATUS_OF_DPO[verb]


@pytest.mark.parametrize("verb", FORMS)
def test_the_clerk_prepares_and_does_not_decide(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    row, client = ready_for(verb, inquiry, office), as_user(office.ipm.clerk)
    if verb not in DECIDED_BY_DPO:
        assert client.get(page_of(row, verb)).status_code == 200
        assert post(client, row, verb).status_code == 302
        return
    assert client.get(page_of(row, verb)).status_code == 403
    response = refuses(client, row, verb, 403)
    assert "Not for your role" in response.content.decode()


@pytest.mark.parametrize("verb", FORMS)
def test_the_substitute_may_what_the_dpo_may_on_these_days_only(
    office: Office, inquiry: RegulatorInquiry, away: Absence, as_user: LogIn, verb: str
) -> None:
    row = ready_for(verb, inquiry, office)
    for moment in (
        datetime(2025, 12, 28, 20, 59, tzinfo=UTC),
        datetime(2025, 12, 29, 21, tzinfo=UTC),
    ):
        with time_machine.travel(moment, tick=False):
            if verb in DECIDED_BY_DPO:
                refuses(as_user(office.ipm.deputy), row, verb, 403)
    response = post(as_user(office.ipm.deputy), row, verb)
    assert response.status_code == STATUS_OF_DPO[verb]
    if verb == "answer":
        row.refresh_from_db()
        assert row.sent_by == office.ipm.deputy


@pytest.mark.parametrize("verb", FORMS)
def test_who_only_reads_changes_nothing(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    row = ready_for(verb, inquiry, office)
    for user in (office.ipm.auditor, office.admin):
        assert as_user(user).get(page_of(row, verb)).status_code == 403
        refuses(as_user(user), row, verb, 403)


@pytest.mark.parametrize("verb", FORMS)
def test_for_everybody_else_it_does_not_exist(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    row = ready_for(verb, inquiry, office)
    for user in (office.pandev.dpo, office.pandev.clerk, office.nobody):
        assert as_user(user).get(page_of(row, verb)).status_code == 404
        refuses(as_user(user), row, verb, 404)


def test_numbers_that_mean_nothing_are_no_pages(office: Office, as_user: LogIn) -> None:
    client = as_user(office.ipm.dpo)
    for number in ("0", "x", "9" * 30, "_3C"):
        url = reverse("admin:requests_regulatorinquiry_draft", args=[number])
        assert client.get(url).status_code == 404, number


def test_the_plain_change_form_changes_nothing(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    before = everything()
    url = reverse("admin:requests_regulatorinquiry_change", args=[inquiry.pk])
    assert as_user(office.ipm.dpo).post(url, {"state": "answered"}).status_code == 403
    assert everything() == before


# --- what they do ----------------------------------------------------------------------------
def test_a_draft_then_an_answer(office: Office, inquiry: RegulatorInquiry, as_user: LogIn) -> None:
    client = as_user(office.ipm.clerk)
    assert said(post(client, inquiry, "draft", answer="Line one.\r\nLine two.")) == [
        "The draft is saved."
    ]
    form = as_user(office.ipm.dpo).get(page_of(inquiry, "answer")).context["form"]
    assert form["read"].value() == form["answer"].value() == "Line one.\nLine two."
    response = post(
        as_user(office.ipm.dpo),
        inquiry,
        "answer",
        answer="Line one.\r\nLine two.",
        read="Line one.\r\nLine two.",
    )
    assert said(response) == ["INQ-2025-0001 is answered; its clock has stopped."]
    inquiry.refresh_from_db()
    # 11:30 in Moscow.
    assert inquiry.sent_at == datetime(2025, 12, 29, 8, 30, tzinfo=UTC)
    assert inquiry.sent_by == office.ipm.dpo
    assert clock_of(inquiry).met_at == inquiry.sent_at


def test_the_time_of_sending_is_read_where_the_operator_is(office: Office, as_user: LogIn) -> None:
    inquiry = letter(office.pandev)
    client = as_user(office.pandev.dpo)
    # 14:00 in Almaty is now.
    form = client.get(page_of(inquiry, "answer"))
    assert 'value="2025-12-29T14:00"' in form.content.decode()
    refuses(client, inquiry, "answer", 422, sent_at="2025-12-29T14:01")
    assert post(client, inquiry, "answer", sent_at="2025-12-29T14:00").status_code == 302
    inquiry.refresh_from_db()
    assert inquiry.sent_at == NOON


def test_a_late_answer_is_shown_as_late(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    card = reverse("admin:requests_regulatorinquiry_change", args=[inquiry.pk])
    with time_machine.travel(datetime(2026, 1, 13, 9, tzinfo=UTC), tick=False):
        client = as_user(office.ipm.dpo)
        assert "overdue by 1 day" in client.get(card).content.decode()
        post(client, inquiry, "answer", sent_at="2026-01-13T00:00")
        assert "met late" in client.get(card).content.decode()


def test_assigning_and_taking_away(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    client = as_user(office.ipm.clerk)
    form = client.get(page_of(inquiry, "assign")).context["form"]
    assert form["owner"].value() == office.ipm.dpo.pk
    assert {user.username for user in form.fields["owner"].queryset} == {
        "dpo@ipm", "clerk@ipm", "deputy@ipm",
    }  # fmt: skip
    response = post(client, inquiry, "assign", owner=office.ipm.clerk.pk)
    assert said(response) == ["Assigned to clerk@ipm."]
    assert clock_of(inquiry).owner == office.ipm.clerk
    assert "Nobody owns this now." in said(post(client, inquiry, "assign", owner=""))
    assert clock_of(inquiry).owner is None
    refuses(client, inquiry, "assign", 200, owner=office.pandev.clerk.pk)


def test_a_case_of_somebody_away_goes_to_the_substitute(
    office: Office, inquiry: RegulatorInquiry, away: Absence, as_user: LogIn
) -> None:
    response = post(as_user(office.ipm.clerk), inquiry, "assign", owner=office.ipm.dpo.pk)
    assert said(response) == ["Assigned to deputy@ipm."]


def test_an_extension_says_the_new_day(office: Office, as_user: LogIn) -> None:
    DeadlineRule.objects.filter(event="inquiry_received", source="promise").update(
        effective_until=date(2025, 1, 1)
    )
    inquiry = letter(office.ipm)
    response = post(as_user(office.ipm.dpo), inquiry, "extend")
    assert said(response) == ["Extended until Tuesday, 27 January 2026."]
    assert Extension.objects.get().notice_sent_at == datetime(2025, 12, 29, 8, tzinfo=UTC)
    again = refuses(as_user(office.ipm.dpo), inquiry, "extend", 409)
    assert errors(again).startswith("INQ-2025-0001: the law allows one extension")


def test_a_promise_is_not_extended_and_the_page_says_why(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    response = refuses(as_user(office.ipm.dpo), inquiry, "extend", 422)
    assert errors(response) == (
        "INQ-2025-0001: the operator's own promise binds (IPM policy 3.2, due on Monday, 12 "
        "January 2026), and a promise is never extended."
    )
    assert "The archive is being moved.</textarea>" in response.content.decode()


def test_restating_proving_and_withdrawing(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    client = as_user(office.ipm.dpo)
    assert said(post(client, inquiry, "restate")) == ["The clock has been counted again."]
    assert clock_of(inquiry).due_on == date(2025, 12, 30)
    post(client, inquiry, "restate", stated_on="")
    assert clock_of(inquiry).due_on == date(2026, 1, 12)
    other = letter(office.ipm, reference="2")
    assert said(post(client, other, "withdraw"))[-1] == "INQ-2025-0002 is withdrawn."
    post(client, inquiry, "answer", proof="")
    assert said(post(as_user(office.ipm.clerk), inquiry, "prove")) == ["The proof is recorded."]


# --- states ----------------------------------------------------------------------------------
CLOSED = [
    (state, verb)
    for state in states.INQUIRY
    for verb in FORMS
    if ("draft" if verb == "assign" else verb) not in states.INQUIRY[state]
]


def closed(state: str, office: Office) -> RegulatorInquiry:
    inquiry = letter(office.ipm)
    if state == states.ANSWERED:
        return answer(inquiry, office.ipm, sent_at=NOON, now=NOON)
    return withdraw(inquiry, office.ipm) if state == states.WITHDRAWN else inquiry


@pytest.mark.parametrize(("state", "verb"), CLOSED)
def test_a_verb_that_the_state_forbids_is_409_and_writes_nothing(
    office: Office, as_user: LogIn, state: str, verb: str
) -> None:
    inquiry = closed(state, office)
    refuses(as_user(office.ipm.dpo), inquiry, verb, 409)


@pytest.mark.parametrize(("state", "verb"), CLOSED)
def test_a_page_that_could_only_fail_offers_no_form(
    office: Office, as_user: LogIn, state: str, verb: str
) -> None:
    inquiry = closed(state, office)
    response = as_user(office.ipm.dpo).get(page_of(inquiry, verb))
    assert response.status_code == 409
    page = response.content.decode()
    assert '<form method="post" novalidate' not in page
    assert inquiry.number in page


@pytest.mark.parametrize("state", list(states.INQUIRY))
def test_the_card_offers_what_the_state_allows(office: Office, as_user: LogIn, state: str) -> None:
    inquiry = closed(state, office)
    url = reverse("admin:requests_regulatorinquiry_change", args=[inquiry.pk])
    offered = {verb["name"] for verb in as_user(office.ipm.dpo).get(url).context["verbs"]}
    assert offered == {verb for verb in FORMS if (state, verb) not in CLOSED}


def test_the_list_asks_the_same_for_one_letter_and_for_many(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    url, client = reverse("admin:requests_regulatorinquiry_changelist"), as_user(office.ipm.dpo)
    with CaptureQueriesContext(connection) as one:
        assert inquiry.number in client.get(url).content.decode()
    for number in range(2, 9):
        letter(office.ipm, reference=str(number), owner=office.ipm.clerk)
    with CaptureQueriesContext(connection) as many:
        assert "INQ-2025-0008" in client.get(url).content.decode()
    assert len(many) == len(one)
