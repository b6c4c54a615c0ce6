"""The words of the letters: the same facts in three languages, and what each letter must say."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.utils.translation import override

from registry.choices import Language
from registry.explain import short_day
from registry.models import Authority
from requests.models.letters import LetterKind
from requests.models.subject_requests import Decision, RequestKind, Scope
from requests.services.ends import NoTermOfCorrespondence, kept_until
from requests.services.letter_texts import FOLDER, LANGUAGES, body_of, texts, title_of
from requests.services.writing import composed
from subjects.services.destruction import keys_destroy
from tests.conftest import Office
from tests.requests import asking
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    NOW,
    REFUSAL,
    TOLD,
    WITHDRAWAL,
    accept,
    item_of,
    team_of,
)
from tests.requests.corresponding import decided
from tests.subjects.persons import VALUES

VARIABLE = re.compile(r"\{\{ *([\w.]+) *\}\}|\{% (?:if|for) ([^%]+?) *%\}")


def variables(text: str) -> set[str]:
    return {one for found in VARIABLE.findall(text) for one in found if one}


def test_the_three_languages_say_the_same_and_nothing_is_empty() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(LANGUAGES) == set(Language.values)
    known = {
        section: {name: variables(text) for name, text in words.items()}
        for section, words in texts("en").items()
    }
    for language in LANGUAGES:
        found = texts(language)
        assert all(text.strip() for words in found.values() for text in words.values())
        assert {
            section: {name: variables(text) for name, text in words.items()}
            for section, words in found.items()
        } == known, language
    assert sum(len(words) for words in known.values()) > 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_decision_and_scope_has_its_words(language: str) -> None:
    found = texts(language)
    assert set(found["demands"]) == {*RequestKind.values, *Scope.values}
    assert set(found["decisions"]) == set(Decision.values)
    ours = set(LetterKind.values) - {"incoming"}
    assert ours <= set(found)
    for kind in ours:
        assert set(found[kind]) == {"title", "text"}
        assert "REQ-1" in title_of(language=language, kind=kind, number="REQ-1")


def test_no_language_is_a_copy_of_another() -> None:
    for section, words in texts("en").items():
        for name, text in words.items():
            if text.strip() == "{{ text }}":
                continue
            told = {texts(language)[section][name] for language in LANGUAGES}
            assert len(told) == 3, (section, name)


def test_what_a_person_wrote_is_never_a_template() -> None:
    told = "{{ operator }} {% now 'Y' %} <b>&"
    body = body_of(language="en", kind="reply", facts={"text": told, "name": "{{ text }}"}).body
    assert told in body and body.startswith("Hello, {{ text }}!")


# --- what each letter must say -------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_receipt_names_number_day_why_and_how_long_it_is_kept(
    office: Office, code: str, language: str
) -> None:
    team = team_of(office, code)
    request = asking.again(asking.receive(team, WITHDRAWAL, DESTRUCTION, language=language))
    body = composed(request, kind="receipt", opened=True, now=NOW)
    clocks = [item.deadlines.get() for item in request.items.all()]
    with override(language):
        from_registry = {clock.due_on: clock for clock in clocks}
        for day, clock in from_registry.items():
            assert str(day.year) in body and str(day.day) in body
            article = (clock.statute or clock.promise).article
            assert article in body
        kept = kept_until(team.operator, max(clock.due_on for clock in clocks)).until
    assert short_day_in(kept, language) in body
    assert TOLD["name"] in body and request.number in body
    assert f"/{team.operator.code}/" in body
    state = {"ipm": "RU", "pandev": "KZ"}[code]
    with override(language):
        assert (
            str(Authority.objects.get(jurisdiction__code=state, supervises="personal_data")) in body
        )
    for step in ("Безопасный", "safe internal", "қауіпсіз"):
        assert step not in body


def short_day_in(day: date, language: str) -> str:
    with override(language):
        return short_day(day)


@BOTH
def test_the_decision_says_what_goes_what_stays_and_why_and_no_value(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    known, request = asking.asked(team, DESTRUCTION, WITHDRAWAL, language="en")
    stays = code == "pandev"
    if stays:
        accept(item_of(request, "destruction"), team, refusal=REFUSAL[code], reasons="A contract.")
    else:
        accept(item_of(request, "destruction"), team)
    body = composed(asking.again(request), kind="decision", opened=False, now=LATER)
    assert ("yes, but not for everything" if stays else "yes, we do it") in body
    assert "This will be destroyed:" in body or stays
    assert ("This stays:" in body) == stays
    if stays:
        assert REFUSAL[code].removeprefix("KZ.") in body and "A contract." in body
    # Not decided: not told.
    assert "Taking back your consent" not in body
    assert "We keep this correspondence until" in body and "go to court" in body
    assert not [value for value in (*VALUES.values(), TOLD["name"]) if value in body]
    assert known.card.code not in body


def test_the_closing_letter_names_the_act_and_the_day(office: Office) -> None:
    team = office.ipm
    known, request = asking.asked(team, DESTRUCTION, language="en")
    asking.without_other_ground(known)
    accept(item_of(request), team)
    (act,) = known.card.operator.acts.all()
    _carry_out(act, team)
    body = composed(asking.again(request), kind="closing", opened=True, now=asking.MUCH_LATER)
    assert "This is destroyed:" in body and act.number in body
    assert "9 May 2026" in body
    assert "Nobody can read it here any more" in body
    assert "This stays:" not in body
    assert "we closed your request" in body


def _carry_out(act: Any, team: Any) -> None:
    from_keys = act.items.filter(key__isnull=False).values_list("key", flat=True)
    keys_destroy(list(from_keys), reason=act.label, by=None, now=asking.MUCH_LATER, act=act)


def test_the_extension_counts_the_new_day(office: Office) -> None:
    request = asking.again(asking.receive(office.ipm, DESTRUCTION, language="en"))
    body = composed(request, kind="extension", text="The archive moves.", opened=True, now=NOW)
    clock = item_of(request).deadlines.get()
    assert "Why: The archive moves." in body
    assert "the last day was Friday, 20 March 2026, the new one is Friday, 27 March 2026" in body
    assert clock.due_on == date(2026, 3, 20)


def test_a_law_without_such_a_term_is_refused_by_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_rules = "requests.services.ends.rules_for"
    monkeypatch.setattr(from_rules, lambda **_: (None, None))
    with pytest.raises(NoTermOfCorrespondence):
        kept_until(office.ipm.operator, date(2026, 3, 5))


@BOTH
def test_three_years_from_the_end(office: Office, code: str) -> None:
    found = kept_until(team_of(office, code).operator, date(2026, 3, 5))
    assert found.until == date(2029, 3, 5)
    assert found.rule == {"ipm": "RU", "pandev": "KZ"}[code] + ".EVIDENCE.CONSENT"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_names_its_ground_and_its_reasons(office: Office, language: str) -> None:
    _known, request = decided(office.pandev, language=language)
    body = composed(request, kind="closing", opened=True, now=LATER)
    assert "Nothing is held." in body and "94-V" in body
    assert texts(language)["decisions"]["refused"] in body
