"""The list of necessary and sufficient data: what it names, what it lacks, what lies beyond it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry.choices import RegisterPaperKind
from registry.models import (
    DataCategory,
    LegalBasis,
    ProcessingActivity,
    Purpose,
    RegisterPaper,
)
from registry.paper_contents import Contents, Section
from registry.paper_refusals import PaperIncomplete, PaperLeftBehind, PaperOrderMissing
from registry.services import audit
from registry.services.data_list import beyond_the_list, data_list, signed_list
from registry.services.paper_kinds import KINDS, Ask
from registry.services.register_papers import paper_pdf
from tests.conftest import Office, Team
from tests.registry.papering import NOW, TODAY, drafted, positioned, signed, words_of

DAY = timedelta(days=1)
KIND = RegisterPaperKind.DATA_LIST


@pytest.fixture
def ipm(office: Office) -> Team:
    return positioned(office.ipm)


@pytest.fixture
def pandev(office: Office) -> Team:
    return positioned(office.pandev)


def category(team: Team, code: str, **changes: Any) -> DataCategory:
    row, _made = DataCategory.objects.get_or_create(
        operator=team.operator, code=code, defaults={"name_en": code.capitalize()}
    )
    for name, value in changes.items():
        setattr(row, name, value)
    return audit.save(row, by=team.dpo, reason="test")


def purpose(team: Team, code: str) -> Purpose:
    row = Purpose(operator=team.operator, code=code, name_en=code.capitalize())
    return audit.save(row, by=team.dpo, reason="test")


def activity(
    team: Team, code: str, aim: Purpose, *codes: str, basis: str = "", **changes: Any
) -> ProcessingActivity:
    row = ProcessingActivity(
        operator=team.operator, code=code, name_en=code.capitalize(), purpose=aim, **changes
    )
    audit.save(row, by=team.dpo, reason="test")
    row.data_categories.set(DataCategory.objects.filter(operator=team.operator, code__in=codes))
    if basis:
        row.legal_bases.add(LegalBasis.objects.get(code=basis))
    return row


def written(team: Team, language: str = "en", day: date = TODAY) -> Contents:
    with override(language):
        return data_list(Ask(team.operator, language, day))


def section(contents: Contents, heading: str) -> Section:
    return next(one for one in contents.sections if one.heading.endswith(heading))


def headings(contents: Contents) -> list[str]:
    return [one.heading for one in contents.sections]


def fewer(team: Team) -> None:
    """No open-ended data: what remains can be listed."""
    for row in DataCategory.objects.filter(operator=team.operator, open_ended=True):
        row.open_ended = False
        audit.save(row, by=team.dpo, reason="made concrete")


# --- what it names -----------------------------------------------------------------------------
def test_both_laws_have_it_by_order(office: Office) -> None:
    kind = KINDS[KIND]
    assert (kind.laws, kind.order, kind.notice, kind.per_activity) == (
        {"RU", "KZ"}, True, False, False,
    )  # fmt: skip
    assert written(office.pandev).article == "94-V 25(2)(1), 7(9)"
    assert written(office.ipm).article == "152-FZ 18.1(1)(2), 5(5)"


def test_each_purpose_names_its_data_with_what_needs_them_and_why(ipm: Team) -> None:
    category(ipm, "passport", clause="6.7")
    shop = purpose(ipm, "shop")
    activity(ipm, "delivery", shop, "email", "passport", basis="RU.6.1.5")
    activity(ipm, "billing", shop, "passport", basis="RU.6.1.2")
    contents = written(ipm)
    told = section(contents, "Shop")
    assert told.columns[0] == "Data" and len(told.columns) == 5
    contract = LegalBasis.objects.get(code="RU.6.1.5")
    law = LegalBasis.objects.get(code="RU.6.1.2")
    assert [row[0] for row in told.rows] == ["E-mail address", "Passport"]
    with override("en"):
        assert told.rows[0][2:] == ("Delivery", f"152-FZ 6(1)(5) {contract.name}", "6")
        grounds = f"152-FZ 6(1)(2) {law.name}\n152-FZ 6(1)(5) {contract.name}"
        assert told.rows[1][1:] == ("ordinary", "Billing, Delivery", grounds, "6.7")
    # The other purpose is apart, and knows no passport.
    assert "Passport" not in str(section(contents, "Informing users by e-mail").rows)
    assert contents.particulars["categories"] == ["email", "full_name", "passport", "phone"]
    assert contents.particulars["needed"] == {
        "email": ["delivery", "email_information"],
        "full_name": ["email_information"],
        "passport": ["billing", "delivery"],
        "phone": ["email_information"],
    }


@pytest.mark.parametrize("ended", ["activity", "purpose"])
def test_what_has_ended_needs_no_data_from_that_day_on(ipm: Team, ended: str) -> None:
    category(ipm, "passport")
    shop = purpose(ipm, "shop")
    delivery = activity(ipm, "delivery", shop, "email", "passport")
    over: Any = delivery if ended == "activity" else shop
    over.ended_on = TODAY
    audit.save(over, by=ipm.dpo, reason="over")

    before, after = written(ipm, day=TODAY - DAY), written(ipm)
    assert "passport" in before.particulars["categories"]
    assert "Purpose: Shop" in headings(before) and "Not on the list" not in headings(before)
    assert "passport" not in after.particulars["categories"]
    assert "Purpose: Shop" not in headings(after)
    # The e-mail address is still needed for something else.
    assert after.particulars["needed"]["email"] == ["email_information"]
    apart = section(after, "Not on the list")
    assert [row[0] for row in apart.rows] == ["Passport"]
    assert "must not be collected (152-FZ 5(5))" in apart.text[0]


def test_an_activity_that_begins_later_is_on_the_list(ipm: Team) -> None:
    category(ipm, "passport")
    activity(ipm, "delivery", purpose(ipm, "shop"), "passport", started_on=TODAY + 30 * DAY)
    assert "passport" in written(ipm).particulars["categories"]


def test_data_that_are_not_personal_stand_apart(pandev: Team) -> None:
    contents = written(pandev)
    apart = section(contents, "Used beside them, but not personal data")
    assert "BIN of a legal entity" in [row[0] for row in apart.rows]
    for one in contents.sections:
        if one.heading.startswith("Purpose"):
            assert "BIN of a legal entity" not in str(one.rows)
            assert "not personal" not in str(one.rows)
    # Named all the same: whoever asks the list about them is not told that they lie beyond it.
    assert "bin" in contents.particulars["categories"]


def test_another_operator_s_register_is_not_read(ipm: Team, pandev: Team) -> None:
    category(pandev, "passport")
    activity(pandev, "delivery", purpose(pandev, "shop"), "passport")
    assert "passport" not in written(ipm).particulars["categories"]
    assert "Shop" not in str(written(ipm).sections)


# --- what it lacks -----------------------------------------------------------------------------
def test_a_closed_list_cannot_hold_what_is_open_ended(pandev: Team) -> None:
    lacking = written(pandev).missing
    assert [text.split(" is open-ended")[0] for text in lacking] == [
        "Information from public sources", "Whatever the user gives of their own accord",
    ]  # fmt: skip
    fewer(pandev)
    assert written(pandev).missing == ()


def test_an_open_ended_category_that_nothing_uses_hinders_nobody(ipm: Team) -> None:
    category(ipm, "and_others", open_ended=True)
    assert written(ipm).missing == ()
    activity(ipm, "delivery", purpose(ipm, "shop"), "and_others")
    assert written(ipm).missing == (
        "And_others is open-ended, and a closed list cannot hold it: name each of the data that "
        "it stands for.",
    )


def test_an_activity_without_data_and_a_register_without_activities(ipm: Team) -> None:
    activity(ipm, "delivery", purpose(ipm, "shop"))
    assert written(ipm).missing == ("The activity Delivery does not say which data it uses.",)
    for row in ProcessingActivity.objects.filter(operator=ipm.operator):
        row.ended_on = TODAY
        audit.save(row, by=ipm.dpo, reason="over")
    contents = written(ipm)
    assert contents.missing == (
        "No activity goes on, so no data are needed: there is nothing to list.",
    )
    assert contents.particulars == {"categories": [], "needed": {}}


# --- signed ------------------------------------------------------------------------------------
def test_it_is_signed_by_order_and_only_whole(pandev: Team) -> None:
    with pytest.raises(PaperIncomplete, match="open-ended"):
        signed(drafted(pandev, KIND), pandev)
    fewer(pandev)
    paper = drafted(pandev, KIND)
    with pytest.raises(PaperOrderMissing, match=r"25\(2\)\(1\)"):
        signed(paper, pandev, order_number=" ")
    assert signed(paper, pandev).order_number == "12-од"


def test_a_draft_that_the_register_left_behind_is_not_signed(ipm: Team) -> None:
    paper = drafted(ipm, KIND)
    category(ipm, "passport")
    activity(ipm, "delivery", purpose(ipm, "shop"), "passport")
    with pytest.raises(PaperLeftBehind):
        signed(paper, ipm)
    assert signed(drafted(ipm, KIND), ipm).is_signed


def test_the_list_that_was_signed_last_counts(ipm: Team, pandev: Team) -> None:
    assert signed_list(ipm.operator) is None
    first = signed(drafted(ipm, KIND), ipm)
    assert signed_list(ipm.operator) == first
    later = NOW + DAY
    second = signed(drafted(ipm, KIND, now=later), ipm, signed_on=TODAY + DAY, now=later)
    drafted(ipm, KIND, now=later + DAY)  # a draft approves nothing
    assert signed_list(ipm.operator) == second
    again = signed(drafted(ipm, KIND, now=later), ipm, signed_on=TODAY + DAY, now=later + DAY)
    assert signed_list(ipm.operator) == again
    assert signed_list(pandev.operator) is None


def test_what_lies_beyond_the_list(ipm: Team, pandev: Team) -> None:
    def beyond(team: Team) -> list[str]:
        rows = DataCategory.objects.filter(operator=team.operator).order_by("code")
        return [row.code for row in beyond_the_list(team.operator, rows)]

    category(ipm, "passport")
    assert beyond(ipm) == []  # nothing was approved yet, so nothing limits
    drafted(ipm, KIND)
    assert beyond(ipm) == []
    signed(drafted(ipm, KIND), ipm)
    assert beyond(ipm) == ["passport"]  # no activity needs it
    category(ipm, "passport", kind="not_personal")
    assert beyond(ipm) == []
    # Another operator's list says nothing here.
    category(ipm, "passport", kind="ordinary")
    fewer(pandev)
    theirs = signed(drafted(pandev, KIND), pandev).particulars["categories"]
    assert "email" in theirs and "email" not in beyond(pandev)
    assert beyond(ipm) == ["passport"]


# --- printed -----------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_printed_in_each_language(ipm: Team, language: str) -> None:
    paper = signed(drafted(ipm, KIND, language=language), ipm)
    words = words_of(paper_pdf(paper))
    with override(language):
        named = [
            str(row.name)
            for model in (DataCategory, Purpose, ProcessingActivity)
            for row in model.objects.filter(operator=ipm.operator)
        ]
        named += [gettext("List of personal data that are necessary and sufficient")]
    # Narrow columns break words of a table: spaces tell nothing.
    told = words.replace(" ", "")
    for name in [*named, "12-од", "Анна Иванова", paper.number, "152-FZ 6(1)(1)"]:
        assert name.replace(" ", "") in told, name


# --- quick -------------------------------------------------------------------------------------
def test_the_queries_do_not_grow_with_the_register(ipm: Team) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured, override("en"):
            data_list(Ask(ipm.operator, "en", TODAY))
            beyond_the_list(ipm.operator, DataCategory.objects.filter(operator=ipm.operator))
        return len(captured)

    count()  # what the process learns once, it knows now
    few = count()
    aims = Purpose.objects.bulk_create(
        Purpose(operator=ipm.operator, code=f"p-{n}", name_en=f"P {n}") for n in range(50)
    )
    rows = ProcessingActivity.objects.bulk_create(
        ProcessingActivity(
            operator=ipm.operator, code=f"a-{n}", name_en=f"A {n}", purpose=aims[n % 50]
        )
        for n in range(500)
    )
    through = ProcessingActivity.data_categories.through
    email = DataCategory.objects.get(operator=ipm.operator, code="email")
    through.objects.bulk_create(
        through(processingactivity_id=row.pk, datacategory_id=email.pk) for row in rows
    )
    assert count() == few <= 6
    assert len(written(ipm).particulars["needed"]["email"]) == 501
    assert RegisterPaper.objects.count() == 0
