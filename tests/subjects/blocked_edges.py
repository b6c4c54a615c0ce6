"""What a block does to the edges: verbs and pages of the card, tasks and commands."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.management import CommandError

from registry.services import holding
from subjects import import_tasks, tasks
from tests.subjects.blocked_calls import (
    ENDS,
    HOLDS,
    LINKS,
    rectified,
    refused_row,
    the_file,
    the_forms,
    the_search,
)
from tests.subjects.blocked_destruction import COPIES, DESTROYS, MACHINE, copied
from tests.subjects.blocked_world import World
from tests.subjects.classified import Bites, GoesOn, Shows
from tests.subjects.persons import NOW


def posts(verb: str) -> Any:
    return lambda w: w.post(verb)


BITING = (
    "reveal", "record", "photo", "rectify", "verify", "consent", "ground", "permit", "prove",
    "export", "merge",
)  # fmt: skip
GOING = {
    "hide": ENDS, "withdraw": ENDS, "end": ENDS, "stop_showing": ENDS,
    "link": LINKS,
    "unlink": LINKS,
    "block": HOLDS, "lift": HOLDS, "hold": HOLDS, "release": HOLDS,
    "rule": HOLDS,
}  # fmt: skip
VERB_CASES = {
    **{verb: Bites(posts(verb), the_forms) for verb in BITING},
    **{verb: GoesOn(why, posts(verb), the_forms) for verb, why in GOING.items()},
}

# Every page of the card, the forms of its verbs too, by the DPO who opened the card before.
PAGES = {
    "change": Shows(lambda w: w.get("change")),
    "history": Shows(lambda w: w.get("history"), ready=lambda w: rectified(w)),
    "changelist": Shows(lambda w: w.get("changelist")),
    "people_found": Shows(lambda w: w.get("people_found"), ready=the_search),
    "people_file": Shows(lambda w: w.get("people_file"), shows=False),
    "people_given": Shows(lambda w: w.get("people_given"), shows=False, ready=lambda w: w.given),
    "people_find": Shows(lambda w: w.get("people_find"), shows=False),
    "add": Shows(lambda w: w.get("add"), shows=False),
    "delete": Shows(lambda w: w.get("delete"), shows=False),
    "simple_history": Shows(lambda w: w.get("simple_history"), shows=False),
}


def task(run: Any, after: Any = None) -> Any:
    def call(world: World) -> Any:
        run(world)
        return after(world) if after else True

    return call


TASKS = {
    "tasks.keep_keys": GoesOn(MACHINE, task(lambda w: tasks.keep_keys())),
    "tasks.forget_results": GoesOn(
        "only what searches found is forgotten", task(lambda w: tasks.forget_results())
    ),
    "tasks.sweep_destruction": GoesOn(DESTROYS, task(lambda w: tasks.sweep_destruction())),
    "tasks.call_systems": GoesOn(DESTROYS, task(lambda w: tasks.call_systems())),
    "tasks.watch_vault": GoesOn(MACHINE, task(lambda w: tasks.watch_vault())),
    "import_tasks.import_run": Bites(
        task(lambda w: import_tasks.import_run(w.uploaded().pk), refused_row)
    ),
    "import_tasks.import_sweep": Bites(
        task(lambda w: (the_file(w), import_tasks.import_sweep()), refused_row)
    ),
}


def import_command(world: World) -> str:
    path = world.scratch / "people.csv"
    path.write_bytes(world.rows())
    with suppress(CommandError):  # "Rows rejected: 1."
        world.command("import_subjects", str(path), operator=world.team.operator.code)
    return refused_row(world)


def released(world: World) -> Any:
    holding.hold(did={}, numbers={}, now=NOW)
    world.command("release_restored", world.team.dpo.username)
    return not holding.held()


COMMANDS = {
    "import_subjects": Bites(import_command),
    "check_vault": GoesOn(MACHINE, lambda w: w.command("check_vault")),
    "find_traces": GoesOn(
        "it looks for what is typed, and says where; it opens no value",
        lambda w: w.command("find_traces", "--no-database", typed="nobody.at.all@example.kz"),
    ),
    "destroy_due": GoesOn(DESTROYS, lambda w: w.command("destroy_due", date="2026-03-02")),
    "make_keys": GoesOn(MACHINE, lambda w: w.command("make_keys")),
    "rotate_kek": GoesOn(MACHINE, lambda w: w.command("rotate_kek")),
    "was_destroyed": GoesOn(
        "only marks are compared, no value is left",
        lambda w: w.command(
            "was_destroyed", operator=w.team.operator.code, typed="nobody@example.kz"
        ),
    ),
    "rotate_search_key": GoesOn(MACHINE, lambda w: w.command("rotate_search_key")),
    "backup": GoesOn(COPIES, copied),
    "restore": GoesOn(COPIES, copied),
    "release_restored": GoesOn(MACHINE, released),
}
