"""Master keys: made, rotated, retired, and the watch over values that have lost theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from subjects import sealing
from subjects.models import DestructionItem, SealedFile
from subjects.services import evidence_keys
from subjects.vault import keyring, store
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import KeyUse, MasterKey, SearchToken, VaultKey
from subjects.vault.sealing_bridge import text_of

CHUNK = 2_000
ROTATED = (KeyUse.KEK, KeyUse.SEARCH)


class KeyStillNeeded(OperatorError):
    template = gettext_noop("%(key)s still protects %(count)s values: rotate first.")


class KeyInUse(OperatorError):
    template = gettext_noop("%(key)s is the newest of its kind and cannot be retired.")


class NotYetRetired(OperatorError):
    template = gettext_noop("%(key)s retires on %(day)s, not before.")


class RetiredAlready(Conflict):
    template = gettext_noop("%(key)s was retired already.")


class NoKeysYet(OperatorError):
    template = gettext_noop("There is no key to replace: run make_keys first.")


class RetiresInThePast(OperatorError):
    template = gettext_noop("A key cannot retire before today.")


class KeysDamaged(OperatorError):
    """All other keys are done; these stand under their old key, which cannot be retired."""

    status = 500
    template = gettext_noop(
        "%(count)s keys of the vault cannot be opened, the first is number %(first)s: this is an "
        "incident."
    )


def keys_make(*, by: User | None, now: datetime) -> list[MasterKey]:
    """The first key of each use, and the year's evidence key; nothing where there is one.

    Refuses nothing, loses nothing.
    """
    made = []
    with transaction.atomic(durable=True):
        seam.lock_table(MasterKey)
        for use in ROTATED:
            if not MasterKey.objects.filter(use=use).exists():
                made.append(_make(use, by=by, now=now, reason="first key"))
        made += evidence_keys.missing_made(by=by, now=now)
    keyring.forget()
    return made


def _make(use: str, *, by: User | None, now: datetime, reason: str) -> MasterKey:
    """The next key: its file first, then its row, so that no row is ever without its key.

    The table is locked, and no transaction stands around it: a key that others cannot see yet
    must not be used.
    """
    numbers = MasterKey.objects.filter(use=use).values_list("number", flat=True)
    number = 1 + max([*numbers, *keyring.numbers_of_files(use)], default=0)
    key = sealing.new_key()
    keyring.write_file(keyring.name_of(use, number), key)
    row = MasterKey(use=use, number=number, fingerprint=sealing.fingerprint(key), made_at=now)
    return audit.save(row, by=by, reason=reason)


def _replace(
    use: str,
    unfinished: Callable[[MasterKey], bool],
    *,
    by: User | None,
    now: datetime,
    retire_on: date | None,
    made_before: datetime | None = None,
) -> MasterKey | None:
    """The newest key of a use, made now unless a rotation to it was cut short; older ones get
    the day on which they retire. None when the newest was made after ``made_before``.
    """
    if retire_on is not None and retire_on < now.date():
        raise RetiresInThePast()
    day = retire_on or (now.date() + timedelta(days=settings.KEK_RETIREMENT_DAYS))
    with transaction.atomic(durable=True):
        # Two that rotate at once make one key.
        seam.lock_table(MasterKey)
        newest = MasterKey.objects.filter(use=use).order_by("-number").first()
        if newest is None:
            raise NoKeysYet()
        if made_before is not None and newest.made_at > made_before:
            return None
        # With a key missing, values would be lost sight of half-way.
        keyring.ring(fresh=True).require_whole()
        if not unfinished(newest):
            newest = _make(use, by=by, now=now, reason="rotation")
        older = MasterKey.objects.filter(use=use, retired_at=None, number__lt=newest.number)
        for row in older.filter(retire_on=None):
            row.retire_on = day
            audit.save(row, by=by, reason=f"replaced by {newest.number}", fields=["retire_on"])
    keyring.forget()
    return newest


# --- the key-encryption key ----------------------------------------------------------------------
def kek_rotate(
    *,
    by: User | None,
    now: datetime,
    retire_on: date | None = None,
    after_chunk: Callable[[int], None] | None = None,
) -> MasterKey:
    """A new KEK, and every data key under it; older ones retire on ``retire_on``.

    The data are not touched. Chunks of 2,000 keys, each a transaction: killed half-way, the next
    call goes on (with the key that was made, as long as older ones are still in use). Must not
    stand in a transaction.
    """
    newest = _replace(KeyUse.KEK, _half_wrapped, by=by, now=now, retire_on=retire_on)
    assert newest is not None
    rewrap(newest.number, after_chunk=after_chunk)
    return newest


def _half_wrapped(newest: MasterKey) -> bool:
    older = MasterKey.objects.filter(
        use=KeyUse.KEK, retired_at=None, number__lt=newest.number, retire_on__isnull=False
    )
    return older.exists() and VaultKey.objects.exclude(kek=newest.number).exists()


def rewrap(number: int, *, after_chunk: Callable[[int], None] | None = None) -> int:
    """Every data key under another KEK is wrapped anew under this one; returns how many.

    Refuses at the end, by number, keys that do not open.
    """
    done, last = 0, 0
    damaged: list[int] = []
    while True:
        with transaction.atomic():
            rows = list(
                seam.lock(VaultKey.objects.exclude(kek=number).filter(pk__gt=last).order_by("pk"))[
                    :CHUNK
                ]
            )
            if not rows:
                break
            with store.in_use(KeyUse.KEK, number):
                secret = keyring.kek(number)
            whole = []
            for row in rows:
                bound = store.bound_key(row.kind, row.owner, row.category)
                try:
                    row.wrapped = sealing.wrap(secret, store.open_key(row), bound)
                except sealing.CannotOpen:
                    damaged.append(row.pk)
                    continue
                row.kek = number
                whole.append(row)
            if whole:
                seam.rewrite(VaultKey, whole, ["wrapped", "kek"])
                store.require_in_use({(KeyUse.KEK, number)})
            last = rows[-1].pk
        done += len(whole)
        if after_chunk is not None:
            after_chunk(done)
    if damaged:
        raise KeysDamaged(count=len(damaged), first=damaged[0])
    return done


def key_retire(*, key: MasterKey, by: User | None, now: datetime, today: date) -> MasterKey:
    """Destroy a replaced key: copies of what it wrapped (WAL, backups) open no more.

    Refuses the newest key, one whose day has not come, one that still protects something, and one
    without which evidence would say nothing (152-FZ 21(7), Order 179, 8).
    The row says so first; a file that a crash has left is destroyed by the next ``keys_keep``.
    """
    with transaction.atomic(durable=True):
        row = seam.lock(MasterKey.objects.filter(pk=key.pk)).get()
        if row.retired_at is not None:
            raise RetiredAlready(key=str(row))
        if row.retire_on is None:
            raise KeyInUse(key=str(row))
        if today < row.retire_on:
            raise NotYetRetired(key=str(row), day=row.retire_on)
        # Nobody may be half-way through saving under it while it is counted and destroyed.
        seam.lock_table(VaultKey)
        if row.use in ROTATED:
            column = "kek" if row.use == KeyUse.KEK else "search"
            needed = VaultKey.objects.filter(**{column: row.number}).count()
            if needed:
                raise KeyStillNeeded(key=str(row), count=needed)
        if row.use != KeyUse.KEK:
            evidence_keys.require_no_evidence(row, today)
        row.retired_at = now
        audit.save(row, by=by, reason="retired", fields=["retired_at"])
    keyring.destroy_file(keyring.name_of(row.use, row.number))
    keyring.forget()
    return row


def retired_files() -> list[str]:
    """Key files that should be gone: of retired keys, and drafts of killed processes."""
    retired = MasterKey.objects.filter(retired_at__isnull=False)
    names = [keyring.name_of(row.use, row.number) for row in retired]
    return [name for name in names if keyring.is_there(name)]


def keys_retire_due(*, now: datetime, today: date, by: User | None = None) -> int:
    """Retire every key whose day has come; a key still in use is rotated away first.

    One without which evidence would say nothing gets a later day.
    """
    retired = 0
    due = MasterKey.objects.filter(retired_at=None, retire_on__lte=today).order_by("use", "number")
    for row in due:
        if row.use in ROTATED:
            _finish(row.use)
        try:
            key_retire(key=row, by=by, now=now, today=today)
        except (RetiredAlready, NotYetRetired):
            # Another did it meanwhile, or found why it has to wait.
            continue
        except evidence_keys.EvidenceStands as stands:
            evidence_keys.retirement_postpone(row, stands.params["day"], by=by)
            continue
        retired += 1
    for name in retired_files():
        keyring.destroy_file(name)
    return retired


def _finish(use: str) -> int:
    """Go on with a rotation that was cut short; nothing to do when it was not."""
    newest = keyring.ring().active(use)
    return rewrap(newest) if use == KeyUse.KEK else reindex(newest)


def kek_rotate_due(*, now: datetime) -> bool:
    """Rotate when the newest KEK is older than ``KEK_ROTATION_DAYS``."""
    newest = _replace(
        KeyUse.KEK,
        _half_wrapped,
        by=None,
        now=now,
        retire_on=None,
        made_before=now - timedelta(days=settings.KEK_ROTATION_DAYS),
    )
    if newest is None:
        return False
    rewrap(newest.number)
    return True


def keys_keep(*, now: datetime, today: date) -> dict[str, int]:
    """What the clock does with keys: make, rotate when due, finish what was cut short, retire.

    ``made``: evidence keys; ``ended``: rows of evidence whose three years are over.
    """
    made = evidence_keys.evidence_key_ready(now=now)
    ended = evidence_keys.evidence_end(today=today)
    rotated = kek_rotate_due(now=now)
    finished = 0
    for use in ROTATED:
        if MasterKey.objects.filter(use=use, retired_at=None, retire_on__isnull=False).exists():
            finished += _finish(use)
    return {
        "made": made,
        "ended": ended,
        "rotated": int(rotated),
        "finished": finished,
        "retired": keys_retire_due(now=now, today=today),
    }


# --- the search key ------------------------------------------------------------------------------
def search_rotate(*, by: User | None, now: datetime, retire_on: date | None = None) -> MasterKey:
    """A new search key, and all tokens under it. Searching works throughout: it asks under both."""
    newest = _replace(KeyUse.SEARCH, _half_indexed, by=by, now=now, retire_on=retire_on)
    assert newest is not None
    reindex(newest.number)
    return newest


def _half_indexed(newest: MasterKey) -> bool:
    return newest.number > 1 and not_under(newest.number).exists()


def not_under(search: int) -> QuerySet[VaultKey]:
    """Keys whose tokens are still under another search key."""
    return VaultKey.objects.filter(search__isnull=False).exclude(search=search)


def reindex(search: int) -> int:
    """Make the tokens anew from the values, chunk by chunk; killed half-way, it goes on.

    Refuses at the end, by number, values that do not open: they keep the tokens they have.
    """
    done, damaged = _index(not_under(search), search)
    if damaged:
        raise KeysDamaged(count=len(damaged), first=damaged[0])
    return done


def tokens_rebuild() -> tuple[int, list[int]]:
    """Make all tokens anew, under the newest search key; for a database that has none.

    How many values, and the numbers of the keys whose values do not open: those are not found.
    """
    return _index(
        VaultKey.objects.filter(search__isnull=False), keyring.ring().active(KeyUse.SEARCH)
    )


def _index(chosen: QuerySet[VaultKey], search: int) -> tuple[int, list[int]]:
    done, last = 0, 0
    damaged: list[int] = []
    while True:
        with transaction.atomic():
            keys = list(seam.lock(chosen.filter(pk__gt=last).order_by("pk"))[:CHUNK])
            if not keys:
                break
            last = keys[-1].pk
            by_number = {key.pk: key for key in keys}
            tokens = []
            for row, field in indexed_rows(keys):
                key = by_number[getattr(row, field.key)]
                try:
                    text = text_of(row, field.name, key, getattr(row, field.name).raw)
                except (sealing.CannotOpen, store.ForeignKeyOfValue):
                    damaged.append(by_number.pop(key.pk).pk)
                    continue
                terms = row.sealed_terms(field.name, text)
                tokens += [
                    SearchToken(token=token, key=key.pk)
                    for token in (store.tokens_of(terms, search) if terms else ())
                ]
            SearchToken.objects.filter(key__in=by_number).delete()
            SearchToken.objects.bulk_create(tokens, batch_size=5_000)
            VaultKey.objects.filter(pk__in=by_number).update(search=search)
            store.require_in_use({(KeyUse.SEARCH, search)})
        done += len(by_number)
    return done, damaged


def indexed_rows(keys: Iterable[VaultKey]) -> Iterator[tuple[Any, SealedField]]:
    """The rows whose values these keys seal, and the field; of everything that is searched by.

    Found by looking, upper rooms' too. One query for each field of a kind that is among the keys.
    """
    by_kind: dict[int, list[int]] = defaultdict(list)
    for key in keys:
        by_kind[key.kind].append(key.pk)
    for model in apps.get_models():
        if not issubclass(model, SealedModel) or model.sealed_terms is SealedModel.sealed_terms:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, SealedField) and field.kind in by_kind:
                wanted = {f"{field.key}__in": by_kind[field.kind]}
                rows = model._base_manager.filter(**wanted)
                if model.indexed_with:
                    rows = rows.select_related(*model.indexed_with)
                yield from ((row, field) for row in rows)


# --- the watch -----------------------------------------------------------------------------------
def holders() -> list[tuple[Any, str]]:
    """Every model that holds something sealed, and the column with its key; upper rooms' too.

    Found by looking: a room that seals something new cannot forget to say so.
    """
    found: list[tuple[Any, str]] = [(SealedFile, "key")]
    for model in apps.get_models():
        # Versions in the history carry the keys of their rows.
        if issubclass(model, SealedModel):
            fields = model._meta.concrete_fields
            found += [(model, field.key) for field in fields if isinstance(field, SealedField)]
    return found


def lost_keys(limit: int = 1_000) -> list[int]:
    """Numbers of keys that something sealed names, that are gone, and that no item names.

    Loss never passes for lawful destruction: each one is an incident.
    """
    lost: list[int] = []
    for model, column in holders():
        named: QuerySet[Any] = model._base_manager.filter(**{f"{column}__isnull": False})
        gone = named.filter(
            ~Exists(VaultKey.objects.filter(pk=OuterRef(column))),
            ~Exists(DestructionItem.objects.filter(key=OuterRef(column))),
        )
        lost += gone.values_list(column, flat=True)[: limit - len(lost)]
    return lost
