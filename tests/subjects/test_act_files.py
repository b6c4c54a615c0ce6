"""The papers of an act and the scans of what was signed: sealed, and gone after three years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import override
from PIL import Image

from subjects.choices import ActState, Looked, PaperKind
from subjects.models import (
    AccessEvent,
    ActPaper,
    ActScan,
    DestructionAct,
    DestructionItem,
    SealedFile,
    VaultKey,
)
from subjects.services import act_files
from subjects.services.act_files import (
    PaperOver,
    ScanBeforeEnd,
    ScanTooBig,
    ScanUnknown,
    TooManyScans,
    paper_open,
    papers_due,
    papers_end,
    scan_add,
    scan_open,
)
from subjects.services.evidence import was_destroyed
from subjects.services.evidence_keys import evidence_end, evidence_key_ready, kept_until
from subjects.services.files import file_open
from subjects.services.keys import lost_keys
from subjects.services.sweeping import destruction_sweep
from subjects.vault.models import Sealed
from subjects.vault.store import ValueDestroyed
from tests.conftest import Office, Team
from tests.subjects.acting import ON_DUE, approved, draft, leaving
from tests.subjects.attacker import steal
from tests.subjects.people import NOW
from tests.subjects.test_act_papers import closed
from tests.subjects.test_attacker import keks

PDF = b"%PDF-1.7 canary-scan-of-a-signed-act"
EMAIL = "canary.paper@example.org"
# Destroyed on 27 March 2026: kept through that day three years later.
LAST = date(2029, 3, 27)


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


def picture(kind: str) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    return stream.getvalue()


def add(team: Team, act: DestructionAct, content: bytes = PDF, **options: Any) -> ActScan:
    given = {"by": team.clerk, "now": ON_DUE, "size": len(content)} | options
    return scan_add(act=act, stream=BytesIO(content), **given)


def done(team: Team) -> DestructionAct:
    leaving(team, email=EMAIL)
    return closed(team, draft(team, by=team.clerk))


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


# --- sealed --------------------------------------------------------------------------------------
def test_each_paper_has_a_key_of_its_own_that_says_when_it_goes(office: Office) -> None:
    team = office.pandev
    act = done(team)
    scan = add(team, act)
    rows = [*ActPaper.objects.filter(act=act), scan]
    assert len(rows) == 5 and len({row.file.key for row in rows}) == 5
    for row in rows:
        key = VaultKey.objects.get(pk=row.file.key)
        assert (key.kind, key.owner) == (Sealed.ACT_PAPER, act.pk)
        assert (key.destroy_on, row.keep_until) == (LAST + timedelta(days=1), LAST)
        assert act.number.encode() not in row.file.path.read_bytes()
    assert PDF not in scan.file.path.read_bytes()
    # Exactly as long as the evidence of what it destroyed.
    assert kept_until(act.due_on) == LAST


def test_a_paper_is_read_until_its_last_day_and_not_a_day_longer(office: Office) -> None:
    team = office.pandev
    act = done(team)
    paper = ActPaper.objects.get(act=act, kind=PaperKind.LOG)
    # 23:59 of the last day with the operator, and 00:01 of the next.
    last = datetime(2029, 3, 27, 18, 59, tzinfo=UTC)
    assert act.number.encode() in b"".join(paper_open(paper=paper, now=last))
    with pytest.raises(PaperOver, match=act.number):
        paper_open(paper=paper, now=last + timedelta(minutes=2))


# --- the end -------------------------------------------------------------------------------------
def test_papers_and_scans_end_together_and_what_they_were_stays(office: Office) -> None:
    team = office.pandev
    act = done(team)
    scan = add(team, act)
    files = list(SealedFile.objects.filter(kind=Sealed.ACT_PAPER))
    digests = set(ActPaper.objects.values_list("digest", flat=True))
    later = at(LAST)
    evidence_key_ready(now=later)
    # In the days before, on its last day, and late.
    assert papers_end(act=act, now=at(LAST - timedelta(days=9))) == 0
    assert papers_end(act=act, now=later) == 0
    assert was_destroyed(operator=team.operator, text=EMAIL, by=None, now=later)
    over = at(LAST + timedelta(days=40))
    evidence_key_ready(now=over)
    assert papers_due(now=over) == [act]
    assert papers_end(act=act, now=over) == 5
    # Twice does no harm.
    assert papers_end(act=act, now=over) == 0 and papers_due(now=over) == []
    for file in files:
        with pytest.raises(ValueDestroyed):
            list(file_open(file))
    items = DestructionItem.objects.filter(kind=Sealed.ACT_PAPER, owner=act.pk)
    assert {one.reason for one in items} == {f"{act.number}: kept until 2029-03-27"}
    assert items.count() == 5 and lost_keys() == []
    # What stays: the act, and what its papers were.
    act.refresh_from_db()
    assert act.state == ActState.CLOSED
    assert set(ActPaper.objects.values_list("digest", flat=True)) == digests
    for call in (
        lambda: paper_open(paper=ActPaper.objects.all()[0], now=over),
        lambda: scan_open(scan=scan, user=team.dpo, now=over),
        lambda: add(team, act, now=over),
    ):
        with pytest.raises(PaperOver, match="kept until 2029-03-27"):
            call()
    # Evidence and papers end on one day.
    assert evidence_end(today=LAST) == 0
    assert evidence_end(today=LAST + timedelta(days=1)) == 1


def test_the_sweep_ends_them_by_the_day_of_the_operator(office: Office) -> None:
    act = done(office.pandev)
    # In Kazakhstan the next day begins at 19:00 of Greenwich.
    before = datetime(2029, 3, 27, 18, 59, tzinfo=UTC)
    evidence_key_ready(now=before)
    assert destruction_sweep(now=before)["papers"] == 0
    did = destruction_sweep(now=before + timedelta(minutes=2))
    assert (did["papers"], did["failed"]) == (4, 0)
    assert not VaultKey.objects.filter(kind=Sealed.ACT_PAPER, owner=act.pk).exists()


def test_one_act_that_fails_does_not_keep_the_others_waiting(
    office: Office, monkeypatch: Any
) -> None:
    first, second = done(office.pandev), done(office.ipm)
    over = at(LAST + timedelta(days=40))
    evidence_key_ready(now=over)
    whole = act_files.keys_destroy

    def fails(numbers: Any, **options: Any) -> Any:
        if first.number in options["reason"] and VaultKey.objects.filter(
            pk__in=numbers, owner=first.pk
        ):
            raise RuntimeError
        return whole(numbers, **options)

    monkeypatch.setattr(act_files, "keys_destroy", fails)
    did = destruction_sweep(now=over)
    assert did["failed"] == 1
    standing = VaultKey.objects.filter(kind=Sealed.ACT_PAPER)
    assert set(standing.values_list("owner", flat=True)) == {first.pk}
    monkeypatch.undo()
    assert destruction_sweep(now=over)["papers"] == 4
    assert second.pk and not VaultKey.objects.filter(kind=Sealed.ACT_PAPER).exists()


def test_whoever_copied_everything_reads_no_paper_after_its_end(
    live_office: Office, tmp_path: Path
) -> None:
    """The database, its log, the files and the keys of that day; then the keys as they stand."""
    team = live_office.pandev
    act = done(team)
    add(team, act)
    before = steal(tmp_path / "before")
    assert any("canary-scan" in one for one in before.of_kind(11).opened(keks()))
    over = at(LAST + timedelta(days=1))
    evidence_key_ready(now=over)
    assert papers_end(act=act, now=over) == 5
    after = steal(tmp_path / "after")
    assert after.of_kind(11).opened(keks()) == set()


# --- the scans -----------------------------------------------------------------------------------
@pytest.mark.parametrize("content", [PDF, picture("PNG"), picture("JPEG")])
def test_a_scan_is_kept_and_each_look_at_it_recorded(office: Office, content: bytes) -> None:
    team = office.pandev
    act = done(team)
    scan = add(team, act, content)
    assert b"".join(scan_open(scan=scan, user=team.auditor, now=ON_DUE)) == content
    event = AccessEvent.objects.get(what=Looked.DOWNLOAD)
    assert (event.user, event.reason, event.details) == (
        team.auditor, act.number, {"act_scan": scan.pk},
    )  # fmt: skip


def test_what_is_no_scan_is_refused_and_leaves_nothing(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = approved(team)
    with pytest.raises(ScanBeforeEnd, match=act.number):
        add(team, act)
    act = closed(team, act)
    for content in (b"", b"<html>", b"a;b", picture("WEBP"), picture("GIF"), b"\x7fELF\x00\x01"):
        with pytest.raises(ScanUnknown):
            add(team, act, content)
    with pytest.raises(ScanTooBig, match="10"):
        add(team, act, size=10 * 1024 * 1024 + 1)
    for _ in range(20):
        add(team, act)
    with pytest.raises(TooManyScans, match="20"):
        add(team, act)
    assert ActScan.objects.count() == 20
    assert SealedFile.objects.filter(kind=Sealed.ACT_PAPER).count() == 24


# --- the pages -----------------------------------------------------------------------------------
def test_the_page_takes_lists_and_gives_out_scans(office: Office, as_user: Any) -> None:
    team = office.pandev
    act = done(team)
    page = f"/admin/subjects/destructionact/{act.pk}"
    with time_machine.travel(ON_DUE, tick=False):
        upload = SimpleUploadedFile("Иванова Анна.pdf", PDF)
        assert as_user(team.clerk).post(f"{page}/scan/", {"scan": upload}).status_code == 302
        scan = ActScan.objects.get()
        link = f"{page}/scan/{scan.pk}/"
        text = as_user(team.auditor).get(f"{page}/change/").content.decode()
        assert link in text and scan.digest in text and "Анна" not in text
        for user in (team.dpo, team.clerk, team.auditor):
            found = as_user(user).get(link)
            assert found.getvalue() == PDF and found.headers["Content-Type"] == "application/pdf"
            name = found.headers["Content-Disposition"]
            assert name == f'attachment; filename="{act.number}-scan-{scan.pk}.pdf"'
        assert as_user(office.ipm.dpo).get(link).status_code == 404
        assert as_user(office.nobody).get(link).status_code in (403, 404)
        assert as_user(team.dpo).get(f"{page}/scan/{scan.pk + 1}/").status_code == 404
        refused = as_user(team.clerk).post(
            f"{page}/scan/", {"scan": SimpleUploadedFile("x.pdf", b"<svg>")}
        )
        assert refused.status_code == 422 and "PDF, JPEG or PNG" in refused.content.decode()
        for user in (team.auditor, office.ipm.dpo):
            tried = as_user(user).post(f"{page}/scan/", {"scan": SimpleUploadedFile("x.pdf", PDF)})
            assert tried.status_code in (403, 404)
        assert ActScan.objects.count() == 1
    with time_machine.travel(at(LAST + timedelta(days=1)), tick=False):
        dpo = as_user(team.dpo)
        text = dpo.get(f"{page}/change/").content.decode()
        assert link not in text and scan.digest in text and "27 March 2029" in text
        assert f"{page}/scan/" not in text
        paper = ActPaper.objects.all()[0]
        for gone in (link, f"{page}/paper/{paper.pk}/"):
            assert dpo.get(gone).status_code == 409


# --- the migration -------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [0, 3])
def test_the_migration_does_not_seal_what_lay_in_the_open(count: int) -> None:
    class Apps:
        @staticmethod
        def get_model(*_: str) -> Any:
            rows = type("Rows", (), {"count": staticmethod(lambda: count)})
            return type("ActPaper", (), {"objects": rows})

    migration = import_module("subjects.migrations.0014_act_papers")
    refuse = migration.refuse_open_papers
    if count:
        with pytest.raises(migration.PapersInTheOpen, match="3 papers"):
            refuse(Apps(), None)
    else:
        refuse(Apps(), None)


def test_the_time_of_the_papers_is_that_of_the_last_thing_that_was_gone(office: Office) -> None:
    assert NOW < ON_DUE
    act = done(office.pandev)
    assert act.finished_at is not None
    day = act.finished_at.astimezone(act.operator.zone).date()
    assert set(ActPaper.objects.values_list("keep_until", flat=True)) == {kept_until(day)}
