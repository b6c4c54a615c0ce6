"""The demo: staff by role, a letter each, and people who are all made up."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry.models import ConsentText, Operator, PolicyVersion
from registry.services.policies import policy_import
from requests.models import SubjectRequest
from subjects.models import Consent, DataSubject, DestructionAct, ImportReject, PersonalDatum
from subjects.services.keys import lost_keys


def demo(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr("django.conf.settings.DEMO_PASSWORD", "only-for-tests", raising=False)
    out = io.StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def count(code: str) -> int:
    return DataSubject.objects.filter(operator__code=code).count()


def test_each_operator_gets_its_people_with_consents(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = demo(monkeypatch, "--subjects", "20")
    assert "pandev: 20 synthetic people" in said and "ipm: 20 synthetic people" in said
    assert (count("pandev"), count("ipm")) == (20, 20)
    assert not ImportReject.objects.exists() and lost_keys() == []
    # Everything that is held has a ground under a text that was published.
    assert Consent.objects.count() >= 40
    assert ConsentText.objects.published().count() == ConsentText.objects.count() == 2
    assert PersonalDatum.objects.filter(subject__grounds=None).count() == 0


def test_some_leave_an_act_is_drafted_and_a_person_has_written(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        demo(monkeypatch, "--subjects", "20")
    for code in ("pandev", "ipm"):
        acts = DestructionAct.objects.filter(operator__code=code)
        assert [act.state for act in acts] == ["drafted"]
        assert 1 <= len(set(acts[0].items.values_list("subject", flat=True))) <= 2
        request = SubjectRequest.objects.get(operator__code=code)
        assert request.items.count() == 2
    assert lost_keys() == []


def test_a_second_demo_doubles_nobody_and_a_larger_one_adds(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo(monkeypatch, "--subjects", "5")
    first = set(DataSubject.objects.values_list("code", flat=True))
    assert "synthetic people" not in demo(monkeypatch, "--subjects", "5")
    assert set(DataSubject.objects.values_list("code", flat=True)) == first
    assert "pandev: 3 synthetic people" in demo(monkeypatch, "--subjects", "8")
    assert first < set(DataSubject.objects.values_list("code", flat=True))


def test_the_operators_address_of_the_demo_says_that_it_is_none(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo(monkeypatch, "--subjects", "1")
    assert "не настоящий" in Operator.objects.get(code="ipm").address
    assert "не настоящий" not in Operator.objects.get(code="pandev").address


@pytest.mark.parametrize("number", ["-1", "many", "1000001"])
def test_a_wrong_number_of_people_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    with pytest.raises(CommandError, match="number of people"):
        demo(monkeypatch, f"--subjects={number}")


def test_no_people_on_request(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    demo(monkeypatch, "--subjects", "0")
    assert not DataSubject.objects.exists()


def test_each_operator_publishes_the_policy_that_its_register_writes(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "pandev: policy at /pandev/policy/" in demo(monkeypatch, "--subjects", "0")
    assert "policy" not in demo(monkeypatch, "--subjects", "0")
    for code in ("pandev", "ipm"):
        version = PolicyVersion.objects.get(operator__code=code)
        assert (version.origin, version.number) == ("generated", 1)
        assert sorted(version.texts.values_list("language", flat=True)) == ["en", "kk", "ru"]
        assert Client().get(f"/{code}/policy/", follow=True).status_code == 200


def test_the_demo_leaves_a_policy_that_is_there_alone(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator.objects.get(code="pandev")
    now = datetime(2026, 3, 2, tzinfo=UTC)
    policy_import(
        operator=operator, language="en", dated=date(2026, 2, 9), text=b"1. Real", by=None, now=now
    )
    assert "pandev: policy" not in demo(monkeypatch, "--subjects", "0")
    assert PolicyVersion.objects.get(operator=operator).origin == "imported"
    assert PolicyVersion.objects.filter(operator__code="ipm", origin="generated").exists()
