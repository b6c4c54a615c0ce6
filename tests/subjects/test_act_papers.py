"""The papers of an act: every field of Order 179, in each language, and no value."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override
from pypdf import PdfReader

from registry.cells import safe
from registry.explain import short_day
from registry.models import Carrier, DataCategory, Recipient
from registry.services import audit
from subjects.choices import ActState, PaperKind
from subjects.models import ActItem, ActPaper, DestructionAct, DestructionItem
from subjects.services import act_papers
from subjects.services.act_papers import languages_of
from subjects.services.acts import act_approve, item_confirm
from subjects.services.elsewhere import PAPER, place_confirm, places_of
from subjects.services.executing import act_execute
from subjects.services.files import file_open
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.sweeping import act_carry_out
from tests.conftest import Office, Team
from tests.subjects.acting import automatic, draft, leaving, withdraw
from tests.subjects.people import NOW, TODAY, activity_of, category_of, consent, person

NAME, EMAIL = "Единственный Пробный", "only.one@example.org"


def closed(team: Team, act: DestructionAct) -> DestructionAct:
    if act.state == ActState.DRAFTED:
        act = act_approve(act=act, by=team.dpo, now=NOW)
    now = datetime.combine(act.due_on, NOW.timetz())
    act_carry_out(act, now=now, today=act.due_on)
    act.refresh_from_db()
    return act


def content_of(row: ActPaper) -> bytes:
    content = b"".join(file_open(row.file))
    assert row.digest == hashlib.sha256(content).hexdigest()
    return content


def printed(act: DestructionAct, language: str) -> str:
    row = ActPaper.objects.get(act=act, kind=PaperKind.ACT, language=language)
    content = content_of(row)
    pages = PdfReader(io.BytesIO(content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def lines(act: DestructionAct) -> list[list[str]]:
    row = ActPaper.objects.get(act=act, kind=PaperKind.LOG)
    return list(csv.reader(io.StringIO(content_of(row).decode("utf-8"), newline="")))


def with_position(team: Team) -> None:
    for user, position, name in (
        (team.dpo, "Head of privacy", "Иванова"), (team.clerk, "Archivist", "Әлиева"),
    ):  # fmt: skip
        user.last_name = name
        audit.save(user, by=None, reason="test")
        row = user.memberships.get()
        row.position = position
        audit.save(row, by=None, reason="test")


@pytest.fixture
def whole(office: Office) -> tuple[Team, DestructionAct, list[Any]]:
    """One person gone with a paper folder, one stopped, one whose data stay after all."""
    team = office.pandev
    with_position(team)
    Recipient.objects.create(
        operator=team.operator, code="cloud", name_en="Cloud keeper", kind="processor"
    ).activities.add(activity_of(team))
    gone = person(team, name=NAME, email=EMAIL)
    carrier = Carrier.objects.create(
        operator=team.operator, code="folder", name_ru="Папка 7", name_kk="7-папка",
        room="12", responsible=team.clerk, sheets=14,
    )  # fmt: skip
    datum_record(
        subject=gone, category=category_of(team, "phone"), held_in="carrier", carrier=carrier,
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, gone)
    stopped, stays = leaving(team, email="b@example.org"), leaving(team, email="c@example.org")
    act = draft(team, by=team.clerk)
    hold_place(
        subject=stopped, document="ruling of a court", label="2-145", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    consent(team, stays, evidence="")
    act = act_approve(act=act, by=team.dpo, now=NOW)
    now = datetime.combine(act.due_on, NOW.timetz())
    act_execute(act, now=now, today=act.due_on)
    item_confirm(
        item=ActItem.objects.get(act=act, key=None), how="Shredder, level P-5", by=team.clerk,
        now=now,
    )  # fmt: skip
    return team, closed(team, act), [gone, stopped, stays]


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_every_field_is_on_the_act_in_each_language(whole: Any, language: str) -> None:
    team, act, (gone, stopped, stays) = whole
    text = printed(act, language)
    operator = team.operator
    with override(language):
        categories = [str(category_of(team, code).name) for code in ("email", "full_name", "phone")]
    folder = {"ru": "Папка 7", "kk": "7-папка", "en": "Папка 7"}[language]
    wanted = [
        act.number, operator.name, operator.bin, operator.address.split(",")[0], "Cloud keeper",
        gone.code, *categories, folder, "14", "Shredder, level P-5", "KZ.CONSENT.WITHDRAW",
        ActItem.objects.filter(act=act)[0].article.split(";")[0],
        "Head of privacy", "Archivist", "Иванова", "Әлиева", stopped.code, "2-145", stays.code,
        "7(1), 8", "(UTC+05:00)",
    ]  # fmt: skip
    for words in wanted:
        assert re.sub(r"\s+", " ", words) in text, words
    assert str(act.kek) in text and act.mute_on and str(act.mute_on.year) in text
    for value in (NAME, EMAIL, "Единственный", "Тестов", "b@example.org", "c@example.org"):
        assert value not in text


def test_the_extract_has_a_line_for_each_value(whole: Any) -> None:
    team, act, (gone, _, _) = whole
    header, *rows = lines(act)
    assert len(header) == 7
    assert len(rows) == DestructionItem.objects.filter(act=act).count() == 2
    items = {str(item.key): item for item in DestructionItem.objects.filter(act=act)}
    for code, category, system, reason, at, key, number in rows:
        item = items[key]
        assert code == gone.code and number == act.number and system
        # In the first language of its state.
        with override("kk"):
            assert category == DataCategory.objects.get(pk=item.category).name
        assert reason == item.reason
        assert datetime.fromisoformat(at) == item.destroyed_at and at.endswith("+05:00")
    content = content_of(ActPaper.objects.get(act=act, kind=PaperKind.LOG))
    assert EMAIL.encode() not in content and NAME.encode() not in content


def shelf(team: Team, count: int) -> DestructionAct:
    """One person with so many files on paper and an account elsewhere, due and approved."""
    subject = person(team, name=NAME, email=EMAIL)
    where: list[dict[str, Any]] = [
        {"held_in": "system", "system": team.operator.informationsystem_set.all()[0]}
    ]
    for number in range(count):
        carrier = Carrier.objects.create(
            operator=team.operator, code=f"f{number}", name_ru=f"Дело {number}",
            room="Archive 12", responsible=team.clerk, sheets=100 + number,
        )  # fmt: skip
        where.append({"held_in": "carrier", "carrier": carrier})
    for one in where:
        datum_record(
            subject=subject, category=category_of(team, "phone"), collected_on=TODAY,
            by=team.clerk, today=TODAY, **one,
        )  # fmt: skip
    withdraw(team, subject)
    return act_approve(act=draft(team, by=team.clerk), by=team.dpo, now=NOW)


def test_the_files_of_one_room_are_one_line_and_each_keeps_its_sheets(office: Office) -> None:
    team = office.pandev
    with_position(team)
    act = shelf(team, 120)
    began = datetime.combine(act.due_on, NOW.timetz())
    act_carry_out(act, now=began, today=act.due_on)
    place_confirm(
        act=act, place=PAPER, how="Shredder P-5, order 7", done=None, by=team.clerk, now=began,
    )  # fmt: skip
    system = next(one.code for one in places_of(act) if one.waiting)
    later = began + timedelta(days=3)
    place_confirm(act=act, place=system, how="Deleted by hand", done=None, by=team.dpo, now=later)
    act_carry_out(DestructionAct.objects.get(pk=act.pk), now=later, today=later.date())
    text = printed(act, "en")
    # The room once, in one line; each file with its sheets and the number of that line.
    assert text.count("Archive 12") == 1 and "Archive 12 (carriers: 120)" in text
    # As the way of destruction, and with who confirmed it.
    assert text.count("Shredder P-5, order 7") == text.count("Deleted by hand") == 2
    for number in (0, 60, 119):
        assert f"Дело {number} {100 + number} 1" in text
    with override("en"):
        days = [short_day(at.date()) for at in (began, later)]
    assert f"120 Әлиева, Archivist {days[0]} Shredder" in text
    assert f"1 Иванова, Head of privacy {days[1]} Deleted" in text
    # By the name and the address the person was found there, until the last word.
    assert "2 values, by which the people were found elsewhere" in text


def test_nothing_is_said_of_finding_where_all_was_confirmed_before(office: Office) -> None:
    team = office.pandev
    act = shelf(team, 1)
    for one in places_of(act):
        place_confirm(act=act, place=one.code, how="gone", done=None, by=team.clerk, now=NOW)
    assert "found elsewhere" not in printed(closed(team, act), "en")


def test_three_sign_at_the_most_each_with_the_position(office: Office) -> None:
    team = office.pandev
    with_position(team)
    team.operator.responsible = team.deputy
    audit.save(team.operator, by=None, reason="test")
    act = shelf(team, 1)
    for one in places_of(act):
        place_confirm(act=act, place=one.code, how="gone", done=None, by=team.dpo, now=NOW)
    act.drafted_by = team.auditor
    with override("en"):
        signed = list(act_papers._signatures(act))
    assert signed == [
        ("Drafted by", str(team.auditor)),
        ("Approved by, Head of privacy", str(team.dpo)),
        ("Responsible for personal data", str(team.deputy)),
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+7", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe(cell) == f"'{cell}"
    assert safe("S-7F3K9QWX") == "S-7F3K9QWX"


def test_the_languages_are_the_operators_and_those_of_its_state(office: Office) -> None:
    assert languages_of(office.pandev.operator) == ["kk", "ru", "en"]
    assert languages_of(office.ipm.operator) == ["ru", "en"]


def test_an_automatic_act_is_signed_by_the_responsible_person(office: Office) -> None:
    team = office.ipm
    operator = team.operator
    operator.responsible = team.dpo
    audit.save(operator, by=None, reason="test")
    automatic(team)
    leaving(team)
    act = closed(team, draft(team))
    text = printed(act, "ru")
    assert "consent_withdrawn" in text and str(team.dpo) in text
    assert {row.language for row in ActPaper.objects.filter(act=act, kind=PaperKind.ACT)} == {
        "ru", "en",
    }  # fmt: skip


def test_a_waiver_is_printed(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = act_approve(
        act=draft(team, by=team.dpo), by=team.dpo, now=NOW, waiver="Only one officer."
    )
    assert "Only one officer." in printed(closed(team, act), "kk")


def test_very_many_people_are_listed_in_the_extract_alone(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(act_papers, "LISTED", 1)
    team = office.pandev
    people = [leaving(team, email=f"p{n}@example.org") for n in range(2)]
    act = closed(team, draft(team))
    text = printed(act, "en")
    assert not any(one.code in text for one in people)
    digest = ActPaper.objects.get(act=act, kind=PaperKind.LOG).digest
    assert digest in text.replace(" ", "")
    assert {row[0] for row in lines(act)[1:]} == {one.code for one in people}
