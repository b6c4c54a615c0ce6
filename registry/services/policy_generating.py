"""The policy that the register writes: its texts, and the draft made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext

from registry.choices import Language, PolicyOrigin
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, PolicyVersion, User
from registry.models.base import LANGUAGES
from registry.policy_contents import Missing, missing
from registry.policy_writing import written
from registry.services.policies import policy_draft, policy_publish
from registry.services.policy_facts import policy_facts


class PolicyFactsMissing(OperatorError):
    """Rows without a text in a language of the policy; ``missing`` holds them one by one."""

    template = gettext_noop(
        "The policy of %(operator)s cannot be written yet. In these languages the register says "
        "nothing: %(rows)s."
    )

    def __init__(self, *, missing: list[Missing], **params: Any) -> None:
        self.missing = missing
        super().__init__(**params)


class PolicyOutOfDate(Conflict):
    template = gettext_noop(
        "The register has changed since %(version)s was written: draft it again, read it, then "
        "publish it."
    )


class NothingProcessed(OperatorError):
    template = gettext_noop(
        "The register of %(operator)s holds no purpose with an activity: there is nothing that a "
        "policy could say."
    )


def policy_languages(operator: Operator) -> list[str]:
    """In which it is written: the operator's, or all three when none is chosen."""
    return [language for language in LANGUAGES if language in (operator.languages or LANGUAGES)]


def policy_texts(*, operator: Operator, languages: Sequence[str], day: date) -> dict[str, str]:
    """The texts by language, as the register is on that day; writes nothing.

    Refuses a register without a purpose that is worked for, and one with a row that has no text
    in one of the languages: each is named, so that no reader gets another language's words.
    """
    facts = policy_facts(operator=operator, day=day)
    if not facts.processes:
        raise NothingProcessed(operator=operator.code)
    lacking = missing(facts, languages)
    if lacking:
        rows = "; ".join(map(in_words, lacking))
        raise PolicyFactsMissing(missing=lacking, operator=operator.code, rows=rows)
    return {language: written(facts, language) for language in languages}


def in_words(item: Missing) -> str:
    """Such as: purpose newsletter (Kazakh); in the reader's language."""
    kind = apps.get_model("registry", item.row)._meta.verbose_name
    return gettext("%(kind)s %(code)s (%(language)s)") % {
        "kind": kind,
        "code": item.code,
        "language": Language(item.language).label,
    }


@transaction.atomic
def policy_publish_as_written(
    *, version: PolicyVersion, in_force_on: date | None, by: User | None, now: datetime
) -> PolicyVersion:
    """Publish a draft, unless the register no longer says what the draft says.

    Refuses what ``policy_publish`` refuses, and a draft written from a register that has changed.
    """
    done = policy_publish(version=version, in_force_on=in_force_on, by=by, now=now)
    if done.origin == PolicyOrigin.GENERATED:
        held = {text.language: text.text for text in done.texts.all()}
        day = now.astimezone(done.operator.zone).date()
        if policy_texts(operator=done.operator, languages=list(held), day=day) != held:
            raise PolicyOutOfDate(version=str(done))
    return done


@transaction.atomic
def policy_generate(
    *,
    operator: Operator,
    by: User | None,
    now: datetime,
    languages: Sequence[str] | None = None,
    label: str = "",
) -> PolicyVersion:
    """Draft the next version of the policy from the register as it is today.

    In the operator's languages unless others are asked for. Refuses what ``policy_texts`` refuses.
    """
    texts = policy_texts(
        operator=operator,
        languages=list(languages or policy_languages(operator)),
        day=now.astimezone(operator.zone).date(),
    )
    return policy_draft(operator=operator, texts=texts, label=label, by=by, now=now)
