"""The verbs of grounds and consents: start, give, withdraw, end, permit."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from registry import seam
from registry.choices import BasisKind, Channel, Language
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity, User
from registry.services import audit
from registry.terms import Unit, end_of_term
from subjects.choices import GroundEnd, Permission
from subjects.models import Consent, DataSubject, DisseminationPermission, Ground
from subjects.services.covering import Law
from subjects.services.dates import dates_keep
from subjects.services.evidence import require_newer_consent
from subjects.services.guard import require_unblocked
from subjects.services.people import NotYet, card_locked, require_own
from subjects.vault.field import Plain


class BasisNotOfActivity(OperatorError):
    template = gettext_noop("%(basis)s is not among the legal bases of %(activity)s.")


class BasisClosed(OperatorError):
    template = gettext_noop(
        "%(basis)s was closed on %(day)s; no ground can start on it after that."
    )


class ActivityEnded(OperatorError):
    template = gettext_noop("%(activity)s ended on %(day)s; no ground can start on it after that.")


class PurposeEnded(OperatorError):
    template = gettext_noop("The purpose %(purpose)s was achieved on %(day)s.")


class GroundTwice(Conflict):
    template = gettext_noop("%(code)s has this ground already: %(ground)s.")


class GroundEnded(Conflict):
    template = gettext_noop("This ground ended on %(day)s.")


class EndBeforeStart(OperatorError):
    template = gettext_noop("A ground cannot end before it starts.")


class ConsentNeeded(OperatorError):
    template = gettext_noop("%(basis)s is a consent: record the consent itself, with its text.")


class NoConsentBasis(OperatorError):
    template = gettext_noop("%(basis)s is no consent; a consent text does not belong to it.")


class TextNotPublished(OperatorError):
    template = gettext_noop("%(text)s has not been published: nobody can have agreed to it.")


class TextNotInForce(OperatorError):
    template = gettext_noop("%(text)s is in force from %(day)s; the consent is older.")


class TextNotInLanguage(OperatorError):
    template = gettext_noop("%(text)s has no text in this language: %(language)s.")


class TextOfOtherActivity(OperatorError):
    template = gettext_noop("%(text)s does not speak of %(activity)s.")


class ScopeNotInText(OperatorError):
    template = gettext_noop(
        "%(text)s does not ask for this: %(scope)s. Nobody agrees to what a text does not say."
    )


class WithdrawnAlready(Conflict):
    template = gettext_noop("This consent was withdrawn already.")


class WithdrawnBeforeGiven(OperatorError):
    template = gettext_noop("A consent cannot be withdrawn before it was given.")


class NotForDissemination(OperatorError):
    template = gettext_noop("This consent allows no dissemination (152-FZ 10.1, 94-V 8(4)(6)).")


class NotInConsent(OperatorError):
    template = gettext_noop("The consent does not name %(category)s.")


class ConditionsMissing(OperatorError):
    template = gettext_noop("Write down the conditions that the person set.")


# What a consent may allow beyond the processing itself, as a person reads it.
SCOPES = {
    "third_parties": _("to third parties"),
    "cross_border": _("across the border"),
    "dissemination": _("to disseminate"),
}


def ground_start(
    *,
    subject: DataSubject,
    activity: ProcessingActivity,
    legal_basis: LegalBasis,
    started_on: date,
    by: User | None,
    today: date,
    reason: str = "recorded",
) -> Ground:
    """A ground other than consent (152-FZ 6(1)(2)-(11), 94-V 9).

    Refuses a basis that the activity does not have or that was closed by then, a second ground of
    the same kind while the first holds, and a card that is blocked as a whole.
    """
    if legal_basis.kind == BasisKind.CONSENT:
        raise ConsentNeeded(basis=legal_basis.name)
    with transaction.atomic():
        row = _ground(
            subject=subject,
            activity=activity,
            legal_basis=legal_basis,
            started_on=started_on,
            by=by,
            today=today,
            reason=reason,
        )
        dates_keep([subject.pk], today=today)
        return row


def require_startable(activity: ProcessingActivity, basis: LegalBasis, day: date) -> None:
    """Refuse what could not be a ground on that day."""
    if not activity.legal_bases.filter(pk=basis.pk).exists():
        raise BasisNotOfActivity(basis=basis.name, activity=activity.name)
    if basis.closed_on is not None and basis.closed_on <= day:
        raise BasisClosed(basis=basis.name, day=basis.closed_on)
    if activity.ended_on is not None and activity.ended_on <= day:
        raise ActivityEnded(activity=activity.name, day=activity.ended_on)
    if activity.purpose.ended_on is not None and activity.purpose.ended_on <= day:
        raise PurposeEnded(purpose=activity.purpose.name, day=activity.purpose.ended_on)


def _ground(
    *,
    subject: DataSubject,
    activity: ProcessingActivity,
    legal_basis: LegalBasis,
    started_on: date,
    by: User | None,
    today: date,
    reason: str,
) -> Ground:
    require_own(subject.operator_id, activity)
    if started_on > today:
        raise NotYet()
    require_startable(activity, legal_basis, started_on)
    with transaction.atomic():
        # Two clerks cannot record the same ground side by side.
        card_locked(subject)
        # Blocked data are put to no new use; a category that is blocked alone stays so anyway.
        require_unblocked(subject)
        standing = Ground.objects.filter(
            subject=subject, activity=activity, legal_basis=legal_basis, ended_on=None
        ).first()
        if standing is not None:
            raise GroundTwice(code=subject.code, ground=str(standing))
        row = Ground(
            subject=subject, activity=activity, legal_basis=legal_basis, started_on=started_on
        )
        return audit.save(row, by=by, reason=reason)


def expiry(text: ConsentText, given_on: date, law: Law) -> date | None:
    """The first day on which a consent to this text covers nothing; None: it ends by an event."""
    if not text.term_length:
        return None
    return end_of_term(given_on, text.term_length, Unit(text.term_unit), law.calendar)


def consent_give(
    *,
    subject: DataSubject,
    activity: ProcessingActivity,
    legal_basis: LegalBasis,
    text: ConsentText,
    given_at: datetime,
    channel: str,
    third_parties: bool = False,
    cross_border: bool = False,
    dissemination: bool = False,
    evidence: str = "",
    language: str = "",
    by_action: bool = False,
    by: User | None,
    now: datetime,
    reason: str = "recorded",
) -> Consent:
    """Record a consent that was given: a ground and its proof (152-FZ 9, 94-V 8).

    Refuses a text that was not published or not in force at that moment, that has no such
    language, does not speak of the activity, or does not ask for a scope; a consent given in the
    future, or before what it covers was destroyed; a card that is blocked as a whole.
    ``language``: ru, kk or en, empty when nobody knows.
    """
    if legal_basis.kind != BasisKind.CONSENT:
        raise NoConsentBasis(basis=legal_basis.name)
    require_own(subject.operator_id, text)
    zone = subject.operator.zone
    given_on = given_at.astimezone(zone).date()
    if given_at > now:
        raise NotYet()
    if text.published_at is None:
        raise TextNotPublished(text=str(text))
    if text.in_force_on is None or text.in_force_on > given_on:
        raise TextNotInForce(text=str(text), day=text.in_force_on)
    if language and not getattr(text, f"text_{Language(language)}"):
        raise TextNotInLanguage(text=str(text), language=str(Language(language).label))
    if not text.activities.filter(pk=activity.pk).exists():
        raise TextOfOtherActivity(text=str(text), activity=activity.name)
    asked = {
        "third_parties": third_parties,
        "cross_border": cross_border,
        "dissemination": dissemination,
    }
    for scope, given in asked.items():
        if given and not getattr(text, scope):
            raise ScopeNotInText(text=str(text), scope=str(SCOPES[scope]))
    today = now.astimezone(zone).date()
    with transaction.atomic():
        ground = _ground(
            subject=subject,
            activity=activity,
            legal_basis=legal_basis,
            started_on=given_on,
            by=by,
            today=today,
            reason=reason,
        )
        # The card is held: nobody destroys between this and the saving.
        require_newer_consent(subject=subject, text=text, given_at=given_at)
        row = Consent(
            ground=ground,
            text=text,
            language=language,
            given_at=given_at,
            channel=channel,
            by_action=by_action,
            expires_on=expiry(text, given_on, Law(subject.operator)),
            evidence=Plain(evidence) if evidence.strip() else None,
            **asked,
        )
        audit.save(row, by=by, reason=reason)
        dates_keep([subject.pk], today=today)
        return row


def consent_withdraw(
    *,
    consent: Consent,
    channel: str,
    received_at: datetime,
    by: User | None,
    now: datetime,
    reason: str = "withdrawn",
) -> Consent:
    """The person took the consent back (152-FZ 9(2), 94-V 8(1)); its ground ends that day."""
    if received_at > now:
        raise NotYet()
    with transaction.atomic():
        card_locked(consent.ground.subject)
        row = (
            seam.lock(Consent.objects.filter(pk=consent.pk))
            .select_related("ground__subject__operator__jurisdiction")
            .get()
        )
        if row.withdrawn_at is not None:
            raise WithdrawnAlready()
        if received_at < row.given_at:
            raise WithdrawnBeforeGiven()
        row.withdrawn_at = received_at
        row.withdrawn_by = Channel(channel)
        audit.save(row, by=by, reason=reason, fields=["withdrawn_at", "withdrawn_by"])
        today = now.astimezone(row.operator.zone).date()
        if row.ground.ended_on is None:
            ground_end(
                ground=row.ground,
                ended_on=received_at.astimezone(row.operator.zone).date(),
                end_reason=GroundEnd.WITHDRAWN,
                by=by,
                today=today,
                reason=reason,
            )
        else:
            dates_keep([row.ground.subject_id], today=today)
        return row


def ground_end(
    *,
    ground: Ground,
    ended_on: date,
    end_reason: str,
    by: User | None,
    today: date,
    reason: str,
) -> Ground:
    """The ground covers nothing from that day on. What becomes of the data follows from it."""
    if ended_on > today:
        raise NotYet()
    with transaction.atomic():
        card_locked(ground.subject)
        row = seam.lock(Ground.objects.filter(pk=ground.pk)).get()
        if row.ended_on is not None:
            raise GroundEnded(day=row.ended_on)
        if ended_on < row.started_on:
            raise EndBeforeStart()
        row.ended_on = ended_on
        row.end_reason = GroundEnd(end_reason)
        audit.save(row, by=by, reason=reason, fields=["ended_on", "end_reason"])
        dates_keep([row.subject_id], today=today)
        return row


def dissemination_permit(
    *,
    consent: Consent,
    category: DataCategory,
    permission: str,
    conditions: str = "",
    resource: str = "",
    started_on: date,
    by: User | None,
    today: date,
    reason: str = "recorded",
) -> DisseminationPermission:
    """What the person chose for one category (152-FZ 10.1(1), (9)); replaces the earlier choice.

    Refuses to let blocked data be shown; to record that they must not be is always possible.
    """
    if not consent.dissemination:
        raise NotForDissemination()
    if not consent.text.data_categories.filter(pk=category.pk).exists():
        raise NotInConsent(category=category.name)
    if permission == Permission.CONDITIONS and not conditions.strip():
        raise ConditionsMissing()
    if started_on > today:
        raise NotYet()
    with transaction.atomic():
        card_locked(consent.ground.subject)
        if permission != Permission.PROHIBITED:
            require_unblocked(consent.ground.subject, category=category)
        seam.lock(Consent.objects.filter(pk=consent.pk)).get()
        for standing in consent.permissions.filter(category=category, ended_on=None):
            standing.ended_on = max(started_on, standing.started_on)
            audit.save(standing, by=by, reason=reason, fields=["ended_on"])
        row = DisseminationPermission(
            consent=consent,
            category=category,
            permission=Permission(permission),
            conditions=conditions,
            resource=resource,
            started_on=started_on,
        )
        return audit.save(row, by=by, reason=reason)


def dissemination_stop(
    *, permission: DisseminationPermission, by: User | None, today: date, reason: str
) -> DisseminationPermission:
    """The person wants it shown no longer (152-FZ 10.1(12))."""
    with transaction.atomic():
        row = seam.lock(DisseminationPermission.objects.filter(pk=permission.pk)).get()
        if row.ended_on is not None:
            raise GroundEnded(day=row.ended_on)
        row.ended_on = max(today, row.started_on)
        return audit.save(row, by=by, reason=reason, fields=["ended_on"])
