"""The response pack: what it holds, what it never holds, who makes it, what is refused."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import translation
from pypdf import PdfReader

from registry.errors import OperatorError
from requests.models import Inspection, InspectionPack
from requests.models.inspection_packs import PackPart
from requests.models.subject_requests import RequestKind
from requests.services import pack_parts, packing
from requests.services.journals import PeriodTooLong
from requests.services.pack_parts import PackTooBig, plain
from requests.services.packing import (
    ConsentsNotChosen,
    NothingTicked,
    PackLanguageUnknown,
    PackOfTooManyFiles,
    PackPartUnknown,
    PackTextForeign,
    inspection_pack,
)
from subjects.models import AccessEvent
from subjects.services.disclosure_register import PeriodUpsideDown
from subjects.services.looking import card_reveal
from tests.conftest import Office, Team
from tests.registry.policies import published
from tests.requests.asking import TOLD
from tests.requests.happening import found
from tests.requests.test_inspections import asked, given, ordered, page
from tests.requests.test_journals import received
from tests.subjects.acting import draft, leaving
from tests.subjects.people import person, text_of
from tests.subjects.test_act_papers import closed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 10, 9, tzinfo=UTC)
SINCE, UNTIL = date(2026, 1, 1), date(2026, 4, 10)
ALL = list(PackPart.values)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"), time_machine.travel(NOW, tick=False):
        yield


def packed(row: Inspection, team: Team, **changed: Any) -> packing.Packed:
    said: dict[str, Any] = {
        "inspection": row, "parts": ALL, "since": SINCE, "until": UNTIL, "language": "en",
        "by": team.dpo, "now": NOW,
    } | changed  # fmt: skip
    if "consents" not in said:
        said["consents"] = [text_of(team)]
    return inspection_pack(**said)


def read(content: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        assert zipped.testzip() is None
        files = {name: zipped.read(name) for name in zipped.namelist()}
    return files, json.loads(files["manifest.json"])


def busy(team: Team) -> Inspection:
    """An operator of whom there is something of every kind."""
    row = ordered(team)
    given(asked(row, team), team, sheets=2)
    received(team, RequestKind.OTHER)
    found(team)
    published(team, date(2026, 3, 5))
    revealed = person(team, name="Открытый Человек", email="opened@example.org")
    card_reveal(subject=revealed, user=team.dpo, reason="REQ-1", now=NOW)
    leaving(team, name="Единственный Пробный", email="only.one@example.org")
    closed(team, draft(team, by=team.clerk))
    return row


def refused(error: type[OperatorError], row: Inspection, team: Team, **changed: Any) -> None:
    """Refused by name, and nothing is recorded."""
    said = {"consents": []} | changed
    with pytest.raises(OperatorError) as caught, transaction.atomic():
        packed(row, team, **said)
    assert type(caught.value) is error
    assert not InspectionPack.objects.exists()
    assert not AccessEvent.objects.filter(details__has_key="inspection_pack").exists()


def test_it_holds_what_was_ticked_and_its_manifest_tells_every_file(office: Office) -> None:
    team = office.pandev
    made = packed(busy(team), team)
    files, manifest = read(made.content)
    told = {one["name"]: one for one in manifest["files"]}
    assert set(files) == {*told, "manifest.json", "manifest.pdf"}
    for name, one in [*told.items(), ("manifest.pdf", manifest["paper"])]:
        assert one["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert one["size"] == len(files[name])
    assert {name.split("/")[0] for name in told} == set(ALL) - {"papers", "control", "inquiries"}
    assert [one["part"] for one in manifest["nothing_of"]] == ["papers", "control", "inquiries"]
    assert manifest["nothing_of"][1]["why"] == "nothing of this kind in the period"
    assert manifest["period"] == ["2026-01-01", "2026-04-10"]
    assert told[f"incidents/incidents-{SINCE}-{UNTIL}.pdf"]["period"] == manifest["period"]
    assert told["register/register.json"]["period"] is None
    assert all(name.isascii() for name in files)
    row = made.row
    assert row.digest == hashlib.sha256(files["manifest.json"]).hexdigest()
    assert (row.files, row.made_by, row.parts) == (len(told), team.dpo, ALL)
    event = AccessEvent.objects.latest("pk")
    assert (event.what, event.user, event.reason) == ("export", team.dpo, row.inspection.number)
    assert event.details == {"inspection_pack": row.pk, "files": len(told)}


def test_it_holds_no_value_of_a_person_in_any_file_or_name(office: Office) -> None:
    team = office.pandev
    row = busy(team)
    files, _ = read(packed(row, team).content)
    words = "\n".join(files)
    for name, content in files.items():
        if name.endswith(".pdf"):
            pages = PdfReader(io.BytesIO(content)).pages
            words += " ".join(one.extract_text() for one in pages)
        elif not name.endswith(".xlsx"):
            words += content.decode()
    for value in (*TOLD.values(), "Открытый", "opened@", "Единственный", "only.one"):
        assert value not in words
    looked = next(content for name, content in files.items() if name.startswith("looked/"))
    head, *lines = csv.reader(io.StringIO(looked.decode()))
    assert head == ["When", "Who", "What", "Code of the card", "Reason"]
    (line,) = [one for one in lines if one[4] == "REQ-1"]
    assert line[1] == str(team.dpo) and line[3].startswith("S-")


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_manifest_is_printed_in_each_language(office: Office, language: str) -> None:
    team = office.ipm
    files, manifest = read(packed(ordered(team), team, language=language).content)
    text = " ".join(
        one.extract_text() for one in PdfReader(io.BytesIO(files["manifest.pdf"])).pages
    )
    assert manifest["inspection"] in text and "register/register.xlsx" in text
    assert manifest["language"] == language


def test_the_same_office_gives_the_same_pack(office: Office) -> None:
    team = office.ipm
    row = ordered(team)
    parts = ["register", "policies", "asked", "inspections"]
    first, second = (packed(row, team, parts=parts, consents=[]).content for _ in range(2))
    assert first == second


def test_only_its_own_days_and_its_own_operator(office: Office) -> None:
    team = office.pandev
    row = busy(team)
    early = {"since": date(2025, 1, 1), "until": date(2025, 12, 31)}
    dated = ["acts", "requests", "incidents", "looked", "destructions", "inspections"]
    files, manifest = read(packed(row, team, parts=dated, consents=[], **early).content)
    assert set(files) == {"manifest.json", "manifest.pdf"} and manifest["files"] == []
    other = ordered(office.ipm)
    files, _ = read(packed(other, office.ipm, parts=["acts", "requests", "incidents"]).content)
    assert set(files) == {"manifest.json", "manifest.pdf"}


def test_what_cannot_be_is_refused(office: Office, monkeypatch: Any) -> None:
    team = office.ipm
    row = ordered(team)
    refused(NothingTicked, row, team, parts=[])
    refused(PackPartUnknown, row, team, parts=["register", "../vault"])
    refused(PeriodUpsideDown, row, team, since=UNTIL, until=SINCE)
    refused(PeriodTooLong, row, team, since=date(2000, 1, 1))
    refused(PackLanguageUnknown, row, team, parts=["register"], language="de")
    refused(ConsentsNotChosen, row, team, parts=["consents"])
    refused(PackTextForeign, row, team, consents=[text_of(office.pandev)])
    small = {"parts": ["register"]}
    monkeypatch.setattr(packing, "FILES_LIMIT", 2)
    refused(PackOfTooManyFiles, row, team, **small)
    monkeypatch.setattr(packing, "FILES_LIMIT", 5000)
    monkeypatch.setattr(packing, "SIZE_LIMIT", 1000)
    refused(PackTooBig, row, team, **small)
    monkeypatch.setattr(packing, "SIZE_LIMIT", 10**9)
    card_reveal(subject=person(team), user=team.dpo, reason="why", now=NOW)
    monkeypatch.setattr(pack_parts, "SIZE_LIMIT", 60)
    refused(PackTooBig, row, team, parts=["looked"])


def test_a_name_in_the_archive_is_plain() -> None:
    assert plain("A-2026/7") == "A-2026-7"
    assert plain("../../etc/passwd") == "etc-passwd"
    assert plain("акт") == "x"


def test_what_was_made_never_changes(office: Office) -> None:
    team = office.ipm
    made = packed(ordered(team), team, parts=["register"], consents=[]).row
    with pytest.raises(Exception, match="append"), transaction.atomic():
        InspectionPack.objects.filter(pk=made.pk).update(files=0)


# --- the page ------------------------------------------------------------------------------------
FORM = {"parts": ["register", "asked"], "since": "2026-01-01", "until": "2026-04-10"}


def test_who_makes_it(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    address, form = page(row, "pack"), FORM | {"language": "en"}
    expected = (
        (team.clerk, 403), (team.auditor, 403), (office.pandev.dpo, 404), (office.admin, 403),
        (office.nobody, 404),
    )  # fmt: skip
    for user, status in expected:
        client = as_user(user)
        answers = client.get(address).status_code, client.post(address, form).status_code
        assert answers == (status, status), user
    assert not InspectionPack.objects.exists()
    client = as_user(team.dpo)
    assert client.get(address).status_code == 200
    answer = client.post(address, form)
    assert answer.status_code == 200, answer.content.decode()
    assert answer.headers["Content-Type"] == "application/zip"
    assert "no-store" in answer.headers["Cache-Control"]
    made = InspectionPack.objects.get()
    name = f'filename="pack-{row.number}-{made.digest[:8]}.zip"'
    assert name in answer.headers["Content-Disposition"]
    files, _ = read(answer.content)
    assert "register/register.pdf" in files
    assert made.digest in client.get(page(row, "change")).content.decode()
    assert made.digest in as_user(team.auditor).get(page(row, "change")).content.decode()


def test_the_page_refuses_in_a_sentence(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    client, address = as_user(team.dpo), page(row, "pack")
    form = FORM | {"language": "en"}
    answer = client.post(address, form | {"until": "2025-01-01"})
    assert answer.status_code == 422 and "before its first" in answer.content.decode()
    assert client.post(address, form | {"parts": []}).context["form"].errors["parts"]
    foreign = text_of(office.pandev)
    answer = client.post(address, form | {"consents": [foreign.pk]})
    assert answer.context["form"].errors["consents"]
    assert not InspectionPack.objects.exists()


def test_without_an_undertaking_nothing_of_people_goes_in(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    team.dpo.memberships.update(undertaking="", undertaking_on=None)
    client, address = as_user(team.dpo), page(row, "pack")
    offered = {code for code, _ in client.get(address).context["form"].fields["parts"].choices}
    assert offered == set(ALL) - {"acts", "requests", "destructions", "looked"}
    answer = client.post(address, FORM | {"language": "en", "parts": ["looked"]})
    assert answer.context["form"].errors["parts"]
    assert not InspectionPack.objects.exists()
