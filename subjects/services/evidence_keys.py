"""The evidence keys, one a year: made ahead, and gone when the last evidence under them is over.

Evidence is kept 3 years from the destruction (Order 179, 8; the office's own rule elsewhere): what
was destroyed on the last day of a year is told about until the last day of the third year after.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from subjects import sealing
from subjects.models import Evidence
from subjects.vault import keyring
from subjects.vault.models import KeyUse, MasterKey

YEARS = 3


class EvidenceStands(OperatorError):
    template = gettext_noop(
        "%(key)s is needed until %(day)s: without it the evidence of destructions says nothing."
    )


def year_of(now: datetime) -> int:
    """Whose key marks what is destroyed at this moment."""
    return now.astimezone(UTC).year


def kept_until(destroyed_on: date) -> date:
    """The last day of the three years; the last of February has no other day to fall on."""
    year = destroyed_on.year + YEARS
    try:
        return destroyed_on.replace(year=year)
    except ValueError:
        return destroyed_on.replace(year=year, day=28)


def evidence_key_ready(*, now: datetime, by: User | None = None) -> int:
    """Make this year's evidence key where it is missing, in December the next year's too.

    Called by the hourly job, and by whoever destroys before its transaction: inside one nothing
    is made (a rollback would take the key back, and not what is under it), and whoever needs the
    key then is refused (``EvidenceKeyMissing``). Returns how many were made.
    """
    ring = keyring.ring()
    if all(ring.has(KeyUse.EVIDENCE, year) for year in _years(now)) or _in_transaction():
        return 0
    with transaction.atomic(durable=True):
        seam.lock_table(MasterKey)
        made = missing_made(by=by, now=now)
    keyring.forget()
    return len(made)


def _years(now: datetime) -> list[int]:
    # The next one in time: on the first of January nobody waits for a job.
    return sorted({year_of(now), year_of(now + timedelta(days=31))})


def missing_made(*, by: User | None, now: datetime) -> list[MasterKey]:
    """The keys of these years that have no row yet; the table is locked, nothing else stands."""
    made = []
    for year in _years(now):
        if MasterKey.objects.filter(use=KeyUse.EVIDENCE, number=year).exists():
            continue
        name = keyring.name_of(KeyUse.EVIDENCE, year)
        if (keyring.folder() / name).exists():
            # Of somebody who died before its row was saved, or of a database that was put back.
            key = keyring.read_file(name)
        else:
            key = sealing.new_key()
            keyring.write_file(name, key)
        made.append(_row_made(year, key, by=by, now=now))
    return made


def _row_made(year: int, key: bytes, *, by: User | None, now: datetime) -> MasterKey:
    row = MasterKey(
        use=KeyUse.EVIDENCE,
        number=year,
        fingerprint=sealing.fingerprint(key),
        made_at=now,
        retire_on=date(year + YEARS + 1, 1, 1),
    )
    return audit.save(row, by=by, reason=f"evidence of {year}")


def evidence_key_again(year: int, *, now: datetime) -> None:
    """Know an evidence key again whose row was lost with the database, when its file is there."""
    name = keyring.name_of(KeyUse.EVIDENCE, year)
    there = MasterKey.objects.filter(use=KeyUse.EVIDENCE, number=year).exists()
    if not there and (keyring.folder() / name).exists():
        _row_made(year, keyring.read_file(name), by=None, now=now)


def _in_transaction() -> bool:
    """Whether a rollback could take back what is made here; that of a test's own does not count."""
    blocks: list[Any] = connection.atomic_blocks
    return bool(blocks) and not blocks[-1]._from_testcase


# --- the end -------------------------------------------------------------------------------------
def evidence_end(*, today: date) -> int:
    """Delete the evidence whose three years are over; returns how many rows."""
    return Evidence.objects.filter(keep_until__lt=today).delete()[0]


def require_no_evidence(key: MasterKey, today: date) -> None:
    """Refuse while evidence is kept that needs this key; what is over goes with it.

    In the transaction that retires the key: nobody writes evidence under it meanwhile.
    """
    seam.lock_table(Evidence)
    column = "search" if key.use == KeyUse.SEARCH else "year"
    rows = Evidence.objects.filter(**{column: key.number})
    last = rows.filter(keep_until__gte=today).aggregate(last=Max("keep_until"))["last"]
    if last is not None:
        raise EvidenceStands(key=str(key), day=last)
    rows.delete()


def retirement_postpone(key: MasterKey, last: date, *, by: User | None) -> None:
    """Let the key retire on the day after the last evidence that needs it."""
    with transaction.atomic():
        row = seam.lock(MasterKey.objects.filter(pk=key.pk, retired_at=None)).first()
        if row is not None:
            row.retire_on = last + timedelta(days=1)
            audit.save(row, by=by, reason=f"evidence until {last}", fields=["retire_on"])
