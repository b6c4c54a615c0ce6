"""The papers of an act and the scans of what was signed: sealed, given out, gone after three years.

They are kept as long as the evidence of the last thing that the act destroyed (Order 179, 8), each
under a key of its own with that day in it; the act itself, its numbers and their digests stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO

from django.db import transaction

from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from subjects.choices import ActState, Looked, PaperKind
from subjects.models import ActPaper, ActScan, DestructionAct, SealedFile, VaultKey
from subjects.services.acts import act_locked
from subjects.services.destruction import flush, keys_destroy
from subjects.services.evidence_keys import evidence_key_ready, kept_until
from subjects.services.files import READ_BYTES, file_open, file_seal, photo_check, sniff
from subjects.services.looking import look
from subjects.services.pictures import HEAD_BYTES, JPEG, PDF, PNG, UnknownContent
from subjects.vault import store
from subjects.vault.models import Sealed

SCANS_LIMIT = 20
SCAN_BYTES = 10 * 1024 * 1024
TAKEN = frozenset({PDF, JPEG, PNG})
DAY = timedelta(days=1)
MEDIA = {PaperKind.ACT: "application/pdf", PaperKind.LOG: "text/csv"}


class PaperOver(Conflict):
    template = gettext_noop(
        "%(number)s: its papers were kept until %(day)s, and are destroyed. The act itself stays."
    )


class ScanBeforeEnd(Conflict):
    template = gettext_noop(
        "%(number)s is not closed yet: its papers are signed when they are written."
    )


class ScanUnknown(OperatorError):
    template = gettext_noop("A scan is a PDF, JPEG or PNG file.")


class ScanTooBig(OperatorError):
    template = gettext_noop("The scan is larger than %(limit)s MB.")


class TooManyScans(Conflict):
    template = gettext_noop("%(number)s has %(limit)s scans already; no more are taken.")


@dataclass(frozen=True, slots=True)
class Printed:
    """A paper as it was written, before it is sealed."""

    kind: PaperKind
    language: str
    content: bytes


# --- keeping -------------------------------------------------------------------------------------
def papers_keep(
    *, act: DestructionAct, printed: Iterable[Printed], gone_at: datetime, now: datetime
) -> list[ActPaper]:
    """Seal what was printed until three years after the last of it was gone; the act is locked."""
    until = kept_until(gone_at.astimezone(act.operator.zone).date())
    rows = []
    for one in printed:
        file = _sealed(act, [one.content], MEDIA[one.kind], until, now)
        rows.append(
            ActPaper(
                act=act, kind=one.kind, language=one.language, file=file, keep_until=until,
                digest=hashlib.sha256(one.content).hexdigest(), made_at=now,
            )
        )  # fmt: skip
    return ActPaper.objects.bulk_create(rows)


def scan_add(
    *, act: DestructionAct, stream: IO[bytes], size: int, by: User, now: datetime
) -> ActScan:
    """Keep the scan of a signed paper as long as the papers of the act; its name is not kept.

    Refuses what is no PDF, JPEG or PNG by its content, more than 10 MB, an act that is not closed
    or whose papers are over, and more than ``SCANS_LIMIT`` of one act.
    """
    media_type = _checked(stream, size)
    with transaction.atomic():
        row = act_locked(act)
        if row.state != ActState.CLOSED:
            raise ScanBeforeEnd(number=row.number)
        until = row.papers.values_list("keep_until", flat=True)[0]
        _require_kept(row, until, now)
        if row.scans.count() >= SCANS_LIMIT:
            raise TooManyScans(number=row.number, limit=SCANS_LIMIT)
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            stream.seek(0)
            while piece := stream.read(READ_BYTES):
                digest.update(piece)
                yield piece

        file = _sealed(row, pieces(), media_type, until, now)
        return ActScan.objects.create(
            act=row, file=file, digest=digest.hexdigest(), keep_until=until, added_at=now,
            added_by=by,
        )  # fmt: skip


def _checked(stream: IO[bytes], size: int) -> str:
    """The media type, by the content."""
    if size > SCAN_BYTES:
        raise ScanTooBig(limit=SCAN_BYTES // (1024 * 1024))
    stream.seek(0)
    try:
        found = sniff(stream.read(HEAD_BYTES))
    except UnknownContent:
        raise ScanUnknown() from None
    if found not in TAKEN:
        raise ScanUnknown()
    return found if found == PDF else photo_check(stream, size)


def _sealed(
    act: DestructionAct, pieces: Iterable[bytes], media_type: str, until: date, now: datetime
) -> SealedFile:
    file = file_seal(
        operator=act.operator, kind=Sealed.ACT_PAPER, owner=act.pk, category=None, pieces=pieces,
        media_type=media_type, now=now,
    )  # fmt: skip
    VaultKey.objects.filter(pk=file.key).update(destroy_on=until + DAY)
    return file


def _require_kept(act: DestructionAct, until: date, now: datetime) -> None:
    if now.astimezone(act.operator.zone).date() > until:
        raise PaperOver(number=act.number, day=until)


# --- reading -------------------------------------------------------------------------------------
def paper_open(*, paper: ActPaper, now: datetime) -> Iterator[bytes]:
    """The act or its extract, while it is kept. Refuses when its three years are over."""
    return _opened(paper, now)


def scan_open(*, scan: ActScan, user: User | None, now: datetime) -> Iterator[bytes]:
    """A scan, while it is kept; who signed stands on it, so each look leaves an access event."""
    pieces = _opened(scan, now)
    look(
        operator=scan.act.operator_id, what=Looked.DOWNLOAD, user=user, now=now,
        reason=scan.act.number, act_scan=scan.pk,
    )  # fmt: skip
    return pieces


def _opened(row: ActPaper | ActScan, now: datetime) -> Iterator[bytes]:
    _require_kept(row.act, row.keep_until, now)
    try:
        return file_open(row.file)
    except store.ValueDestroyed:
        raise PaperOver(number=row.act.number, day=row.keep_until) from None


# --- the end -------------------------------------------------------------------------------------
def papers_due(*, now: datetime, operator: Operator | None = None) -> list[DestructionAct]:
    """Acts with a paper or a scan whose day may have come, wherever they are."""
    keys = VaultKey.objects.filter(kind=Sealed.ACT_PAPER, destroy_on__lte=(now + DAY).date())
    rows = DestructionAct.objects.filter(pk__in=keys.values("owner"))
    return list((rows.filter(operator=operator) if operator else rows).order_by("pk"))


def papers_end(*, act: DestructionAct, now: datetime) -> int:
    """Destroy the papers and scans of an act whose three years are over; returns how many.

    Late, twice or killed half-way it does no harm. Must not stand in a transaction.
    """
    evidence_key_ready(now=now)
    with transaction.atomic():
        row = act_locked(act)
        today = now.astimezone(row.operator.zone).date()
        due = VaultKey.objects.filter(
            kind=Sealed.ACT_PAPER, owner=row.pk, destroy_on__lte=today
        ).order_by("pk")
        days = dict(due.values_list("pk", "destroy_on"))
        if not days:
            return 0
        last = max(filter(None, days.values())) - DAY
        files = list(SealedFile.objects.filter(key__in=days))
        reason = f"{row.number}: kept until {last.isoformat()}"
        items = keys_destroy(days, reason=reason, by=None, now=now)
        # Their keys are gone; what a killed process leaves is taken by the sweep of the files.
        transaction.on_commit(lambda: _remove(files))
    flush()
    return len(items)


def _remove(files: Iterable[SealedFile]) -> None:
    for file in files:
        with suppress(OSError):
            file.path.unlink(missing_ok=True)
