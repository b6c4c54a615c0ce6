"""Consent texts: drafts written from the register, and their publication."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, QuerySet

from registry import seam
from registry.choices import Channel, Intake, Operation, RecipientKind
from registry.consent_contents import LANGUAGES, Contents, Listed, Missing, digest, missing
from registry.consent_writing import written
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.explain import missing_in_words
from registry.models import (
    ConsentText,
    DataCategory,
    IntakeChannel,
    Operator,
    ProcessingActivity,
    Recipient,
    User,
)
from registry.models.base import Named
from registry.services import audit


class TextIncomplete(OperatorError):
    """What the law demands is missing; ``missing`` holds it item by item."""

    template = gettext_noop("%(text)s cannot be published yet. %(why)s")

    def __init__(self, *, missing: list[Missing], **params: Any) -> None:
        self.missing = missing
        super().__init__(**params)


class TextPublished(Conflict):
    template = gettext_noop("%(text)s is published: it never changes. Make a new version of it.")


class TextChanged(Conflict):
    template = gettext_noop(
        "%(text)s was changed while you were reading it. Nothing was published: read it again."
    )


class ActivitiesMissing(OperatorError):
    template = gettext_noop("A consent text is written from activities: choose at least one.")


class ForeignActivity(OperatorError):
    template = gettext_noop("The activity %(activity)s belongs to another operator.")


class DataBeyondActivities(OperatorError):
    template = gettext_noop("The data category %(category)s belongs to none of the activities.")


class DraftRefused(OperatorError):
    """What the row's own fields refuse: a name that is missing, a length without a unit."""

    template = gettext_noop("The draft of %(code)s cannot be saved: %(why)s")


@transaction.atomic
def consent_text_draft(
    *,
    operator: Operator,
    code: str,
    activities: Iterable[ProcessingActivity],
    in_force_on: date | None,
    by: User | None,
    now: datetime,
    name_ru: str = "",
    name_kk: str = "",
    name_en: str = "",
    data_categories: Iterable[DataCategory] | None = None,
    operations: Collection[str] | None = None,
    third_parties: bool | None = None,
    cross_border: bool | None = None,
    dissemination: bool | None = None,
    term_length: int | None = None,
    term_unit: str = "",
    end_event: str = "",
    withdrawal_channels: Collection[str] | None = None,
    separate_document: bool = True,
) -> ConsentText:
    """Make the next draft of the text, written from the register in the operator's languages.

    What is not given comes from the register: all data and operations of the activities, the
    operator's ways of withdrawal, and the three flags as far as recipients and operations answer
    them. What the register does not know stays unsaid, and ``missing_of`` names it. A new version
    keeps the names of the one before. Refuses data beyond the activities, and activities of
    somebody else.
    """
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk)).select_related("jurisdiction").get()
    )
    chosen = _own_activities(operator, activities)
    allowed = DataCategory.objects.filter(activities__in=chosen).distinct()
    data = list(allowed) if data_categories is None else list(data_categories)
    _check_data(data, allowed)
    versions = ConsentText.objects.filter(operator=operator, code=code)
    before = versions.order_by("-version").first()
    row = ConsentText(
        operator=operator,
        code=code,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        name_ru=name_ru or (before.name_ru if before else ""),
        name_kk=name_kk or (before.name_kk if before else ""),
        name_en=name_en or (before.name_en if before else ""),
        operations=_in_order(Operation, _operations(chosen) if operations is None else operations),
        third_parties=_or(third_parties, _third_parties(chosen)),
        cross_border=_or(cross_border, _cross_border(operator, chosen)),
        dissemination=_or(dissemination, _dissemination(chosen)),
        term_length=term_length,
        term_unit=term_unit,
        end_event=end_event,
        withdrawal_channels=_in_order(
            Channel, _channels(operator) if withdrawal_channels is None else withdrawal_channels
        ),
        separate_document=separate_document,
        in_force_on=in_force_on,
    )
    _check_fields(row)
    contents = _contents(row, chosen, data)
    for language in operator.languages or LANGUAGES:
        setattr(row, f"text_{language}", written(contents, language))
    audit.save(row, by=by, reason="written from the register")
    row.activities.set(chosen)
    row.data_categories.set(data)
    return row


@transaction.atomic
def consent_text_publish(
    *, text: ConsentText, by: User, now: datetime, read: str = ""
) -> ConsentText:
    """Publish a draft: from now on nothing about it can change.

    ``read``: the digest of what the publisher has read; refuses if it has changed since. Refuses
    a draft that lacks what the law demands, naming all of it, and a text that is published
    already.
    """
    row = draft_locked(text)
    contents = contents_of(row)
    if read and read != digest(contents):
        raise TextChanged(text=str(row))
    lacking = missing(contents)
    if lacking:
        why = " ".join(missing_in_words(lacking))
        raise TextIncomplete(missing=lacking, text=str(row), why=why)
    row.published_at, row.published_by = now, by
    row.digest = digest(contents)
    fields = ["published_at", "published_by", "digest"]
    return audit.save(row, by=by, reason="published", fields=fields)


def draft_locked(text: ConsentText) -> ConsentText:
    """The row, locked until the transaction ends; refuses one that is published."""
    row = (
        seam.lock(ConsentText.objects.filter(pk=text.pk))
        .select_related("operator__jurisdiction")
        .get()
    )
    if row.is_published:
        raise TextPublished(text=str(row))
    return row


def missing_of(text: ConsentText) -> list[Missing]:
    """What the operator's law demands and the text lacks."""
    return missing(contents_of(text))


def contents_of(text: ConsentText) -> Contents:
    """The text and what the register says beside it, for the pure rules."""
    return _contents(text, _with_rows(text.activities.all()), list(text.data_categories.all()))


# --- from the register -------------------------------------------------------------------------
def _with_rows(activities: QuerySet[ProcessingActivity]) -> list[ProcessingActivity]:
    return list(
        activities.select_related("purpose")
        .prefetch_related("data_categories", "recipients__country")
        .order_by("code")
    )


def _contents(
    text: ConsentText, activities: list[ProcessingActivity], data: list[DataCategory]
) -> Contents:
    operator = text.operator
    recipients = {row.code: row for activity in activities for row in activity.recipients.all()}
    addresses: dict[str, tuple[str, ...]] = {}
    for channel in _withdrawal_ways(operator).exclude(address="").order_by("pk"):
        known = addresses.get(channel.channel, ())
        if channel.address not in known:
            addresses[channel.channel] = (*known, channel.address)
    return Contents(
        law=operator.jurisdiction.code,
        operator=operator.code,
        code=text.code,
        version=text.version,
        names=_names(text),
        texts={language: getattr(text, f"text_{language}") for language in LANGUAGES},
        activities=tuple(activity.code for activity in activities),
        data=_listed(data),
        operations=tuple(text.operations),
        third_parties=text.third_parties,
        cross_border=text.cross_border,
        dissemination=text.dissemination,
        term_length=text.term_length,
        term_unit=text.term_unit,
        end_event=text.end_event,
        withdrawal_channels=tuple(text.withdrawal_channels),
        separate_document=text.separate_document,
        in_force_on=text.in_force_on,
        operator_name=operator.name,
        operator_address=operator.address,
        operator_bin=operator.bin,
        purposes=_listed({activity.purpose for activity in activities}),
        processors=_listed(_of_kind(recipients.values(), RecipientKind.PROCESSOR)),
        third_party_recipients=_listed(_of_kind(recipients.values(), RecipientKind.THIRD_PARTY)),
        activity_data=frozenset(
            row.code for activity in activities for row in activity.data_categories.all()
        ),
        modes=frozenset(activity.mode for activity in activities if activity.mode),
        channel_addresses=addresses,
    )


def _names(row: Named) -> dict[str, str]:
    return {language: getattr(row, f"name_{language}") for language in LANGUAGES}


def _listed(rows: Iterable[Any]) -> tuple[Listed, ...]:
    return tuple(Listed(row.code, _names(row)) for row in sorted(rows, key=lambda row: row.pk))


def _of_kind(recipients: Iterable[Recipient], kind: RecipientKind) -> list[Recipient]:
    return [row for row in recipients if row.kind == kind]


def _withdrawal_ways(operator: Operator) -> QuerySet[IntakeChannel]:
    return IntakeChannel.objects.filter(
        operator=operator, intake__in=[Intake.WITHDRAWAL, Intake.ANY]
    )


def _channels(operator: Operator) -> set[str]:
    return set(_withdrawal_ways(operator).values_list("channel", flat=True))


def _operations(activities: list[ProcessingActivity]) -> set[str]:
    return {operation for activity in activities for operation in activity.operations}


def _recipients(activities: list[ProcessingActivity]) -> list[Recipient]:
    return [row for activity in activities for row in activity.recipients.all()]


def _third_parties(activities: list[ProcessingActivity]) -> bool:
    return any(row.kind == RecipientKind.THIRD_PARTY for row in _recipients(activities))


def _cross_border(operator: Operator, activities: list[ProcessingActivity]) -> bool | None:
    """Yes when a recipient is abroad; unknown while the country of one is."""
    home = operator.jurisdiction.country
    countries = [row.country.code if row.country else None for row in _recipients(activities)]
    if any(code not in {None, home} for code in countries):
        return True
    return None if None in countries else False


def _dissemination(activities: list[ProcessingActivity]) -> bool:
    return Operation.DISSEMINATION in _operations(activities)


def _or(said: bool | None, register: bool | None) -> bool | None:
    return register if said is None else said


def _in_order(options: type[Operation] | type[Channel], chosen: Collection[str]) -> list[str]:
    """In the order of the choices; what is unknown stays at the end, for the field to refuse."""
    known = [value for value in options.values if value in chosen]
    return [*known, *(value for value in chosen if value not in options.values)]


# --- refusals ----------------------------------------------------------------------------------
def _own_activities(
    operator: Operator, activities: Iterable[ProcessingActivity]
) -> list[ProcessingActivity]:
    asked = list(activities)
    if not asked:
        raise ActivitiesMissing()
    for activity in asked:
        if activity.operator_id != operator.pk:
            raise ForeignActivity(activity=activity.code)
    return _with_rows(ProcessingActivity.objects.filter(pk__in=[row.pk for row in asked]))


def _check_data(data: list[DataCategory], allowed: Iterable[DataCategory]) -> None:
    known = {row.pk for row in allowed}
    for row in data:
        if row.pk not in known:
            raise DataBeyondActivities(category=row.code)


def _check_fields(row: ConsentText) -> None:
    """Refuse by name what fields and constraints refuse, before the database does it."""
    try:
        row.full_clean()
    except ValidationError as error:
        why = " ".join(message for messages in error.message_dict.values() for message in messages)
        raise DraftRefused(code=row.code, why=why) from None
