"""Registering a person's letter: its number, its clocks, its sealed text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from registry.models import Absence, Deadline, Operator
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads
from registry.services.rules import UnknownOperator
from registry.workdays import CalendarMissing
from requests.models import SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.inquiries import NotYet, OperatorInactive
from requests.services.moving import UnknownChoice
from requests.services.subject_requests import (
    ContactMissing,
    Demand,
    DemandTwice,
    NameTooLong,
    NoTermInForce,
    NothingAsked,
    UnknownDemand,
)
from requests.services.told import letter_open, letter_open_until, told
from subjects import values
from subjects.models import VaultKey
from subjects.services.keys import holders, lost_keys
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    MARKETING,
    NOW,
    RECEIVED,
    SECRETS,
    TOLD,
    WITHDRAWAL,
    again,
    asked,
    assign,
    item_of,
    receive,
    refused,
    team_of,
)


def clock(request: SubjectRequest, kind: str = "") -> Deadline:
    return item_of(request, kind).deadlines.select_related("statute", "operator").get()


# --- the clocks ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "demand", "rule", "due_on"),
    [
        # 15 working days over Nauryz; the vector of law.md.
        ("pandev", WITHDRAWAL, "KZ.CONSENT.WITHDRAW", date(2026, 4, 1)),
        ("pandev", Demand(RequestKind.WITHDRAWAL, "third_parties"), "KZ.CONSENT.WITHDRAW",
         date(2026, 4, 1)),
        ("pandev", Demand(RequestKind.WITHDRAWAL, "dissemination"), "KZ.CONSENT.WITHDRAW",
         date(2026, 4, 1)),
        # The Digital Code is not in force in March 2026: until then it is a withdrawal.
        ("pandev", DESTRUCTION, "KZ.CONSENT.WITHDRAW", date(2026, 4, 1)),
        ("pandev", MARKETING, "KZ.CONSENT.WITHDRAW", date(2026, 4, 1)),
        # 30 calendar days, a Saturday: Monday.
        ("ipm", WITHDRAWAL, "RU.CONSENT.WITHDRAW", date(2026, 4, 6)),
        ("ipm", Demand(RequestKind.WITHDRAWAL, "cross_border"), "RU.SUBJ.CEASE",
         date(2026, 3, 20)),
        ("ipm", Demand(RequestKind.WITHDRAWAL, "dissemination"), "RU.DISSEM.STOP",
         date(2026, 3, 5)),
        ("ipm", DESTRUCTION, "RU.SUBJ.CEASE", date(2026, 3, 20)),
        ("ipm", MARKETING, "RU.MARKETING.STOP", date(2026, 3, 5)),
    ],
)  # fmt: skip
def test_each_demand_has_the_clock_of_its_law(
    office: Office, code: str, demand: Demand, rule: str, due_on: date
) -> None:
    running = clock(receive(team_of(office, code), demand))
    assert running.statute is not None
    assert (running.statute.code, running.due_on) == (rule, due_on)
    assert running.label == "REQ-2026-0001"
    # The receipt counts, not the registration a day later.
    assert running.trigger_at == RECEIVED


def test_from_12_july_2026_destruction_in_kazakhstan_is_a_right_of_its_own(office: Office) -> None:
    zone = ZoneInfo("Asia/Almaty")
    before, after = (
        datetime(2026, 7, 11, 23, 59, tzinfo=zone), datetime(2026, 7, 12, 0, 1, tzinfo=zone)
    )  # fmt: skip
    now = datetime(2026, 7, 20, tzinfo=zone)
    codes = [
        clock(receive(office.pandev, DESTRUCTION, received_at=moment, now=now)).statute.code
        for moment in (before, after)
    ]
    assert codes == ["KZ.CONSENT.WITHDRAW", "KZ.SUBJ.ERASE_DC"]


@pytest.mark.parametrize(("code", "zone"), [("ipm", "Europe/Moscow"), ("pandev", "Asia/Almaty")])
def test_both_sides_of_midnight_where_the_operator_is(office: Office, code: str, zone: str) -> None:
    team, there = team_of(office, code), ZoneInfo(zone)
    evening = datetime(2026, 3, 3, 23, 59, tzinfo=there)
    late = clock(receive(team, DESTRUCTION, received_at=evening))
    early = clock(receive(team, DESTRUCTION, received_at=evening + timedelta(minutes=2)))
    assert late.due_on is not None and early.due_on is not None
    assert late.due_on < early.due_on
    assert late.ends_at == datetime.combine(
        late.due_on + timedelta(days=1), datetime.min.time(), there
    )


def test_each_of_several_demands_has_a_clock_of_its_own(office: Office) -> None:
    request = receive(office.ipm, WITHDRAWAL, DESTRUCTION, MARKETING)
    assert request.items.count() == 3
    kinds = ("withdrawal", "destruction", "marketing")
    assert {clock(request, kind).statute.code for kind in kinds} == {
        "RU.CONSENT.WITHDRAW", "RU.SUBJ.CEASE", "RU.MARKETING.STOP",
    }  # fmt: skip
    assert {row.label for row in Deadline.objects.all()} == {request.number}


def test_the_owner_is_the_responsible_person_or_who_stands_in(office: Office) -> None:
    assert clock(receive(office.ipm)).owner == office.ipm.dpo
    Absence.objects.create(
        operator=office.ipm.operator, user=office.ipm.dpo, substitute=office.ipm.deputy,
        first_on=date(2026, 3, 1), last_on=date(2026, 3, 30), order_number="7",
    )  # fmt: skip
    request = receive(office.ipm)
    assert clock(request).owner == office.ipm.deputy
    assign(request, office.ipm, owner=office.ipm.clerk)
    assert clock(request).owner == office.ipm.clerk
    assert again(request).state == "received"


def test_without_any_rule_the_registration_is_refused_whole(office: Office) -> None:
    with refused(NoTermInForce, "2025-12-01", "94-V"):
        receive(office.pandev, received_at=datetime(2025, 12, 1, 9, tzinfo=UTC))


# --- number, trail, refusals -----------------------------------------------------------------
def test_numbers_follow_each_other_by_operator_and_year(office: Office) -> None:
    assert [receive(office.ipm).number for _ in range(2)] == ["REQ-2026-0001", "REQ-2026-0002"]
    assert receive(office.pandev).number == "REQ-2026-0001"
    # By the year of the registration where the operator is.
    almost = datetime(2026, 12, 31, 18, 59, tzinfo=UTC)
    assert receive(office.pandev, now=almost).number == "REQ-2026-0002"
    assert receive(office.pandev, now=almost + timedelta(minutes=1)).number == "REQ-2027-0001"
    SubjectRequest.objects.filter(number="REQ-2026-0002", operator=office.ipm.operator).update(
        number="REQ-2026-9999"
    )
    assert receive(office.ipm).number == "REQ-2026-10000"
    assert receive(office.ipm).number == "REQ-2026-10001"


@BOTH
def test_registration_records_both_moments_and_who(office: Office, code: str) -> None:
    team = team_of(office, code)
    request = again(receive(team))
    assert (request.received_at, request.registered_at) == (RECEIVED, NOW)
    assert request.state == "received"
    rows = list(request.history.all())
    assert {row.history_user for row in rows} == {team.clerk}
    assert {row.history_change_reason for row in rows} == {"registered"}


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"received_at": NOW + timedelta(seconds=1)}, NotYet),
        ({"received_at": datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Almaty"))}, CalendarMissing),
        ({"items": ()}, NothingAsked),
        ({"items": (Demand("tea"),)}, UnknownDemand),
        ({"items": (Demand(RequestKind.WITHDRAWAL, "everything"),)}, UnknownDemand),
        ({"items": (Demand(RequestKind.DESTRUCTION, "dissemination"),)}, UnknownDemand),
        ({"items": (WITHDRAWAL, WITHDRAWAL)}, DemandTwice),
        ({"channel": "pigeon"}, UnknownChoice),
        ({"language": "de"}, UnknownChoice),
        ({"answer_by": "pigeon"}, UnknownChoice),
        ({"email": " "}, ContactMissing),
        ({"answer_by": "post", "postal": ""}, ContactMissing),
        ({"email": "no address"}, values.WrongValue),
        ({"phone": "12"}, values.WrongValue),
        ({"message": "x" * 20_001}, values.TooLong),
        ({"name": "x" * 301}, NameTooLong),
    ],
)
def test_a_letter_that_cannot_be_is_refused_whole(
    office: Office, changed: dict[str, Any], refusal: Any
) -> None:
    with refused(refusal):
        receive(office.pandev, **changed)


def test_unknown_and_inactive_operators_are_refused(office: Office) -> None:
    with refused(UnknownOperator):
        receive(office.ipm, operator=Operator(pk=999_999, code="nobody"))
    Operator.objects.filter(pk=office.ipm.operator.pk).update(is_active=False)
    with refused(OperatorInactive):
        receive(office.ipm)


def test_owners_who_are_not_on_the_staff_are_refused(office: Office) -> None:
    with refused(NotOnTheStaff):
        receive(office.ipm, owner=office.pandev.dpo)
    with refused(OwnerOnlyReads):
        receive(office.ipm, owner=office.ipm.auditor)


def test_a_letter_of_this_very_second_with_nothing_but_a_demand_is_taken(office: Office) -> None:
    request = receive(
        office.ipm, MARKETING, received_at=NOW, answer_by="by_hand",
        **dict.fromkeys(TOLD, ""),
    )  # fmt: skip
    assert request.email_key is None
    assert {shown.state for shown in told(again(request), opened=True).values()} == {"empty"}


# --- sealed ----------------------------------------------------------------------------------
def test_what_was_told_is_sealed_each_under_a_key_of_its_own(office: Office) -> None:
    request = again(receive(office.pandev))
    numbers = {getattr(request, f"{name}_key") for name in TOLD}
    keys = VaultKey.objects.filter(pk__in=numbers)
    assert len(numbers) == keys.count() == 5
    assert {(key.kind, key.owner) for key in keys} == {(Sealed.REQUEST, request.pk)}
    # Only the contact has tokens, by which a request of the same contact is met.
    found = {key.pk for key in keys if key.search is not None}
    assert found == {request.email_key, request.phone_key}
    opened = {name: shown.text for name, shown in told(request, opened=True).items()}
    assert opened == TOLD | {"phone": "+77015559087"}
    masked = {name: shown.text for name, shown in told(request, opened=False).items()}
    assert masked["email"].startswith("a•••@")
    assert masked["message"] == masked["postal"] == "•••"


def test_no_value_stands_in_a_history_row_or_a_name(office: Office) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    everything = [request, item_of(request), *request.people.all(), *request.checks.all()]
    for row in everything:
        assert not [secret for secret in SECRETS if secret in f"{row} {row!r}"]
        for version in row.history.all():
            fields = [str(getattr(version, field.attname)) for field in version._meta.fields]
            assert not [secret for secret in SECRETS if secret in " ".join(fields)]
    for deadline in Deadline.objects.all():
        assert deadline.label == request.number


def test_a_lost_key_of_a_letter_is_an_incident(office: Office) -> None:
    request = again(receive(office.pandev))
    assert {model.__name__ for model, _ in holders()} == {
        "SubjectRequest", "Letter", "Submission", "PersonalDatum", "Consent", "SealedFile",
        "IncomingMail", "RequestNote", "AccessAnswer",
    }  # fmt: skip
    assert not lost_keys()
    VaultKey.objects.filter(pk=request.message_key).delete()
    assert lost_keys() == [request.message_key]
    assert told(request, opened=True)["message"].state == "lost"


def test_opening_the_letter_is_recorded_and_ends(office: Office) -> None:
    request = receive(office.pandev)
    user = office.pandev.clerk
    assert letter_open_until(request, user, NOW) is None
    event = letter_open(subject_request=request, user=user, now=NOW)
    assert (event.reason, event.what, event.subject) == (request.number, "reveal", None)
    assert event.until is not None
    assert letter_open_until(request, user, event.until - timedelta(seconds=1)) == event.until
    assert letter_open_until(request, user, event.until) is None
    assert letter_open_until(request, office.pandev.dpo, NOW) is None
    other = receive(office.pandev)
    assert letter_open_until(other, user, NOW) is None
