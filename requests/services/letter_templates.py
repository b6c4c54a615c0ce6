"""The operator's own words of letters: draft, change, publish, discard, withdraw; what is in force.

The same manner as consent texts. Each verb holds the operator, then the row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from registry import seam
from registry.choices import Language
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from requests.models import LetterTemplate, LetterTemplateWithdrawal
from requests.models.letter_templates import REASON_LIMIT, LetterPart, LetterTemplateQuerySet
from requests.services.letter_language import check, cleaned
from requests.services.letter_texts import own_text


class TemplateUnknown(OperatorError):
    template = gettext_noop("There are no letters of this kind, or none in this language.")


class TemplateDrafted(Conflict):
    template = gettext_noop("%(words)s: there is a draft already; change it, or discard it first.")


class TemplatePublished(Conflict):
    template = gettext_noop("%(words)s is published: it never changes. Make a new version of it.")


class TemplateGone(Conflict):
    template = gettext_noop("The draft has been discarded by somebody else.")


class TemplateChanged(Conflict):
    template = gettext_noop(
        "%(words)s was changed while you were reading it. Nothing was saved: read it again."
    )


class TemplateBegins(OperatorError):
    template = gettext_noop("%(words)s cannot be in force from a moment that has passed.")


class TemplateUnpublished(OperatorError):
    template = gettext_noop("%(words)s is a draft: it can be discarded, not withdrawn.")


class TemplateWithdrawn(Conflict):
    template = gettext_noop("%(words)s has been withdrawn already.")


class TemplateReason(OperatorError):
    template = gettext_noop("Say why, in at most %(limit)s characters.")


class TemplateSecondPerson(OperatorError):
    template = gettext_noop(
        "%(words)s: somebody else than its writer publishes it; your operator wants a second "
        "person."
    )


# --- what is in force ----------------------------------------------------------------------------
def in_force(
    *, operator: Operator, language: str, kind: str, moment: datetime
) -> Mapping[str, LetterTemplate]:
    """The operator's words for a letter of that kind: part -> version; one query.

    What is not there is said in the office's own words.
    """
    parts = [LetterPart(kind), LetterPart.GREETING, LetterPart.FOOTER]
    rows = LetterTemplate.objects.in_force(moment)
    rows = rows.filter(operator=operator, language=language, part__in=parts)
    return {row.part: row for row in rows}


def in_force_instead(template: LetterTemplate, moment: datetime) -> LetterTemplate | None:
    """What letters say now in the place of this row (it may be the row); None: the own words."""
    return _siblings(template).in_force(moment).first()


def digest_of(template: LetterTemplate) -> str:
    """Tells one state of a draft from another."""
    raw = f"{template.title}\0{template.text}".encode()
    return hashlib.sha256(raw).hexdigest()[:16]


# --- verbs ---------------------------------------------------------------------------------------
@transaction.atomic
def letter_template_draft(
    *,
    operator: Operator,
    part: str,
    language: str,
    from_own: bool = False,
    by: User | None,
    now: datetime,
) -> LetterTemplate:
    """Begin the next version, with the words that are in force; ``from_own``: with the office's.

    Refuses a second draft of the same words.
    """
    if part not in LetterPart.values or language not in Language.values:
        raise TemplateUnknown()
    operator = seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    rows = LetterTemplate.objects.filter(operator=operator, part=part, language=language)
    open_draft = rows.drafts().first()
    if open_draft is not None:
        raise TemplateDrafted(words=str(open_draft))
    last = None if from_own else rows.in_force(now).first()
    title, text = (last.title, last.text) if last else own_text(language, part)
    row = LetterTemplate(
        operator=operator, part=LetterPart(part), language=Language(language),
        version=(rows.aggregate(last=Max("version"))["last"] or 0) + 1,
        title=title, text=text, written_by=by, written_at=now,
    )  # fmt: skip
    return audit.save(row, by=by, reason="drafted")


@transaction.atomic
def letter_template_edit(
    *,
    template: LetterTemplate,
    title: str,
    text: str,
    read: str,
    by: User | None,
    now: datetime,
) -> LetterTemplate:
    """Change a draft. ``read``: ``digest_of`` what the writer started from; refuses if it has been
    changed since, and words that are no template or lose what a person must be told.
    """
    row = _draft_locked(template, read)
    title, text = cleaned(title), cleaned(text)
    check(part=row.part, title=title, text=text)
    row.title, row.text, row.written_by, row.written_at = title, text, by, now
    fields = ["title", "text", "written_by", "written_at"]
    return audit.save(row, by=by, reason="changed", fields=fields)


@transaction.atomic
def letter_template_publish(
    *,
    template: LetterTemplate,
    read: str,
    in_force_at: datetime | None = None,
    by: User,
    now: datetime,
) -> LetterTemplate:
    """From now on nothing in it can change; letters made from ``in_force_at`` on (none: at once)
    have these words.

    ``read``: ``digest_of`` what the publisher has read. Refuses what was changed since, a moment
    that has passed, words that break a rule, and its own writer where the operator wants a second
    person.
    """
    row = _draft_locked(template, read)
    if row.operator.second_person and row.written_by_id == by.pk:
        raise TemplateSecondPerson(words=str(row))
    if in_force_at is not None and in_force_at < now.replace(second=0, microsecond=0):
        raise TemplateBegins(words=str(row))
    # The rules may have become stricter since the draft was saved.
    check(part=row.part, title=row.title, text=row.text)
    row.published_at, row.published_by = now, by
    row.in_force_at = max(in_force_at or now, now)
    fields = ["published_at", "published_by", "in_force_at"]
    return audit.save(row, by=by, reason="published", fields=fields)


@transaction.atomic
def letter_template_discard(*, template: LetterTemplate, by: User | None) -> None:
    """Throw a draft away; its history stays. Refuses what is published."""
    row = _draft_locked(template)
    row._history_user, row._change_reason = by, "discarded"  # type: ignore[attr-defined]
    row.delete()


@transaction.atomic
def letter_template_withdraw(
    *, template: LetterTemplate, reason: str, by: User | None, now: datetime
) -> LetterTemplateWithdrawal:
    """From now on letters say the office's own words again, until a newer version is in force.

    Letters that are made already keep theirs. Refuses a draft, and a second time.
    """
    row = _locked(template)
    reason = " ".join(reason.split())
    if not row.is_published:
        raise TemplateUnpublished(words=str(row))
    if LetterTemplateWithdrawal.objects.filter(template=row).exists():
        raise TemplateWithdrawn(words=str(row))
    if not reason or len(reason) > REASON_LIMIT:
        raise TemplateReason(limit=REASON_LIMIT)
    return LetterTemplateWithdrawal.objects.create(
        template=row, withdrawn_at=now, withdrawn_by=by, reason=reason
    )


# --- inside --------------------------------------------------------------------------------------
def _siblings(template: LetterTemplate) -> LetterTemplateQuerySet:
    return LetterTemplate.objects.filter(
        operator=template.operator_id, part=template.part, language=template.language
    )


def _locked(template: LetterTemplate) -> LetterTemplate:
    operator = seam.lock(Operator.objects.filter(pk=template.operator_id)).get()
    row = seam.lock(LetterTemplate.objects.filter(pk=template.pk)).first()
    if row is None:
        raise TemplateGone()
    row.operator = operator
    return row


def _draft_locked(template: LetterTemplate, read: str | None = None) -> LetterTemplate:
    """The draft, held; refuses one that is published, and one that is no longer what was read."""
    row = _locked(template)
    if row.is_published:
        raise TemplatePublished(words=str(row))
    if read is not None and read != digest_of(row):
        raise TemplateChanged(words=str(row))
    return row
