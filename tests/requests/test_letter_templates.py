"""The operator's own words: draft, change, publish, withdraw; which letters have which words."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from registry import seam
from registry.models import Operator
from requests.models import Letter, LetterTemplate, LetterTemplateWithdrawal
from requests.models.letter_templates import LetterPart
from requests.services import letter_templates as service
from requests.services.letter_language import TemplateFact, TemplateLost
from requests.services.letter_samples import difference, previews
from requests.services.letter_templates import (
    digest_of,
    in_force,
    letter_template_discard,
    letter_template_draft,
    letter_template_edit,
    letter_template_publish,
    letter_template_withdraw,
)
from requests.services.letter_texts import own_text
from requests.services.letters import letter_text
from requests.services.writing import composed, receipt_made, title
from tests.conftest import Office, Team
from tests.requests import asking
from tests.requests.asking import BOTH, DESTRUCTION, LATER, NOW, refused, team_of
from tests.requests.corresponding import WORDS, closed, draft, fresh
from tests.requests.test_inquiry_races import at_once

SOON = NOW + timedelta(hours=1)
REPLY = "Our own words, version %s.\n\n{{ text }}"


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


def begun(team: Team, part: str = "reply", **changed: Any) -> LetterTemplate:
    asked = {"operator": team.operator, "part": part, "language": "en", "by": team.dpo, "now": NOW}
    return letter_template_draft(**asked | changed)


def worded(row: LetterTemplate, team: Team, text: str, **changed: Any) -> LetterTemplate:
    asked = {"template": row, "title": row.title, "text": text, "read": digest_of(row),
             "by": team.dpo, "now": NOW}  # fmt: skip
    return letter_template_edit(**asked | changed)


def publish(row: LetterTemplate, team: Team, **changed: Any) -> LetterTemplate:
    asked = {"template": row, "read": digest_of(row), "by": team.dpo, "now": NOW}
    return letter_template_publish(**asked | changed)


def withdraw(row: LetterTemplate, team: Team, **changed: Any) -> LetterTemplateWithdrawal:
    asked = {"template": row, "reason": "a mistake in it", "by": team.dpo, "now": NOW}
    return letter_template_withdraw(**asked | changed)


def own(team: Team, text: str = REPLY % 1, part: str = "reply", **changed: Any) -> LetterTemplate:
    return publish(worded(begun(team, part, **changed), team, text), team)


def current(team: Team, part: str = "reply", moment: Any = NOW) -> LetterTemplate | None:
    found = in_force(operator=team.operator, language="en", kind="reply", moment=moment)
    return found.get(part)


# --- versions ------------------------------------------------------------------------------------
@BOTH
def test_from_the_office_s_words_to_the_operator_s_own(office: Office, code: str) -> None:
    team = team_of(office, code)
    row = begun(team, "closing")
    assert (row.version, row.state, (row.title, row.text)) == (
        1, "draft", own_text("en", "closing"),
    )  # fmt: skip
    assert in_force(operator=team.operator, language="en", kind="closing", moment=NOW) == {}
    row = worded(row, team, f"{row.text}\r\n\r\nGoodbye.  ")
    assert row.text.endswith("\n\nGoodbye.") and "\r" not in row.text
    row = publish(row, team)
    assert (row.state, row.in_force_at, row.published_by) == ("published", NOW, team.dpo)
    assert in_force(operator=team.operator, language="en", kind="closing", moment=NOW) == {
        "closing": row
    }
    reasons = list(row.history.values_list("history_change_reason", "history_user"))
    assert reasons == [(why, team.dpo.pk) for why in ("published", "changed", "drafted")]


def test_the_next_version_begins_with_the_words_in_force_or_the_office_s(office: Office) -> None:
    team = office.pandev
    first = own(team)
    second = begun(team)
    assert (second.version, second.text) == (2, first.text)
    letter_template_discard(template=second, by=team.dpo)
    assert begun(team, from_own=True).text == own_text("en", "reply")[1]


def test_one_draft_of_the_same_words(office: Office) -> None:
    team = office.pandev
    row = begun(team)
    with refused(service.TemplateDrafted, "reply, English, v1"):
        begun(team)
    others = [begun(team, "greeting"), begun(team, language="ru"), begun(office.ipm)]
    assert len({row.pk, *(other.pk for other in others)}) == 4
    with pytest.raises(IntegrityError), transaction.atomic():
        LetterTemplate.objects.create(
            operator=team.operator, part="reply", language="en", version=2, title="{{ number }}",
            text="x", written_at=NOW,
        )  # fmt: skip
    for wrong in ({"part": "incoming"}, {"language": "de"}, {"part": ""}):
        with refused(service.TemplateUnknown):
            begun(team, **wrong)


def test_the_latest_that_has_begun_is_in_force_and_withdrawn_the_office_s_own(
    office: Office,
) -> None:
    team = office.pandev
    first = own(team)
    second = publish(worded(begun(team), team, REPLY % 2), team, in_force_at=SOON)
    assert current(team) == first
    assert current(team, moment=SOON - timedelta(seconds=1)) == first
    assert current(team, moment=SOON) == second
    withdraw(second, team, now=SOON)
    # Not the version before it: nobody has read that again.
    assert current(team, moment=SOON) is None
    assert current(team, moment=SOON - timedelta(seconds=1)) == first
    third = publish(worded(begun(team, now=SOON), team, REPLY % 3), team, now=LATER)
    assert (third.version, current(team, moment=LATER)) == (3, third)
    assert current(office.ipm, moment=LATER) is None


def test_a_moment_that_has_passed_is_none_to_begin(office: Office) -> None:
    team = office.pandev
    row = begun(team)
    with refused(service.TemplateBegins):
        publish(row, team, in_force_at=NOW - timedelta(minutes=1))
    now = NOW + timedelta(seconds=40)
    assert publish(row, team, in_force_at=NOW, now=now).in_force_at == now


def test_what_is_published_never_changes(office: Office) -> None:
    team = office.pandev
    row = own(team)
    for verb in (
        lambda: worded(row, team, "{{ text }}"),
        lambda: publish(row, team),
        lambda: letter_template_discard(template=row, by=team.dpo),
    ):
        with refused(service.TemplatePublished):
            verb()
    rows = LetterTemplate.objects.filter(pk=row.pk)
    for act in (row.save, row.delete, lambda: rows.update(text="x"), rows.delete):
        with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            act()
    assert LetterTemplate._meta.db_table in {one.table for one in seam.frozen_tables()}
    assert seam.tables_without_freeze() == []


def test_a_withdrawal_says_why_once_and_for_ever(office: Office) -> None:
    team = office.pandev
    with refused(service.TemplateUnpublished):
        withdraw(begun(team, "closing"), team)
    row = own(team)
    for wrong in ("", "  \n ", "x" * 301):
        with refused(service.TemplateReason):
            withdraw(row, team, reason=wrong)
    done = withdraw(row, team, reason=" a \n mistake ")
    assert (done.reason, done.withdrawn_by, done.withdrawn_at) == ("a mistake", team.dpo, NOW)
    assert LetterTemplate.objects.get(pk=row.pk).state == "withdrawn"
    with refused(service.TemplateWithdrawn):
        withdraw(row, team)
    for act in (done.save, done.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_a_draft_that_breaks_a_rule_is_not_saved(office: Office) -> None:
    team = office.pandev
    row = begun(team)
    for kind, text in ((TemplateFact, "{{ text }}{{ authority.x }}"), (TemplateLost, "Hello")):
        with refused(kind):
            worded(row, team, text)
    row.refresh_from_db()
    assert row.text == own_text("en", "reply")[1]
    # The rules are asked again: a draft of before they became stricter.
    LetterTemplate.objects.filter(pk=row.pk).update(text="Hello")
    row.refresh_from_db()
    with refused(TemplateLost):
        publish(row, team)


def test_whoever_read_something_else_changes_and_publishes_nothing(office: Office) -> None:
    team = office.pandev
    read = begun(team)
    newer = worded(read, team, REPLY % 1, by=team.deputy)
    with refused(service.TemplateChanged):
        worded(read, team, REPLY % 2)
    with refused(service.TemplateChanged):
        publish(read, team)
    assert publish(newer, team).text == REPLY % 1


def test_a_second_person_publishes_where_the_operator_wants_one(office: Office) -> None:
    team = office.pandev
    Operator.objects.filter(pk=team.operator.pk).update(second_person=True)
    row = worded(begun(team), team, REPLY % 1)
    with refused(service.TemplateSecondPerson):
        publish(row, team)
    assert publish(row, team, by=office.admin).published_by == office.admin


def test_a_discarded_draft_leaves_its_history(office: Office) -> None:
    team = office.pandev
    row = begun(team)
    number = row.pk
    letter_template_discard(template=row, by=team.dpo)
    last = LetterTemplate.history.filter(id=number).first()
    assert (last.history_type, last.history_user, last.history_change_reason) == (
        "-", team.dpo, "discarded",
    )  # fmt: skip
    row.pk = number
    with refused(service.TemplateGone):
        letter_template_discard(template=row, by=team.dpo)


# --- letters -------------------------------------------------------------------------------------
def test_a_letter_has_the_words_in_force_and_says_which(office: Office) -> None:
    team = office.pandev
    row = own(team)
    greeting = own(team, "Dear {{ name }}!", "greeting")
    footer = own(team, own_text("en", "footer")[1] + "\n\nOur office.", "footer")
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))
    letter = fresh(draft(request, team))
    body = letter_text(letter).text
    assert body.startswith(f"Dear {asking.TOLD['name']}!\n\nOur own words, version 1.\n\n{WORDS}")
    assert body.endswith("Our office.")
    assert (letter.template, letter.greeting_template, letter.footer_template) == (
        row, greeting, footer,
    )  # fmt: skip
    assert title(letter) == f"Our reply to your request {request.number}"


def test_another_operator_and_another_language_have_their_own(office: Office) -> None:
    own(office.pandev)
    for team, language in ((office.ipm, "en"), (office.pandev, "ru")):
        request = asking.again(asking.receive(team, DESTRUCTION, language=language))
        letter = fresh(draft(request, team))
        assert "Our own words" not in letter_text(letter).text
        assert letter.template is None and letter.greeting_template is None


def test_a_letter_keeps_its_words_and_its_subject_line(office: Office) -> None:
    team = office.pandev
    row = begun(team)
    first = publish(worded(row, team, REPLY % 1, title="One: {{ number }}"), team)
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))
    letter = draft(request, team)
    second = publish(
        worded(begun(team), team, REPLY % 2, title="Two: {{ number }}"), team, now=LATER
    )
    later = draft(request, team, now=LATER)
    withdraw(second, team, now=LATER + timedelta(hours=1))
    last = draft(request, team, now=LATER + timedelta(hours=1))
    for made, words, template in (
        (letter, "One: ", first), (later, "Two: ", second), (last, "Our reply", None),
    ):  # fmt: skip
        kept = fresh(made)
        assert kept.template == template and title(kept).startswith(words)
        version = template.version if template else "none"
        assert (f"version {version}" in letter_text(kept).text) == bool(template)
    assert "version 2" not in letter_text(fresh(letter)).text


@BOTH
def test_the_office_s_own_letters_have_them_too(office: Office, code: str) -> None:
    team = team_of(office, code)
    for part in ("receipt", "closing"):
        own(team, own_text("en", part)[1] + "\n\nOurs.", part)
    request = asking.receive(team, DESTRUCTION, language="en")
    receipt = receipt_made(subject_request=request, now=LATER)
    assert receipt is not None and receipt.template is not None
    assert "Ours." in letter_text(fresh(receipt)).text
    _known, done = closed(team, language="en")
    closing = Letter.objects.get(request=done, kind="closing")
    assert closing.template is not None and "Ours." in letter_text(closing).text


def test_words_that_fail_give_way_to_the_office_s_own_and_no_value_is_logged(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = office.pandev
    row = own(team)
    own(team, "Dear {{ name }}!", "greeting")
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))

    def broken(text: str, facts: Any) -> str:
        if "Our own words" in text:
            raise ValueError(facts["name"])
        return f"Dear {facts['name']}!"

    monkeypatch.setattr("requests.services.letter_texts.filled", broken)
    with caplog.at_level(logging.ERROR):
        letter = fresh(draft(request, team))
    body = letter_text(letter).text
    assert "Our own words" not in body and WORDS in body and body.startswith("Dear ")
    assert letter.template is None and letter.greeting_template is not None
    assert f"letter template {row.pk}: ValueError" in caplog.text
    assert not [value for value in (*asking.TOLD.values(), WORDS) if value in caplog.text]


def test_a_letter_that_would_be_too_long_says_the_office_s_words(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    team = office.pandev
    own(team, "{{ text }}\n\n" * 30 + "Ours.")
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))
    long = "word " * 1_500
    letter = fresh(draft(request, team, text=long))
    assert letter.template is None and "Ours." not in letter_text(letter).text
    assert "too long" in caplog.text and "word word" not in caplog.text


def test_the_facts_stay_values_in_the_operator_s_words(office: Office) -> None:
    team = office.pandev
    own(team)
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))
    told = "{{ operator }} {% include 'admin/base.html' %} <b>&"
    body = letter_text(fresh(draft(request, team, text=told))).text
    assert told in body


def test_drafting_asks_once_for_the_words_however_many_there_are(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team, DESTRUCTION, language="en"))

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            composed(request, kind="reply", text="x", opened=False, now=LATER)
        return len([one for one in captured if "requests_lettertemplate" in one["sql"]])

    assert asked() == 1
    for number in range(3):
        own(team, REPLY % number)
        own(team, f"Dear {number} {{{{ name }}}}!", "greeting")
    assert asked() == 1


# --- previews ------------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_every_part_has_a_preview_of_every_form(office: Office, code: str, language: str) -> None:
    team = team_of(office, code)
    for part in LetterPart.values:
        row = begun(team, part, language=language)
        found = previews(row, now=NOW)
        assert len(found) == {"decision": 3, "closing": 3, "greeting": 2, "footer": 2}.get(part, 1)
        for one in found:
            assert "REQ-0000" in one.title and str(team.operator) in one.body
            assert "{{" not in one.body and "{%" not in one.body
        assert len({one.body for one in found}) == len(found)


def test_a_preview_shows_the_draft_in_its_letter(office: Office) -> None:
    team = office.pandev
    own(team, "Dear {{ name }}!", "greeting")
    row = worded(begun(team), team, REPLY % 7, title="Ours {{ number }}")
    (one,) = previews(row, now=NOW)
    assert one.title.startswith("Ours REQ") and "version 7" in one.body
    assert one.body.startswith("Dear ")


def test_the_difference_is_told_line_by_line() -> None:
    assert difference("a\nb\nc", "a\nB\nc") == [
        ("same", "a"), ("removed", "b"), ("added", "B"), ("same", "c"),
    ]  # fmt: skip


# --- two at once ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_exactly_one_does(live_office: Office) -> None:
    team = live_office.pandev
    row = worded(begun(team), team, REPLY % 1)
    found = at_once(*(lambda user=user: publish(row, team, by=user)
                      for user in (team.dpo, live_office.admin)))  # fmt: skip
    assert [type(one) for one in found if isinstance(one, Exception)] == [service.TemplatePublished]
    assert row.history.filter(history_change_reason="published").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_begin_at_once_exactly_one_does(live_office: Office) -> None:
    team = live_office.pandev
    found = at_once(*(lambda: begun(team) for _ in range(2)))
    assert [type(one) for one in found if isinstance(one, Exception)] == [service.TemplateDrafted]
    assert LetterTemplate.objects.count() == 1
