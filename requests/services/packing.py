"""The response pack of an inspection: what was ticked, as one ZIP with a manifest.

It is made in memory, taken at once and kept nowhere; what stays is a row that says what it held
and the digest of its manifest, by which a pack that comes back is known again.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, override

from registry.choices import Language
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import ConsentText, User
from registry.papers import Paper
from requests.models import Inspection, InspectionPack
from requests.models.inspection_packs import PackPart
from requests.services.journals import YEARS, PeriodTooLong
from requests.services.pack_parts import (
    MEGABYTE,
    PARTS,
    SIZE_LIMIT,
    PackFile,
    PackTooBig,
    Wanted,
    plain,
)
from subjects.choices import Looked
from subjects.services.disclosure_register import PeriodUpsideDown
from subjects.services.looking import look

# Raised when a key of manifest.json changes its meaning or goes.
FORMAT = 1
FILES_LIMIT = 5000


class NothingTicked(OperatorError):
    template = gettext_noop("%(number)s: tick what the pack is to hold.")


class PackPartUnknown(OperatorError):
    template = gettext_noop("%(number)s: a pack has no part of the name %(part)s.")


class PackLanguageUnknown(OperatorError):
    template = gettext_noop("%(number)s: a pack is written in ru, kk or en, not in %(code)s.")


class PackTextForeign(OperatorError):
    template = gettext_noop("%(number)s: %(text)s is no published consent text of this operator.")


class ConsentsNotChosen(OperatorError):
    template = gettext_noop("%(number)s: choose the consent texts, or take their tick away.")


class PackOfTooManyFiles(OperatorError):
    template = gettext_noop(
        "The pack would have more than %(limit)s files: take a shorter period, or make two packs."
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """The archive and what is recorded of it."""

    row: InspectionPack
    content: bytes

    @property
    def name(self) -> str:
        return f"pack-{plain(self.row.inspection.number)}-{self.row.digest[:8]}.zip"


@dataclass(slots=True)
class _Archive:
    """A ZIP that grows file by file, and what its manifest says of each."""

    moment: datetime
    stream: io.BytesIO = field(default_factory=io.BytesIO)
    listed: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def add(self, zipped: zipfile.ZipFile, name: str, content: bytes) -> dict[str, Any]:
        self.size += len(content)
        if self.size > SIZE_LIMIT:
            raise PackTooBig(limit=SIZE_LIMIT // MEGABYTE)
        if len(self.listed) >= FILES_LIMIT:
            raise PackOfTooManyFiles(limit=FILES_LIMIT)
        at = zipfile.ZipInfo(name, self.moment.timetuple()[:6])
        at.compress_type = zipfile.ZIP_DEFLATED
        zipped.writestr(at, content)
        return {
            "name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)
        }  # fmt: skip


@transaction.atomic
def inspection_pack(
    *,
    inspection: Inspection,
    parts: Sequence[str],
    since: date,
    until: date,
    language: str,
    by: User,
    now: datetime,
    consents: Iterable[ConsentText] = (),
) -> Packed:
    """Put together what was ticked, of these days, both counted, in this language.

    Holds no value of a person. Leaves a row and an access event, those of its journals beside it.
    Nothing is held while it is made: it changes nothing, and an inspection is never deleted.
    Refuses nothing ticked, a period that ends before it begins or is longer than five years, a
    consent text of somebody else, and a pack beyond the limits of size and of files.
    """
    chosen = _chosen(inspection, parts)
    texts = tuple(consents)
    _check(inspection, chosen, texts, since, until, language)
    asked = Wanted(inspection, texts, since, until, language, by, now)
    archive = _Archive(now.astimezone(asked.operator.zone))
    empty: list[PackPart] = []
    with override(language), zipfile.ZipFile(archive.stream, "w") as zipped:
        for part in chosen:
            found = False
            with closing(PARTS[part](asked)) as files:
                for file in files:
                    found = True
                    told = archive.add(zipped, f"{part}/{file.name}", file.content)
                    archive.listed.append(_entry(told, part, file, asked))
            if not found:
                empty.append(part)
        paper = archive.add(zipped, "manifest.pdf", _paper(asked, archive.listed, empty))
        manifest = _manifest(asked, chosen, archive.listed, empty, paper)
        archive.add(zipped, "manifest.json", manifest)
    row = InspectionPack.objects.create(
        inspection=inspection, made_at=now, made_by=by, parts=[str(part) for part in chosen],
        since=since, until=until, language=language, digest=hashlib.sha256(manifest).hexdigest(),
        files=len(archive.listed), size=archive.size,
    )  # fmt: skip
    look(
        operator=inspection.operator_id, what=Looked.EXPORT, user=by, now=now,
        reason=inspection.number, inspection_pack=row.pk, files=row.files,
    )  # fmt: skip
    return Packed(row, archive.stream.getvalue())


def _chosen(inspection: Inspection, parts: Sequence[str]) -> list[PackPart]:
    """In the order of the list, each once."""
    for part in parts:
        if part not in PackPart.values:
            raise PackPartUnknown(number=inspection.number, part=str(part)[:40])
    chosen = [part for part in PackPart if part in parts]
    if not chosen:
        raise NothingTicked(number=inspection.number)
    return chosen


def _check(
    inspection: Inspection,
    chosen: Sequence[PackPart],
    texts: Sequence[ConsentText],
    since: date,
    until: date,
    language: str,
) -> None:
    if until < since:
        raise PeriodUpsideDown()
    if until - since > timedelta(days=366 * YEARS):
        raise PeriodTooLong(years=YEARS)
    if language not in Language.values:
        raise PackLanguageUnknown(number=inspection.number, code=language)
    for text in texts:
        if text.operator_id != inspection.operator_id or not text.is_published:
            raise PackTextForeign(number=inspection.number, text=text.code)
    if (PackPart.CONSENTS in chosen) and not texts:
        raise ConsentsNotChosen(number=inspection.number)


# --- the manifest --------------------------------------------------------------------------------
def _entry(told: dict[str, Any], part: PackPart, file: PackFile, asked: Wanted) -> dict[str, Any]:
    days = [asked.since.isoformat(), asked.until.isoformat()] if file.dated else None
    return told | {"part": str(part), "what": file.what, "period": days}


def _manifest(
    asked: Wanted,
    chosen: Sequence[PackPart],
    listed: list[dict[str, Any]],
    empty: Sequence[PackPart],
    paper: dict[str, Any],
) -> bytes:
    row = asked.inspection
    told = {
        "format": FORMAT,
        "inspection": row.number,
        "operator": {"code": row.operator.code, "name": row.operator.name},
        "authority": str(row.authority),
        "order": {"number": row.order_number, "date": row.ordered_on.isoformat()},
        "made_at": asked.now.astimezone(row.operator.zone).isoformat(timespec="seconds"),
        "made_by": str(asked.by),
        "language": asked.language,
        "period": [asked.since.isoformat(), asked.until.isoformat()],
        "parts": [str(part) for part in chosen],
        "files": listed,
        "nothing_of": [
            {"part": str(part), "what": str(part.label), "why": _nothing(part)} for part in empty
        ],
        "paper": paper,
    }
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


# What does not depend on the period.
_UNDATED = frozenset({PackPart.REGISTER, PackPart.POLICIES, PackPart.PAPERS, PackPart.ASKED})


def _nothing(part: PackPart) -> str:
    if part in _UNDATED:
        return gettext("nothing of this kind")
    return gettext("nothing of this kind in the period")


def _paper(asked: Wanted, listed: list[dict[str, Any]], empty: Sequence[PackPart]) -> bytes:
    row, operator = asked.inspection, asked.operator
    local = asked.now.astimezone(operator.zone)
    paper = Paper(
        gettext("Response pack"), language=asked.language, number=row.number,
        subtitle=operator.name, made_at=asked.now, footer=operator.name,
    )  # fmt: skip
    order = f"{row.authority}, {row.order_number}, {long_day(row.ordered_on)}"
    paper.facts(
        [
            (gettext("Operator"), operator.name),
            (gettext("Order of the inspection"), order),
            (gettext("Period"), f"{long_day(asked.since)} – {long_day(asked.until)}"),
            (gettext("Made at"), f"{long_day(local.date())}, {local:%H:%M}"),
            (gettext("Made by"), str(asked.by)),
            (gettext("Files"), str(len(listed))),
        ]
    )
    paper.heading(gettext("What the pack holds"))
    if listed:
        paper.table(
            [gettext("File"), gettext("What it is"), gettext("Bytes"), gettext("SHA-256")],
            [[one["name"], one["what"], str(one["size"]), one["sha256"]] for one in listed],
            widths=[30, 28, 10, 32],
        )
    else:
        paper.text(gettext("Nothing was found of what was ticked."))
    if empty:
        paper.heading(gettext("Ticked, but there is nothing"))
        paper.facts([(str(part.label), _nothing(part)) for part in empty])
    responsible = operator.responsible
    name = responsible.get_full_name() if responsible else ""
    paper.signatures([(gettext("Responsible person"), name)])
    return paper.render()
