"""Policies: their import as they stand, drafts written from the register, and publication."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Max, OuterRef, QuerySet, Subquery, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry import clauses, seam
from registry.choices import Language, PolicyOrigin
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, PolicyText, PolicyVersion, User
from registry.services import audit
from registry.services.policy_files import check_policy_text, policy_text_of

# No law on personal data is older than this, and nobody plans a policy for longer.
EARLIEST, AHEAD = date(1990, 1, 1), timedelta(days=366)
NAMES = {"ru": gettext_noop("Russian"), "kk": gettext_noop("Kazakh"), "en": gettext_noop("English")}


class UnknownPolicyLanguage(OperatorError):
    template = gettext_noop("%(code)s is no language of the office: choose ru, kk or en.")


class PolicyWithoutText(OperatorError):
    template = gettext_noop("A policy needs its text in at least one language.")


class PolicyDayTaken(Conflict):
    template = gettext_noop(
        "%(version)s is in force from %(day)s already: two versions cannot begin on one day."
    )


class PolicyTextDiffers(Conflict):
    template = gettext_noop(
        "The policy of %(day)s has another text in this language already. What people have read "
        "never changes: give the new text a day of its own."
    )


class PolicyLabelDiffers(Conflict):
    template = gettext_noop("The policy of %(day)s is labelled %(label)s, not %(given)s.")


class PolicyLabelTooLong(OperatorError):
    template = gettext_noop("The label of a policy has at most %(limit)s characters.")


class PolicyPublished(Conflict):
    template = gettext_noop("%(version)s is published: it never changes.")


class PolicyGone(Conflict):
    template = gettext_noop("This draft is gone: a newer one took its place, or it was discarded.")


class PolicyWithoutDay(OperatorError):
    template = gettext_noop(
        "%(version)s cannot be published without a date: say from which day it is in force."
    )


class PolicyGoesBack(OperatorError):
    template = gettext_noop(
        "%(version)s cannot begin on %(day)s: the version in force began on %(began_day)s, and a "
        "newer one never comes before it."
    )


class PolicyInThePast(OperatorError):
    template = gettext_noop(
        "%(version)s cannot begin on %(day)s: nobody can have read it before it is published."
    )


class PolicyLanguageMissing(OperatorError):
    template = gettext_noop(
        "%(version)s has no text in %(language)s, in which the operator publishes its policy."
    )


class PolicyDayOutOfReach(OperatorError):
    template = gettext_noop(
        "A policy cannot begin on %(day)s: name a day from %(first_day)s to %(last_day)s."
    )


class PolicyWrittenHere(Conflict):
    template = gettext_noop(
        "Since %(day)s the office publishes the policy itself, so nothing else was in force after "
        "that: import what came before, publish a draft for what comes."
    )


class PolicyState(TextChoices):
    DRAFT = "draft", _("draft")
    PUBLISHED = "published", _("published, not in force yet")
    IN_FORCE = "in_force", _("in force")
    SUPERSEDED = "superseded", _("superseded")


# --- reading -----------------------------------------------------------------------------------
def with_next(versions: QuerySet[PolicyVersion]) -> QuerySet[PolicyVersion]:
    """The versions with ``next_on`` and ``next_number``: of the one that supersedes each."""
    after = PolicyVersion.objects.filter(
        operator=OuterRef("operator"),
        published_at__isnull=False,
        in_force_on__gt=OuterRef("in_force_on"),
    ).order_by("in_force_on")
    return versions.annotate(
        next_on=Subquery(after.values("in_force_on")[:1]),
        next_number=Subquery(after.values("number")[:1]),
    )


def policy_state(version: PolicyVersion, *, today: date) -> PolicyState:
    """What a version of ``with_next`` is on that day."""
    if version.published_at is None or version.in_force_on is None:
        return PolicyState.DRAFT
    if version.in_force_on > today:
        return PolicyState.PUBLISHED
    replaced_on: date | None = version.next_on  # type: ignore[attr-defined]
    if replaced_on is not None and replaced_on <= today:
        return PolicyState.SUPERSEDED
    return PolicyState.IN_FORCE


def policy_in_force(operator: Operator, *, today: date) -> PolicyVersion | None:
    """The version that binds the operator on the day; None before the first."""
    return PolicyVersion.objects.filter(operator=operator).in_force(today).first()


# --- verbs -------------------------------------------------------------------------------------
@transaction.atomic
def policy_import(
    *,
    operator: Operator,
    language: str,
    dated: date,
    text: bytes | Path,
    label: str = "",
    by: User | None,
    now: datetime,
) -> tuple[PolicyVersion, bool]:
    """Record a policy that people have read as it stands; published, in force on ``dated``.

    Returns the version and whether anything was written: the same text again changes nothing,
    another language joins the version of its day. Refuses another text for the same day and
    language, another label, a day after the office began to publish the policy itself, a day out
    of reach, and whatever is no text (94-V 25(2)(1-1), 152-FZ 18.1(2)).
    """
    _check_language(language)
    _check_label(label)
    words = policy_text_of(text)
    operator = _locked(operator)
    _check_reach(dated, timezone.localdate(now, operator.zone))
    version = PolicyVersion.objects.filter(
        operator=operator, in_force_on=dated, published_at__isnull=False
    ).first()
    if version is None:
        written = PolicyVersion.objects.filter(operator=operator, origin=PolicyOrigin.GENERATED)
        first = written.published().filter(in_force_on__lt=dated).order_by("in_force_on").first()
        if first is not None:
            raise PolicyWrittenHere(day=first.in_force_on)
        version = PolicyVersion(
            operator=operator,
            number=_next_number(operator),
            label=label,
            origin=PolicyOrigin.IMPORTED,
            in_force_on=dated,
            created_at=now,
            published_at=now,
            published_by=by,
        )
        audit.save(version, by=by, reason="imported as it stands")
        _save_text(version, language, words, by=by, reason="imported as it stands", at=now)
        return version, True
    if label and label != version.label:
        raise PolicyLabelDiffers(day=dated, label=version.label or "–", given=label)
    known = version.texts.filter(language=language).first()
    if known is not None:
        if known.text != words:
            raise PolicyTextDiffers(day=dated)
        return version, False
    if version.origin != PolicyOrigin.IMPORTED:
        raise PolicyDayTaken(version=str(version), day=dated)
    _save_text(version, language, words, by=by, reason="imported as it stands", at=now)
    return version, True


@transaction.atomic
def policy_draft(
    *,
    operator: Operator,
    texts: Mapping[str, str],
    label: str,
    by: User | None,
    now: datetime,
) -> PolicyVersion:
    """Keep the texts written from the register as the operator's one draft.

    ``texts``: by language. An earlier draft is thrown away whole. Refuses no text at all, an
    unknown language, a long label, and what could be no text of a file either.
    """
    _check_label(label)
    if not texts:
        raise PolicyWithoutText()
    for language, words in texts.items():
        _check_language(language)
        check_policy_text(words)
    operator = seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    for earlier in PolicyVersion.objects.filter(operator=operator, published_at=None):
        _throw_away(earlier, by=by, reason="a newer draft took its place")
    version = PolicyVersion(
        operator=operator,
        number=_next_number(operator),
        label=label,
        origin=PolicyOrigin.GENERATED,
        created_at=now,
    )
    audit.save(version, by=by, reason="written from the register")
    for language in Language.values:
        if language in texts:
            words = texts[language]
            _save_text(version, language, words, by=by, reason="written from the register")
    return version


@transaction.atomic
def policy_publish(
    *, version: PolicyVersion, in_force_on: date | None, by: User | None, now: datetime
) -> PolicyVersion:
    """Publish a draft: from now on nothing in it can change.

    Refuses to publish without a day, on a day that another version has, before the version in
    force began, in the past for what the office itself has just written, more than a year ahead,
    without a language in which the operator publishes, and what is published already.
    """
    row = _draft_locked(version)
    operator, name = row.operator, str(row)
    if in_force_on is None:
        raise PolicyWithoutDay(version=name)
    today = timezone.localdate(now, operator.zone)
    _check_reach(in_force_on, today)
    published = PolicyVersion.objects.filter(operator=operator).published()
    taken = published.filter(in_force_on=in_force_on).first()
    if taken is not None:
        raise PolicyDayTaken(version=str(taken), day=in_force_on)
    current = policy_in_force(operator, today=today)
    if current is not None and current.in_force_on and in_force_on < current.in_force_on:
        raise PolicyGoesBack(version=name, day=in_force_on, began_day=current.in_force_on)
    if row.origin == PolicyOrigin.GENERATED and in_force_on < today:
        raise PolicyInThePast(version=name, day=in_force_on)
    texts = list(row.texts.all())
    if not texts:
        raise PolicyWithoutText()
    for language in Language.values:
        if language in operator.languages and language not in {text.language for text in texts}:
            raise PolicyLanguageMissing(version=name, language=NAMES[language])
    for text in texts:
        text.published_at = now
        audit.save(text, by=by, reason="published", fields=["published_at"])
    row.in_force_on, row.published_at, row.published_by = in_force_on, now, by
    return audit.save(
        row, by=by, reason="published", fields=["in_force_on", "published_at", "published_by"]
    )


@transaction.atomic
def policy_discard(*, version: PolicyVersion, by: User | None) -> None:
    """Throw a draft away whole; its history stays. Refuses what is published."""
    _throw_away(_draft_locked(version), by=by, reason="discarded")


# --- inside ------------------------------------------------------------------------------------
def _check_label(label: str) -> None:
    limit = PolicyVersion._meta.get_field("label").max_length or 0
    if len(label) > limit:
        raise PolicyLabelTooLong(limit=limit)


def _check_reach(day: date, today: date) -> None:
    """A day that somebody can mean: a slip of the year would block every later version."""
    last = today + AHEAD
    if not EARLIEST <= day <= last:
        raise PolicyDayOutOfReach(day=day, first_day=EARLIEST, last_day=last)


def _check_language(language: str) -> None:
    if language not in Language.values:
        raise UnknownPolicyLanguage(code=language)


def _locked(operator: Operator) -> Operator:
    rows = seam.lock(Operator.objects.filter(pk=operator.pk))
    return rows.select_related("jurisdiction").get()


def _draft_locked(version: PolicyVersion) -> PolicyVersion:
    """The draft, with its operator locked first: every verb takes the locks in this order."""
    operator = _locked(version.operator)
    row = seam.lock(PolicyVersion.objects.filter(pk=version.pk)).first()
    if row is None:
        raise PolicyGone()
    row.operator = operator
    if row.is_published:
        raise PolicyPublished(version=str(row))
    return row


def _next_number(operator: Operator) -> int:
    rows = PolicyVersion.objects.filter(operator=operator)
    return (rows.aggregate(last=Max("number"))["last"] or 0) + 1


def _save_text(
    version: PolicyVersion,
    language: str,
    words: str,
    *,
    by: User | None,
    reason: str,
    at: datetime | None = None,
) -> None:
    text = PolicyText(
        version=version,
        language=language,
        text=words,
        clauses=[clause.stored() for clause in clauses.split(words)],
        digest=hashlib.sha256(words.encode()).hexdigest(),
        published_at=at,
    )
    audit.save(text, by=by, reason=reason)


def _throw_away(version: PolicyVersion, *, by: User | None, reason: str) -> None:
    rows = [*version.texts.all(), version]
    for row in rows:
        row._history_user, row._change_reason = by, reason  # type: ignore[attr-defined]
        row.delete()
