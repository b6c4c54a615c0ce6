"""Requests of people for the tests: a letter, a person whom it is about, and every verb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.choices import CountedFrom, RetentionEvent
from registry.errors import OperatorError
from registry.models import Deadline, LegalBasis, ProcessingActivity, RetentionRule
from requests.models import IdentityCheck, RequestItem, RequestSubject, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.closing import request_act, request_assign, request_close
from requests.services.deciding import item_accept, item_bar, item_refuse, obligation_met
from requests.services.linking import (
    identity_note,
    request_block,
    subject_link,
    subject_unlink,
)
from requests.services.subject_requests import (
    Demand,
    item_add,
    request_receive,
    request_withdraw,
)
from subjects.models import (
    Block,
    Consent,
    DataSubject,
    DestructionAct,
    DisseminationPermission,
    Ground,
    Stop,
    VaultKey,
)
from subjects.services.destruction import subject_destroy
from tests.conftest import Office, Team
from tests.subjects import people
from tests.subjects.persons import EVIDENCE, VALUES, Person, person

RECEIVED = datetime(2026, 3, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)
LATER = datetime(2026, 3, 10, 9, tzinfo=UTC)
MUCH_LATER = LATER + timedelta(days=60)
DAY, TODAY = RECEIVED.date(), LATER.date()
BOTH = pytest.mark.parametrize("code", ["ipm", "pandev"])
TOLD = {
    "name": "Серікова Әсел",
    "email": VALUES["email"],
    "phone": "+7 701 555 90 87",
    "postal": "Алматы, Абая 1, кв. 2",
    "message": "Удалите мои данные, canary-message.",
}
# What no history, page of a stranger, name or exception may hold.
SECRETS = (*TOLD.values(), *VALUES.values(), EVIDENCE)
WITHDRAWAL = Demand(RequestKind.WITHDRAWAL)
DESTRUCTION = Demand(RequestKind.DESTRUCTION)
MARKETING = Demand(RequestKind.MARKETING)
REFUSAL = {"pandev": "KZ.9", "ipm": "RU.21.5_1.6.1"}


def receive(team: Team, *demands: Demand, **changed: Any) -> SubjectRequest:
    """A letter of 5 March, registered by the clerk a day later."""
    return request_receive(
        **{
            "operator": team.operator,
            "channel": "paper",
            "received_at": RECEIVED,
            "language": "ru",
            "answer_by": "email",
            "items": demands or (WITHDRAWAL,),
            "by": team.clerk,
            "now": NOW,
        }
        | TOLD
        | changed
    )


def asked(
    team: Team, *demands: Demand, verified: bool = True, **changed: Any
) -> tuple[Person, SubjectRequest]:
    """A person with data, and a letter that is linked to the card."""
    known = known_to(team)
    request = receive(team, *demands, subjects=[known.card], **changed)
    if verified:
        check(request, team)
    return known, again(request)


def known_to(team: Team) -> Person:
    """A person with consents and one more ground; IPM's own list of data is short."""
    if team.operator.code == "pandev":
        known = person(team)
        # The third ground is one of the law, which no word of the person ends.
        law = LegalBasis.objects.get(code="KZ.9.8")
        known.grounds[2].activity.legal_bases.add(law)
        Ground.objects.filter(pk=known.grounds[2].pk).update(legal_basis=law)
        known.grounds[2].refresh_from_db()
        return known
    card = people.person(team, name=VALUES["full_name"], email=VALUES["email"])
    consent = Consent.objects.select_related("ground").get(ground__subject=card)
    found = Person(card, grounds=[consent.ground], consents=[consent])
    found.data = {
        row.category.code: row for row in card.data.select_related("category") if row.category
    }
    return found


def again(request: SubjectRequest) -> SubjectRequest:
    return SubjectRequest.objects.select_related("operator__jurisdiction").get(pk=request.pk)


def item_of(request: SubjectRequest, kind: str = "") -> RequestItem:
    rows = RequestItem.objects.select_related("request__operator__jurisdiction")
    rows = rows.filter(request=request).order_by("-pk")
    return rows.filter(kind=kind)[0] if kind else rows[0]


def activity(team: Team, code: str) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=code)


def check(request: SubjectRequest, team: Team, **changed: Any) -> IdentityCheck:
    return identity_note(
        **{"subject_request": request, "kind": "document", "by": team.clerk, "now": NOW} | changed
    )


def link(request: SubjectRequest, team: Team, card: DataSubject, **changed: Any) -> RequestSubject:
    return subject_link(
        **{"subject_request": request, "subject": card, "by": team.clerk, "now": NOW} | changed
    )


def unlink(
    request: SubjectRequest, team: Team, card: DataSubject, **changed: Any
) -> RequestSubject:
    return subject_unlink(
        **{
            "subject_request": request, "subject": card, "reason": "a namesake", "by": team.clerk,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def block(request: SubjectRequest, team: Team, **changed: Any) -> list[Block]:
    return request_block(
        **{"subject_request": request, "reason": "checked", "by": team.dpo, "now": NOW} | changed
    )


def add(request: SubjectRequest, team: Team, demand: Demand, **changed: Any) -> RequestItem:
    return item_add(
        **{"subject_request": request, "demand": demand, "by": team.clerk, "now": NOW} | changed
    )


def accept(item: RequestItem, team: Team, **changed: Any) -> Any:
    return item_accept(**{"item": item, "by": team.dpo, "now": LATER} | changed)


def refuse(item: RequestItem, team: Team, **changed: Any) -> RequestItem:
    return item_refuse(
        **{
            "item": item,
            "refusal": {"pandev": "KZ.NOTHING_HELD", "ipm": "RU.NOTHING_HELD"}[team.operator.code],
            "reasons": "Nothing is held.",
            "by": team.dpo,
            "now": LATER,
        }
        | changed
    )


def bar(item: RequestItem, team: Team, **changed: Any) -> RequestItem:
    return item_bar(
        **{
            "item": item, "reasons": "The licence is not paid.", "no_marketing": True,
            "by": team.dpo, "now": LATER,
        }
        | changed
    )  # fmt: skip


def met(item: RequestItem, team: Team, **changed: Any) -> RequestItem:
    return obligation_met(**{"item": item, "met_at": LATER, "by": team.dpo, "now": LATER} | changed)


def withdraw(request: SubjectRequest, team: Team, **changed: Any) -> SubjectRequest:
    return request_withdraw(
        **{"subject_request": request, "reason": "taken back", "by": team.dpo, "now": LATER}
        | changed
    )


def close(request: SubjectRequest, team: Team, **changed: Any) -> SubjectRequest:
    return request_close(**{"subject_request": request, "by": team.dpo, "now": LATER} | changed)


def draft(request: SubjectRequest, team: Team, **changed: Any) -> list[DestructionAct]:
    return request_act(**{"subject_request": request, "by": team.dpo, "now": LATER} | changed)


def assign(request: SubjectRequest, team: Team, **changed: Any) -> list[Deadline]:
    return request_assign(
        **{"subject_request": request, "owner": team.clerk, "by": team.dpo, "now": LATER} | changed
    )


def kept_by_law(team: Team, years: int = 5) -> RetentionRule:
    """A law that orders the data of one activity to be kept after the consent is withdrawn."""
    return RetentionRule.objects.create(
        operator=team.operator,
        code="law",
        activity=activity(team, "accounts"),
        event=RetentionEvent.CONSENT_WITHDRAWN,
        counted_from=CountedFrom.EVENT,
        length=years,
        unit="year",
        after="destroy",
        article="Law on accounting 7",
    )


def team_of(office: Office, code: str) -> Team:
    team: Team = getattr(office, code)
    return team


def open_grounds(known: Person) -> set[int]:
    return set(known.card.grounds.filter(ended_on=None).values_list("pk", flat=True))


def destroy_all(known: Person, team: Team, now: datetime = MUCH_LATER) -> None:
    """What the act of the request does, by hand."""
    asks = Stop.objects.filter(subject=known.card, ended_at=None).values_list("label", flat=True)
    subject_destroy(
        subject=known.card, reason="act", by=team.dpo, now=now, today=now.date(),
        label=asks.first() or "",
    )  # fmt: skip


def without_other_ground(known: Person) -> None:
    """A person who is held by consents alone."""
    Ground.objects.filter(subject=known.card, consent=None).update(
        ended_on=date(2026, 2, 10), end_reason="purpose_achieved"
    )


def everything() -> dict[str, list[Any]]:
    """All rows that a verb of a request could write, history too."""
    audited = (
        SubjectRequest, RequestItem, RequestSubject, IdentityCheck, Deadline, Ground, Consent,
        DisseminationPermission, Stop, Block, DestructionAct,
    )  # fmt: skip
    models: list[Any] = [VaultKey]
    for model in audited:
        models += [model, model.history.model]  # type: ignore[attr-defined]
    return {
        model._meta.label: [
            tuple(bytes(part.raw) if hasattr(part, "raw") else part for part in row)
            for row in model._base_manager.order_by("pk").values_list()
        ]
        for model in models
    }


@contextmanager
def refused(kind: type[OperatorError], *words: str) -> Iterator[None]:
    """The refusal by name, its words, no value in them, and nothing written."""
    before = everything()
    with pytest.raises(kind) as refusal:
        yield
    said = f"{refusal.value} {refusal.value.params}"
    for word in words:
        assert word in said
    assert not [secret for secret in SECRETS if secret in said]
    assert everything() == before
