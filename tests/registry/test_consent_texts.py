"""Consent texts from the draft to the publication, and from which day each is in force."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from registry.consent_contents import UnknownLaw, digest
from registry.models import ConsentText, DataCategory, ProcessingActivity, Purpose, Recipient
from registry.services import audit
from registry.services.consents import (
    ActivitiesMissing,
    DataBeyondActivities,
    DraftRefused,
    ForeignActivity,
    TextIncomplete,
    TextPublished,
    consent_text_publish,
    contents_of,
    missing_of,
)
from tests.conftest import Office, Team
from tests.crawl.makers import make, mark_of
from tests.crawl.rows import consent_text as crawl_draft
from tests.registry.consenting import NOW, draft, link, published, ready


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


# --- drafts ------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["pandev", "ipm"])
def test_a_draft_from_a_complete_register_lacks_nothing_in_any_language(
    code: str, office: Office
) -> None:
    team = ready(getattr(office, code))
    text = draft(team)
    assert text.text_ru and text.text_kk and text.text_en
    assert missing_of(text) == []
    for language, words in (("ru", "Согласие"), ("kk", "келісім"), ("en", "Consent")):
        assert words in getattr(text, f"text_{language}")
    assert set(text.data_categories.all()) == set(
        DataCategory.objects.filter(activities__operator=team.operator)
    )
    row = consent_text_publish(text=text, by=team.dpo, now=NOW)
    assert (row.published_at, row.published_by) == (NOW, team.dpo)
    assert len(row.digest) == 64
    newest = row.history.first()
    assert (newest.history_user, newest.history_change_reason) == (team.dpo, "published")


def test_the_draft_speaks_the_operators_languages_alone(office: Office) -> None:
    text = draft(office.pandev)
    assert text.text_en and not text.text_ru and not text.text_kk


def test_an_incomplete_register_leaves_a_draft_that_says_so(office: Office) -> None:
    """IPM's policy names no address; PanDev's names no country of its third parties."""
    ipm = draft(office.ipm, term_length=None, term_unit="")
    assert [item.code for item in missing_of(ipm)] == ["operator_address_unknown", "term"]
    pandev = draft(office.pandev, cross_border=None)
    assert pandev.third_parties is True and pandev.cross_border is None
    assert [item.code for item in missing_of(pandev)] == ["cross_border"]


def test_recipients_answer_what_they_can(pandev: Team, office: Office) -> None:
    activities = ProcessingActivity.objects.filter(operator=pandev.operator, code="accounts")
    text = draft(pandev, activities=activities, cross_border=None)
    assert (text.third_parties, text.cross_border, text.dissemination) == (False, False, False)
    abroad = Recipient.objects.create(
        operator=pandev.operator, code="cloud", kind="processor", country_id=_abroad(), name_en="Cx"
    )
    activities[0].recipients.add(abroad)
    text = draft(pandev, activities=activities, cross_border=None)
    assert text.cross_border is True
    assert "Cx" in text.text_ru


def _abroad() -> int:
    from_russia = Recipient._meta.get_field("country").related_model
    return from_russia.objects.get(code="RU").pk


def test_versions_count_and_keep_the_name(pandev: Team) -> None:
    first = draft(pandev)
    second = draft(pandev, name_ru="")
    other = draft(pandev, code="letters")
    assert [first.version, second.version, other.version] == [1, 2, 1]
    assert second.name_ru == first.name_ru
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentText.objects.create(operator=pandev.operator, code="account", version=2, name_en="x")


def test_refused_drafts(office: Office, pandev: Team) -> None:
    foreign = ProcessingActivity.objects.filter(operator=office.ipm.operator)
    accounts = ProcessingActivity.objects.filter(operator=pandev.operator, code="accounts")
    beyond = [make(DataCategory, pandev)]
    for error, changes in (
        (ActivitiesMissing, {"activities": []}),
        (ForeignActivity, {"activities": foreign}),
        (DataBeyondActivities, {"activities": accounts, "data_categories": beyond}),
        (DataBeyondActivities, {"data_categories": [DataCategory.objects.get(
            operator=office.ipm.operator, code="email")]}),
        (DraftRefused, {"name_ru": ""}),
        (DraftRefused, {"term_unit": ""}),
        (DraftRefused, {"end_event": "purpose_achieved"}),
        (DraftRefused, {"operations": ["telepathy"]}),
        (DraftRefused, {"withdrawal_channels": ["pigeon"]}),
        (DraftRefused, {"code": "not a slug"}),
    ):  # fmt: skip
        with pytest.raises(error):
            draft(pandev, **changes)
    assert not ConsentText.objects.exists()


def test_a_law_that_is_not_known_is_said(pandev: Team, as_user: Any, office: Office) -> None:
    text = draft(pandev)
    state = pandev.operator.jurisdiction
    state.code = "AA"
    audit.save(state, by=None, reason="test")
    with pytest.raises(UnknownLaw):
        consent_text_publish(text=text, by=pandev.dpo, now=NOW)
    assert "AA" in as_user(pandev.dpo).get(link(text)).content.decode()


def test_the_crawl_has_a_draft(pandev: Team) -> None:
    assert crawl_draft(pandev, mark_of(pandev)).in_force_on == date(2025, 9, 1)


# --- publication -------------------------------------------------------------------------------
def test_publication_names_all_that_is_missing_with_its_articles(office: Office) -> None:
    text = draft(office.pandev, cross_border=None, term_length=None, term_unit="")
    text.text_en = "Nothing."
    audit.save(text, by=None, reason="test")
    with pytest.raises(TextIncomplete) as refused:
        consent_text_publish(text=text, by=office.pandev.dpo, now=NOW)
    said = str(refused.value)
    assert len(refused.value.missing) > 15
    for article in ("94-V 8(4)(1)", "94-V 8(4)(2)", "94-V 8(4)(3)", "94-V 8(4)(5)", "94-V 7(8)"):
        assert article in said
    text.refresh_from_db()
    assert not text.is_published and text.digest == ""


def test_a_second_publication_is_a_conflict(pandev: Team) -> None:
    row = published(pandev)
    versions = row.history.count()
    with pytest.raises(TextPublished):
        consent_text_publish(text=row, by=pandev.dpo, now=NOW + timedelta(days=1))
    assert row.history.count() == versions


def test_the_digest_can_be_counted_again_years_later(pandev: Team) -> None:
    row = published(pandev)
    purpose = Purpose.objects.filter(operator=pandev.operator).first()
    assert purpose is not None
    purpose.name_ru = "Renamed since"
    audit.save(purpose, by=pandev.dpo, reason="renamed")
    pandev.operator.name = "Renamed since"
    audit.save(pandev.operator, by=pandev.dpo, reason="renamed")
    again = ConsentText.objects.select_related("operator__jurisdiction").get(pk=row.pk)
    assert digest(contents_of(again)) == row.digest


# --- in force ----------------------------------------------------------------------------------
def test_the_text_in_force_changes_at_midnight_of_the_operator(pandev: Team) -> None:
    zone = pandev.operator.zone
    first = published(pandev, in_force_on=date(2026, 3, 10))
    second = published(pandev, in_force_on=date(2026, 4, 1))
    draft(pandev, in_force_on=date(2026, 4, 1))
    other = published(pandev, code="letters", in_force_on=date(2026, 4, 1))

    def at(*moment: int) -> set[ConsentText]:
        local = datetime(*moment, tzinfo=zone)  # type: ignore[arg-type]
        return set(ConsentText.objects.in_force(timezone.localdate(local, zone)))

    assert at(2026, 3, 9, 23, 59) == set()
    assert at(2026, 3, 10, 0, 0) == {first}
    assert at(2026, 3, 31, 23, 59) == {first}
    assert at(2026, 4, 1, 0, 0) == {second, other}


def test_a_higher_version_wins_whatever_its_day(pandev: Team, office: Office) -> None:
    published(pandev, in_force_on=date(2026, 3, 10))
    higher = published(pandev, in_force_on=date(2026, 3, 1))
    theirs = published(ready(office.ipm), in_force_on=date(2026, 3, 1))
    assert set(ConsentText.objects.in_force(date(2026, 5, 1))) == {higher, theirs}
