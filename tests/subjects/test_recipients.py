"""Who was given what an act destroys: told, asked, and what the office keeps for it meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.translation import override

from registry.errors import OperatorError
from registry.models import Notice, Recipient, Transfer
from registry.states import ForbiddenTransition
from subjects.choices import ActState, RecipientState
from subjects.models import (
    AccessEvent,
    DataSubject,
    DestructionAct,
    DestructionItem,
    PersonalDatum,
    RecipientNotice,
    VaultKey,
)
from subjects.services.acts import (
    ActReasonMissing,
    NotYetApproved,
    act_approve,
    act_cancel,
)
from subjects.services.cards import cards_merge
from subjects.services.disclosures import disclosure_reverse
from subjects.services.holds import hold_place
from subjects.services.recipient_answers import (
    AnsweredBeforeTold,
    NotToldYet,
    ToldInTheFuture,
    notices_escalate,
    recipient_confirm,
    recipient_refuse,
    recipient_tell,
)
from subjects.services.recipients import NotGiven, recipient_list, recipients_of
from tests.conftest import Office, Team
from tests.subjects.acting import NOW, approved, draft, withdraw
from tests.subjects.disclosing import MAIL, by_transfer, given, to_state, transfer
from tests.subjects.people import category_of
from tests.subjects.test_elsewhere import carry_out, moment, rows


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


def somebody(team: Team, *transfers: Transfer, email: str = MAIL, **options: Any) -> DataSubject:
    """A person whose address was given by these transfers, and who takes the consent back."""
    subject = given(team, email=email, third_parties=True)
    for row in transfers:
        by_transfer(team, row, subject, **options)
    withdraw(team, subject)
    return subject


def processor(team: Team, code: str = "hoster") -> Transfer:
    return transfer(team, kind="processor", code=code)


def listed(act: DestructionAct, team: Team, recipient: Recipient) -> bytes:
    return recipient_list(act=act, recipient=recipient, by=team.clerk, now=NOW)


def tell(act: DestructionAct, team: Team, recipient: Recipient, **changed: Any) -> RecipientNotice:
    facts = {"act": act, "recipient": recipient, "way": "post", "document": "letter 7",
             "told_at": NOW, "by": team.clerk, "now": moment(act)}  # fmt: skip
    return recipient_tell(**facts | changed)


def confirm(act: DestructionAct, team: Team, recipient: Recipient, **changed: Any) -> Any:
    facts = {"act": act, "recipient": recipient, "way": "email", "document": "their act 3",
             "answered_at": moment(act), "by": team.clerk, "now": moment(act)}  # fmt: skip
    return recipient_confirm(**facts | changed)


def refuse(act: DestructionAct, team: Team, recipient: Recipient, **changed: Any) -> Any:
    facts = {"act": act, "recipient": recipient, "reason": "tax law, letter 9",
             "answered_at": moment(act), "by": team.clerk, "now": moment(act)}  # fmt: skip
    return recipient_refuse(**facts | changed)


def standing(subject: DataSubject) -> set[str]:
    keys = VaultKey.objects.filter(owner=subject.pk, kind=1).values("pk")
    data = PersonalDatum.objects.filter(value_key__in=keys)
    return set(data.values_list("category__code", flat=True))


# --- what waits for whom -------------------------------------------------------------------------
def test_by_what_a_processor_finds_somebody_waits_until_it_is_told(live_office: Office) -> None:
    team = live_office.pandev
    row = processor(team)
    subject = somebody(team, row)
    act = approved(team)
    did = carry_out(act)
    assert (did["destroyed"], did["elsewhere"]) == (1, 1) and standing(subject) == {"email"}
    # Late, twice: nothing more happens until somebody has told it.
    assert carry_out(act) == {"executed": 1, "elsewhere": 1}
    assert MAIL in listed(act, team, row.recipient).decode()
    assert tell(act, team, row.recipient).state == RecipientState.TOLD
    did = carry_out(act)
    # Its answer may never come: nothing waits for it.
    assert (did["destroyed"], did["closed"]) == (1, 1) and standing(subject) == set()
    assert DestructionItem.objects.filter(act=act).count() == 2
    act.refresh_from_db()
    assert act.state == ActState.CLOSED
    assert confirm(act, team, row.recipient).state == RecipientState.CONFIRMED


def test_a_processor_that_cannot_be_told_any_more_keeps_nothing_waiting(
    live_office: Office,
) -> None:
    team = live_office.pandev
    row = processor(team)
    subject = somebody(team, row)
    act = approved(team)
    carry_out(act)
    refuse(act, team, row.recipient, reason="liquidated, extract of 1 March")
    assert carry_out(act)["closed"] == 1 and standing(subject) == set()


def test_for_whoever_keeps_on_a_ground_of_its_own_nothing_waits(live_office: Office) -> None:
    team = live_office.pandev
    row = transfer(team)
    subject = somebody(team, row)
    act = approved(team)
    before = rows(listed(act, team, row.recipient))[1]
    assert before[:2] == [subject.code, MAIL]
    assert carry_out(act)["closed"] == 1 and standing(subject) == set()
    after = rows(listed(act, team, row.recipient))[1]
    assert after == [before[0], "", *before[2:]]
    assert after[3].startswith("DIS-") and after[4] == "Contract 12 of 12.01.2026"
    notice = RecipientNotice.objects.get()
    assert (notice.state, notice.processor, notice.people) == ("waiting", False, 1)


def test_a_list_tells_nobody_what_it_was_not_given(office: Office) -> None:
    team = office.pandev
    row, named = transfer(team), transfer(team, code="named")
    subject = given(team, third_parties=True)
    by_transfer(team, row, subject)
    by_transfer(team, named, subject, people={subject: [category_of(team, "full_name")]})
    withdraw(team, subject)
    act = approved(team)
    content = listed(act, team, named.recipient).decode()
    assert "Каверина" in content and MAIL not in content
    content = listed(act, team, row.recipient).decode()
    assert MAIL in content and "Каверина" not in content
    event = AccessEvent.objects.latest("pk")
    assert (event.what, event.user) == ("export", team.clerk)
    assert event.details == {"kind": "recipient_list", "recipient": "agency", "people": 1}


def test_who_is_told_and_who_is_not(office: Office) -> None:
    team = office.pandev
    first, second, other = transfer(team), processor(team), transfer(team, code="reversed")
    subject = given(team, third_parties=True)
    by_transfer(team, first, subject)
    by_transfer(team, second, subject)
    mistake = by_transfer(team, other, subject)
    disclosure_reverse(disclosure=mistake, reason="nothing went", by=team.dpo, now=NOW)
    to_state(team, subject)
    withdraw(team, subject)
    act = approved(team)
    found = [(one.recipient.code, one.people, one.processor) for one in recipients_of(act)]
    assert found == [("hoster", 1, True), ("agency", 1, False)]
    with pytest.raises(NotGiven):
        listed(act, team, other.recipient)


def test_what_a_hold_stops_is_nobodys_to_destroy(live_office: Office) -> None:
    team = live_office.pandev
    row = processor(team)
    subject = somebody(team, row)
    act = approved(team)
    hold_place(
        subject=subject, document="ruling", label="2-145", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    assert len(rows(listed(act, team, row.recipient))) == 1
    assert carry_out(act)["stopped"] == 2
    assert RecipientNotice.objects.get().people == 0
    act.refresh_from_db()
    assert recipients_of(act) == []
    with pytest.raises(NotGiven):
        tell(act, team, row.recipient)


def test_what_was_given_under_a_card_that_was_merged_is_told_too(live_office: Office) -> None:
    team = live_office.pandev
    row = processor(team)
    subject = given(team, third_parties=True)
    by_transfer(team, row, subject)
    other = given(team, email="other@example.org", third_parties=False)
    withdraw(team, subject)
    withdraw(team, other)
    cards_merge(
        into=other, other=subject, by=team.dpo, now=NOW, reason="the same passport",
        other_ends=False,
    )  # fmt: skip
    act = approved(team)
    carry_out(act)
    notice = RecipientNotice.objects.get()
    assert (notice.recipient, notice.people) == (row.recipient, 1)


def test_what_a_recipient_has_confirmed_is_not_asked_again(live_office: Office) -> None:
    team = live_office.pandev
    row = transfer(team)
    subject = somebody(team, row)
    routine = approved(team)
    asked = approved(team, label="REQ-2026-0001", subjects=[subject.pk])
    carry_out(asked)
    asked.refresh_from_db()
    tell(asked, team, row.recipient)
    confirm(asked, team, row.recipient)
    carry_out(routine)
    assert not RecipientNotice.objects.filter(act=routine, people__gt=0).exists()


def test_the_draft_comes_once_however_often_the_act_runs(live_office: Office) -> None:
    team = live_office.pandev
    row = processor(team)
    somebody(team, row)
    act = approved(team)
    tell(act, team, row.recipient)
    # Told before its day: it goes at once, and what was told stays.
    assert carry_out(act)["closed"] == 1
    notice = RecipientNotice.objects.get()
    assert (notice.state, notice.told_by) == (RecipientState.TOLD, team.clerk)
    assert [one.history_change_reason for one in notice.history.order_by("history_id")] == [
        act.number, act.number,
    ]  # fmt: skip


# --- refusals ------------------------------------------------------------------------------------
def refused(kind: type[OperatorError], call: Any, *args: Any, **changed: Any) -> None:
    before = list(RecipientNotice.objects.order_by("pk").values())
    with pytest.raises(kind):
        call(*args, **changed)
    assert list(RecipientNotice.objects.order_by("pk").values()) == before


def test_what_is_refused(live_office: Office) -> None:
    team = live_office.pandev
    row = transfer(team)
    somebody(team, row)
    act = draft(team)
    refused(NotYetApproved, tell, act, team, row.recipient)
    with pytest.raises(NotGiven):
        listed(act, team, transfer(team, code="stranger").recipient)
    act = act_approve(act=act, by=team.dpo, now=NOW)
    refused(NotToldYet, confirm, act, team, row.recipient)
    refused(ToldInTheFuture, tell, act, team, row.recipient, told_at=moment(act) + timedelta(1))
    refused(ActReasonMissing, tell, act, team, row.recipient, document="  ")
    tell(act, team, row.recipient)
    refused(AnsweredBeforeTold, confirm, act, team, row.recipient, answered_at=NOW - timedelta(1))
    refused(ActReasonMissing, refuse, act, team, row.recipient, reason="")
    confirm(act, team, row.recipient)
    refused(ForbiddenTransition, confirm, act, team, row.recipient)
    refused(ForbiddenTransition, tell, act, team, row.recipient)


def test_of_a_cancelled_act_nobody_is_told(office: Office) -> None:
    team = office.pandev
    row = transfer(team)
    somebody(team, row)
    act = act_cancel(act=approved(team), reason="wrong", by=team.dpo, now=NOW)
    for call in (tell, listed):
        with pytest.raises(ForbiddenTransition):
            call(act, team, row.recipient)


# --- who is late ---------------------------------------------------------------------------------
def test_who_does_not_answer_is_escalated_once(live_office: Office) -> None:
    team = live_office.pandev
    row = transfer(team)
    somebody(team, row)
    act = approved(team)
    notice = tell(act, team, row.recipient)
    # Ten working days after 2 March 2026, with 9 March and Nauryz off.
    assert notice.due_on.isoformat() == "2026-03-17"
    end = datetime.combine(notice.due_on, NOW.time(), NOW.tzinfo)
    assert notices_escalate(now=end) == 0
    assert notices_escalate(now=end + timedelta(days=1)) == 1
    assert notices_escalate(now=end + timedelta(days=2)) == 0
    # The clock goes back and on again.
    assert notices_escalate(now=end) == 0
    mail = Notice.objects.get(key__startswith="recipient:")
    assert mail.recipient == team.dpo and act.number in mail.subject
    assert MAIL not in mail.body
    # Told once more, and late once more.
    tell(act, team, row.recipient, told_at=end, now=end)
    assert notices_escalate(now=end + timedelta(days=30)) == 1
    confirm(act, team, row.recipient, answered_at=end, now=end)
    assert notices_escalate(now=end + timedelta(days=90)) == 0


def test_a_death_between_the_mail_and_its_mark_sends_no_second_mail(live_office: Office) -> None:
    team = live_office.pandev
    row = transfer(team)
    somebody(team, row)
    notice = tell(approved(team), team, row.recipient)
    late = NOW + timedelta(days=30)
    notices_escalate(now=late)
    RecipientNotice.objects.filter(pk=notice.pk).update(escalated_on=None)
    notices_escalate(now=late)
    assert Notice.objects.filter(key__startswith="recipient:").count() == 1


# --- the pages -----------------------------------------------------------------------------------
def page(act: DestructionAct, verb: str) -> str:
    return reverse(f"admin:subjects_destructionact_{verb}", args=[act.pk])


VERBS = ["recipient_list", "recipient_told", "recipient_confirmed", "recipient_refused"]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_for_everybody(office: Office, as_user: Any, verb: str) -> None:
    team = office.pandev
    row = transfer(team)
    somebody(team, row)
    act = approved(team)
    if verb == "recipient_confirmed":
        tell(act, team, row.recipient)
    form = {"recipient": row.recipient.pk, "way": "post", "document": "letter 7",
            "reason": "tax law", "at": "2026-03-02T10:00"}  # fmt: skip
    if verb == "recipient_confirmed":
        form["at"] = "2026-03-30T10:00"
    before = list(RecipientNotice.objects.values())
    for user, status in (
        (team.auditor, 403), (office.ipm.dpo, 404), (office.ipm.clerk, 404), (office.nobody, 404),
    ):  # fmt: skip
        assert as_user(user).get(page(act, verb)).status_code == status, user
        assert as_user(user).post(page(act, verb), form).status_code == status, user
    assert list(RecipientNotice.objects.values()) == before
    assert not AccessEvent.objects.filter(what="export").exists()
    for user in (team.clerk, team.dpo):
        assert as_user(user).get(page(act, verb)).status_code == 200
    answer = as_user(team.clerk).post(page(act, verb), form)
    if verb == "recipient_list":
        assert answer["Content-Type"].startswith("text/csv") and MAIL in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
    else:
        assert answer.status_code == 302, answer.content.decode()


def test_the_pages_tell_who_has_not_answered(office: Office, as_user: Any) -> None:
    team = office.pandev
    row = transfer(team)
    somebody(team, row)
    act = approved(team)
    client = as_user(team.auditor)
    text = client.get(page(act, "change")).content.decode()
    assert "Recipients" in text and "Agency agency" in text and MAIL not in text
    tell(act, team, row.recipient)
    link = reverse("admin:subjects_recipientnotice_changelist")
    desk = as_user(team.dpo).get(reverse("admin:index")).content.decode()
    assert "recipients who have not confirmed" in desk and f"{link}?answer=open" in desk
    shown = client.get(f"{link}?answer=open").content.decode()
    assert act.number in shown and "Agency agency" in shown
    assert as_user(office.ipm.dpo).get(link).content.decode().count(act.number) == 0
    confirm(act, team, row.recipient)
    assert act.number not in client.get(f"{link}?answer=open").content.decode()


def test_the_recipients_cost_the_same_for_many(
    office: Office, django_assert_num_queries: Any
) -> None:
    team = office.pandev
    row = transfer(team)
    for number in range(3):
        somebody(team, row, email=f"p{number}@example.org")
    act = DestructionAct.objects.select_related("operator").get(pk=approved(team).pk)
    with django_assert_num_queries(5):
        assert recipients_of(act)[0].people == 3
