"""What tests/subjects/vault_office.py runs in another process: ``VERB [ARGUMENT ...]``."""

from __future__ import annotations

import sys
import time
from datetime import date
from typing import Any

import django

django.setup()

from django.db import transaction  # noqa: E402

from registry.errors import OperatorError  # noqa: E402
from registry.models import User  # noqa: E402
from subjects.models import DataSubject, PersonalDatum  # noqa: E402
from subjects.services import keys  # noqa: E402
from subjects.services.cards import cards_merge  # noqa: E402
from subjects.services.destruction import keys_destroy  # noqa: E402
from subjects.services.looking import card_reveal  # noqa: E402
from subjects.services.people import datum_rectify  # noqa: E402
from subjects.vault import keyring, store  # noqa: E402
from subjects.vault.sealing_bridge import State, open_rows  # noqa: E402
from tests.subjects.people import NOW, TODAY  # noqa: E402
from tests.subjects.vault_office import ONCE_MORE  # noqa: E402


def say(*words: object) -> None:
    print(*words, flush=True)


def rotate(use: str, chunk: str, pause: str) -> None:
    """Rotate in small chunks, with a rest after each one: there is time to be killed."""
    keys.CHUNK = int(chunk)
    if use == "search":
        real = store.require_in_use

        def slowly(wanted: set[tuple[str, int]]) -> None:
            real(wanted)
            transaction.on_commit(lambda: (say("chunk"), time.sleep(float(pause))))

        store.require_in_use = slowly  # type: ignore[assignment]
        keys.search_rotate(by=None, now=NOW)
    else:
        keys.kek_rotate(
            by=None, now=NOW, retire_on=date(2026, 4, 1),
            after_chunk=lambda done: (say("chunk", done), time.sleep(float(pause)))[0],
        )  # fmt: skip
    say("done")


def live(seconds: str, first: str, last: str) -> None:
    """Save, open, search and destroy for a while; says what it did and what it could not open."""
    rows = list(
        PersonalDatum.objects.filter(pk__gte=int(first), pk__lte=int(last)).select_related(
            "subject__operator", "category"
        )
    )
    ends, saved, opened, found, destroyed, wrong = time.monotonic() + float(seconds), 0, 0, 0, 0, 0
    step = 0
    say("ready")
    while time.monotonic() < ends or step < 3:
        row = rows[step % len(rows)]
        step += 1
        try:
            text = f"step{step}-{row.pk}@example.org"
            datum_rectify(datum=row, text=text, by=None, today=TODAY, reason="test")
            saved += 1
            now = PersonalDatum.objects.get(pk=row.pk)
            wrong += open_rows([now], "value")[row.pk].text != text
            opened += 1
            sought = row.sealed_terms("value", text)
            hits = store.found(sought.realm, sought.terms)
            found += [hit["key"] for hit in hits] == [row.value_key]
            if step % 7 == 0 and len(rows) > 5:
                destroyed += len(keys_destroy([row.value_key], reason="test", by=None, now=NOW))
                wrong += open_rows([now], "value")[row.pk].state != State.DESTROYED
                rows.remove(row)
        except store.KeyRetiredMeanwhile:
            say("again")
    say("lived", saved, opened, found, destroyed, wrong)


def hold() -> None:
    """Keep the keys in memory, and tell on each line of what still opens; ends with the input."""
    keyring.ring()
    row = PersonalDatum.objects.order_by("pk")[0]
    kept = store.keys_of([row.value_key])[row.value_key]
    say("holding", kept.kek)
    for _ in range(600):
        try:
            store.unwrap(kept)
        except OperatorError as error:
            say("refused", type(error).__name__)
            return
        time.sleep(0.05)
    say("still open")


def hand() -> None:
    """Do what each line of the input says, ``DATUM CARD SURVIVOR VERB ...``; say what came of it.

    A merge is of the card into the survivor. Ends with the input.
    """
    dpo = User.objects.get(username="dpo@pandev")
    keyring.ring()
    say("ready")
    for line in sys.stdin:
        number, other, into, *verbs = line.split()
        card, survivor = (DataSubject.objects.get(pk=pk) for pk in (other, into))
        began = time.monotonic()
        came = [f"{verb}={_tried(verb, int(number), card, survivor, dpo)}" for verb in verbs]
        say("did", *came, f"began={began}", f"ended={time.monotonic()}")


def _tried(verb: str, *about: Any) -> str:
    came: list[str] = []
    while not came or came[-1] in ONCE_MORE and len(came) < 5:
        try:
            came.append(_once(verb, *about))
        except Exception as error:
            came.append(type(error).__name__)
    return ">".join(came)


def _once(verb: str, number: int, card: DataSubject, survivor: DataSubject, dpo: User) -> str:
    """One verb on the row as it is read now, as a page would do it."""
    row = PersonalDatum.objects.select_related("subject", "category").get(pk=number)
    if verb == "reveal":
        card_reveal(subject=row.subject, user=dpo, reason="test", now=NOW)
        return open_rows([row], "value")[row.pk].state.name
    if verb == "edit":
        text = f"hand{time.monotonic_ns()}@example.org"
        datum_rectify(datum=row, text=text, by=dpo, today=TODAY, reason="test")
        return "edited"
    if verb == "merge":
        cards_merge(into=survivor, other=card, by=dpo, now=NOW, reason="test")
        return "merged"
    if verb == "rotate":
        keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
        keys.search_rotate(by=None, now=NOW, retire_on=TODAY)
        keys.keys_retire_due(now=NOW, today=TODAY)
        return "rotated"
    assert verb == "destroy" and row.value_key is not None
    return f"{len(keys_destroy([row.value_key], reason='test', by=None, now=NOW))}"


VERBS = {"rotate": rotate, "live": live, "hold": hold, "hand": hand}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
