"""What is wrong is put right, and whoever was given it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from registry.choices import Effect
from registry.models import InformationSystem, Recipient
from registry.services import audit
from requests.models import DatumCorrection, RecipientTold
from requests.services.closing import NotGoneYet, NotTold
from requests.services.correcting import (
    CorrectedElsewhere,
    ImageNotCorrected,
    NotARecipient,
    NothingWrong,
    NotOfTheRequest,
    ToldAlready,
    ToldBeforeFinding,
    given_to,
    item_rule,
    untold,
)
from requests.services.inquiries import NotYet, ReasonMissing
from requests.services.matching import IdentityUnknown
from subjects.choices import BlockReason, Ruled
from subjects.models import Block, DestructionAct, PersonalDatum, VaultKey
from subjects.services.acts import act_approve
from subjects.services.guard import DataBlocked
from subjects.services.people import ValueMissing
from subjects.services.reading import show
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office, Team
from tests.requests.asking import (
    BOTH,
    LATER,
    accept,
    again,
    asked,
    block,
    check,
    close,
    item_of,
    receive,
    refused,
    team_of,
)
from tests.requests.checking import (
    BLOCKING,
    COMPLAINT,
    CORRECTION,
    RIGHT,
    answer,
    correct,
    find,
    tell,
)
from tests.subjects import people
from tests.subjects.blocking import photo
from tests.subjects.disclosing import categories_of, to_state
from tests.subjects.persons import Person


def recipient_of(team: Team, known: Person, code: str = "mailer") -> Recipient:
    """A recipient of an activity that uses the person's name."""
    row = Recipient(operator=team.operator, code=code, name_en=f"The {code}", kind="processor")
    audit.save(row, by=team.dpo, reason="test")
    known.grounds[0].activity.recipients.set([row])
    return row


def no_recipients(known: Person) -> None:
    for ground in known.grounds:
        ground.activity.recipients.clear()


def wrong(team: Team, **changed: object) -> tuple[Person, object]:
    known, request = asked(team, CORRECTION, **changed)
    no_recipients(known)
    find(item_of(request), team, "inaccurate")
    return known, again(request)


@BOTH
def test_the_right_value_takes_the_place_of_the_wrong_one(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = wrong(team)
    datum = known.data["full_name"]
    key = datum.value_key
    # To clarify is the one use that a block leaves.
    block(request, team)
    done = correct(item_of(request), team, datum)
    datum = PersonalDatum.objects.get(pk=datum.pk)
    assert (done.datum_id, done.corrected_by, done.corrected_at) == (datum.pk, team.clerk, LATER)
    assert datum.value_key == key and datum.verified_on == LATER.date()
    assert text_of(datum) == RIGHT
    # The old value is in the history, under the same key.
    assert datum.history.count() == 2
    answer(request, team)
    accept(item_of(request), team)
    answer(request, team, LATER + timedelta(hours=1))
    close(request, team, now=LATER + timedelta(hours=2))
    assert again(request).state == "done"


def text_of(datum: PersonalDatum) -> str:
    return show([datum], opened=True)[datum].text


def test_what_is_refused_before_it_is_corrected(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, CORRECTION, verified=False)
    item, datum = item_of(request), known.data["full_name"]
    with refused(NothingWrong):
        correct(item, team, datum)
    find(item, team, "inaccurate")
    with refused(IdentityUnknown):
        correct(item_of(request), team, datum)
    check(request, team)
    with refused(ValueMissing):
        correct(item_of(request), team, datum, text=" ")
    stranger = people.person(team, name="Басқа Адам", email="other@example.org")
    with refused(NotOfTheRequest):
        correct(item_of(request), team, stranger.data.first())
    # Blocked by another request, it stays as it is.
    _other, second = asked_again(team, known)
    block(second, team)
    with refused(DataBlocked):
        correct(item_of(request), team, datum)


def asked_again(team: Team, known: Person) -> tuple[Person, object]:
    request = receive(team, COMPLAINT, subjects=[known.card])
    check(request, team)
    return known, again(request)


def test_what_lies_elsewhere_is_corrected_there(office: Office) -> None:
    team = office.pandev
    known, request = wrong(team)
    system = InformationSystem.objects.filter(operator=team.operator).first()
    datum = people.datum(team, known.card, "phone", "", held_in="system", system=system)
    with refused(CorrectedElsewhere):
        correct(item_of(request), team, datum, text="+7 701 000 00 00")
    correct(item_of(request), team, datum, text="")
    datum.refresh_from_db()
    assert datum.verified_on == LATER.date()


@BOTH
def test_what_cannot_be_put_right_goes_before_the_request_is_closed(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    known, request = wrong(team)
    block(request, team)
    datum = known.data["full_name"]
    done = item_rule(
        item=item_of(request), datum=datum, reason="nobody knows the right one", last=True,
        by=team.clerk, now=LATER,
    )  # fmt: skip
    ruling = done.ruling
    assert ruling is not None
    assert (ruling.why, ruling.label, ruling.counted_from) == (
        Ruled.INACCURATE, request.number, LATER.date(),
    )  # fmt: skip
    # The check is over; the datum itself stays blocked until it is gone.
    open_now = item_of(request).deadlines.open()
    assert not any(clock.effect == Effect.RECTIFY for clock in open_now)
    (standing,) = Block.objects.filter(subject=known.card, ended_at=None)
    assert (standing.category, standing.why) == (datum.category, BlockReason.RULED)
    accept(item_of(request), team)
    answer(request, team)
    answer(request, team, LATER + timedelta(hours=1))
    with refused(NotGoneYet):
        close(request, team, now=LATER + timedelta(hours=2))
    act = DestructionAct.objects.get(label=request.number)
    act_approve(act=act, by=team.dpo, now=LATER + timedelta(hours=2))
    destruction_sweep(now=LATER + timedelta(hours=3))
    assert not VaultKey.objects.filter(pk=datum.value_key).exists()
    close(request, team, now=LATER + timedelta(hours=4))
    assert again(request).state == "done"


def test_what_is_refused_before_a_wrong_datum_goes(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, CORRECTION, verified=False)
    no_recipients(known)
    facts: Any = {"reason": "x", "last": False, "by": team.clerk, "now": LATER}
    with refused(NothingWrong):
        item_rule(item=item_of(request), datum=known.data["email"], **facts)
    find(item_of(request), team, "inaccurate")
    with refused(IdentityUnknown):
        item_rule(item=item_of(request), datum=known.data["email"], **facts)
    check(request, team)
    stranger = people.person(team, name="Басқа Адам", email="other@example.org")
    with refused(NotOfTheRequest):
        item_rule(item=item_of(request), datum=stranger.data.first(), **facts)
    with refused(ReasonMissing):
        item_rule(item=item_of(request), datum=known.data["email"], **facts | {"reason": " "})
    assert not DatumCorrection.objects.exists()


def test_an_image_is_not_corrected_but_replaced(office: Office) -> None:
    team = office.pandev
    known, request = wrong(team)
    portrait = photo(team, known.card)
    with refused(ImageNotCorrected):
        correct(item_of(request), team, portrait)


# --- who is told ---------------------------------------------------------------------------------
@BOTH
def test_a_recipient_of_the_register_is_told_before_the_end(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = wrong(team)
    mailer = recipient_of(team, known)
    assert untold(item_of(request)) == []
    correct(item_of(request), team, known.data["full_name"])
    item = item_of(request)
    assert [one.recipient for one in given_to(item)] == [mailer]
    accept(item, team)
    answer(request, team)
    with refused(NotTold, "1"):
        close(request, team)
    key = untold(item)[0].key
    with refused(NotARecipient):
        tell(item, team, "recipient:0")
    with refused(ReasonMissing):
        tell(item, team, key, how=" ")
    with refused(NotYet):
        tell(item, team, key, told_at=LATER + timedelta(hours=1))
    with refused(ToldBeforeFinding):
        tell(item, team, key, told_at=LATER - timedelta(minutes=1))
    done = tell(item, team, key)
    assert (done.recipient, done.told_at, done.how) == (mailer, LATER, "letter 12")
    with refused(ToldAlready):
        tell(item, team, key)
    close(request, team)
    assert again(request).state == "done"


def test_who_cannot_be_told_is_said_why(office: Office) -> None:
    team = office.ipm
    known, request = wrong(team)
    recipient_of(team, known)
    correct(item_of(request), team, known.data["full_name"])
    item = item_of(request)
    done = tell(item, team, untold(item)[0].key, told_at=None, how="the company is dissolved")
    assert done.told_at is None and untold(item) == []


def test_a_body_of_the_state_that_was_given_the_datum_is_told(office: Office) -> None:
    team = office.pandev
    known, request = wrong(team)
    given = to_state(team, known.card, people={known.card: categories_of(team, "full_name")})
    # Another datum of hers went to the same court.
    to_state(team, known.card)
    correct(item_of(request), team, known.data["full_name"])
    assert [one.disclosure for one in given_to(item_of(request))] == [given]
    tell(item_of(request), team, f"disclosure:{given.pk}")
    assert untold(item_of(request)) == []


def test_of_unlawful_processing_the_recipients_of_the_activity_are_told(office: Office) -> None:
    team = office.ipm
    known, request = asked(team, BLOCKING)
    no_recipients(known)
    mailer = recipient_of(team, known)
    accept(item_of(request), team)
    find(item_of(request), team, "unlawful", activities=[known.grounds[0].activity])
    assert [one.recipient for one in untold(item_of(request))] == [mailer]


@pytest.mark.django_db(transaction=True)
def test_what_was_done_cannot_be_rewritten(office: Office) -> None:
    team = office.ipm
    known, request = wrong(team)
    recipient_of(team, known)
    correct(item_of(request), team, known.data["full_name"])
    item = item_of(request)
    tell(item, team, untold(item)[0].key)
    for model in (DatumCorrection, RecipientTold):
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.update(item=item.pk)
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.all().delete()
