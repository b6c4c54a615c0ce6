"""The pages of a card: their addresses, what each verb's form gets, and what a page costs."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import LegalBasis, ProcessingActivity
from subjects.models import (
    AccessEvent,
    Consent,
    DataSubject,
    DisseminationPermission,
    Ground,
    PersonalDatum,
    SubjectLink,
)
from subjects.services.cards import cards_link
from subjects.services.grounds import dissemination_permit
from tests.conftest import Team
from tests.subjects.persons import NOW, TODAY, VALUES, Person, agree, register, text_of

CARD = "/admin/subjects/datasubject"
AT = "2026-03-02T13:30"  # local time of Almaty, half an hour ago


def page(client: Any, card: Any, name: str = "change") -> str:
    response = client.get(f"{CARD}/{card.pk}/{name}/")
    assert response.status_code == 200
    return str(response.content.decode())


def no_value(text: str) -> bool:
    return not any(value in text for value in VALUES.values())


def cost(client: Any, path: str) -> tuple[int, str]:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured), "\n".join(query["sql"][:160] for query in captured.captured_queries)


def forms(known: Person, team: Team) -> dict[str, tuple[dict[str, Any], Any]]:
    """What each verb's form gets, and how one sees afterwards that it was done."""
    card, datum = known.card, known.data["email"]
    category = datum.category
    other = register(team)
    ipm = ProcessingActivity.objects.get(operator=team.operator, code="services")
    consent = LegalBasis.objects.get(code="KZ.7.1")
    basis = LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction).exclude(
        kind="consent"
    )[0]
    ipm.legal_bases.add(basis)
    ipm.save()
    wide = text_of(
        team, "wide", dissemination=True, name_en="Wide",
        activities=[
            ProcessingActivity.objects.get(operator=team.operator, code="licence_agreement")
        ],
    )  # fmt: skip
    shown = agree(team, card, "licence_agreement", text=wide, dissemination=True)
    permitted = shown.text.data_categories.first()
    permission = dissemination_permit(
        consent=shown, category=permitted, permission="allowed", started_on=TODAY, by=team.dpo,
        today=TODAY,
    )  # fmt: skip
    linked = register(team)
    link = cards_link(first=card, second=linked, by=team.dpo, now=NOW, reason="x")
    software = text_of(
        team, "software", name_en="Software",
        activities=[ProcessingActivity.objects.get(operator=team.operator, code="software_access")],
    )  # fmt: skip
    events = AccessEvent.objects
    return {
        "reveal": ({"reason": "REQ-1"}, lambda: events.filter(what="reveal").exists()),
        "hide": ({}, lambda: events.filter(what="hide").exists()),
        "record": (
            {
                "category": category.pk, "held_in": "vault", "text": "second@example.kz",
                "source": "subject", "collected_on": "2026-03-01", "verified": "on",
            },
            lambda: card.data.filter(category=category, verified_on=TODAY).exists(),
        ),
        "rectify": (
            {"datum": datum.pk, "text": "right@example.kz", "reason": "misspelt"},
            lambda: datum.history.count() == 2,
        ),
        "verify": (
            {"datum": datum.pk},
            lambda: PersonalDatum.objects.get(pk=datum.pk).verified_on == TODAY,
        ),
        "ground": (
            {"what": f"{ipm.pk}:{basis.pk}", "started_on": "2026-03-01"},
            lambda: card.grounds.filter(activity=ipm).exists(),
        ),
        "consent": (
            {
                "text": software.pk, "what": f"{software.activities.get().pk}:{consent.pk}",
                "given_at": AT, "channel": "email", "evidence": "letter 7", "language": "en",
            },
            lambda: Consent.objects.filter(text=software, channel="email").exists(),
        ),
        "withdraw": (
            {"consent": known.consents[0].pk, "channel": "post", "received_at": "2026-03-02T14:00"},
            lambda: Consent.objects.get(pk=known.consents[0].pk).withdrawn_by == "post",
        ),
        "end": (
            {
                "ground": known.grounds[2].pk, "ended_on": "2026-03-02",
                "end_reason": "contract_ended", "reason": "order 4",
            },
            lambda: Ground.objects.get(pk=known.grounds[2].pk).end_reason == "contract_ended",
        ),
        "permit": (
            {
                "consent": shown.pk, "category": permitted.pk, "permission": "conditions",
                "conditions": "without a photo", "started_on": "2026-03-02",
            },
            lambda: DisseminationPermission.objects.filter(permission="conditions").exists(),
        ),
        "stop_showing": (
            {"permission": permission.pk, "reason": "asked"},
            lambda: DisseminationPermission.objects.get(pk=permission.pk).ended_on == TODAY,
        ),
        "link": (
            {"other": other.code.lower(), "reason": "same passport"},
            lambda: SubjectLink.objects.filter(second=other, ended_at=None).exists(),
        ),
        "unlink": (
            {"link": link.pk, "reason": "two brothers"},
            lambda: SubjectLink.objects.get(pk=link.pk).ended_at == NOW,
        ),
        "merge": (
            {"other": other.code, "reason": "same passport"},
            lambda: DataSubject.objects.get(pk=other.pk).merged_into == card,
        ),
    }  # fmt: skip
