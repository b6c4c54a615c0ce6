"""``generate_policy`` and its page: the register's words as a draft, or one clear refusal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from registry.models import DataCategory, Operator, PolicyVersion, ProcessingActivity, Purpose
from registry.policy_contents import Missing
from registry.services import audit
from registry.services.policies import PolicyLanguageMissing, policy_in_force, policy_publish
from registry.services.policy_generating import (
    NothingProcessed,
    PolicyFactsMissing,
    policy_generate,
    policy_languages,
    policy_texts,
)
from tests.conftest import Office, Team
from tests.registry.consenting import ready

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PAGE = "/admin/registry/policyversion/draft/"
DAY = NOW.date()


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("generate_policy", *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    versions = PolicyVersion.objects.count()
    with pytest.raises(CommandError) as refusal:
        run(*args)
    assert refusal.value.returncode == 2 and "\n" not in str(refusal.value)
    assert PolicyVersion.objects.count() == versions
    return str(refusal.value)


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


def speechless(operator: Operator, code: str = "phone", language: str = "kk") -> DataCategory:
    row = DataCategory.objects.get(operator=operator, code=code)
    setattr(row, f"name_{language}", "")
    row.save()
    return row


# --- the service -------------------------------------------------------------------------------
def test_the_draft_is_what_the_register_says_in_the_operators_languages(pandev: Team) -> None:
    version = policy_generate(operator=pandev.operator, by=pandev.dpo, now=NOW, label="v3")
    assert (version.origin, version.label, version.published_at) == ("generated", "v3", None)
    texts = policy_texts(operator=pandev.operator, languages=["ru", "kk", "en"], day=DAY)
    assert {row.language: row.text for row in version.texts.all()} == texts
    assert "Персональные" not in texts["kk"] and "деректер" in texts["kk"]
    clauses = version.texts.get(language="ru").clauses
    assert clauses[1] == {"number": "1", "heading": "Оператор", "text": ""}
    newest = version.history.first()
    assert newest.history_user == pandev.dpo


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [(["en"], ["en"]), (["kk", "ru"], ["ru", "kk"]), ([], ["ru", "kk", "en"])],
)
def test_in_which_languages(office: Office, chosen: list[str], wanted: list[str]) -> None:
    operator = office.pandev.operator
    operator.languages = chosen
    assert policy_languages(operator) == wanted
    version = policy_generate(operator=operator, by=None, now=NOW)
    assert sorted(version.texts.values_list("language", flat=True)) == sorted(wanted)


def test_the_day_is_the_operators_own(pandev: Team) -> None:
    """An activity that ends on 3 March is in the policy until midnight in Almaty."""
    row = ProcessingActivity.objects.get(operator=pandev.operator, code="identification")
    row.ended_on = datetime(2026, 3, 3).date()
    row.save()
    purpose = "- Identification of clients\n"
    for moment, live in (
        (datetime(2026, 3, 2, 18, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 19, 0, tzinfo=UTC), False),
    ):
        version = policy_generate(operator=pandev.operator, by=None, now=moment)
        text = version.texts.get(language="en").text
        idle = "3.3. Purpose for which no data are processed now:\n" + purpose
        assert (idle in text) == (not live) and purpose in text


def test_rows_without_a_language_are_refused_by_name(pandev: Team) -> None:
    speechless(pandev.operator)
    purpose = Purpose.objects.get(operator=pandev.operator, code="accounts")
    purpose.name_ru = purpose.name_kk = ""
    purpose.save()
    with override("en"), pytest.raises(PolicyFactsMissing) as refusal:
        policy_generate(operator=pandev.operator, by=pandev.dpo, now=NOW)
    # In the order of the policy, each row once for each language.
    assert set(refusal.value.missing) == {
        Missing("datacategory", "phone", "kk"),
        Missing("purpose", "accounts", "ru"),
        Missing("purpose", "accounts", "kk"),
    }
    said = str(refusal.value)
    assert "data category phone (Kazakh)" in said and "purpose accounts (Russian)" in said
    assert not PolicyVersion.objects.exists()
    # Where nobody reads Kazakh, nothing is missing.
    policy_generate(operator=pandev.operator, by=None, now=NOW, languages=["en"])


def test_half_a_condition_is_refused_and_none_is_fine(pandev: Team) -> None:
    kind = pandev.operator.subjectcategory_set.get(code="client")
    kind.condition_kk = ""
    kind.save()
    with override("en"), pytest.raises(PolicyFactsMissing, match=r"category client \(Kazakh\)"):
        policy_generate(operator=pandev.operator, by=None, now=NOW)
    kind.condition_ru = kind.condition_en = ""
    kind.save()
    policy_generate(operator=pandev.operator, by=None, now=NOW)


def test_a_register_without_purposes_writes_nothing(office: Office) -> None:
    operator = Operator.objects.create(
        code="new", name="New", jurisdiction=office.ipm.operator.jurisdiction
    )
    with pytest.raises(NothingProcessed, match="new"):
        policy_generate(operator=operator, by=None, now=NOW)


def test_from_the_register_to_the_public(pandev: Team) -> None:
    now = timezone.now()
    today = timezone.localdate(now, pandev.operator.zone)
    some = policy_generate(operator=pandev.operator, by=None, now=now, languages=["en"])
    with pytest.raises(PolicyLanguageMissing):
        policy_publish(version=some, in_force_on=today, by=pandev.dpo, now=now)
    whole = policy_generate(operator=pandev.operator, by=pandev.dpo, now=now)
    policy_publish(version=whole, in_force_on=today, by=pandev.dpo, now=now)
    assert policy_in_force(pandev.operator, today=today) == whole
    assert not PolicyVersion.objects.filter(pk=some.pk).exists()
    # The register goes on; what was published stays.
    row = DataCategory.objects.get(operator=pandev.operator, code="email")
    row.name_ru = "Совсем другое"
    audit.save(row, by=pandev.dpo, reason="test")
    assert "Совсем другое" not in whole.texts.get(language="ru").text


# --- the command -------------------------------------------------------------------------------
def test_it_prints_by_default_and_writes_nothing(pandev: Team) -> None:
    texts = policy_texts(
        operator=pandev.operator, languages=["ru", "kk", "en"],
        day=timezone.localdate(timezone.now(), pandev.operator.zone),
    )  # fmt: skip
    assert run("--operator", "pandev", "--language", "kk") == texts["kk"]
    assert run("--operator", "pandev") == "\n".join(texts.values())
    assert not PolicyVersion.objects.exists()


def test_files_and_a_draft(pandev: Team, tmp_path: Path) -> None:
    said = run("--operator", "pandev", "--out", str(tmp_path / "new" / "folder"))
    names = [f"policy-pandev-{language}.txt" for language in ("ru", "kk", "en")]
    assert [Path(line).name for line in said.splitlines()] == names
    assert (tmp_path / "new" / "folder" / names[1]).read_text().startswith("Дербес деректерді")
    assert "draft in ru, kk, en" in run("--operator", "pandev", "--draft")
    run("--operator", "pandev", "--draft")
    assert PolicyVersion.objects.get().texts.count() == 3


def test_what_the_command_refuses(pandev: Team, tmp_path: Path) -> None:
    assert "nowhere" in refused("--operator", "nowhere")
    assert "de is no language" in refused("--operator", "pandev", "--language", "de")
    taken = tmp_path / "file"
    taken.write_text("")
    assert "folder" in refused("--operator", "pandev", "--out", str(taken))
    speechless(pandev.operator)
    for more in ([], ["--draft"], ["--out", str(tmp_path / "none")]):
        assert "phone (Kazakh)" in refused("--operator", "pandev", *more)
    assert not (tmp_path / "none").exists()
    run("--operator", "pandev", "--language", "ru")


# --- the page ----------------------------------------------------------------------------------
def test_the_dpo_sees_the_texts_and_makes_them_the_draft(pandev: Team, as_user: Any) -> None:
    client = as_user(pandev.dpo)
    assert PAGE in client.get("/admin/registry/policyversion/").content.decode()
    page = client.get(PAGE)
    assert page.status_code == 200
    assert 'lang="kk">Дербес деректерді өңдеу саясаты' in page.content.decode()
    assert not PolicyVersion.objects.exists()
    done = client.post(PAGE, {"label": "v3"}, follow=True)
    version = PolicyVersion.objects.get()
    assert done.redirect_chain[-1][0] == f"/admin/registry/policyversion/{version.pk}/change/"
    assert (version.label, version.history.first().history_user) == ("v3", pandev.dpo)


def test_the_page_names_what_is_missing(pandev: Team, as_user: Any) -> None:
    speechless(pandev.operator)
    client = as_user(pandev.dpo)
    page = client.get(PAGE).content.decode()
    assert "<li>data category phone (Kazakh)</li>" in page
    answer = client.post(PAGE, {"label": ""})
    assert answer.status_code == 422 and "phone (Kazakh)" in answer.content.decode()
    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize("who", ["clerk", "deputy", "auditor"])
def test_others_of_the_operator_may_not(pandev: Team, as_user: Any, who: str) -> None:
    client = as_user(getattr(pandev, who))
    assert PAGE not in client.get("/admin/registry/policyversion/").content.decode()
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 403
    assert not PolicyVersion.objects.exists()


def test_a_stranger_and_another_operators_dpo(office: Office, as_user: Any) -> None:
    ready(office.pandev), ready(office.ipm)
    stranger, other = as_user(office.nobody), as_user(office.ipm.dpo)
    assert stranger.get(PAGE).status_code == stranger.post(PAGE).status_code == 403
    theirs = f"{PAGE}?operator=pandev"
    assert other.get(theirs).status_code == other.post(theirs).status_code == 404
    assert not PolicyVersion.objects.exists()
    assert other.post(PAGE).status_code == 302
    assert PolicyVersion.objects.get().operator == office.ipm.operator


def test_the_administrator_chooses_an_operator(office: Office, as_user: Any) -> None:
    ready(office.pandev), ready(office.ipm)
    client = as_user(office.admin)
    choice = client.get(PAGE).content.decode()
    assert f"{PAGE}?operator=ipm" in choice and f"{PAGE}?operator=pandev" in choice
    assert client.post(PAGE).status_code == 200
    assert not PolicyVersion.objects.exists()
    assert client.post(f"{PAGE}?operator=ipm").status_code == 302
    assert PolicyVersion.objects.get().operator == office.ipm.operator


def test_five_hundred_activities_cost_no_more_queries(pandev: Team, as_user: Any) -> None:
    client = as_user(pandev.dpo)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    few = cost()
    activity = ProcessingActivity.objects.get(operator=pandev.operator, code="accounts")
    rows = ProcessingActivity.objects.bulk_create(
        ProcessingActivity(
            operator=pandev.operator, code=f"a{number}", purpose=activity.purpose, name_en="A",
            started_on=DAY + timedelta(days=number), operations=["storage"],
        )
        for number in range(500)
    )  # fmt: skip
    for row in rows[:5]:
        row.data_categories.set(activity.data_categories.all())
    assert cost() <= few
