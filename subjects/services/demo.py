"""Synthetic people for the demo: the texts they agree to, and the people themselves."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from registry.choices import Channel
from registry.errors import OperatorError, gettext_noop
from registry.models import (
    ConsentText,
    DataCategory,
    Operator,
    PolicyVersion,
    ProcessingActivity,
    User,
)
from registry.models.base import LANGUAGES
from registry.services import audit
from registry.services.consents import consent_text_draft, consent_text_publish
from registry.services.policies import policy_publish
from registry.services.policy_generating import policy_generate
from subjects import synthetic
from subjects.models import Consent, DataSubject
from subjects.services.grounds import consent_withdraw
from subjects.services.importing.reading import stream_source
from subjects.services.importing.runs import import_file

# The synthetic people are those of this day: asked for again, they are the same people.
DEMO_DAY = date(2026, 11, 1)
# Older than the oldest consent that ``synthetic`` makes (18 months).
IN_FORCE_ON = date(2024, 9, 1)
TEXTS: dict[str, dict[str, Any]] = {
    "pandev": {
        "code": "registration",
        "activities": ["accounts", "licence_agreement", "services", "platform_security"],
        "name_ru": "Согласие при регистрации (демонстрация)",
        "name_kk": "Тіркелу кезіндегі келісім (демонстрация)",
        "name_en": "Consent at registration (demo)",
        "third_parties": True,
        "cross_border": True,
        "end_event": "purpose_achieved",
    },
    "ipm": {
        "code": "newsletter",
        "activities": ["email_information"],
        "name_ru": "Согласие на рассылку (демонстрация)",
        "name_kk": "Тарату тізіміне келісім (демонстрация)",
        "name_en": "Consent to the newsletter (demo)",
        "third_parties": False,
        "cross_border": False,
        "term_length": 5,
        "term_unit": "year",
    },
}
# So many days ago somebody took the consent back, so that an act is drafted for the days to come.
WITHDRAWN_DAYS_AGO = {"pandev": 16, "ipm": 24}
WITHDRAWN = 2
# A text must print the operator's address, and one of the two policies names none.
DEMO_ADDRESS = "Демонстрационный адрес, 1 (не настоящий)"


class NoDemoText(OperatorError):
    template = gettext_noop("There is no demo consent for the operator %(code)s.")


def demo_text(*, operator: Operator, by: User, now: datetime) -> ConsentText:
    """The published text that the synthetic people agreed to; written from the register once."""
    if operator.code not in TEXTS:
        raise NoDemoText(code=operator.code)
    options = dict(TEXTS[operator.code])
    found = ConsentText.objects.published().filter(operator=operator, code=options["code"]).first()
    if found is not None:
        return found
    if not operator.address:
        operator.address = DEMO_ADDRESS
        audit.save(operator, by=by, reason="demo", fields=["address"])
    activities = ProcessingActivity.objects.filter(
        operator=operator, code__in=options.pop("activities")
    )
    concrete = DataCategory.objects.filter(activities__in=activities, open_ended=False)
    text = consent_text_draft(
        operator=operator,
        activities=activities,
        data_categories=concrete.distinct(),
        dissemination=False,
        withdrawal_channels=["email", "post"],
        in_force_on=IN_FORCE_ON,
        by=by,
        now=now,
        **options,
    )
    return consent_text_publish(text=text, by=by, now=now)


@transaction.atomic
def demo_policy(*, operator: Operator, by: User, now: datetime) -> PolicyVersion | None:
    """Publish the policy that the register writes, in all three languages; once.

    Returns None where there is a version already, be it somebody's draft.
    """
    if PolicyVersion.objects.filter(operator=operator).exists():
        return None
    draft = policy_generate(operator=operator, languages=LANGUAGES, by=by, now=now)
    today = now.astimezone(operator.zone).date()
    return policy_publish(version=draft, in_force_on=today, by=by, now=now)


def demo_people(*, operator: Operator, count: int, by: User | None, now: datetime) -> int:
    """Bring the operator's synthetic people to ``count``, by an import like any other.

    Returns how many are new. They never touch the disk in plain text, synthetic or not.
    """
    if DataSubject.objects.filter(operator=operator).count() >= count:
        return 0
    text = io.StringIO(newline="")
    synthetic.write_csv(text, operator=operator.code, count=count, today=DEMO_DAY)
    content = text.getvalue().encode()
    run = import_file(operator=operator, source=stream_source(lambda: [content]), by=by, now=now)
    return run.people_new


def demo_withdrawals(*, operator: Operator, by: User, now: datetime) -> int:
    """A few of the synthetic people took their consents back; once. Returns how many consents."""
    consents = Consent.objects.filter(ground__subject__operator=operator)
    if consents.filter(withdrawn_at__isnull=False).exists():
        return 0
    received_at = now - timedelta(days=WITHDRAWN_DAYS_AGO[operator.code])
    standing = consents.filter(given_at__lt=received_at).order_by("ground__subject", "pk")
    leaving = sorted(set(standing.values_list("ground__subject", flat=True)))[:WITHDRAWN]
    rows = standing.filter(ground__subject__in=leaving).select_related(
        "ground__subject__operator__jurisdiction"
    )
    for row in rows:
        consent_withdraw(
            consent=row, channel=Channel.EMAIL, received_at=received_at, by=by, now=now,
            reason="demo",
        )  # fmt: skip
    return len(rows)
