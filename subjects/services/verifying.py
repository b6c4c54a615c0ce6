"""After the destruction: that nothing of it opens any more, and that no value was left lying about.

Structurally for every act: neither key nor token, an item for each, every ciphertext mute. By value
for acts that a request drove: before the keys go, the person's identifiers are taken into memory,
and afterwards everything that the office has written is searched for them. A crash in between loses
them, and leaves the structural check. No value ever leaves the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from registry import seam
from registry.choices import DataFormat
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from registry.states import move
from subjects import sealing, states
from subjects.choices import ActState
from subjects.models import (
    ActItem,
    Consent,
    DestructionAct,
    DestructionItem,
    PersonalDatum,
    SealedFile,
    SearchToken,
    VaultKey,
)
from subjects.services.acts import ActReasonMissing, act_locked, fitting, not_before
from subjects.services.files import file_open
from subjects.services.reading import format_of
from subjects.services.tables import database_rows
from subjects.traces import Counts, Needles, Search, Trace, search_paths
from subjects.vault import keyring, store
from subjects.vault.sealing_bridge import State, open_rows

CHUNK = 2_000
SAMPLE = 300  # so many of the newest values are tried, live and old ones
SHORTEST = 8  # characters: what is shorter is found everywhere
PLACES = 20  # named in the report
IDENTIFIERS = (
    DataFormat.EMAIL,
    DataFormat.PHONE,
    DataFormat.IIN,
    DataFormat.BIN,
    DataFormat.ACCOUNT,
)

# What the search by value came to, as the papers say it.
SOUGHT = {
    "done": gettext_noop("searched for by value"),
    "not_asked": gettext_noop("not searched for by value: no request asked for it"),
    "partly": gettext_noop("searched for by value in part: some values had gone before"),
    "nothing": gettext_noop("not searched for by value: no identifier was long enough"),
    "keys_missing": gettext_noop("not searched for by value: the key-encryption key was missing"),
    "lost": gettext_noop("not searched for by value: the office stopped between the two"),
}


class NotExecuted(Conflict):
    template = gettext_noop("%(number)s has not been executed: there is nothing to verify.")


class NoTraces(Conflict):
    template = gettext_noop("%(number)s: no trace waits for a judgement.")


class VerificationFailed(OperatorError):
    status = 500
    template = gettext_noop(
        "%(number)s: the destruction could not be verified (%(what)s). The act stays open: this is "
        "an incident."
    )


class FoundAfterClosing(OperatorError):
    status = 500
    template = gettext_noop(
        "%(number)s was closed while another process still found something of it. This is an "
        "incident: look at the places that its page names."
    )


@dataclass(frozen=True, slots=True)
class Remembered:
    """Identifiers of people whose keys are about to go, for as long as this process needs them.

    ``state``: a word of ``SOUGHT``.
    """

    state: str
    values: tuple[str, ...] = field(default=(), repr=False)


def needles_of(act: DestructionAct) -> Remembered:
    """The identifiers that a request-driven act is to destroy, opened; before it is executed.

    E-mail addresses, phones, IIN, BIN and accounts of 8 characters and more. Without the KEK the
    verification says that it was missing. What ``act_search`` has sought already is not among them.
    """
    if not act.label:
        return Remembered("not_asked")
    items = ActItem.objects.filter(act=act, outcome="", key__isnull=False)
    if act.verification.get("early"):
        done = DestructionItem.objects.filter(act=act, key=OuterRef("key"))
        items = items.exclude(Exists(done))
    keys = list(items.values_list("key", flat=True))
    rows = seam.numbered(PersonalDatum.objects.order_by("pk"), "value_key", filter(None, keys))
    data = [
        datum
        for datum in rows.select_related("subject", "category")
        if format_of(datum) in IDENTIFIERS or datum.identity
    ]
    values: set[str] = set()
    gone = False
    try:
        for start in range(0, len(data), CHUNK):
            for opened in open_rows(data[start : start + CHUNK], "value").values():
                gone = gone or opened.state != State.OPEN
                if len(opened.text.strip()) >= SHORTEST:
                    values.add(opened.text.strip())
    except (keyring.KeysMissing, sealing.CannotOpen):
        return Remembered("keys_missing")
    if gone:
        return Remembered("partly", tuple(sorted(values)))
    return Remembered("done" if values else "nothing", tuple(sorted(values)))


def act_search(act: DestructionAct, *, needles: Remembered) -> None:
    """Search by value for what went while something of the act waits for a confirmation elsewhere.

    Nobody remembers it later. What is found is an incident at once; the end of the act counts it
    in. Must not stand in a transaction.
    """
    found = _by_value(act, needles)
    with transaction.atomic():
        row = act_locked(act)
        if row.finished_at is not None:
            return
        found = _together(row.verification, found)
        failed = ["traces"] if found["found"] and "judged" not in row.verification else []
        row.verification = row.verification | {"by_value": found, "failed": failed, "early": True}
        reason = "not verified" if failed else "searched"
        audit.save(row, by=None, reason=reason, fields=["verification"])


def _together(before: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What was found now, and what ``act_search`` had found of the values that went first."""
    if not before.get("early"):
        return found
    first = before["by_value"]
    states = {first["state"], found["state"]} - {"nothing"}
    state = "done" if states == {"done"} else (states or {"nothing"}).pop()
    counts = {
        name: max(first.get(name, 0), found.get(name, 0)) for name in ("files", "cells", "unread")
    }
    return counts | {
        "state": state if len(states) < 2 else "partly",
        "values": first["values"] + found["values"],
        "found": first["found"] + found["found"],
        "places": [*first.get("places", []), *found.get("places", [])][:PLACES],
    }


def act_verify(
    act: DestructionAct, *, now: datetime, needles: Remembered | None = None
) -> DestructionAct:
    """Verify an act that was executed; its ``verification`` says what was looked at.

    ``needles``: what ``needles_of`` remembered; None: nobody remembers. Refuses, by what failed,
    an act of which anything is left; it stays open, and ``/readyz`` says so. Traces that were found
    are not forgotten by looking again without knowing for what. Must not stand in a transaction.
    """
    row = DestructionAct.objects.get(pk=act.pk)
    if row.verified_at is not None:
        # Closed by another hand meanwhile, perhaps.
        return row
    if row.state != ActState.RUNNING or row.finished_at is None:
        raise NotExecuted(number=row.number)
    structure = _structure(row)
    failed = [name for name, number in structure.items() if name in MUST_BE_NONE and number]
    found = _by_value(row, needles)
    before = row.verification.get("by_value", {})
    early = bool(row.verification.get("early"))
    judged = {name: row.verification[name] for name in ("judged",) if name in row.verification}
    new = found["found"]
    if early:
        found = _together(row.verification, found)
    elif before.get("found") and not found["values"]:
        found, new = before, before["found"]
    if new or (found["found"] and not judged):
        failed.append("traces")
    with transaction.atomic():
        row = act_locked(row)
        closed = row.state == ActState.CLOSED
        if not failed and (closed or row.verified_at is not None):
            return row
        # Whoever found something is heard, though another looked meanwhile and knew less.
        if not closed:
            row.verified_at = None
        row.verification = {"structure": structure, "by_value": found, "failed": failed} | judged
        if not failed:
            row.verified_at = not_before(now, row.finished_at)
        fields = ["verification", "verified_at"]
        audit.save(row, by=None, reason="not verified" if failed else "verified", fields=fields)
    if failed and closed:
        raise FoundAfterClosing(number=row.number)
    if failed:
        raise VerificationFailed(number=row.number, what=", ".join(failed))
    return row


@transaction.atomic
def traces_judge(
    *, act: DestructionAct, reason: str, by: User | None, now: datetime
) -> DestructionAct:
    """What the search by value found was looked at, and removed or lawful; the papers say why.

    A value may stand elsewhere on a ground of its own: whoever is on the staff and a client. The
    search cannot be done again, because what was sought is gone. Refuses an act of which anything
    else failed, and one without traces.
    """
    row = act_locked(act)
    move(states.ACT, row.state, "close", number=row.number)
    if row.verified_at is not None or row.verification.get("failed") != ["traces"]:
        raise NoTraces(number=row.number)
    reason = fitting(reason, row)
    if not reason:
        raise ActReasonMissing(number=row.number)
    row.verification = row.verification | {"failed": [], "judged": reason}
    if row.finished_at is not None:
        row.verified_at = not_before(now, row.finished_at)
    return audit.save(row, by=by, reason=reason, fields=["verification", "verified_at"])


# --- the structure -------------------------------------------------------------------------------
# Of the counts of ``_structure``: what must be none.
MUST_BE_NONE = ("without_item", "keys_left", "tokens_left", "other_keys", "opened")


def _structure(act: DestructionAct) -> dict[str, int]:
    """Counts: ``live`` and ``history`` ciphertexts looked at, and what must be none.

    ``other_keys``: old versions whose key still stands; ``opened``: of the newest values, those
    that opened, or that say anything but "destroyed".
    """
    did = dict.fromkeys(("keys", "live", "history", "files", "tried", *MUST_BE_NONE), 0)
    named = DestructionItem.objects.filter(act=act, key=OuterRef("key"))
    items = ActItem.objects.filter(act=act, outcome="", key__isnull=False)
    did["without_item"] = items.filter(~Exists(named)).count()
    for keys in _keys_of(act):
        did["keys"] += len(keys)
        did["keys_left"] += seam.numbered(VaultKey.objects.all(), "id", keys).count()
        did["tokens_left"] += seam.numbered(SearchToken.objects.all(), "key", keys).count()
        for model, column in ((PersonalDatum, "value_key"), (Consent, "evidence_key")):
            _ciphertexts(model, column, keys, did)
        for file in seam.numbered(SealedFile.objects.order_by("pk"), "key", keys):
            did["files"] += 1
            file.path.unlink(missing_ok=True)
    _try(act, did)
    return did


def _keys_of(act: DestructionAct) -> Iterator[list[int]]:
    last = 0
    rows = DestructionItem.objects.filter(act=act).order_by("pk")
    while part := list(rows.filter(pk__gt=last).values_list("pk", "key")[:CHUNK]):
        yield [key for _, key in part]
        last = part[-1][0]


def _ciphertexts(model: Any, column: str, keys: list[int], did: dict[str, int]) -> None:
    """Every version of these values, live and old, names a key that is gone."""
    live = list(seam.numbered(model.objects.order_by(), column, keys).values_list("pk", flat=True))
    if not live:
        return
    old = seam.numbered(model.history.order_by(), "id", live).values_list(column, flat=True)
    named = list(old)
    did["live"] += len(live)
    did["history"] += len(named)
    others = set(filter(None, named)) - set(keys)
    if others:
        standing = seam.numbered(VaultKey.objects.all(), "id", others)
        did["other_keys"] += standing.count()


def _try(act: DestructionAct, did: dict[str, int]) -> None:
    """Open the newest values as any page would: each must be refused as destroyed."""
    newest = DestructionItem.objects.filter(act=act).order_by("-pk")
    keys = list(newest.values_list("key", flat=True)[:SAMPLE])
    for model, column, name in (
        (PersonalDatum, "value_key", "value"),
        (Consent, "evidence_key", "evidence"),
    ):
        sealed: Any = model
        live = list(seam.numbered(sealed.objects.order_by("pk"), column, keys))
        numbers = [row.pk for row in live]
        old = list(seam.numbered(sealed.history.order_by("-history_id"), "id", numbers)[:SAMPLE])
        for rows in (live, [row for row in old if getattr(row, column) in set(keys)]):
            did["tried"] += len(rows)
            try:
                found = open_rows(rows, name)
            except OperatorError:
                # A key stands that is another's, or does not open: it should not stand at all.
                did["opened"] += 1
                continue
            did["opened"] += sum(one.state != State.DESTROYED for one in found.values())
    for file in seam.numbered(SealedFile.objects.order_by("pk"), "key", keys):
        did["tried"] += 1
        try:
            file_open(file)
        except store.ValueDestroyed:
            continue
        except OperatorError:
            pass
        did["opened"] += 1


# --- by value ------------------------------------------------------------------------------------
def _by_value(act: DestructionAct, needles: Remembered | None) -> dict[str, Any]:
    """What was searched, how often something was found, and where; never what."""
    state = needles.state if needles else "lost" if act.label else "not_asked"
    told: dict[str, Any] = {"state": state, "values": 0, "found": 0}
    if needles is None or not needles.values:
        return told
    sought, counts = Needles(needles.values), Counts()
    traces: list[str] = []
    unread = 0
    for one in [
        *Search(sought, counts=counts).rows(database_rows()),
        *search_paths(sought, _places(), counts=counts),
    ]:
        if isinstance(one, Trace):
            traces.append(f"{one.path}, {one.inside}" if one.inside else one.path)
        else:
            unread += 1
    return told | {
        "values": len(needles.values),
        "files": counts.files,
        "cells": counts.cells,
        "unread": unread,
        "found": len(traces),
        "places": traces[:PLACES],
    }


def _places() -> Iterable[Path]:
    """Sealed files and the queue's folder; sessions are a table like any other."""
    for place in (Path(settings.OFFICE_SEALED), Path(settings.OFFICE_VAR) / "broker"):
        if place.exists():
            yield place
