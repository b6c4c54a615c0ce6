"""What tests/subjects/vault_office.py runs in another process: ``VERB [ARGUMENT ...]``."""

from __future__ import annotations

import sys
import time
from datetime import date

import django

django.setup()

from django.db import transaction  # noqa: E402

from registry.errors import OperatorError  # noqa: E402
from subjects.models import PersonalDatum  # noqa: E402
from subjects.services import keys  # noqa: E402
from subjects.services.destruction import keys_destroy  # noqa: E402
from subjects.services.people import datum_rectify  # noqa: E402
from subjects.vault import keyring, store  # noqa: E402
from subjects.vault.sealing_bridge import State, open_rows  # noqa: E402
from tests.subjects.people import NOW, TODAY  # noqa: E402


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
            store.open_key(kept)
        except OperatorError as error:
            say("refused", type(error).__name__)
            return
        time.sleep(0.05)
    say("still open")


VERBS = {"rotate": rotate, "live": live, "hold": hold}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
