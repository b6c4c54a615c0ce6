"""Notices of processing: every item of the law in three languages, what changed, and the filing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from registry.choices import RegisterPaperKind as Kind
from registry.models import (
    InformationSystem,
    ProcessingActivity,
    Purpose,
    RegisterPaper,
    RetentionRule,
    SecurityMeasure,
)
from registry.notice_refusals import (
    CeasesInFuture,
    CeasingDayMissing,
    CeasingReasonMissing,
    NothingChanged,
    NothingFiledYet,
)
from registry.paper_refusals import PaperIncomplete, PaperKindOfOtherLaw, PaperLeftBehind
from registry.services.register_papers import paper_draft, paper_pdf
from tests.conftest import Office, Team
from tests.registry.noticing import (
    FILED_ON,
    INN,
    at,
    drafted,
    filed,
    notified,
    saved,
    signed,
    whole,
)
from tests.registry.papering import words_of
from tests.registry.transferring import recipient

DAY = timedelta(days=1)
LATER = date(2026, 1, 31)
ACTIVITY = "email_information"
END = {"ceased_on": "2026-01-30", "reason": "Бизнес закрыт"}
ITEMS = ["1", "2", "7", "7.1", "8", "9", "10", "10.1", "10.2", "11"]


@pytest.fixture
def ipm(office: Office) -> Team:
    return whole(office.ipm)


@pytest.fixture
def pandev(office: Office) -> Team:
    return whole(office.pandev)


def activity(team: Team) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=ACTIVITY)


def only_purpose(team: Team) -> Purpose:
    return Purpose.objects.get(operator=team.operator, code=ACTIVITY)


# --- start: what it says -----------------------------------------------------------------------
SAYS = {
    "ru": [
        "IPM", "101000, Москва, улица 1", INN, "Информирование пользователей", "Пользователи",
        "Адрес электронной почты", "Номера телефонов", "6(1)(1)", "Мера legal",
        "Мера organisational", "КриптоПро CSP 5.0", "Анна Иванова", "+7 495 000-00-00",
        "dpo.ipm@example.org", "1 января 2025", "Россия", "ipmanagement.kz", "Никто",
        "Мера technical",
    ],
    "kk": [
        "Пайдаланушыларды электрондық пошта", "Электрондық пошта мекенжайы", "Шара technical",
        "Ресей", "2025 ж. 1 қаңтар",
    ],
    "en": [
        "Informing users by e-mail", "E-mail address", "Measure technical", "Russia",
        "1 January 2025", "automated", "transfer", "purpose achieved", "30 days",
        "does not take place",
    ],
}  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_notice_of_start_says_every_item_of_22_3(ipm: Team, language: str) -> None:
    paper = drafted(ipm, FILED_ON, language=language)
    assert paper.facts["missing"] == []
    words = words_of(paper_pdf(paper))
    for item in ITEMS:
        assert f"(22(3)({item})" in words, item
    assert "22(3.1)" in words
    for said in [*SAYS["ru"][:3], "Анна Иванова", "КриптоПро CSP 5.0", *SAYS[language]]:
        assert said in words, said
    # In the order of the law.
    places = [words.index(f"(22(3)({item})") for item in ITEMS]
    assert places == sorted(places)


def no(model: Any, **having: Any) -> Callable[[Team], None]:
    def act(team: Team) -> None:
        for row in model.objects.filter(operator=team.operator, **having):
            row.delete()

    return act


def card(**changes: Any) -> Callable[[Team], None]:
    return lambda team: saved(team.operator, **changes)


def row(**changes: Any) -> Callable[[Team], None]:
    return lambda team: saved(activity(team), **changes)


def cleared(field: str) -> Callable[[Team], None]:
    return lambda team: getattr(activity(team), field).clear()


LACKS: dict[str, tuple[Callable[[Team], Any], str, str]] = {
    "name": (card(name=""), "22(3)(1)", "name of the operator"),
    "address": (card(address=""), "22(3)(1)", "address of the operator"),
    "inn": (card(inn=""), "22(3)(1)", "tax or business number"),
    "purposes": (row(ended_on=FILED_ON), "22(3)(2)", "No purpose is left"),
    "data": (cleared("data_categories"), "22(3.1)", "categories of data"),
    "people": (cleared("subject_categories"), "22(3.1)", "categories of people"),
    "bases": (cleared("legal_bases"), "22(3.1)", "legal ground"),
    "operations": (row(operations=[]), "22(3.1)", "operations"),
    "modes": (row(mode=""), "22(3.1)", "way of processing"),
    "measures": (no(SecurityMeasure, kind__in=["legal", "organisational"]), "22(3)(7)", "measure"),
    "responsible": (card(responsible=None), "22(3)(7.1)", "responsible person is not named"),
    "phone": (card(phone=""), "22(3)(7.1)", "phone"),
    "email": (
        lambda team: (saved(team.dpo, email=""), card(email="")(team)), "22(3)(7.1)", "e-mail",
    ),
    "post": (card(address=""), "22(3)(7.1)", "postal address"),
    "started_on": (row(started_on=None), "22(3)(8)", "which day it started"),
    "ceasing": (no(RetentionRule), "22(3)(9)", "no retention rule"),
    "recipient": (
        lambda team: activity(team).recipients.add(recipient(team, None)), "22(3)(10)",
        "in which country",
    ),
    "systems": (cleared("systems"), "22(3)(10.1)", "no information system"),
    "country": (
        lambda team: saved(InformationSystem.objects.get(operator=team.operator), country=None),
        "22(3)(10.1)", "country is not known",
    ),
    "technical": (no(SecurityMeasure, kind="technical"), "22(3)(11)", "technical measure"),
}  # fmt: skip


@pytest.mark.parametrize("lack", LACKS)
def test_what_the_register_lacks_is_named_and_keeps_the_notice_unsigned(
    ipm: Team, lack: str
) -> None:
    act, article, words = LACKS[lack]
    act(ipm)
    paper = drafted(ipm, FILED_ON, language="en")
    found = [one for one in paper.facts["missing"] if words in one and f"152-FZ {article})" in one]
    assert len(found) == 1, paper.facts["missing"]
    with pytest.raises(PaperIncomplete, match=article.replace("(", r"\(").replace(")", r"\)")):
        signed(paper, ipm, FILED_ON)


@pytest.mark.parametrize(
    ("answer", "article"), [("encryption", "22(3)(7)"), ("state_systems", "22(3)(10.2)")]
)
def test_what_no_register_holds_is_asked(ipm: Team, answer: str, article: str) -> None:
    paper = drafted(ipm, FILED_ON, language="en", **{answer: " "})
    (lacking,) = paper.facts["missing"]
    assert f"152-FZ {article})" in lacking


def test_the_raw_policy_lacks_much_of_a_notice(office: Office) -> None:
    lacking = drafted(office.ipm, FILED_ON, language="en").facts["missing"]
    for item in ("22(3)(1)", "22(3)(7.1)", "22(3)(8)", "22(3)(10.1)"):
        assert any(f"152-FZ {item})" in one for one in lacking), item


def test_a_draft_that_the_register_left_behind_is_not_signed(ipm: Team) -> None:
    paper = drafted(ipm, FILED_ON)
    saved(activity(ipm), operations=["storage"])
    with pytest.raises(PaperLeftBehind):
        signed(paper, ipm, FILED_ON)


# --- Kazakhstan --------------------------------------------------------------------------------
def sized(team: Team, size: str, day: date) -> RegisterPaper:
    with at(team, day) as now:
        return RegisterPaper.objects.create(
            operator=team.operator, kind=Kind.SIZE_CLASS, number=f"S-{size}-{day}", language="ru",
            facts={"title": "S", "article": "25-1", "sections": [], "missing": []},
            particulars={"class": size}, digest="0" * 64, made_at=now, signer=team.dpo,
            signer_position="DPO", signed_on=day, signed_at=now,
        )  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_kazakhstans_notice_names_its_own_article(pandev: Team, language: str) -> None:
    paper = drafted(pandev, FILED_ON, language=language)
    words = words_of(paper_pdf(paper))
    assert paper.facts["missing"] == [] and "said" not in paper.particulars
    assert "94-V 10-1, 25-1" in words and pandev.operator.bin in words
    assert "22(3)" not in words and "152-FZ" not in words and "18.1" not in words


def test_the_law_exempts_small_and_medium_operators_and_the_notice_says_so(pandev: Team) -> None:
    def first(kind: str = Kind.NOTICE_START, **given: Any) -> str:
        paper = drafted(pandev, LATER, kind, language="en", **given)
        return " ".join(
            [paper.facts["sections"][0]["heading"], *paper.facts["sections"][0]["text"]]
        )

    assert "exempts" not in first()
    sized(pandev, "small", FILED_ON)
    assert "is small" in first() and "94-V 10-1, 25-1" in first()
    sized(pandev, "medium", FILED_ON + DAY)
    assert "medium size" in first() and "exempts" in first(Kind.NOTICE_END, **END)
    sized(pandev, "large", FILED_ON + DAY * 2)
    assert "exempts" not in first()
    # A draft decides nothing.
    with at(pandev, LATER) as now:
        RegisterPaper.objects.create(
            operator=pandev.operator, kind=Kind.SIZE_CLASS, number="S-draft", made_at=now,
            particulars={"class": "small"},
        )  # fmt: skip
    assert "exempts" not in first()


def test_kazakhstan_is_told_of_the_end_beforehand_and_of_no_change(pandev: Team) -> None:
    end = drafted(pandev, LATER, Kind.NOTICE_END, ceased_on="2026-03-01", reason="Closed")
    assert "1 марта 2026" in words_of(paper_pdf(end))
    with pytest.raises(PaperKindOfOtherLaw):
        drafted(pandev, LATER, Kind.NOTICE_CHANGE)


# --- change ------------------------------------------------------------------------------------
def test_without_a_notice_in_force_there_is_nothing_to_change(ipm: Team) -> None:
    with pytest.raises(NothingFiledYet):
        drafted(ipm, LATER, Kind.NOTICE_CHANGE)
    signed(drafted(ipm, FILED_ON), ipm, FILED_ON)  # signed is not filed
    with pytest.raises(NothingFiledYet):
        drafted(ipm, LATER, Kind.NOTICE_CHANGE)


def test_the_notice_of_change_says_only_what_changed_old_beside_new(ipm: Team) -> None:
    start = notified(ipm)
    with pytest.raises(NothingChanged, match=start.number):
        drafted(ipm, LATER, Kind.NOTICE_CHANGE)
    phone = activity(ipm).data_categories.get(code="phone")
    activity(ipm).data_categories.remove(phone)
    saved(ipm.operator, address="Казань")
    paper = drafted(ipm, LATER, Kind.NOTICE_CHANGE, language="en")
    told = next(one for one in paper.facts["sections"] if one["columns"])
    assert told["rows"] == [
        ["Address", "101000, Москва, улица 1", "Казань"],
        [
            "Informing users by e-mail: Categories of personal data",
            "E-mail address; Surname, first name and patronymic; Telephone numbers",
            "E-mail address; Surname, first name and patronymic",
        ],
        ["Responsible person: Postal address", "101000, Москва, улица 1", "Казань"],
    ]
    words = words_of(paper_pdf(paper))
    assert start.number in words and "RKN-1" in words and "152-FZ 22(7)" in words
    # Filed, it is what the next change is compared with.
    assert paper.particulars["purposes"][ACTIVITY]["people"] == ["user"]
    filed(signed(paper, ipm, LATER), ipm, LATER, "RKN-2")
    with pytest.raises(NothingChanged, match=paper.number):
        drafted(ipm, LATER, Kind.NOTICE_CHANGE)


def test_what_has_gone_from_the_register_is_told_by_its_code(ipm: Team) -> None:
    notified(ipm)
    no(SecurityMeasure, code="m-legal")(ipm)
    paper = drafted(ipm, LATER, Kind.NOTICE_CHANGE, language="ru")
    (told,) = next(one["rows"] for one in paper.facts["sections"] if one["columns"])
    assert "m-legal" in told[1] and "m-legal" not in told[2]


def test_a_new_purpose_stands_beside_a_dash(ipm: Team) -> None:
    notified(ipm)
    like = activity(ipm)
    purpose = saved(Purpose(operator=ipm.operator, code="new", name_en="New"))
    other = saved(ProcessingActivity(
        operator=ipm.operator, code="new", name_en="New", purpose=purpose, mode="automated",
        operations=["storage"], started_on=LATER,
    ))  # fmt: skip
    for field in ("data_categories", "subject_categories", "legal_bases", "systems"):
        getattr(other, field).set(getattr(like, field).all())
    paper = drafted(ipm, LATER, Kind.NOTICE_CHANGE, language="en")
    rows = next(one["rows"] for one in paper.facts["sections"] if one["columns"])
    assert ["New: Operations with the data", "", "storage"] in rows
    assert all(row[0].startswith("New: ") for row in rows) and not paper.facts["missing"]


def test_other_means_of_encryption_are_a_change_that_the_form_tells(ipm: Team) -> None:
    notified(ipm)
    paper = drafted(ipm, LATER, Kind.NOTICE_CHANGE, language="en", encryption="none")
    rows = next(one["rows"] for one in paper.facts["sections"] if one["columns"])
    assert rows == [["Means of encryption", "КриптоПро CSP 5.0", "none"]]
    assert paper.particulars["said"]["state_systems"] == "Никто"


# --- end ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_notice_of_the_end_says_when_and_why(ipm: Team, language: str) -> None:
    start = notified(ipm)
    paper = drafted(ipm, LATER, Kind.NOTICE_END, language=language, **END)
    words = words_of(paper_pdf(paper))
    day = {"ru": "30 января 2026", "kk": "2026 ж. 30 қаңтар", "en": "30 January 2026"}[language]
    for said in (day, "Бизнес закрыт", "(22(7))", start.number, "IPM", INN):
        assert said in words, said


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ceased_on": ""}, CeasingDayMissing),
        ({"ceased_on": "soon"}, CeasingDayMissing),
        ({"reason": " "}, CeasingReasonMissing),
        ({"ceased_on": "2026-02-01"}, CeasesInFuture),
    ],
)
def test_an_end_without_day_or_reason_or_to_come_is_refused(
    ipm: Team, changes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        drafted(ipm, LATER, Kind.NOTICE_END, **END | changes)
    assert not RegisterPaper.objects.exists()


def test_the_day_of_ceasing_is_the_operators_own_on_both_sides_of_midnight(ipm: Team) -> None:
    from_tomorrow = END | {"ceased_on": (LATER + DAY).isoformat()}
    asked: dict[str, Any] = {
        "kind": Kind.NOTICE_END,
        "language": "ru",
        "given": from_tomorrow,
        "by": ipm.dpo,
    }
    with at(ipm, LATER, 23, 59) as late, pytest.raises(CeasesInFuture):
        paper_draft(operator=ipm.operator, now=late, **asked)
    with at(ipm, LATER + DAY, 0, 1) as early:
        assert early.date() == LATER  # in UTC it is the same day still
        paper_draft(operator=ipm.operator, now=early, **asked)
