"""What a block does to destruction outside the office: in systems, on paper, at recipients."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import override_settings

from subjects.services import (
    acts,
    calling,
    recipient_answers,
    recipients,
)
from subjects.services import elsewhere as places
from subjects.webhooks import WebhookAt
from tests.subjects.blocked_destruction import (
    DESTROYS,
    MACHINE,
    approved,
    elsewhere,
    executed,
)
from tests.subjects.blocked_world import World
from tests.subjects.classified import GoesOn
from tests.subjects.disclosing import given_away
from tests.subjects.persons import NOW

LATER = NOW + timedelta(days=60)


def waiting(world: World) -> dict[str, Any]:
    """An approved act with something elsewhere, and its place."""
    act = approved(world)
    for one in act.operator.acts.exclude(pk=act.pk):
        acts.act_approve(act=one, by=world.team.dpo, now=NOW)
    act = next(one for one in act.operator.acts.all() if places.places_of(one))
    return {
        "act": act, "place": places.places_of(act)[0].code, "by": world.team.dpo, "now": NOW,
    }  # fmt: skip


def listed(world: World) -> bytes:
    """Whoever is to destroy the data elsewhere has to find them there, blocked or not."""
    content = places.work_list(**waiting(world))
    assert world.card.code in content.decode()
    return content


def handed_out(world: World) -> None:
    """The address went to somebody before the block."""
    given_away(world.team, world.known)


def told_of(world: World) -> dict[str, Any]:
    """An approved act, and who was given something of it."""
    acts_made = [approved(world)]
    for one in acts_made[0].operator.acts.exclude(pk=acts_made[0].pk):
        acts_made.append(acts.act_approve(act=one, by=world.team.dpo, now=NOW))
    act = next(one for one in acts_made if recipients.recipients_of(one))
    return {"act": act, "recipient": recipients.recipients_of(act)[0].recipient, "now": NOW}


def told(world: World, **facts: Any) -> dict[str, Any]:
    found = told_of(world) | {"by": world.team.dpo}
    recipient_answers.recipient_tell(**found, way="post", document="letter 7", told_at=NOW)
    return found | facts


def noticed(world: World) -> bool:
    found = told_of(world)
    recipients.notices_draft(found["act"], now=NOW)
    return bool(found["act"].recipient_notices.get().people)


def listed_for(world: World) -> bytes:
    """Whoever is to be told has to be told about whom, blocked or not."""
    content = recipients.recipient_list(**told_of(world), by=world.team.dpo)
    assert world.card.code in content.decode()
    return content


def called(world: World) -> calling.SystemCall:
    """An act that is being executed, and the system that is to be told of it."""
    executed(world)
    act = world.act  # type: ignore[attr-defined]
    system = act.items.get(key=None).datum.system
    hook = WebhookAt(world.team.operator.code, system.code, "https://127.0.0.1:9/", "x" * 32)
    with override_settings(WEBHOOKS=(hook,)):
        calling.calls_draft(now=NOW)
    return calling.call_for(act.pk, system.pk) or calling.SystemCall()


def answered(world: World) -> int:
    row = called(world)
    return calling.answer_take(row=row, said={"done": [world.card.code]}, how=row.key, now=NOW)


def said_by_system(world: World) -> int:
    found = waiting(world)
    found.pop("by")
    return places.codes_confirm(**found, how="webhook", codes=[world.card.code])


ELSEWHERE = {
    "elsewhere.work_list": GoesOn(DESTROYS, listed, elsewhere),
    "elsewhere.place_confirm": GoesOn(
        DESTROYS,
        lambda w: places.place_confirm(**waiting(w), how="shredded", done=None),
        elsewhere,
    ),
    "recipients.given_by": GoesOn(
        "numbers of cards and disclosures, no value",
        lambda w: list(recipients.given_by(told_of(w)["act"])),
        handed_out,
    ),
    "recipients.notices_draft": GoesOn(DESTROYS, noticed, handed_out),
    "recipients.recipient_list": GoesOn(DESTROYS, listed_for, handed_out),
    "recipient_answers.recipient_tell": GoesOn(DESTROYS, told, handed_out),
    "recipient_answers.recipient_confirm": GoesOn(
        DESTROYS,
        lambda w: recipient_answers.recipient_confirm(
            **told(w), way="post", document="act 3", answered_at=NOW
        ),
        handed_out,
    ),
    "recipient_answers.recipient_refuse": GoesOn(
        DESTROYS,
        lambda w: recipient_answers.recipient_refuse(
            **told(w), reason="liquidated", answered_at=NOW
        ),
        handed_out,
    ),
    "recipient_answers.notices_escalate": GoesOn(
        MACHINE,
        lambda w: bool(told(w)) and recipient_answers.notices_escalate(now=LATER),
        handed_out,
    ),
    "elsewhere.codes_confirm": GoesOn(DESTROYS, said_by_system, elsewhere),
    "calling.calls_sweep": GoesOn(
        MACHINE, lambda w: called(w) and calling.calls_sweep(now=NOW), elsewhere
    ),
    "calling.calls_draft": GoesOn(MACHINE, called, elsewhere),
    "calling.answer_take": GoesOn(DESTROYS, answered, elsewhere),
    "calling.call_retry": GoesOn(
        MACHINE, lambda w: calling.call_retry(row=called(w), now=NOW), elsewhere
    ),
    "calling.calls_escalate": GoesOn(
        MACHINE, lambda w: bool(called(w)) and calling.calls_escalate(now=NOW) == 0, elsewhere
    ),
}
