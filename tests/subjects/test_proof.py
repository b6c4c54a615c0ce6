"""The proof of a consent: every field is on the paper, and whoever printed it is recorded."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pypdf import PdfReader

from registry.models import ProcessingActivity
from subjects.models import AccessEvent, Consent
from subjects.services.destruction import subject_destroy
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.proof import NoSuchLanguage, consent_proof, number_of
from tests.conftest import Office, Team
from tests.subjects.persons import (
    EVIDENCE,
    NOW,
    TODAY,
    VALUES,
    Person,
    agree,
    person,
    register,
    text_of,
)  # fmt: skip

CARD = "/admin/subjects/datasubject"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def printed(content: bytes) -> str:
    """The words of the paper, without line breaks."""
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"\s+", " ", text)


def proof(consent: Consent, team: Team, language: str = "en") -> str:
    return printed(consent_proof(consent=consent, language=language, user=team.dpo, now=NOW))


def test_every_field_is_on_the_paper(office: Office) -> None:
    team = office.pandev
    known = person(team)
    consent = known.consents[0]
    text = proof(consent, team)
    operator = team.operator
    digest = consent.text.digest
    wanted = [
        operator.name, operator.bin, operator.address.split(",")[0], known.card.code,
        VALUES["full_name"], EVIDENCE, "Registration", "Asia/Almaty, UTC+05:00",
        "Monday, 2 March 2026, 14:00", "form on the website", "by an express statement",
        consent.ground.legal_basis.article, consent.ground.activity.name_en,
        consent.ground.activity.purpose.name_en, "purpose achieved",
        number_of(consent), digest[:8], digest[-8:], "In force from Thursday, 1 January 2026",
        "To third parties No", "Across the border No", "To disseminate No", "Withdrawn No",
    ]  # fmt: skip
    for words in wanted:
        assert words in text, words
    for category in consent.text.data_categories.all():
        assert re.sub(r"\s+", " ", category.name_en) in text
    # The text in full, as the person read it.
    for paragraph in re.split(r"\n+", consent.text.text):
        assert re.sub(r"\s+", " ", paragraph.strip()) in text, paragraph
    # And of the person no more than the name.
    for code in ("email", "phone", "iin", "account"):
        assert VALUES[code] not in text


def test_scopes_terms_actions_and_withdrawal_are_said(office: Office) -> None:
    team = office.pandev
    text_of(team, third_parties=True, term_length=2, term_unit="year", end_event="")
    card = register(team)
    consent = agree(team, card, third_parties=True, by_action=True, evidence="")
    consent_withdraw(
        consent=consent, channel="post", received_at=NOW + timedelta(hours=1), by=team.clerk,
        now=NOW + timedelta(hours=2),
    )  # fmt: skip
    text = proof(consent, team)
    for words in (
        "To third parties Yes", "Across the border No", "weak as proof", "Evidence not recorded",
        "not known to the office", "Withdrawn Monday, 2 March 2026, 15:00", "post",
        "2028, that day not included",
    ):  # fmt: skip
        assert words in text, words


def test_a_ground_that_ended_otherwise_is_said(office: Office) -> None:
    team = office.pandev
    consent = agree(team, register(team))
    ground_end(
        ground=consent.ground, ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
        today=TODAY, reason="over",
    )  # fmt: skip
    assert "Ended Monday, 2 March 2026, purpose achieved" in proof(consent, team)


@pytest.mark.parametrize("team", ["pandev", "ipm"])
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_in_each_language_and_for_both_laws(language: str, team: str, office: Office) -> None:
    people: Team = getattr(office, team)
    if team == "ipm":
        # The policy names none, and without it no consent text can be published.
        people.operator.address = "Москва, Тестовая ул., 1"
        people.operator.save()
        text_of(
            people,
            activities=list(ProcessingActivity.objects.filter(operator=people.operator)),
            name_en="Newsletter", name_ru="Рассылка", name_kk="Хабарлама",
        )  # fmt: skip
    consent = agree(
        people, register(people), "accounts" if team == "pandev" else "email_information"
    )
    content = consent_proof(consent=consent, language=language, user=people.dpo, now=NOW)
    again = consent_proof(consent=consent, language=language, user=people.dpo, now=NOW)
    assert content == again
    text = printed(content)
    assert (people.operator.bin or people.operator.inn) in text
    assert getattr(consent.text.data_categories.first(), f"name_{language}") in text


def test_another_language_is_refused(office: Office) -> None:
    consent = agree(office.pandev, register(office.pandev))
    with pytest.raises(NoSuchLanguage):
        consent_proof(consent=consent, language="de", user=office.pandev.dpo, now=NOW)
    assert not AccessEvent.objects.exists()


def test_of_a_destroyed_person_it_says_so(office: Office) -> None:
    team = office.pandev
    known = person(team)
    for consent in known.consents:
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)
    ground_end(
        ground=known.grounds[-1], ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
        today=TODAY, reason="over",
    )  # fmt: skip
    subject_destroy(subject=known.card, reason="withdrawn", by=team.dpo, now=NOW, today=TODAY)
    text = proof(known.consents[0], team)
    assert VALUES["full_name"] not in text and EVIDENCE not in text
    assert text.count("destroyed on Monday, 2 March 2026") == 2


# --- the page ------------------------------------------------------------------------------------
def download(client: Any, known: Person, **changed: Any) -> Any:
    data = {"consent": known.consents[0].pk, "language": "ru"} | changed
    return client.post(f"{CARD}/{known.card.pk}/prove/", data)


def test_the_page_gives_the_file_and_records_who_took_it(office: Office, as_user: Any) -> None:
    known = person(office.pandev)
    response = download(as_user(office.pandev.clerk), known)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/pdf"
    name = f"consent-{known.card.code}-{known.consents[0].pk}.pdf"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in response.headers["Cache-Control"]
    assert VALUES["full_name"] in printed(response.content)
    event = AccessEvent.objects.get()
    assert (event.what, event.user, event.subject) == ("paper", office.pandev.clerk, known.card)
    assert event.details == {"consent": known.consents[0].pk, "language": "ru"}
    assert VALUES["full_name"] not in f"{event.reason}{event.details}"


def test_only_who_may_prove(office: Office, as_user: Any) -> None:
    known = person(office.pandev)
    for user, status in (
        (office.pandev.auditor, 403), (office.ipm.dpo, 404), (office.admin, 404),
        (office.nobody, 404),
    ):  # fmt: skip
        assert download(as_user(user), known).status_code == status
    other = person(office.pandev)
    foreign = download(as_user(office.pandev.dpo), known, consent=other.consents[0].pk)
    assert foreign.status_code == 200 and foreign.context["form"].errors
    assert not AccessEvent.objects.exists()
