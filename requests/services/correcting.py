"""What was found to be wrong is put right, and those who were given it are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from registry.choices import Effect
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Recipient, User
from registry.services import audit
from registry.services.clocks import deadline_meet
from requests import states
from requests.models import DatumCorrection, RecipientTold, RequestItem
from requests.models.subject_requests import Finding, RequestKind
from requests.services.deciding import stops_settle
from requests.services.inquiries import NotYet
from requests.services.linking import checks_end
from requests.services.matching import IdentityUnknown, identity_verified
from requests.services.moving import moved, reason_given, request_locked
from requests.services.outlook import people_of
from subjects.choices import GroundEnd, HeldIn, Ruled
from subjects.models import DisclosedPerson, Disclosure, Ground, PersonalDatum
from subjects.services.covering import categories_of, grounds_of
from subjects.services.people import datum_rectify, datum_verify
from subjects.services.rulings import ruling_make


class NothingWrong(OperatorError):
    template = gettext_noop(
        "%(number)s: nothing was found to be wrong. Write down first what the check has shown."
    )


class NotOfTheRequest(OperatorError):
    template = gettext_noop("%(number)s: this is not about a person whom the request is about.")


class ImageNotCorrected(OperatorError):
    template = gettext_noop(
        "%(number)s: an image cannot be corrected. Record the right one on the card, and have the "
        "wrong one destroyed."
    )


class CorrectedElsewhere(OperatorError):
    template = gettext_noop(
        "%(number)s: this value lies elsewhere. Correct it there, and leave the new value empty."
    )


class NotARecipient(OperatorError):
    template = gettext_noop("%(number)s: this recipient was not given the data.")


class ToldAlready(Conflict):
    template = gettext_noop("%(number)s: that is written down already.")


class ToldBeforeFinding(OperatorError):
    template = gettext_noop("%(number)s: nobody can be told before it was found.")


def _found(item: RequestItem, finding: set[str]) -> RequestItem:
    subject_request = request_locked(item.request, "check")
    row = RequestItem.objects.get(pk=item.pk)
    row.request = subject_request
    if row.finding not in finding or row.decision == states.REFUSED:
        raise NothingWrong(number=subject_request.number)
    return row


@transaction.atomic
def item_correct(
    *,
    item: RequestItem,
    datum: PersonalDatum,
    text: str,
    last: bool,
    by: User | None,
    now: datetime,
) -> DatumCorrection:
    """Put the right value in the place of a wrong one (152-FZ 20(3), 21(2); 94-V 25(2)(8)).

    ``text`` is empty for what is held elsewhere: it was corrected there. ``last``: nothing more is
    wrong, so the clock is met and the block of the check ends. Refuses without the finding that
    data are wrong, without a verified identity, and a datum of somebody else.
    """
    row = _found(item, {Finding.INACCURATE})
    number = row.request.number
    if not identity_verified(row.request):
        raise IdentityUnknown(number=number)
    if datum.subject_id not in {card.pk for card in people_of(row.request)}:
        raise NotOfTheRequest(number=number)
    today = now.astimezone(row.operator.zone).date()
    if datum.held_in == HeldIn.VAULT and datum.file_id:
        raise ImageNotCorrected(number=number)
    if datum.held_in == HeldIn.VAULT:
        datum_rectify(datum=datum, text=text, by=by, today=today, reason=number, label=number)
    elif text.strip():
        raise CorrectedElsewhere(number=number)
    else:
        datum_verify(datum=datum, by=by, today=today, reason=number, label=number)
    done = DatumCorrection(item=row, datum=datum, corrected_at=now, corrected_by=by)
    return _done(row, done, last=last, by=by, now=now)


@transaction.atomic
def item_rule(
    *, item: RequestItem, datum: PersonalDatum, reason: str, last: bool, by: User | None,
    now: datetime,
) -> DatumCorrection:  # fmt: skip
    """A wrong datum that cannot be put right goes, whatever covers it (152-FZ 5(6), 14(1), 20(3);
    94-V 25(2)(8)).

    It is blocked, and the act of it bears the number of the request. The term runs from the day of
    the finding. Refuses what ``item_correct`` refuses, and what goes already.
    """
    row = _found(item, {Finding.INACCURATE})
    number = row.request.number
    if not identity_verified(row.request):
        raise IdentityUnknown(number=number)
    if datum.subject_id not in {card.pk for card in people_of(row.request)}:
        raise NotOfTheRequest(number=number)
    assert row.found_at is not None
    ruling = ruling_make(
        datum=datum,
        why=Ruled.INACCURATE,
        label=number,
        reason=reason_given(row.request, reason),
        counted_from=row.found_at.astimezone(row.operator.zone).date(),
        by=by,
        now=now,
    )
    done = DatumCorrection(item=row, datum=datum, ruling=ruling, corrected_at=now, corrected_by=by)
    return _done(row, done, last=last, by=by, now=now)


def _done(
    row: RequestItem, done: DatumCorrection, *, last: bool, by: User | None, now: datetime
) -> DatumCorrection:
    """Written down; with the last one the clock is met and the block of the check ends."""
    number = row.request.number
    audit.save(done, by=by, reason=number)
    moved(row.request, "check", by=by, reason=number)
    if last:
        for clock in row.deadlines.open():
            if Effect(clock.effect) == Effect.RECTIFY:
                deadline_meet(deadline=clock, met_at=now, by=by, reason=number)
        checks_end(row.request, by=by, now=now, reason=number)
        if row.kind == RequestKind.BLOCKING and row.done_at is None:
            row.done_at = now
            audit.save(row, by=by, reason=number, fields=["done_at"])
            stops_settle(row.request, by=by, now=now)
    return done


# --- who was given the data ----------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Given:
    """Somebody who was given such data: a recipient of the register, or one disclosure."""

    recipient: Recipient | None = None
    disclosure: Disclosure | None = None

    @property
    def key(self) -> str:
        """One word that a form can send back."""
        if self.recipient is not None:
            return f"recipient:{self.recipient.pk}"
        return f"disclosure:{self.disclosure.pk if self.disclosure else ''}"

    def __str__(self) -> str:
        if self.recipient is not None:
            return str(self.recipient)
        assert self.disclosure is not None
        return f"{self.disclosure.recipient} ({self.disclosure.number})"


def given_to(item: RequestItem) -> list[Given]:
    """Everybody who was given what is corrected or unlawful: recipients of the activities that the
    data were used for, and bodies of the state that asked for them.

    Empty as long as nothing was found.
    """
    if item.finding == Finding.INACCURATE:
        pairs = {
            (one.datum.subject_id, one.datum.category_id)
            for one in item.corrections.select_related("datum")
        }
    elif item.finding == Finding.UNLAWFUL:
        pairs = _unlawful_pairs(item)
    else:
        return []
    people = {subject for subject, _ in pairs}
    activities = _activities(item, pairs, people)
    recipients = list(
        Recipient.objects.filter(activities__in=activities).distinct().order_by("code")
    )
    rows = DisclosedPerson.objects.filter(
        subject__in=people, disclosure__reversal=None
    ).select_related("disclosure__transfer__recipient")
    found: dict[int, Disclosure] = {}
    known = {recipient.pk: recipient for recipient in recipients}
    for row in rows.order_by("disclosure"):
        if (row.subject_id, row.category_id) not in pairs:
            continue
        transfer = row.disclosure.transfer
        if transfer is not None:
            known.setdefault(transfer.recipient_id, transfer.recipient)
        else:
            found[row.disclosure_id] = row.disclosure
    return [
        *(Given(recipient=one) for one in known.values()),
        *(Given(disclosure=one) for one in found.values()),
    ]


def _unlawful_pairs(item: RequestItem) -> set[tuple[int, int | None]]:
    grounds = list(_unlawful_grounds(item))
    covered = categories_of(grounds)
    return {(ground.subject_id, category) for ground in grounds for category in covered[ground.pk]}


def _unlawful_grounds(item: RequestItem) -> Iterable[Ground]:
    """The grounds that the finding ended: on its day, of the people of the request."""
    assert item.found_at is not None
    day = item.found_at.astimezone(item.request.operator.zone).date()
    people = [card.pk for card in people_of(item.request)]
    return [
        ground
        for ground in grounds_of(people)
        if ground.end_reason == GroundEnd.UNLAWFUL and ground.ended_on == day
    ]


def _activities(
    item: RequestItem, pairs: set[tuple[int, int | None]], people: set[int]
) -> set[int]:
    """The activities that used such data of these people, whether they still do or not."""
    if item.finding == Finding.UNLAWFUL:
        return {ground.activity_id for ground in _unlawful_grounds(item)}
    grounds = grounds_of(list(people))
    covered = categories_of(grounds)
    return {
        ground.activity_id
        for ground in grounds
        if any((ground.subject_id, category) in pairs for category in covered[ground.pk])
    }


def untold(item: RequestItem) -> list[Given]:
    """Of these, whom nobody has told yet, and of whom nobody has said why not."""
    done = set(item.told.values_list("recipient", "disclosure"))
    return [
        one
        for one in given_to(item)
        if (
            one.recipient.pk if one.recipient else None,
            one.disclosure.pk if one.disclosure else None,
        )
        not in done
    ]


@transaction.atomic
def recipient_tell(
    *,
    item: RequestItem,
    given: str,
    told_at: datetime | None,
    how: str,
    by: User | None,
    now: datetime,
) -> RecipientTold:
    """Write down that a recipient was told, or (``told_at`` None) why that cannot be done.

    ``given``: the ``key`` of one of ``untold``. Refuses anybody else, twice, and a moment ahead or
    before the finding.
    """
    row = _found(item, {Finding.INACCURATE, Finding.UNLAWFUL})
    number = row.request.number
    how = reason_given(row.request, how)
    if told_at is not None and told_at > now:
        raise NotYet(number=number)
    if told_at is not None and row.found_at is not None and told_at < row.found_at:
        raise ToldBeforeFinding(number=number)
    everybody = {one.key: one for one in given_to(row)}
    if given not in everybody:
        raise NotARecipient(number=number)
    if given not in {one.key for one in untold(row)}:
        raise ToldAlready(number=number)
    one = everybody[given]
    told = RecipientTold(
        item=row, recipient=one.recipient, disclosure=one.disclosure, told_at=told_at, how=how,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    audit.save(told, by=by, reason=number)
    moved(row.request, "check", by=by, reason=number)
    return told
