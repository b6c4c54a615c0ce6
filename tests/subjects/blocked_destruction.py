"""What a block does to the rooms of destruction: nothing, and why."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import Any

from registry.models import InformationSystem, Jurisdiction
from subjects.models import (
    DestructionAct,
    Evidence,
    PersonalDatum,
)
from subjects.services import (
    act_files,
    act_papers,
    acts,
    backup_format,
    closing,
    destruction,
    destruction_journal,
    ending,
    evidence,
    evidence_keys,
    executing,
    planning,
    postponing,
    rulings,
    sweeping,
    verifying,
)
from subjects.services.people import datum_record
from subjects.vault.models import MasterKey
from tests.subjects.blocked_world import World
from tests.subjects.classified import GoesOn
from tests.subjects.persons import NOW, TODAY, VALUES

DESTROYS = "a block keeps data from use, not from destruction (152-FZ 21)"
MACHINE = "keys are wrapped, values indexed and counted; nobody reads or uses one"
FAR = date(2100, 1, 1)
LATER = NOW + timedelta(days=60)


COPIES = "what is sealed is copied as it lies there; nobody reads or uses it"


def copied(world: World) -> Any:
    """What a backup and a restore do with the rows; neither can stand in a test's transaction."""
    path = world.scratch / "rows.jsonl"
    backup_format.write_file(path, backup_format.rows_of(PersonalDatum))
    held = [row for chunk in backup_format.chunks_of(PersonalDatum, path) for row in chunk]
    assert world.card.pk in {row["subject_id"] for row in held}
    path.unlink()
    return held


def repeated(world: World) -> Any:
    items = destroyed(world)
    assert items
    line = {
        "item": items[0].pk + 1_000, "key": items[0].key + 1_000, "kind": items[0].kind,
        "owner": items[0].owner, "category": None, "act": None, "reason": "demand", "by": None,
        "at": NOW.isoformat(), "marks": [],
    }  # fmt: skip
    return destruction.destruction_repeat([line], today=TODAY)


def destroyed(world: World) -> Any:
    world.end()
    return destruction.subject_destroy(
        subject=world.card, reason="asked", now=NOW, today=TODAY, **world.by
    )


def datum_destroyed(world: World) -> Any:
    world.end()
    return destruction.data_destroy(
        subject=world.card, data=[world.known.data["email"]], reason="asked", now=NOW,
        today=TODAY, **world.by,
    )  # fmt: skip


def planned(world: World) -> dict[str, Any]:
    world.end()
    return {"until": FAR, "subjects": [world.card.pk], "label": "REQ-7"}


def drafted(world: World) -> Any:
    """The act that a request asks for, so that it need not wait for its day."""
    made = acts.act_draft(
        operator=world.team.operator, **planned(world), by=world.team.clerk, now=NOW
    )
    return min(made, key=lambda act: act.due_on)


def approved(world: World) -> Any:
    return acts.act_approve(act=drafted(world), by=world.team.dpo, now=NOW)


def executed(world: World) -> dict[str, int]:
    world.act = approved(world)  # type: ignore[attr-defined]
    did = executing.act_execute(world.act, now=NOW, today=TODAY)  # type: ignore[attr-defined]
    assert did["destroyed"] and not did["stopped"], did
    return did


def verified(world: World) -> Any:
    executed(world)
    return verifying.act_verify(world.act, now=NOW)  # type: ignore[attr-defined]


def closed(world: World) -> Any:
    verified(world)
    return closing.act_close(world.act, now=NOW)  # type: ignore[attr-defined]


def carried_out(world: World) -> Any:
    did = sweeping.act_carry_out(approved(world), now=NOW, today=TODAY)
    assert did["destroyed"], did
    return did


def papers(world: World) -> Any:
    verified(world)
    world.act.refresh_from_db()  # type: ignore[attr-defined]
    return act_papers.papers_of(world.act, now=NOW)  # type: ignore[attr-defined]


def kept(world: World) -> Any:
    printed = papers(world)
    return act_files.papers_keep(act=world.act, printed=printed, gone_at=NOW, now=NOW)  # type: ignore[attr-defined]


def scanned(world: World) -> Any:
    act = closed(world)
    content = b"%PDF-1.7 signed"
    return act_files.scan_add(
        act=act, stream=BytesIO(content), size=len(content), by=world.team.dpo, now=NOW
    )


def scan_read(world: World) -> bytes:
    return b"".join(act_files.scan_open(scan=scanned(world), user=world.team.dpo, now=NOW))


def paper_read(world: World) -> bytes:
    return b"".join(act_files.paper_open(paper=closed(world).papers.all()[0], now=NOW))


def ended_papers(world: World) -> Any:
    later = NOW.replace(year=NOW.year + 4)
    act = closed(world)
    assert act_files.papers_due(now=later) == [act]
    evidence_keys.evidence_key_ready(now=later)
    return act_files.papers_end(act=act, now=later)


def elsewhere(world: World) -> None:
    system = InformationSystem.objects.filter(operator=world.team.operator)[0]
    datum_record(**world.facts(text="") | {"held_in": "system", "system": system})


def confirmed(world: World) -> Any:
    act = approved(world)
    for one in act.operator.acts.exclude(pk=act.pk):
        acts.act_approve(act=one, by=world.team.dpo, now=NOW)
    item = next(
        item for one in act.operator.acts.all() for item in one.items.filter(key=None, outcome="")
    )
    return acts.item_confirm(item=item, how="shredded", by=world.team.dpo, now=NOW)


def sought(world: World) -> bool:
    act = approved(world)
    executing.act_execute(act, now=NOW, today=TODAY)
    verifying.act_search(act, needles=verifying.needles_of(act))
    return True


def settled(world: World) -> dict[str, int]:
    """Executed; what a system holds waits, and a hold is ordered then."""
    executed(world)
    world.hold()
    did = executing.elsewhere_settle(world.act, now=NOW, today=TODAY)  # type: ignore[attr-defined]
    assert did == {"stays": 0, "stopped": 1}, did
    return did


def judged(world: World) -> Any:
    """As if the search by value had found something."""
    executed(world)
    act = world.act  # type: ignore[attr-defined]
    DestructionAct.objects.filter(pk=act.pk).update(verification={"failed": ["traces"]})
    return verifying.traces_judge(act=act, reason="on the staff", now=NOW, **world.by)


def clock_met(world: World) -> Any:
    act = drafted(world)
    acts.clock_meet(act, met_at=NOW)
    return act


def marked(world: World) -> int:
    destroyed(world)
    return Evidence.objects.count() or -1


def asked(world: World) -> list[Any]:
    destroyed(world)
    answers = evidence.was_destroyed(
        operator=world.team.operator, text=VALUES["email"], by=world.team.dpo, now=NOW
    )
    assert answers
    return answers


def all_asked(world: World) -> Any:
    destroyed(world)
    lines = {1: VALUES["email"]}
    answers = evidence.were_destroyed(operator=world.team.operator, lines=lines, now=NOW)
    assert answers[1]
    return answers


def older(world: World) -> bool:
    evidence.require_newer_datum(
        operator=world.team.operator, terms=[("email", "x@example.kz")], category="x",
        collected_on=date(2026, 1, 1), grounds=[], today=TODAY,
    )  # fmt: skip
    evidence.require_newer_consent(
        subject=world.card, text=world.known.consents[0].text, given_at=NOW
    )
    return True


def postponed(world: World) -> bool:
    key = MasterKey.objects.filter(use="search").latest("number")
    evidence_keys.retirement_postpone(key, FAR, **world.by)
    return True


def ended(world: World) -> Any:
    purpose = world.known.grounds[0].activity.purpose
    seen = ending.purpose_outlook(purpose=purpose, on=FAR, today=TODAY).seen
    return ending.purpose_end(
        purpose=purpose, on=FAR, reason="x", seen=seen, by=world.team.dpo, now=NOW
    )


def resumed(world: World) -> Any:
    purpose = ended(world)
    return ending.purpose_resume(purpose=purpose, reason="x", by=world.team.dpo, now=NOW)


def russian(world: World) -> Any:
    """As if the operator stood under the law that knows a second term."""
    act = drafted(world)
    operator = world.team.operator
    operator.jurisdiction = Jurisdiction.objects.get(code="RU")
    operator.save()
    return act


RULED = "what must go is not kept by a block (152-FZ 20(3), 21(3))"


def ruled(world: World) -> Any:
    return rulings.ruling_make(
        datum=world.known.data["email"], why="ordered", label="C-7", reason="x",
        counted_from=TODAY, now=NOW, **world.by,
    )  # fmt: skip


DESTRUCTION = {
    "postponing.act_postpone": GoesOn(
        "it blocks, and takes no block away",
        lambda w: postponing.act_postpone(act=russian(w), reason="x", by=w.team.dpo, now=NOW),
    ),
    "rulings.ruling_make": GoesOn(RULED, ruled),
    "rulings.ruling_revoke": GoesOn(
        RULED,
        lambda w: rulings.ruling_revoke(ruling=ruled(w), reason="x", by=w.team.dpo, now=NOW),
    ),
    "rulings.rulings_settle": GoesOn(RULED, lambda w: rulings.rulings_settle(now=NOW) + 1),
    "destruction.keys_destroy": GoesOn(
        DESTROYS,
        lambda w: destruction.keys_destroy(
            [w.known.data["email"].value_key], reason="x", now=NOW, **w.by
        ),
    ),
    "destruction.keys_destroy_many": GoesOn(
        DESTROYS,
        lambda w: destruction.keys_destroy_many(
            {w.known.data["email"].value_key: "x"}, act=drafted(w), now=NOW, **w.by
        ),
    ),
    "destruction.data_destroy": GoesOn(DESTROYS, datum_destroyed),
    "destruction.subject_destroy": GoesOn(DESTROYS, destroyed),
    "planning.plan": GoesOn(
        DESTROYS, lambda w: planning.plan(w.team.operator, **planned(w), today=TODAY)
    ),
    "planning.plans": GoesOn(
        DESTROYS, lambda w: list(planning.plans(w.team.operator, **planned(w), today=TODAY))
    ),
    "planning.standing_stops": GoesOn(
        DESTROYS, lambda w: planning.standing_stops([w.card.pk], label="")
    ),
    "ending.purpose_outlook": GoesOn(
        "it counts values and shows none",
        lambda w: ending.purpose_outlook(
            purpose=w.known.grounds[0].activity.purpose, on=TODAY, today=TODAY
        ),
    ),
    "ending.purpose_end": GoesOn(DESTROYS, ended),
    "ending.purpose_resume": GoesOn("an end that has not come is no use of data", resumed),
    "acts.act_draft": GoesOn(DESTROYS, drafted),
    "acts.act_approve": GoesOn(DESTROYS, approved),
    "acts.act_cancel": GoesOn(
        DESTROYS, lambda w: acts.act_cancel(act=drafted(w), reason="x", now=NOW, **w.by)
    ),
    "acts.item_confirm": GoesOn(DESTROYS, confirmed, elsewhere),
    "verifying.act_search": GoesOn(DESTROYS, sought, elsewhere),
    "acts.clock_meet": GoesOn(DESTROYS, clock_met),
    "executing.act_execute": GoesOn(DESTROYS, executed),
    "executing.elsewhere_settle": GoesOn(DESTROYS, settled, elsewhere),
    "verifying.act_verify": GoesOn(DESTROYS, verified),
    "verifying.traces_judge": GoesOn(DESTROYS, judged),
    "closing.act_close": GoesOn(DESTROYS, closed),
    "act_files.papers_keep": GoesOn(DESTROYS, kept),
    "act_files.scan_add": GoesOn(DESTROYS, scanned),
    "act_files.paper_open": GoesOn("it holds codes of cards and no value", paper_read),
    "act_files.scan_open": GoesOn("it is a paper of the staff about codes of cards", scan_read),
    "act_files.papers_due": GoesOn(DESTROYS, ended_papers),
    "act_files.papers_end": GoesOn(DESTROYS, ended_papers),
    "act_papers.papers_of": GoesOn(DESTROYS, papers),
    "sweeping.act_carry_out": GoesOn(DESTROYS, carried_out),
    "sweeping.destruction_sweep": GoesOn(
        DESTROYS, lambda w: sweeping.destruction_sweep(now=NOW, operator=w.team.operator)
    ),
    "evidence.evidence_keep": GoesOn(DESTROYS, marked),
    "evidence.was_destroyed": GoesOn("only marks are compared, no value is left", asked),
    "evidence.were_destroyed": GoesOn("only marks are compared, no value is left", all_asked),
    "evidence.require_newer_datum": GoesOn("it refuses more than a block does", older),
    "evidence.require_newer_consent": GoesOn("it refuses more than a block does", older),
    "evidence_keys.evidence_key_ready": GoesOn(
        MACHINE, lambda w: evidence_keys.evidence_key_ready(now=NOW)
    ),
    "evidence_keys.missing_made": GoesOn(
        MACHINE, lambda w: evidence_keys.missing_made(now=NOW, **w.by)
    ),
    "evidence_keys.evidence_key_again": GoesOn(
        MACHINE, lambda w: evidence_keys.evidence_key_again(2026, now=NOW) or True
    ),
    "evidence_keys.evidence_end": GoesOn(
        MACHINE, lambda w: evidence_keys.evidence_end(today=TODAY)
    ),
    "evidence_keys.retirement_postpone": GoesOn(MACHINE, postponed),
    "destruction.destruction_repeat": GoesOn(DESTROYS, repeated),
    "destruction_journal.journal_sweep": GoesOn(
        MACHINE, lambda w: destruction_journal.journal_sweep(now=NOW)
    ),
    "destruction_journal.counters_note": GoesOn(
        MACHINE, lambda w: destruction_journal.counters_note(now=NOW) or True
    ),
    "backing_up.backup_make": GoesOn(COPIES, copied),
    "restoring.backup_restore": GoesOn(COPIES, copied),
}
