"""The table: what a block does to each service, verb, page, task and command, and why."""

from __future__ import annotations

from typing import Any

from subjects.choices import StopKind
from subjects.models import MasterKey
from subjects.services import (
    bulk,
    cards,
    covering,
    dates,
    demo,
    disclosable,
    disclosure_register,
    disclosures,
    exporting,
    files,
    grounds,
    guard,
    holds,
    keys,
    looking,
    people,
    photos,
    proof,
    reading,
    scopes,
    search,
    size_class,
    standing,
    stops,
)
from subjects.services.importing import runs, uploading
from subjects.services.importing.reading import records, stream_source
from subjects.vault.models import Sealed
from tests.subjects.blocked_destruction import DESTRUCTION, MACHINE
from tests.subjects.blocked_elsewhere import ELSEWHERE
from tests.subjects.blocked_world import World
from tests.subjects.blocking import OTHER, category, leaks
from tests.subjects.classified import Bites, GoesOn, Shows
from tests.subjects.persons import NOW, SINCE, TODAY, VALUES

ENDS = "it ends or narrows the processing, which is what the person may want at any time"
JOURNAL = "the trail of who did what is always written"
FINDS = "the card of a blocked person must be found, or the request about it could not be"
BELOW = "a tool of the services above it, which ask the guard before they use it"
ASKS = "it computes from grounds and rules and reads no value"
LINKS = "a link moves, shows and uses nothing"
DEMO = "made-up people with accounts of their own, for an office that is shown"
HOLDS = "blocks and holds are placed and lifted whatever stands already"


def masks(world: World) -> str:
    return " ".join(reading.contacts([world.card.pk])[world.card.pk])


def found(world: World) -> str:
    return str([hit.values for hit in reading.hits([world.card], TODAY)])


def seen(world: World) -> str:
    rows = list(reading.data_of([world.card.pk]))
    return str([one.text for one in reading.show(rows, opened=True).values()])


def a_letter(world: World) -> Any:
    """Whatever is sealed and stands under no block: here a proof, as if it were a letter."""
    row = world.known.consents[0]
    wanted = {"text": (row, "evidence")}
    return reading.shown_texts(wanted, opened=False, masked=lambda _one, _text: "masked")


def first_of(world: World) -> str:
    """The finding as the refusal that its callers make of it."""
    found = guard.first_blocked([world.known.data["email"].key_number or 0])
    if found is not None:
        raise guard.refusal(*found)
    return "free"


def evidence(world: World) -> str:
    return str([one.text for one in reading.show(world.known.consents, opened=True).values()])


def imported(world: World) -> str:
    source = stream_source(lambda: [world.rows()])
    runs.import_file(
        operator=world.team.operator, source=source, now=NOW, processes=0, **world.by
    )  # fmt: skip
    return refused_row(world)


def refused_row(world: World) -> str:
    """The refusal of the row as an exception of the guard, so that the walk sees it."""
    told = world.told()
    if told != "taken":
        raise guard.DataBlocked(
            code=world.card.code if world.card.code in told else "?",
            label="REQ-2026-0001" if "REQ-2026-0001" in told else "?", day="", why="",
        )  # fmt: skip
    return told


def resumed(world: World) -> str:
    run = world.uploaded()
    source = stream_source(lambda: [world.rows()])
    runs.import_resume(run=run, source=source, now=NOW, processes=0)
    return refused_row(world)


def uploaded(world: World) -> str:
    uploading.import_run(run=world.uploaded(), now=NOW)
    return refused_row(world)


def swept(world: World) -> str:
    world.uploaded()
    uploading.import_sweep(now=NOW)
    return refused_row(world)


def file_of(world: World) -> Any:
    return files.file_seal(
        operator=world.team.operator, kind=Sealed.FILE, owner=world.card.pk, category=None,
        pieces=[b"x"], media_type="image/png", now=NOW,
    )  # fmt: skip


def written(world: World) -> Any:
    card = bulk.drafts(type(world.card), operator_id=world.team.operator.pk, registered_at=NOW)
    row = card(id=world.card.pk + 1_000_000, code="S-22222222")
    bulk.write(type(world.card), [row], reason="x", at=NOW, **world.by)
    bulk.change(type(world.card), [row], ["kind"], reason="x", at=NOW, **world.by)
    return row


def consented(world: World) -> Any:
    return grounds.consent_give(**world.agreed, now=NOW, **world.by)


def read(world: World) -> bytes:
    proved = proof.consent_proof(
        consent=world.known.consents[0], language="en", user=world.team.dpo, now=NOW
    )
    return proved[:4]


def rectified(world: World) -> Any:
    return people.datum_rectify(
        datum=world.known.data["email"], text="right@example.kz", today=TODAY, reason="x",
        **world.by,
    )  # fmt: skip


def printed(world: World) -> str:
    content = disclosure_register.disclosure_export(
        operator=world.team.operator, since=SINCE, until=TODAY, media="csv", language="en",
        now=NOW, **world.by,
    )  # fmt: skip
    assert world.card.code in content.decode() and not leaks(content)
    return "printed"


def retired(world: World) -> Any:
    keys.kek_rotate(now=NOW, retire_on=TODAY, **world.by)
    old = MasterKey.objects.get(use="kek", retire_on=TODAY)
    return keys.key_retire(key=old, now=NOW, today=TODAY, **world.by)


def dissemination_stopped(world: World) -> Any:
    return grounds.dissemination_stop(
        permission=world.permission, today=TODAY, reason="asked", **world.by
    )


def the_link(world: World) -> Any:
    return world.link


def the_permission(world: World) -> Any:
    return world.permission


def the_other(world: World) -> Any:
    return world.other


def the_forms(world: World) -> Any:
    return world.forms


def the_search(world: World) -> Any:
    return world.found


def the_file(world: World) -> Any:
    return world.uploaded()


AT = {"now": NOW}
WHY = {"now": NOW, "reason": "x"}
WITHDRAWN = {"channel": "email", "received_at": NOW, "now": NOW}

SERVICES = {
    # --- cards and data
    "people.subject_register": GoesOn(
        "a new card is about nobody yet",
        lambda w: people.subject_register(operator=w.team.operator, now=NOW, **w.by),
    ),
    "people.datum_record": Bites(lambda w: people.datum_record(**w.facts())),
    "people.datum_rectify": Bites(rectified),
    "people.datum_verify": Bites(
        lambda w: people.datum_verify(datum=w.known.data["email"], today=TODAY, **w.by)
    ),
    "photos.datum_photo": Bites(lambda w: photos.datum_photo(**w.picture())),
    "photos.photo_open": Bites(
        lambda w: photos.photo_open(datum=w.photo, user=w.team.dpo, now=NOW)[0]
    ),
    "cards.card_with_code": GoesOn(
        FINDS, lambda w: cards.card_with_code(operator=w.team.operator, code=w.card.code)
    ),
    "cards.cards_link": GoesOn(
        LINKS,
        lambda w: cards.cards_link(first=w.card, second=w.other, **WHY, **w.by),
    ),
    "cards.cards_unlink": GoesOn(
        LINKS,
        lambda w: cards.cards_unlink(link=w.link, **WHY, **w.by),
        the_link,
    ),
    "cards.cards_merge": Bites(
        lambda w: cards.cards_merge(into=w.card, other=w.other, **WHY, **w.by), the_other
    ),
    # --- grounds
    "grounds.ground_start": Bites(
        lambda w: grounds.ground_start(
            subject=w.card, **w.free, started_on=TODAY, today=TODAY, **w.by
        ),
        lambda w: w.free,
    ),
    "grounds.consent_give": Bites(consented, lambda w: w.agreed),
    "grounds.consent_withdraw": GoesOn(
        ENDS,
        lambda w: grounds.consent_withdraw(consent=w.known.consents[0], **WITHDRAWN, **w.by),
    ),
    "grounds.ground_end": GoesOn(
        ENDS,
        lambda w: grounds.ground_end(
            ground=w.known.grounds[-1],
            ended_on=TODAY,
            end_reason="contract_ended",
            today=TODAY,
            reason="x",
            **w.by,
        ),
    ),
    "grounds.dissemination_permit": Bites(
        lambda w: grounds.dissemination_permit(**w.choice, permission="allowed"),
        lambda w: w.shown,
    ),
    "grounds.dissemination_stop": GoesOn(ENDS, dissemination_stopped, the_permission),
    "scopes.consent_narrow": GoesOn(
        ENDS,
        lambda w: scopes.consent_narrow(
            consent=w.shown, scope="third_parties", received_at=NOW, **WHY, **w.by
        ),
        lambda w: w.shown,
    ),
    "covering.known_end": GoesOn(
        ASKS,
        lambda w: covering.known_end(
            started_on=TODAY,
            ended_on=TODAY,
            end_reason="contract_ended",
            expires_on=None,
            activity=w.known.grounds[0].activity,
        ),
    ),
    "covering.require_cover": GoesOn(
        ASKS,
        lambda w: covering.require_cover(
            subject=w.card, category=category(w.team, "email"), today=TODAY
        ),
    ),
    "dates.dates_keep": GoesOn(ASKS, lambda w: dates.dates_keep([w.card.pk], today=TODAY)),
    "dates.operator_dates": GoesOn(
        ASKS, lambda w: dates.operator_dates(w.team.operator, today=TODAY)
    ),
    # --- reading
    "looking.card_reveal": Bites(
        lambda w: looking.card_reveal(subject=w.card, user=w.team.dpo, **WHY)
    ),
    "looking.card_hide": GoesOn(
        ENDS, lambda w: looking.card_hide(subject=w.card, user=w.team.dpo, now=NOW)
    ),
    "looking.look": GoesOn(
        JOURNAL,
        lambda w: looking.look(operator=w.team.operator, what="search", user=w.team.dpo, now=NOW),
    ),
    "reading.show": Shows(lambda w: seen(w) + evidence(w)),
    # Requests and letters, which no block of a card covers.
    "reading.shown_texts": GoesOn("what somebody wrote to us is no datum of a card", a_letter),
    "reading.data_of": Shows(seen),
    "reading.contacts": Shows(masks),
    "reading.hits": Shows(found),
    "exporting.card_export": Bites(
        lambda w: len(exporting.card_export(subject=w.card, user=w.team.dpo, **WHY))
    ),
    "proof.consent_proof": Bites(read),
    # --- what was given to whom
    "disclosures.disclosure_record": Bites(lambda w: disclosures.disclosure_record(**w.demand())),
    "disclosures.disclosure_reverse": GoesOn(
        JOURNAL,
        lambda w: disclosures.disclosure_reverse(disclosure=w.given, **WHY, **w.by),
        lambda w: w.given,
    ),
    "disclosable.require_free": Bites(
        lambda w: disclosable.require_free({w.card: w.demanded()}, to_state=False) or "free"
    ),
    "disclosable.require_allowed": GoesOn(
        ASKS,
        lambda w: disclosable.require_allowed({}, w.transfer, scopes=[], day=TODAY) or "allowed",
    ),
    "standing.standings": GoesOn(
        "it counts people", lambda w: standing.standings(operator=w.team.operator, now=NOW)
    ),
    "size_class.people_counted": GoesOn(
        "it counts people", lambda w: size_class.people_counted(operator=w.team.operator)
    ),
    "standing.people_standing": GoesOn(
        "it names cards and reads no value",
        lambda w: standing.people_standing(operator=w.team.operator, number=0, now=NOW)[1],
    ),
    "disclosure_register.disclosure_export": GoesOn(
        "it names cards and categories and reads no value", printed, lambda w: w.given
    ),
    "search.search": GoesOn(
        FINDS,
        lambda w: search.search(
            user=w.team.dpo, text=VALUES["email"], now=NOW, operators=[w.team.operator]
        ).subjects[0],
    ),
    "search.result_of": GoesOn(
        FINDS,
        lambda w: search.result_of(user=w.team.dpo, number=w.found, now=NOW).subjects[0],
        the_search,
    ),
    # --- the guard itself
    "guard.require_unblocked": Bites(lambda w: guard.require_unblocked(w.card, label=OTHER)),
    "guard.first_blocked": Bites(lambda w: first_of(w)),
    "stops.stop_place": GoesOn(HOLDS, lambda w: w.hold()),
    "stops.stop_begin": GoesOn(
        HOLDS,
        lambda w: stops.stop_begin(
            subject=w.card, kind=StopKind.REQUEST, label=OTHER, **WHY, **w.by
        ),
    ),
    "holds.hold_place": GoesOn(HOLDS, lambda w: w.hold()),
    "holds.hold_review": GoesOn(
        HOLDS,
        lambda w: holds.hold_review(stop=w.hold(), until_on=None, reason="x", **w.by, now=NOW),
    ),
    "holds.holds_lapse": GoesOn(HOLDS, lambda w: holds.holds_lapse(w.team.operator, now=NOW) + 1),
    "stops.stop_end": GoesOn(HOLDS, lambda w: stops.stop_end(stop=w.hold(), **WHY, **w.by)),
    "stops.block_place": GoesOn(
        HOLDS,
        lambda w: stops.block_place(subject=w.card, why="check", label=OTHER, **WHY, **w.by),
    ),
    "stops.gone_blocks_end": GoesOn(HOLDS, lambda w: stops.gone_blocks_end(now=NOW) + 1),
    "stops.block_end": GoesOn(HOLDS, lambda w: stops.block_end(block=w.standing, **WHY, **w.by)),
    **DESTRUCTION,
    **ELSEWHERE,
    # --- imports
    "importing.runs.import_file": Bites(imported),
    "importing.runs.import_resume": Bites(resumed),
    "importing.uploading.import_run": Bites(uploaded),
    "importing.uploading.import_sweep": Bites(swept),
    "importing.uploading.import_request": GoesOn(
        "a file is sealed and waits; its rows are judged when it runs", lambda w: w.uploaded()
    ),
    "importing.uploading.conflict_resolve": GoesOn(
        LINKS,
        lambda w: uploading.conflict_resolve(
            conflict=w.conflict(), state="linked", now=NOW, **w.by
        ),
    ),
    "importing.reading.records": GoesOn(BELOW, lambda w: list(records([w.rows()]))),
    "bulk.write": GoesOn(BELOW, written),
    "bulk.change": GoesOn(BELOW, written),
    "files.file_seal": GoesOn(BELOW, file_of),
    "files.files_look": GoesOn(MACHINE, lambda w: files.files_look(now=NOW)),
    "files.files_sweep": GoesOn(MACHINE, lambda w: files.files_sweep(now=NOW)),
    # --- the machine
    "demo.demo_policy": GoesOn(
        DEMO, lambda w: demo.demo_policy(operator=w.team.operator, now=NOW, by=w.team.dpo)
    ),
    "demo.demo_text": GoesOn(
        DEMO, lambda w: demo.demo_text(operator=w.team.operator, now=NOW, by=w.team.dpo)
    ),
    "demo.demo_withdrawals": GoesOn(
        ENDS,
        lambda w: demo.demo_withdrawals(operator=w.team.operator, by=w.team.dpo, now=NOW),
    ),
    "demo.demo_people": GoesOn(
        DEMO, lambda w: demo.demo_people(operator=w.office.ipm.operator, count=2, now=NOW, **w.by)
    ),
    "keys.keys_make": GoesOn(MACHINE, lambda w: keys.keys_make(now=NOW, **w.by)),
    "keys.kek_rotate": GoesOn(MACHINE, lambda w: keys.kek_rotate(now=NOW, **w.by)),
    "keys.rewrap": GoesOn(
        MACHINE,
        lambda w: [keys.rewrap(MasterKey.objects.filter(use="kek").latest("number").number)],
    ),
    "keys.key_retire": GoesOn(MACHINE, retired),
    "keys.keys_retire_due": GoesOn(
        MACHINE, lambda w: keys.keys_retire_due(now=NOW, today=TODAY, **w.by)
    ),
    "keys.kek_rotate_due": GoesOn(MACHINE, lambda w: keys.kek_rotate_due(now=NOW)),
    "keys.keys_keep": GoesOn(MACHINE, lambda w: keys.keys_keep(now=NOW, today=TODAY)),
    "keys.search_rotate": GoesOn(MACHINE, lambda w: keys.search_rotate(now=NOW, **w.by)),
}
