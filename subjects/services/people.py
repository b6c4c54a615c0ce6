"""The verbs of a card: register, record, rectify, verify. Nothing is held without a ground."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from registry import seam
from registry.choices import DataFormat
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import (
    Carrier,
    DataCategory,
    InformationSystem,
    Operator,
    SubjectCategory,
    User,
)
from registry.services import audit
from registry.services.data_list import beyond_the_list
from subjects import values
from subjects.choices import HeldIn, Source, SubjectKind
from subjects.folding import index_terms
from subjects.models import DataSubject, PersonalDatum, SealedFile
from subjects.services.covering import require_cover
from subjects.services.dates import dates_keep
from subjects.services.evidence import require_newer_datum
from subjects.services.guard import require_unblocked
from subjects.vault import store
from subjects.vault.field import Plain


class OperatorClosed(OperatorError):
    template = gettext_noop("%(operator)s takes no new cases.")


class ForeignRow(OperatorError):
    template = gettext_noop("%(what)s belongs to another operator.")


class CardMerged(Conflict):
    template = gettext_noop("%(code)s was merged into %(other)s: go on there.")


class AccountTaken(Conflict):
    template = gettext_noop("This account is already on the card %(code)s.")


class NotYet(OperatorError):
    template = gettext_noop("This cannot have happened in the future.")


class NeedsFile(OperatorError):
    template = gettext_noop("%(category)s is an image: upload it as a file.")


class ValueMissing(OperatorError):
    template = gettext_noop("Give the value of %(category)s.")


class HeldElsewhere(OperatorError):
    template = gettext_noop(
        "The value of %(category)s lies elsewhere: write down where, not what it says."
    )


class PlaceMissing(OperatorError):
    template = gettext_noop("Say in which system or on which carrier %(category)s lies.")


class NotPersonal(OperatorError):
    template = gettext_noop(
        "%(category)s is no personal data: it does not belong on the card of a person."
    )


class BeyondTheList(OperatorError):
    template = gettext_noop(
        "%(category)s is not on the list of necessary data that was signed: it cannot be held. "
        "Sign a new list first (94-V 25(2)(1), 152-FZ 5(5))."
    )


class OpenEnded(OperatorError):
    template = gettext_noop(
        "%(category)s does not say what it contains: make it concrete in the register first "
        "(152-FZ 5(5), 94-V 7(9))."
    )


def require_open(subject: DataSubject) -> None:
    """Refuse a card that was merged into another."""
    # By the number: a row that waited for its lock is read anew, one that is joined to it is not.
    if subject.merged_into_id is not None:
        other = DataSubject.objects.get(pk=subject.merged_into_id)
        raise CardMerged(code=subject.code, other=other.code)


def card_locked(subject: DataSubject) -> DataSubject:
    """The card, held until the transaction ends; refuses one that was merged into another.

    Whoever records, ends a ground, merges or destroys holds it, so none of them acts on what
    another is changing.
    """
    row = seam.lock(DataSubject.objects.filter(pk=subject.pk)).get()
    require_open(row)
    return row


def require_own(operator_id: int, *rows: object) -> None:
    for row in rows:
        if row is not None and getattr(row, "operator_id", operator_id) != operator_id:
            raise ForeignRow(what=str(row))


def subject_register(
    *,
    operator: Operator,
    kind: str = SubjectKind.PERSON,
    category: SubjectCategory | None = None,
    by: User | None,
    now: datetime,
    reason: str = "registered",
) -> DataSubject:
    """A new card without data. Refuses an operator that takes no new cases."""
    if not operator.is_active:
        raise OperatorClosed(operator=operator.name)
    require_own(operator.pk, category)
    row = DataSubject(operator=operator, kind=kind, category=category, registered_at=now)
    with transaction.atomic():
        return audit.save(row, by=by, reason=reason)


def datum_record(
    *,
    subject: DataSubject,
    category: DataCategory | None,
    text: str = "",
    file: SealedFile | None = None,
    identity: bool = False,
    held_in: str = HeldIn.VAULT,
    system: InformationSystem | None = None,
    carrier: Carrier | None = None,
    source: str = Source.SUBJECT,
    collected_on: date,
    verified_on: date | None = None,
    by: User | None,
    today: date,
    reason: str = "recorded",
) -> PersonalDatum:
    """Hold one more datum about the person, or write down where it is held.

    Refuses a category that no live ground of the person covers (by name, promise 1), one that is
    not personal, not concrete or beyond the list of necessary data that was signed last (94-V
    25(2)(1)), a value of the wrong shape, an account that another card has, what is blocked
    (nothing is added to it), and a value that was collected, or that is covered by consents given,
    before somebody with the same value was destroyed.
    """
    require_own(subject.operator_id, category, system, carrier)
    if collected_on > today or (verified_on is not None and verified_on > today):
        raise NotYet()
    if category is not None:
        if category.kind == "not_personal":
            raise NotPersonal(category=category.name)
        if category.open_ended:
            raise OpenEnded(category=category.name)
        if beyond_the_list(subject.operator, [category]):
            raise BeyondTheList(category=category.name)
    name = category.name if category is not None else ""
    with transaction.atomic():
        if identity:
            accounts_locked(subject.operator_id)
        card_locked(subject)
        require_unblocked(subject, category=category)
        grounds = require_cover(subject=subject, category=category, today=today)
        row = PersonalDatum(
            subject=subject,
            category=category,
            identity=identity,
            held_in=held_in,
            system=system if held_in == HeldIn.SYSTEM else None,
            carrier=carrier if held_in == HeldIn.CARRIER else None,
            source=source,
            collected_on=collected_on,
            verified_on=verified_on,
        )
        if held_in != HeldIn.VAULT:
            if text or file:
                raise HeldElsewhere(category=name)
            if (row.system or row.carrier) is None:
                raise PlaceMissing(category=name)
        elif category is not None and category.format == DataFormat.IMAGE:
            if file is None:
                raise NeedsFile(category=name)
            row.file = file
        else:
            if not text.strip():
                raise ValueMissing(category=name)
            checked = values.check(category.format if category else DataFormat.ACCOUNT, text)
            if identity:
                require_free_account(subject, checked)
            require_newer_datum(
                operator=subject.operator,
                terms=row.sealed_terms("value", checked).terms,
                category=name,
                collected_on=collected_on,
                grounds=grounds,
                today=today,
            )
            row.value = Plain(checked)
        audit.save(row, by=by, reason=reason)
        dates_keep([subject.pk], today=today)
        return row


def accounts_locked(operator_id: int) -> None:
    """Nobody else gives an account away until the transaction ends.

    Before any card: an import takes its locks in this order, and would wait for us for ever.
    """
    seam.lock(Operator.objects.filter(pk=operator_id)).values_list("pk").first()


def require_free_account(subject: DataSubject, account: str) -> None:
    """An account names one card; the caller has called ``accounts_locked``."""
    other = with_account(subject.operator, account)
    if other is not None and other.pk != subject.pk:
        raise AccountTaken(code=other.code)


def with_account(operator: Operator, account: str) -> DataSubject | None:
    """The card that this account names, in the operator's systems."""
    keys = store.found(operator.pk, index_terms("account", "whole", account))
    datum = (
        PersonalDatum.objects.filter(identity=True, value_key__in=keys)
        .select_related("subject")
        .first()
    )
    return datum.subject if datum else None


def datum_rectify(
    *,
    datum: PersonalDatum,
    text: str,
    by: User | None,
    today: date,
    reason: str,
    verified: bool = True,
    label: str = "",
) -> PersonalDatum:
    """Put the right value in the place of a wrong one (152-FZ 14(1), 20(3); 94-V 24(1)(2)).

    The old value stays in the history, sealed under the same key, and goes with it. Refuses what is
    blocked, unless ``label`` is the number that blocks it: to clarify is the one use that a block
    leaves (152-FZ 3(7), 21(2)).
    """
    category = datum.category
    name = category.name if category else ""
    if datum.held_in != HeldIn.VAULT or datum.file_id:
        raise HeldElsewhere(category=name)
    if not text.strip():
        raise ValueMissing(category=name)
    checked = values.check(category.format if category else DataFormat.ACCOUNT, text)
    with transaction.atomic():
        if datum.identity:
            accounts_locked(datum.subject.operator_id)
        card_locked(datum.subject)
        # The key is locked by the save; the row first, so that two follow one another.
        row = (
            seam.lock(PersonalDatum.objects.filter(pk=datum.pk))
            .select_related("subject__operator", "category")
            .get()
        )
        require_unblocked(row.subject, category=row.category, label=label)
        require_cover(subject=row.subject, category=row.category, today=today)
        if row.identity:
            require_free_account(row.subject, checked)
        row.value = Plain(checked)
        if verified:
            row.verified_on = today
        return audit.save(row, by=by, reason=reason, fields=["value", "verified_on"])


def datum_verify(
    *,
    datum: PersonalDatum,
    by: User | None,
    today: date,
    reason: str = "verified",
    label: str = "",
) -> PersonalDatum:
    """Somebody made sure that the value is right (152-FZ 5(6)).

    Refuses what was destroyed, and what is blocked under another number than ``label``.
    """
    with transaction.atomic():
        card_locked(datum.subject)
        require_unblocked(datum.subject, category=datum.category, label=label)
        if datum.value_key is not None and not store.keys_of([datum.value_key]):
            raise store.ValueDestroyed()
        datum.verified_on = today
        return audit.save(datum, by=by, reason=reason, fields=["verified_on"])
