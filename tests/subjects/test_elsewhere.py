"""What an act destroys in other systems and on paper: lists, confirmations, what waits for them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override

from registry.errors import OperatorError
from registry.models import Carrier, InformationSystem
from registry.states import ForbiddenTransition
from subjects.choices import ActState, Outcome
from subjects.models import (
    AccessEvent,
    ActItem,
    DataSubject,
    DestructionAct,
    DestructionItem,
    PersonalDatum,
    VaultKey,
)
from subjects.services.acts import (
    ActReasonMissing,
    HeldElsewhere,
    NotYetApproved,
    act_approve,
    act_cancel,
)
from subjects.services.elsewhere import (
    PAPER,
    LineHeld,
    LineOfNobody,
    UnknownPlace,
    place_confirm,
    places_of,
    work_list,
)
from subjects.services.evidence import was_destroyed
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.signed_lists import ListOfNobody, ListUnreadable
from subjects.services.sweeping import act_carry_out, unverified
from subjects.services.verifying import traces_judge
from tests.conftest import Office, Team
from tests.subjects.acting import NOW, TODAY, approved, draft, withdraw
from tests.subjects.people import category_of, consent, datum, person

ACCOUNT = "canary-account-1"


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


def system_of(team: Team) -> InformationSystem:
    return InformationSystem.objects.filter(operator=team.operator)[0]


def folder(team: Team, code: str = "folder") -> Carrier:
    return Carrier.objects.create(
        operator=team.operator, code=code, name_ru=code, name_en=code, room="12",
        responsible=team.clerk, sheets=14,
    )  # fmt: skip


def somebody(
    team: Team, email: str = "canary@example.org", *, account: str = "",
    paper: Carrier | None = None, in_system: bool = True,
) -> DataSubject:  # fmt: skip
    """A person with a name and an address here, and a phone in a system or on paper."""
    subject = person(team, email=email)
    if account:
        datum(team, subject, "account", account)
    if in_system:
        _elsewhere(team, subject, held_in="system", system=system_of(team))
    if paper is not None:
        _elsewhere(team, subject, held_in="carrier", carrier=paper)
    withdraw(team, subject)
    return subject


def _elsewhere(team: Team, subject: DataSubject, **where: Any) -> PersonalDatum:
    return datum_record(
        subject=subject, category=category_of(team, "phone"), collected_on=TODAY, by=team.clerk,
        today=TODAY, **where,
    )  # fmt: skip


def carry_out(act: DestructionAct) -> dict[str, int]:
    row = DestructionAct.objects.get(pk=act.pk)
    did = act_carry_out(row, now=moment(act), today=act.due_on)
    return {name: number for name, number in did.items() if number}


def moment(act: DestructionAct) -> Any:
    return NOW.replace(year=act.due_on.year, month=act.due_on.month, day=act.due_on.day)


def place(act: DestructionAct, kind: str = "system") -> str:
    return next(one.code for one in places_of(act) if one.code.startswith(kind))


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def marked(content: bytes, *codes: str, sign: str = "x", delimiter: str = ",") -> bytes:
    """The list as somebody gives it back: with a sign behind these cards."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    for line in rows(content):
        writer.writerow([*line[:-1], sign if line[0] in codes else line[-1]])
    return stream.getvalue().encode()


def listed(act: DestructionAct, team: Team, where: str = "") -> bytes:
    return work_list(act=act, place=where or place(act), by=team.clerk, now=NOW)


def confirm(act: DestructionAct, team: Team, where: str = "", **changed: Any) -> int:
    given = {"act": act, "place": where or place(act), "how": "deleted, log 7", "done": None,
             "by": team.clerk, "now": moment(act)}  # fmt: skip
    return place_confirm(**given | changed)


def refused(kind: type[OperatorError], team: Team, act: DestructionAct, **changed: Any) -> None:
    before = list(ActItem.objects.order_by("pk").values())
    with pytest.raises(kind):
        confirm(act, team, **changed)
    assert list(ActItem.objects.order_by("pk").values()) == before


# --- what waits ----------------------------------------------------------------------------------
def test_by_what_somebody_is_found_there_goes_last(live_office: Office) -> None:
    team = live_office.pandev
    subject = somebody(team, account=ACCOUNT)
    act = approved(team)
    did = carry_out(act)
    # The name and the address are gone at once; the account waits.
    assert did == {"executed": 1, "destroyed": 2, "elsewhere": 1}
    left = VaultKey.objects.filter(owner=subject.pk, kind=1)
    account = PersonalDatum.objects.get(subject=subject, category__code="account")
    assert list(left.values_list("pk", flat=True)) == [account.value_key]
    act.refresh_from_db()
    assert (act.state, act.finished_at, act.verified_at) == (ActState.RUNNING, None, None)
    # Late, twice: nothing more happens until somebody has confirmed.
    assert carry_out(act) == {"executed": 1, "elsewhere": 1}
    assert confirm(act, team) == 1
    assert carry_out(act) == {"executed": 1, "destroyed": 1, "verified": 1, "closed": 1}
    assert not left.exists()
    assert DestructionItem.objects.filter(act=act).count() == 3
    found = was_destroyed(operator=team.operator, text=ACCOUNT, by=None, now=moment(act))
    assert [one.act for one in found] == [act.number]


@pytest.mark.parametrize(
    "account, paper, waits",
    [("", False, {"email"}), (ACCOUNT, False, {"account"}), (ACCOUNT, True, {"full_name"})],
)
def test_which_value_finds_a_person_where(
    live_office: Office, account: str, paper: bool, waits: set[str]
) -> None:
    team = live_office.pandev
    carrier = folder(team) if paper else None
    subject = somebody(team, account=account, paper=carrier, in_system=not paper)
    carry_out(approved(team))
    left = VaultKey.objects.filter(owner=subject.pk, kind=1).values("pk")
    data = PersonalDatum.objects.filter(value_key__in=left)
    assert set(data.values_list("category__code", flat=True)) == waits


def test_whose_data_elsewhere_are_held_waits_for_nobody(live_office: Office) -> None:
    team = live_office.pandev
    subject = somebody(team, account=ACCOUNT)
    act = approved(team)
    hold_place(
        subject=subject, document="ruling of a court", label="2-145", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    assert carry_out(act) == {"executed": 1, "stopped": 4, "verified": 1, "closed": 1}
    assert VaultKey.objects.filter(owner=subject.pk, kind=1).count() == 3


def test_what_went_first_is_sought_while_it_is_known(live_office: Office) -> None:
    team = live_office.pandev
    subject = somebody(team, account=ACCOUNT)
    act = approved(team, label="REQ-2026-0001", subjects=[subject.pk])
    carry_out(act)
    act.refresh_from_db()
    early = act.verification["by_value"]
    assert (early["state"], early["values"], early["found"]) == ("done", 2, 0)
    confirm(act, team)
    carry_out(act)
    act.refresh_from_db()
    found = act.verification["by_value"]
    assert (found["state"], found["values"], found["found"]) == ("done", 3, 0)
    assert act.state == ActState.CLOSED


def test_a_trace_of_what_went_first_is_an_incident_at_once(live_office: Office) -> None:
    team = live_office.pandev
    subject = somebody(team, email="unmistakable@example.org", account=ACCOUNT)
    row = system_of(team)
    row.address = "https://example.org/unmistakable@example.org"
    row.save()
    act = approved(team, label="REQ-2026-0001", subjects=[subject.pk])
    carry_out(act)
    assert unverified() == [act.number]
    traces_judge(act=act, reason="the address of the system", by=team.dpo, now=moment(act))
    act.refresh_from_db()
    assert unverified() == [] and act.verified_at is None
    confirm(act, team)
    assert carry_out(act)["closed"] == 1
    act.refresh_from_db()
    assert act.verification["judged"] == "the address of the system"


# --- the list ------------------------------------------------------------------------------------
def test_the_list_tells_whom_to_destroy_and_by_what_they_are_found(office: Office) -> None:
    team = office.pandev
    subject = somebody(team, account=ACCOUNT)
    somebody(team, email="second@example.org", account="canary-account-2")
    act = approved(team)
    head, *lines = rows(listed(act, team))
    assert head[0] == "Code of the card" and head[-1] == "Done (x)"
    assert len(lines) == 2 and len(set(map(len, lines))) == 1
    mine = next(line for line in lines if line[0] == subject.code)
    assert mine[1] == ACCOUNT and mine[-1] == "" and str(act.due_on) in mine
    assert "canary@example.org" not in str(lines) and "Пробный" not in str(lines)
    event = AccessEvent.objects.latest("pk")
    assert (event.what, event.user, event.reason) == ("export", team.clerk, act.number)
    assert event.details == {"kind": "work_list", "place": place(act), "people": 2}
    assert ACCOUNT not in str(event.details)


def test_whom_a_stop_or_a_ground_holds_is_not_on_the_list(office: Office) -> None:
    team = office.pandev
    somebody(team, account=ACCOUNT)
    stopped = somebody(team, email="b@example.org")
    stays = somebody(team, email="c@example.org")
    act = approved(team)
    hold_place(
        subject=stopped, document="ruling of a court", label="2-145", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    consent(team, stays, evidence="")
    content = listed(act, team)
    assert len(rows(content)) == 2
    # Everything that waits there: but not what must not be destroyed.
    assert confirm(act, team) == 1
    refused(HeldElsewhere, team, act)
    refused(LineHeld, team, act, done=marked(content + f"{stopped.code},x".encode()))


def test_before_its_approval_and_after_its_end_there_is_no_list(office: Office) -> None:
    team = office.pandev
    somebody(team)
    act = draft(team)
    with pytest.raises(NotYetApproved):
        listed(act, team)
    refused(NotYetApproved, team, act)
    where = place(act)
    act = act_cancel(act=act, reason="wrong", by=team.dpo, now=NOW)
    with pytest.raises(ForbiddenTransition):
        listed(act, team, where)


# --- the confirmations ---------------------------------------------------------------------------
@pytest.mark.parametrize("sign, delimiter", [("x", ","), ("Да", ";"), ("иә", "\t"), ("Х", ",")])
def test_the_list_comes_back_with_its_signs(office: Office, sign: str, delimiter: str) -> None:
    team = office.pandev
    first = somebody(team, account=ACCOUNT)
    second = somebody(team, email="second@example.org")
    act = approved(team)
    back = marked(listed(act, team), first.code, sign=sign, delimiter=delimiter)
    assert confirm(act, team, done=back) == 1
    by_card = dict(ActItem.objects.filter(key=None).values_list("subject", "outcome"))
    assert by_card == {first.pk: Outcome.DESTROYED, second.pk: ""}
    item = ActItem.objects.get(subject=first, key=None)
    assert (item.why, item.confirmed_by, item.confirmed_at) == (
        "deleted, log 7", team.clerk, moment(act),
    )  # fmt: skip
    (found,) = places_of(act)
    assert (found.waiting, found.confirmed) == (1, 1)


def test_a_hundred_and_twenty_files_of_a_shelf_are_one_confirmation(live_office: Office) -> None:
    team = live_office.pandev
    for number in range(120):
        somebody(
            team, email=f"p{number}@example.org", paper=folder(team, f"file-{number}"),
            in_system=False,
        )  # fmt: skip
    act = approved(team)
    assert len(places_of(act)) == 120
    lines = rows(listed(act, team, PAPER))[1:]
    assert len(lines) == 120 and {line[4] for line in lines} == {"14"}
    assert carry_out(act)["elsewhere"] == 120
    assert confirm(act, team, PAPER, how="shredder, level P-5, act of 2 sheets") == 120
    assert carry_out(act)["closed"] == 1


@pytest.mark.parametrize(
    "changed, kind",
    [
        ({"how": "  "}, ActReasonMissing),
        ({"place": "system-999999"}, UnknownPlace),
        ({"place": "nowhere"}, UnknownPlace),
        ({"place": "carrier-1"}, UnknownPlace),
        ({"place": PAPER}, UnknownPlace),
        ({"done": b"\xff\xfe\x00"}, ListUnreadable),
        ({"done": b""}, ListOfNobody),
        ({"done": b"Code,Done\nS-22222222,\n"}, ListOfNobody),
        ({"done": b"Code,Done\nS-22222222,x\n"}, LineOfNobody),
        ({"done": b"Code,Done\nnonsense,x\n"}, LineOfNobody),
        ({"done": b"x" * 200_000 + b",x\n" * 3}, ListUnreadable),
    ],
)
def test_a_wrong_list_records_nothing(
    office: Office, changed: dict[str, Any], kind: type[OperatorError]
) -> None:
    team = office.pandev
    somebody(team)
    refused(kind, team, approved(team), **changed)


def test_one_wrong_line_records_none_of_the_others(office: Office) -> None:
    team = office.pandev
    somebody(team)
    stranger = person(team, email="stranger@example.org")
    act = approved(team)
    content = listed(act, team) + f"{stranger.code},,,,,,x\r\n".encode()
    with pytest.raises(LineOfNobody, match="Line 3"):
        confirm(act, team, done=marked(content, rows(content)[1][0]))
    assert not ActItem.objects.exclude(outcome="").exists()


def test_another_open_act_says_where_it_went(office: Office) -> None:
    team = office.pandev
    subject = somebody(team)
    routine = approved(team)
    act = approved(team, label="REQ-2026-0001", subjects=[subject.pk])
    confirm(act, team)
    other = ActItem.objects.get(act=routine, key=None)
    assert (other.outcome, other.why, other.confirmed_at) == (Outcome.GONE, act.number, None)


def test_the_places_cost_the_same_for_many(office: Office, django_assert_num_queries: Any) -> None:
    team = office.pandev
    somebody(team, paper=folder(team, "a"))
    act = act_approve(act=draft(team), by=team.dpo, now=NOW)
    act = DestructionAct.objects.select_related("operator").get(pk=act.pk)
    with django_assert_num_queries(3):
        assert len(places_of(act)) == 2


# --- the pages -----------------------------------------------------------------------------------
def page(act: DestructionAct, verb: str) -> str:
    return reverse(f"admin:subjects_destructionact_{verb}", args=[act.pk])


@pytest.mark.parametrize("verb", ["list", "confirm_place"])
def test_each_verb_for_everybody(office: Office, as_user: Any, verb: str) -> None:
    team = office.pandev
    somebody(team, account=ACCOUNT)
    act = approved(team)
    form = {"place": place(act), "how": "deleted, log 7"}
    for user, status in (
        (team.auditor, 403), (office.ipm.dpo, 404), (office.ipm.clerk, 404), (office.nobody, 404),
    ):  # fmt: skip
        assert as_user(user).get(page(act, verb)).status_code == status, user
        assert as_user(user).post(page(act, verb), form).status_code == status, user
    assert not ActItem.objects.exclude(outcome="").exists()
    assert not AccessEvent.objects.filter(what="export").exists()
    for user in (team.clerk, team.dpo):
        assert as_user(user).get(page(act, verb)).status_code == 200
    answer = as_user(team.clerk).post(page(act, verb), form)
    if verb == "list":
        assert answer["Content-Type"].startswith("text/csv") and ACCOUNT in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
    else:
        assert answer.status_code == 302
        assert ActItem.objects.get(key=None).outcome == Outcome.DESTROYED


def test_the_page_of_the_act_tells_what_waits_where(office: Office, as_user: Any) -> None:
    team = office.pandev
    somebody(team, account=ACCOUNT)
    act = approved(team)
    client = as_user(team.clerk)
    text = client.get(page(act, "change")).content.decode()
    assert "In other systems and on paper" in text and ACCOUNT not in text
    back = SimpleUploadedFile("list.csv", b"Code,Done\nS-22222222,x\n")
    form = {"place": place(act), "how": "deleted", "done": back}
    answer = client.post(page(act, "confirm_place"), form)
    assert answer.status_code in {200, 422}
    assert "Line 2: nothing of this card waits" in answer.content.decode()
    assert client.post(page(act, "list"), {"place": "system-0"}).status_code in {200, 422}
