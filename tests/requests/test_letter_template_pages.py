"""The pages of the words of letters: who sees them, who changes them, what they show and refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests.models import LetterTemplate
from requests.services.letter_templates import digest_of
from requests.services.letter_texts import own_text
from tests.conftest import Office, Team
from tests.requests import asking
from tests.requests.asking import DESTRUCTION, NOW
from tests.requests.corresponding import draft
from tests.requests.test_letter_templates import REPLY, begun, own, worded

BEGIN = "admin:letter_template_begin"
LIST = "admin:requests_lettertemplate_changelist"


@pytest.fixture(autouse=True)
def moment() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller, override("en"):
        yield traveller


@pytest.fixture
def speak(as_user: Any) -> Any:
    def client(user: User) -> Client:
        User.objects.filter(pk=user.pk).update(language="en")
        found: Client = as_user(User.objects.get(pk=user.pk))
        return found

    return client


def page(row: LetterTemplate, name: str = "change") -> str:
    return reverse(f"admin:requests_lettertemplate_{name}", args=[row.pk])


def asked(team: Team, **changed: Any) -> dict[str, Any]:
    return {"operator": team.operator.pk, "part": "reply", "language": "en"} | changed


def test_the_dpo_begins_changes_reads_and_publishes(office: Office, speak: Any) -> None:
    client = speak(office.pandev.dpo)
    assert "New words of letters" in client.get(reverse(LIST)).content.decode()
    assert client.get(reverse(BEGIN)).status_code == 200
    response = client.post(reverse(BEGIN), asked(office.pandev, part="decision"))
    row = LetterTemplate.objects.get()
    assert response.status_code == 302 and response.url == page(row)
    shown = client.get(page(row)).content.decode()
    for words in ("Previews", "Refused", "The office's own words", "demands.ground",
                  "the ground of a refusal, in words", "must be told", "the text is the same",
                  "of each row of demands"):  # fmt: skip
        assert words in shown, words
    form = client.get(page(row, "edit"))
    data = {"title": "Ours: {{ number }}", "text": f"{row.text}\r\nOur own line.",
            "read": form.context["form"]["read"].value()}  # fmt: skip
    assert client.post(page(row, "edit"), data).url == page(row)
    row.refresh_from_db()
    assert row.text.endswith("\nOur own line.")
    shown = client.get(page(row)).content.decode()
    assert "<ins>+ Our own line.</ins>" in shown and "Ours: REQ-0000" in shown
    form = client.get(page(row, "publish"))
    assert "Our own line." in form.content.decode()
    data = {"read": form.context["form"]["read"].value(), "in_force_at": ""}
    assert client.post(page(row, "publish"), data).status_code == 302
    row.refresh_from_db()
    assert row.is_published and row.in_force_at == NOW
    shown = client.get(page(row)).content.decode()
    assert "Letters have these words now." in shown and page(row, "edit") not in shown
    assert client.get(page(row, "edit")).status_code == 409
    client.post(page(row, "withdraw"), {"reason": "a mistake"})
    assert "a mistake" in client.get(page(row)).content.decode()
    response = client.post(page(row, "next"), {})
    assert response.url == page(LetterTemplate.objects.get(version=2))


def test_it_begins_on_the_operator_s_clock(office: Office, speak: Any) -> None:
    team = office.pandev
    row = begun(team)
    local = (NOW + timedelta(days=1)).astimezone(team.operator.zone)
    data = {"read": digest_of(row), "in_force_at": f"{local:%Y-%m-%dT%H:%M}"}
    assert speak(team.dpo).post(page(row, "publish"), data).status_code == 302
    row.refresh_from_db()
    assert row.in_force_at == NOW + timedelta(days=1)


VERBS = {
    "edit": {"title": "{{ number }}", "text": "{{ text }}!"},
    "publish": {"in_force_at": ""},
    "discard": {},
    "withdraw": {"reason": "why"},
    "next": {},
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("who", "status"),
    [("dpo", 302), ("clerk", 403), ("auditor", 403), ("nobody", 404), ("other", 404)],
)
def test_who_may(office: Office, speak: Any, verb: str, who: str, status: int) -> None:
    team = office.pandev
    row = own(team) if verb in {"withdraw", "next"} else begun(team)
    user = {"nobody": office.nobody, "other": office.ipm.dpo}.get(who) or getattr(team, who)
    client = speak(user)
    before = list(LetterTemplate.objects.values())
    data = VERBS[verb] | {"read": digest_of(row)}
    assert client.post(page(row, verb), data).status_code == status
    if status != 302:
        assert list(LetterTemplate.objects.values()) == before
        assert not hasattr(LetterTemplate.objects.get(pk=row.pk), "withdrawal")
    seen = {"nobody": 403, "other": 404}.get(who, 200)
    if verb != "discard" or status != 302:
        assert client.get(page(row)).status_code == seen


def test_who_begins(office: Office, speak: Any) -> None:
    team = office.pandev
    for user in (team.clerk, team.auditor, office.nobody):
        client = speak(user)
        assert client.get(reverse(BEGIN)).status_code == 403
        assert client.post(reverse(BEGIN), asked(team)).status_code == 403
    # Another operator is no choice.
    assert speak(office.ipm.dpo).post(reverse(BEGIN), asked(team)).status_code == 200
    assert not LetterTemplate.objects.exists()
    client = speak(team.dpo)
    for wrong in ({"part": "incoming"}, {"language": "de"}, {"operator": "0"}):
        assert client.post(reverse(BEGIN), asked(team, **wrong)).status_code == 200
    assert client.post(reverse(BEGIN), asked(team)).status_code == 302
    response = client.post(reverse(BEGIN), asked(team))
    assert response.status_code == 409 and "there is a draft already" in response.content.decode()
    assert LetterTemplate.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("{% include 'a' %}", 422, "not known here"),
        ("{% debug %}", 422, "not known here"),
        ("{{ text.__class__ }}", 422, "cannot be read"),
        ("Hello", 422, "must always tell"),
        ("{{ text }}{{ secret }}", 422, "no fact of this letter"),
        ("{{ text }}\0", 200, "correct"),
        ("x" * 1_000_000, 200, "correct"),
        ("", 200, "correct"),
    ],
)
def test_words_that_break_a_rule_stay_in_the_form(
    office: Office, speak: Any, text: str, status: int, said: str
) -> None:
    row = begun(office.pandev)
    data = {"title": row.title, "text": text, "read": digest_of(row)}
    response = speak(office.pandev.dpo).post(page(row, "edit"), data)
    assert response.status_code == status and said in response.content.decode()
    row.refresh_from_db()
    assert row.text == own_text("en", "reply")[1]


def test_whoever_was_second_sees_the_newer_words(office: Office, speak: Any) -> None:
    team = office.pandev
    row = begun(team)
    stale = digest_of(row)
    worded(row, team, REPLY % 9)
    client = speak(team.dpo)
    data = {"title": row.title, "text": "{{ text }} mine", "read": stale}
    response = client.post(page(row, "edit"), data)
    body = response.content.decode()
    assert response.status_code == 409 and "version 9" in body and "{{ text }} mine" in body
    # The next try is made knowingly.
    data["read"] = response.context["form"]["read"].value()
    assert client.post(page(row, "edit"), data).status_code == 302
    response = client.post(page(row, "publish"), {"read": stale})
    assert response.status_code == 409 and "mine" in response.content.decode()
    row.refresh_from_db()
    assert not row.is_published


def test_the_words_are_shown_as_text(office: Office, speak: Any) -> None:
    team = office.pandev
    row = worded(begun(team), team, "<script>alert(1)</script> {{ text }}")
    body = speak(team.dpo).get(page(row)).content.decode()
    assert "<script>alert(1)" not in body and "&lt;script&gt;alert(1)" in body


def test_a_letter_s_page_names_its_words(office: Office, speak: Any) -> None:
    from_row = own(office.pandev)
    request = asking.again(asking.receive(office.pandev, DESTRUCTION, language="en"))
    letter = draft(request, office.pandev, now=NOW)
    body = (
        speak(office.pandev.clerk)
        .get(reverse("admin:requests_letter_change", args=[letter.pk]))
        .content.decode()
    )
    assert page(from_row) in body and "reply, English, v1" in body
