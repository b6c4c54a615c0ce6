"""The plan of internal control as a paper: it says every step, and is not signed without them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry.choices import RegisterPaperKind
from registry.models import ControlStep, Membership, RegisterPaper
from registry.paper_contents import Contents
from registry.paper_refusals import PaperIncomplete, PaperLeftBehind, PaperOrderMissing
from registry.services import audit
from registry.services.control_plan import write_control_plan
from registry.services.paper_kinds import KINDS, Ask
from registry.services.register_papers import paper_draft, paper_pdf, paper_sign
from tests.conftest import Office, Team
from tests.registry.controlling import NOW, TODAY, check, step
from tests.registry.test_transfer_pages import words_of

DAY = timedelta(days=1)
ARTICLES = {"ipm": "152-FZ 18.1(1)(4)", "pandev": "94-V 25(3)"}


@pytest.fixture(params=["ipm", "pandev"])
def team(request: Any, office: Office) -> Team:
    found: Team = getattr(office, request.param)
    for user, name, position in ((found.dpo, "Анна Иванова", "Lawyer"),
                                 (found.clerk, "Ержан Әбіл", "Clerk of the archive")):  # fmt: skip
        user.first_name, user.last_name = name.split()
        audit.save(user, by=None, reason="test")
        membership = Membership.objects.get(user=user)
        membership.position = position
        audit.save(membership, by=None, reason="test")
    return found


def written(team: Team, language: str = "en", today: date = TODAY) -> Contents:
    with override(language):
        return write_control_plan(Ask(team.operator, language, today))


def draft(team: Team, language: str = "en") -> RegisterPaper:
    return paper_draft(
        operator=team.operator, kind=RegisterPaperKind.CONTROL_PLAN, language=language,
        by=team.dpo, now=NOW,
    )  # fmt: skip


def sign(paper: RegisterPaper, team: Team, order_number: str = "12-p") -> RegisterPaper:
    return paper_sign(
        paper=paper, signer=team.dpo, order_number=order_number, signed_on=TODAY, by=team.dpo,
        now=NOW,
    )  # fmt: skip


def test_it_is_a_paper_of_both_laws_by_an_order() -> None:
    kind = KINDS[RegisterPaperKind.CONTROL_PLAN]
    assert (kind.laws, kind.order, kind.notice) == (frozenset({"RU", "KZ"}), True, False)


def test_it_says_what_is_checked_how_often_by_whom_and_when(team: Team) -> None:
    step(team, code="b", name_en="Access rights", clause="7.2", next_on=date(2026, 5, 4))
    step(team, code="a", name_en="Cabinets", responsible=team.dpo, every_months=12)
    step(team, code="c", name_en="Logs", responsible=team.deputy, every_months=1)
    found = written(team)
    assert found.article == ARTICLES[team.operator.code] and found.article in str(found.sections[0])
    table = found.sections[1]
    assert table.rows == (
        ("Cabinets", "every year", "Анна Иванова, Lawyer", "2026-03-02", ""),
        ("Access rights", "every 3 months", "Ержан Әбіл, Clerk of the archive", "2026-05-04",
         "7.2"),
        ("Logs", "every month", str(team.deputy), "2026-03-02", ""),
    )  # fmt: skip
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert found.missing == ()
    assert found.particulars["steps"][1] == {
        "code": "b", "every_months": 3, "responsible": team.clerk.pk, "next_on": "2026-05-04",
        "clause": "7.2",
    }  # fmt: skip


def test_steps_of_another_operator_are_not_in_it(office: Office) -> None:
    step(office.pandev, name_en="Elsewhere")
    step(office.ipm)
    assert "Elsewhere" not in str(written(office.ipm))


def test_a_plan_without_steps_lacks_them(team: Team) -> None:
    assert [one for one in written(team).missing if "no step" in one]
    with pytest.raises(PaperIncomplete, match="no step of internal control"):
        sign(draft(team), team)


def test_who_is_responsible_is_still_on_the_staff(team: Team) -> None:
    step(team, name_en="Access rights")
    membership = Membership.objects.get(user=team.clerk)
    membership.ended_on = TODAY
    audit.save(membership, by=team.dpo, reason="leaves")
    assert written(team).missing == ()
    (sentence,) = written(team, today=TODAY + DAY).missing
    assert "Ержан Әбіл" in sentence and "Access rights" in sentence and "no longer" in sentence
    membership.ended_on = TODAY - DAY
    audit.save(membership, by=team.dpo, reason="left")
    with pytest.raises(PaperIncomplete, match="no longer on the staff"):
        sign(draft(team), team)


def test_somebody_deactivated_is_not_on_the_staff(team: Team) -> None:
    step(team)
    team.clerk.is_active = False
    audit.save(team.clerk, by=None, reason="test")
    assert len(written(team).missing) == 1


def test_an_auditor_is_responsible_for_nothing(team: Team) -> None:
    row = step(team)
    row.responsible = team.auditor
    audit.save(row, by=team.dpo, reason="test")
    (sentence,) = written(team).missing
    assert "auditor" in sentence


def test_it_is_signed_with_an_order_and_not_after_the_plan_has_changed(team: Team) -> None:
    row = step(team)
    paper = draft(team)
    with pytest.raises(PaperOrderMissing):
        sign(paper, team, "")
    check(row, team)
    with pytest.raises(PaperLeftBehind):
        sign(paper, team)
    assert sign(draft(team), team).is_signed


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_printed_in_three_languages(team: Team, language: str) -> None:
    step(team, name_ru="Права доступа", name_kk="Қолжетімділік құқығы", name_en="Access rights")
    paper = sign(draft(team, language), team)
    text = words_of(paper_pdf(paper))
    with override(language):
        title = gettext("Plan of internal control of the processing of personal data")
    names = {"ru": "Права доступа", "kk": "Қолжетімділік құқығы", "en": "Access rights"}
    for words in (title, names[language], "Ержан Әбіл", "2026-03-02", ARTICLES[team.operator.code],
                  "12-p", "Анна Иванова"):  # fmt: skip
        assert words in text, words
    assert not any(name in text for other, name in names.items() if other != language)


def test_it_costs_the_same_however_many_steps(office: Office) -> None:
    team = office.ipm
    step(team)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert written(team).sections[1].rows
        return len(asked)

    queries()  # the operator's jurisdiction is read once
    few = queries()
    for number in range(30):
        step(team, code=f"more-{number}", responsible=team.deputy if number % 2 else team.dpo)
    assert ControlStep.objects.count() == 31
    assert queries() == few == 2
