"""The act of the assessment of harm: its form, what it says, what it lacks, and who writes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry.admin.harm_form import HarmForm
from registry.choices import RegisterPaperKind
from registry.harm import CRITERIA, DEGREE_WORDS, UnknownCriterion
from registry.models import (
    Country,
    DataCategory,
    InformationSystem,
    LegalBasis,
    Operator,
    ProcessingActivity,
    Recipient,
    RegisterPaper,
)
from registry.paper_contents import Contents
from registry.paper_refusals import (
    PaperIncomplete,
    PaperKindOfOtherLaw,
    PaperLeftBehind,
    PaperNeedsActivity,
)
from registry.services import audit
from registry.services.harm import harm_act
from registry.services.paper_kinds import KINDS, Ask
from registry.services.register_papers import paper_pdf
from tests.conftest import Office, Team
from tests.registry.papering import (
    NOW,
    TODAY,
    activity_of,
    drafted,
    positioned,
    signed,
    words_of,
)

DAY = timedelta(days=1)
KIND = RegisterPaperKind.HARM
WRITE = "/admin/registry/registerpaper/write/"
GIVEN: dict[str, Any] = {
    "assessed_on": "2026-02-27",
    "assessed_by": ["Анна Иванова, Комплаенс-офицер", "Пётр Ким, юрист"],
    "criteria": {},
}


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture
def ipm(office: Office) -> Team:
    """With an address, and its website at home: nothing the act wants is missing."""
    team = positioned(office.ipm)
    team.operator.address, team.operator.inn = "101000, Москва, улица 1", "7707083893"
    audit.save(team.operator, by=None, reason="test")
    site(team, "RU")
    team.operator = Operator.objects.select_related("jurisdiction").get(pk=team.operator.pk)
    return team


def site(team: Team, country: str) -> InformationSystem:
    row = InformationSystem.objects.get(operator=team.operator, code="website")
    row.country = Country.objects.get(code=country) if country else None
    return audit.save(row, by=team.dpo, reason="test")


def changed(team: Team, **values: Any) -> ProcessingActivity:
    row = activity_of(team)
    for name, value in values.items():
        setattr(row, name, value)
    return audit.save(row, by=team.dpo, reason="test")


def biometric(team: Team) -> DataCategory:
    row = DataCategory(operator=team.operator, code="face", name_en="Face", kind="biometric")
    audit.save(row, by=team.dpo, reason="test")
    activity_of(team).data_categories.add(row)
    return row


def given(**changes: Any) -> dict[str, Any]:
    return GIVEN | changes


def act(team: Team, language: str = "en", day: date = TODAY, **changes: Any) -> Contents:
    with override(language):
        return harm_act(Ask(team.operator, language, day, activity_of(team), given(**changes)))


def draft(team: Team, **changes: Any) -> RegisterPaper:
    asked: dict[str, Any] = {"activity": activity_of(team), "given": GIVEN}
    return drafted(team, KIND, **asked | changes)


def criteria(contents: Contents) -> dict[str, tuple[str, ...]]:
    """Code -> degree, words, whether it holds, why."""
    found = next(one for one in contents.sections if len(one.columns) == 4)
    return dict(zip(CRITERIA, found.rows, strict=True))


def held(contents: Contents) -> set[str]:
    return {code for code, row in criteria(contents).items() if row[2] == "yes"}


# --- what it says ------------------------------------------------------------------------------
def test_only_russia_has_it_and_one_for_each_activity(ipm: Team, office: Office) -> None:
    kind = KINDS[KIND]
    assert (kind.laws, kind.order, kind.notice, kind.per_activity) == ({"RU"}, False, False, True)
    with pytest.raises(PaperKindOfOtherLaw):
        drafted(office.pandev, KIND, activity=activity_of(office.pandev), given=GIVEN)
    with pytest.raises(PaperNeedsActivity):
        drafted(ipm, KIND, given=GIVEN)


def test_it_names_operator_activity_day_and_who_assessed(ipm: Team) -> None:
    contents = act(ipm)
    pairs = dict(pair for one in contents.sections for pair in one.pairs)
    assert contents.article == "152-FZ 18.1(1)(5), Order 178"
    assert contents.missing == ()
    assert (pairs["Name"], pairs["Address"], pairs["INN"]) == (
        "IPM", "101000, Москва, улица 1", "7707083893",
    )  # fmt: skip
    assert pairs["Processing activity"] == pairs["Purpose"] == "Informing users by e-mail"
    assert pairs["Whose data"] == "Users"
    assert "E-mail address" in pairs["Data"]
    assert pairs["Day of the assessment"] == "Friday, 27 February 2026"
    assert pairs["Assessed by"] == "Анна Иванова, Комплаенс-офицер\nПётр Ким, юрист"


def test_where_no_criterion_holds_the_act_states_no_degree_and_is_signed(ipm: Team) -> None:
    contents = act(ipm)
    assert held(contents) == set()
    assert contents.particulars == {
        "activity": "email_information", "degree": "none", "criteria": [], "proved": [],
    }  # fmt: skip
    degree = contents.sections[-2]
    assert "The order names no degree for that case, and this act states none." in degree.text[0]
    assert degree.pairs == (("Degree", "no degree, for no criterion holds"),)
    assert signed(draft(ipm), ipm).is_signed


def test_what_the_register_proves_holds_without_anybody_s_word(ipm: Team, office: Office) -> None:
    biometric(ipm)
    site(ipm, "KZ")
    changed(ipm, operations=["dissemination"], collection_ways=["web_form"])
    ipm.operator.responsible = office.pandev.dpo
    audit.save(ipm.operator, by=None, reason="test")
    contents = act(ipm)
    wanted = ["biometric", "database_abroad", "internet", "web_consent", "outside_responsible"]
    assert held(contents) == set(wanted)
    assert contents.particulars["proved"] == contents.particulars["criteria"] == wanted
    assert contents.particulars["degree"] == "high"
    why = {code: row[3] for code, row in criteria(contents).items()}
    assert why["biometric"] == ("Proved by the register. The activity uses biometric data: Face.")
    assert "Website with its programs and databases (KZ)" in why["database_abroad"]
    assert why["special"].startswith("Neither the register nor those who assessed")
    assert why["marketing"] == "Those who assessed found nothing of the kind."


@pytest.mark.parametrize(("kind", "proves"), [("processor", True), ("third_party", False)])
def test_a_processor_abroad_proves_what_another_recipient_does_not(
    ipm: Team, kind: str, proves: bool
) -> None:
    row = Recipient(
        operator=ipm.operator, code="cloud", name_en="Cloud", kind=kind,
        country=Country.objects.get(code="KZ"),
    )  # fmt: skip
    activity_of(ipm).recipients.add(audit.save(row, by=ipm.dpo, reason="test"))
    assert ("foreign_processor" in held(act(ipm))) is proves


def test_a_form_on_the_website_proves_it_only_where_people_consent(ipm: Team) -> None:
    row = changed(ipm, collection_ways=["web_form"])
    assert held(act(ipm)) == {"web_consent"}
    row.legal_bases.set([LegalBasis.objects.get(code="RU.6.1.5")])
    assert held(act(ipm)) == set()


def test_the_responsible_person_is_on_the_staff_or_not_or_nobody(ipm: Team, office: Office) -> None:
    for person, proves in (
        (None, False), (ipm.dpo, False), (office.pandev.dpo, True), (office.nobody, True),
    ):  # fmt: skip
        ipm.operator.responsible = person
        audit.save(ipm.operator, by=None, reason="test")
        assert ("outside_responsible" in held(act(ipm))) is proves, person


def test_what_somebody_ticked_holds_with_the_reason_given(ipm: Team) -> None:
    notes = {"marketing": "A newsletter with offers goes to all users.", "public_directory": "Yes."}
    contents = act(ipm, criteria=notes)
    assert contents.missing == ()
    assert contents.particulars == {
        "activity": "email_information", "degree": "medium",
        "criteria": ["marketing", "public_directory"], "proved": [],
    }  # fmt: skip
    assert criteria(contents)["marketing"][3].endswith(notes["marketing"])
    assert contents.sections[-2].pairs == (("Degree", "medium degree of harm"),)


def test_it_closes_with_what_the_criteria_are_read_from(ipm: Team) -> None:
    source = act(ipm).sections[-1]
    (text,) = source.text
    assert source.heading == "Source" and "short form" in text and "published" in text


# --- what it lacks -----------------------------------------------------------------------------
def test_what_the_order_wants_and_nobody_gave_is_missing(ipm: Team) -> None:
    ipm.operator.address = " "
    activity_of(ipm).data_categories.clear()
    contents = act(ipm, assessed_on="", assessed_by=[" "], criteria={"marketing": " "})
    assert contents.missing == (
        "The address of the operator is not in the register.",
        "The activity does not say which data it uses.",
        "The day of the assessment is not given.",
        "Nobody is named who made the assessment.",
        "No reason is given why this holds: Goods or services are promoted with the operator's or "
        "others' databases.",
    )


def test_the_assessment_was_made_by_the_day_of_the_act(ipm: Team) -> None:
    assert act(ipm, assessed_on=TODAY.isoformat()).missing == ()
    (text,) = act(ipm, assessed_on=(TODAY + DAY).isoformat()).missing
    assert text == "The day of the assessment has not come yet: Tuesday, 3 March 2026."


def test_a_country_that_nobody_knows_leaves_the_act_open(ipm: Team) -> None:
    site(ipm, "")
    contents = act(ipm)
    (text,) = contents.missing
    assert "Website with its programs and databases" in text
    assert criteria(contents)["database_abroad"][2:] == ("not known", text)
    assert {row[2] for row in criteria(contents).values()} == {"no", "not known"}
    with pytest.raises(PaperIncomplete, match="Nobody has said in which country"):
        signed(draft(ipm), ipm)
    # Whoever says so themselves takes the higher degree.
    told = act(ipm, criteria={"database_abroad": "The provider is abroad."})
    assert (told.missing, told.particulars["degree"]) == ((), "high")


def test_what_is_no_criterion_of_the_order_is_refused(ipm: Team) -> None:
    with pytest.raises(UnknownCriterion, match="shoe_size"):
        draft(ipm, given=given(criteria={"shoe_size": "42"}))
    assert not RegisterPaper.objects.exists()


# --- signed ------------------------------------------------------------------------------------
def test_a_draft_that_the_register_left_behind_is_not_signed(ipm: Team) -> None:
    paper = draft(ipm)
    biometric(ipm)
    with pytest.raises(PaperLeftBehind):
        signed(paper, ipm)
    assert signed(draft(ipm), ipm).particulars["degree"] == "high"


def test_a_draft_may_be_signed_on_a_later_day(ipm: Team) -> None:
    paper = draft(ipm)
    assert signed(paper, ipm, signed_on=TODAY + 3 * DAY, now=NOW + 3 * DAY).is_signed


# --- printed -----------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_printed_in_each_language(ipm: Team, language: str) -> None:
    biometric(ipm)
    told = {"marketing": "Письма с предложениями."}
    paper = signed(draft(ipm, language=language, given=given(criteria=told)), ipm)
    words = words_of(paper_pdf(paper)).replace(" ", "")
    with override(language):
        named = [gettext("Act of the assessment of harm"), gettext(DEGREE_WORDS["high"])]
        named += [gettext(row.words) for row in CRITERIA.values()]
        named += [str(activity_of(ipm)), str(activity_of(ipm).purpose)]
    named += [told["marketing"], *GIVEN["assessed_by"], "7707083893", "Face", "Комплаенс-офицер"]
    for name in named:
        assert name.replace(" ", "") in words, name


# --- the form ----------------------------------------------------------------------------------
def form(team: Team, data: dict[str, Any] | None = None, day: date = TODAY) -> HarmForm:
    return HarmForm(data, operator=team.operator, activity=activity_of(team), today=day)


def answers(**changes: Any) -> dict[str, Any]:
    return {
        "language": "ru", "assessed_on": "2026-02-27", "assessed_by": "Анна Иванова\n\n Пётр Ким ",
        **changes,
    }  # fmt: skip


def test_what_the_register_proves_is_ticked_and_fixed(ipm: Team) -> None:
    biometric(ipm)
    found = form(ipm)
    fixed = found.fields["holds_biometric"]
    assert (fixed.disabled, fixed.initial) == (True, True)
    assert fixed.help_text == (
        "High degree of harm. Proved by the register. The activity uses biometric data: Face."
    )
    assert "why_biometric" not in found.fields
    # It stays so whatever a browser sends, and is no answer: the writer looks it up.
    sent = form(ipm, answers(holds_biometric="", why_biometric="no"))
    assert sent.is_valid(), sent.errors
    assert sent.given()["criteria"] == {}


def test_the_answers_become_plain_json(ipm: Team) -> None:
    sent = form(ipm, answers(holds_marketing="on", why_marketing=" Offers. "))
    assert sent.is_valid(), sent.errors
    assert sent.given() == {
        "assessed_on": "2026-02-27",
        "assessed_by": ["Анна Иванова", "Пётр Ким"],
        "criteria": {"marketing": "Offers."},
    }


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"holds_marketing": "on"}, "why_marketing", "Say why"),
        ({"holds_marketing": "on", "why_marketing": "  "}, "why_marketing", "Say why"),
        ({"why_marketing": "Offers."}, "holds_marketing", "Tick it too"),
        ({"assessed_on": "2026-03-03"}, "assessed_on", "has not come"),
        ({"assessed_on": ""}, "assessed_on", "required"),
        ({"assessed_by": " \n "}, "assessed_by", "required"),
    ],
)
def test_an_answer_that_is_none_is_asked_again(
    ipm: Team, changes: dict[str, Any], field: str, words: str
) -> None:
    sent = form(ipm, answers(**changes))
    assert not sent.is_valid()
    assert list(sent.errors) == [field]
    assert words in str(sent.errors[field])


def test_every_question_is_explained_and_the_language_comes_last(ipm: Team) -> None:
    site(ipm, "")
    found = form(ipm)
    assert all(field.help_text and field.label for field in found.fields.values())
    assert len({str(field.label) for field in found.fields.values()}) == len(found.fields)
    assert [*found.fields][:2] == ["assessed_on", "assessed_by"]
    assert [*found.fields][-1] == "language"
    assert {name for name in found.fields if name.startswith("holds_")} == {
        f"holds_{code}" for code in CRITERIA
    }
    assert "Nobody has said in which country" in str(
        found.fields["holds_database_abroad"].help_text
    )


# --- pages -------------------------------------------------------------------------------------
def page(client: Client, team: Team, data: Any = None) -> HttpResponse:
    where = f"{WRITE}?operator={team.operator.code}&kind=harm&activity={activity_of(team).code}"
    with time_machine.travel(NOW, tick=False):
        return client.get(where) if data is None else client.post(where, data)


def test_the_dpo_writes_it_on_its_page(ipm: Team, as_user: Any) -> None:
    biometric(ipm)
    client = as_user(ipm.dpo)
    shown = page(client, ipm)
    assert shown.status_code == 200
    assert "The activity uses biometric data: Face." in shown.content.decode()
    again = page(client, ipm, answers(holds_marketing="on"))
    assert again.status_code == 200 and not RegisterPaper.objects.exists()
    assert "Say why this criterion holds." in again.content.decode()
    done = page(client, ipm, answers(holds_marketing="on", why_marketing="Offers."))
    paper = RegisterPaper.objects.get()
    assert done.status_code == 302 and str(paper.pk) in done.headers["Location"]
    assert (paper.activity, paper.language) == (activity_of(ipm), "ru")
    assert paper.particulars["criteria"] == ["biometric", "marketing"]
    assert paper.facts["missing"] == []
    told = client.get(done.headers["Location"])
    assert "Offers." in told.content.decode()


def test_who_may_write_it(office: Office, ipm: Team, as_user: Any) -> None:
    for user, status in (
        (ipm.dpo, 200), (office.admin, 200), (ipm.clerk, 403), (ipm.auditor, 403),
        (office.nobody, 403), (office.pandev.dpo, 404),
    ):  # fmt: skip
        client = as_user(user)
        assert page(client, ipm).status_code == status, user
        before = RegisterPaper.objects.count()
        sent = page(client, ipm, answers())
        assert sent.status_code == (302 if status == 200 else status), user
        assert RegisterPaper.objects.count() - before == (1 if status == 200 else 0), user


def test_the_queries_do_not_grow_with_the_register(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)

    def counts() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as writing:
            act(ipm)
        with CaptureQueriesContext(connection) as asking:
            assert page(client, ipm).status_code == 200
        return len(writing), len(asking)

    counts()  # what the process learns once, it knows now
    few = counts()
    like = activity_of(ipm)
    ProcessingActivity.objects.bulk_create(
        ProcessingActivity(
            operator=ipm.operator, code=f"z-{n}", name_en=f"Z {n}", purpose=like.purpose
        )
        for n in range(500)
    )
    assert counts() == few
    assert few[0] <= 4 and few[1] <= 10
