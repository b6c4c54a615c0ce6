"""``load_law``: the whole table of terms, twice, by hand, corrected, and refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from registry.choices import BasisKind
from registry.management.commands import load_law
from registry.models import (
    Correction,
    Deadline,
    DeadlineRule,
    Jurisdiction,
    LegalBasis,
    LoadedRow,
)
from registry.services.clocks import deadline_open
from registry.services.law import LAW_FILE, law_load
from registry.services.loading import LoadRefused, Report, put_row
from tests.conftest import Office

TABLE = Path(__file__).resolve().parents[3] / "shared" / "law" / "deadline_rules.csv"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
RECEIVED = datetime(2025, 12, 25, 9, tzinfo=UTC)
# How the table words a verification -> how the office says it.
VERIFIED = {
    "confirmed": "confirmed",
    "confirmed: no number in the law": "confirmed",
    "confirmed: CC 178); use is our advice": "confirmed",
    "secondary": "secondary",
    "unverified": "unverified",
    "house rule": "house_rule",
    "right confirmed; the number is from the press": "partly_confirmed",
    "text confirmed; the number is our reading": "partly_confirmed",
}

pytestmark = pytest.mark.django_db


def counts() -> dict[str, int]:
    """How many rows each table holds, history included."""
    return {
        model._meta.label: model._base_manager.count()
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in {"registry", "requests"}
    }


def table() -> list[dict[str, str]]:
    if not TABLE.exists():
        pytest.skip("the table of terms (../shared/law/deadline_rules.csv) is not on this machine")
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def number(text: str) -> int | None:
    return int(text) if text else None


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the law's file in which texts are replaced; each must be found once or more."""

    def edit(*replacements: tuple[str, str], name: str = "newlaw.toml") -> Path:
        text = LAW_FILE.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return edit


def rule_block(code: str) -> str:
    text = LAW_FILE.read_text(encoding="utf-8")
    start = text.index(f'[[rule]]\ncode = "{code}"')
    return text[start : text.find("\n\n", start)]


def with_rule(code: str, old: str, new: str) -> tuple[str, str]:
    block = rule_block(code)
    assert old in block
    return block, block.replace(old, new)


# What is loaded


def test_every_row_of_the_table_is_a_rule() -> None:
    rows = table()
    # The table has no rules of inspections: their day is always the one that the authority states.
    known = DeadlineRule.objects.exclude(code__contains=".INSPECTION.")
    assert len(rows) == 50 == known.count()
    rules = {rule.code: rule for rule in known.select_related("operator")}
    for row in rows:
        rule = rules.pop(row["code"])
        promise = row["source"] != "statute"
        owner = row["source"].removeprefix("promise of ")
        verification = row["verification"]
        found: dict[str, Any] = {
            "event_code": rule.event,
            "effect_code": rule.effect,
            "direction": rule.direction,
            "length": rule.length,
            "unit": rule.unit,
            "extension_length": rule.extension_length,
            "extension_unit": rule.extension_unit,
            "effective_from": rule.effective_from,
            "effective_until": rule.effective_until,
            "source": rule.source,
            "operator": rule.operator.code if rule.operator else None,
            "jurisdiction": rule.jurisdiction.code if rule.jurisdiction else "",
            "article": rule.article,
            "verification": rule.verification,
        }
        assert found == {
            "event_code": row["event_code"],
            "effect_code": row["effect_code"],
            "direction": row["direction"],
            "length": number(row["length"]),
            "unit": row["unit"],
            "extension_length": number(row["extension_length"]),
            "extension_unit": row["extension_unit"],
            "effective_from": day(row["effective_from"]),
            "effective_until": day(row["effective_until"]),
            "source": "promise" if promise else "statute",
            "operator": owner if promise and owner != "every operator" else None,
            "jurisdiction": row["jurisdiction"],
            # A rule of the house has no article, and no rule goes without one.
            "article": "house rule" if row["article"] == "-" else row["article"],
            "verification": "partly_confirmed"
            if verification.startswith("partly confirmed")
            else VERIFIED[verification],
        }, row["code"]
        if verification not in {"confirmed", "unverified", "secondary", "house rule"}:
            assert rule.verification_note, row["code"]
    assert not rules


def test_only_terms_counted_from_the_moment_are_marked_so() -> None:
    marked = DeadlineRule.objects.filter(from_moment=True)
    assert marked
    assert {rule.unit for rule in marked} == {"working_day"}
    assert set(marked.values_list("jurisdiction__code", flat=True)) == {"KZ"}
    assert all("25(2)(8)" in rule.article or rule.article == "6" for rule in marked)


def test_publicly_available_data_closed_in_russia_on_1_march_2021() -> None:
    basis = LegalBasis.objects.get(code="RU.6.1.10")
    assert basis.closed_on == date(2021, 3, 1)
    assert basis.open_on(date(2021, 2, 28)) and not basis.open_on(date(2021, 3, 1))


def test_kazakhstan_knows_no_contract_and_no_legitimate_interest() -> None:
    kinds = set(LegalBasis.objects.filter(jurisdiction__code="KZ").values_list("kind", flat=True))
    assert BasisKind.CONSENT in kinds
    assert not kinds & {BasisKind.CONTRACT, BasisKind.LEGITIMATE_INTEREST}


def test_the_history_says_where_the_rows_come_from() -> None:
    for model in (Jurisdiction, LegalBasis, DeadlineRule):
        reasons = set(model.history.values_list("history_change_reason", flat=True))
        assert reasons <= {"loaded with the law", "loaded from ipm.toml"}


# Again, by hand, anew


def test_a_second_load_changes_nothing() -> None:
    before = counts()
    report = law_load(now=NOW)
    assert counts() == before
    assert (report.counts["created"], report.counts["updated"], report.kept) == (0, 0, [])


def test_a_field_changed_by_hand_survives_and_is_reported_when_the_file_moves_on(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rule = DeadlineRule.objects.get(code="RU.REG.INQUIRY")
    rule.length, rule.article = 9, "20(4), read by a lawyer"
    rule.save()
    assert law_load(now=NOW).kept == []
    path = edited(with_rule("RU.REG.INQUIRY", "length = 10", "length = 8"))
    report = law_load(now=NOW, path=path)
    rule.refresh_from_db()
    assert (rule.length, rule.article) == (9, "20(4), read by a lawyer")
    assert len(report.kept) == 1 and report.kept[0].startswith("newlaw.toml: rule")
    assert report.kept[0].endswith(": length")
    # Asked once, answered once.
    assert law_load(now=NOW, path=path).kept == []


def test_the_command_prints_what_it_kept(
    edited: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    DeadlineRule.objects.filter(code="RU.REG.INQUIRY").update(length=9)
    path = edited(with_rule("RU.REG.INQUIRY", "length = 10", "length = 8"))
    monkeypatch.setattr(load_law, "law_load", partial(law_load, path=path))
    call_command("load_law")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("law: 0 created, 0 updated, ")
    assert said[1].startswith("kept as changed by hand: newlaw.toml: rule ")


def test_a_key_that_leaves_the_file_leaves_the_row(edited: Callable[..., Path]) -> None:
    extension = 'extension_length = 5\nextension_unit = "working_day"\n'
    path = edited(with_rule("RU.SUBJ.CEASE", extension, ""))
    report = law_load(now=NOW, path=path)
    rule = DeadlineRule.objects.get(code="RU.SUBJ.CEASE")
    assert (rule.extension_length, rule.extension_unit) == (None, "")
    assert report.counts["updated"] == 1


def open_inquiry(office: Office, code: str) -> Deadline:
    team = getattr(office, code)
    return deadline_open(
        operator=team.operator,
        about=team.operator,
        label=f"{code} inquiry",
        event="inquiry_received",
        effect="answer_authority",
        trigger_at=RECEIVED,
        owner=team.dpo,
        by=team.dpo,
        now=RECEIVED,
    )


def test_a_new_number_moves_open_deadlines_in_one_recorded_step(
    office: Office, edited: Callable[..., Path]
) -> None:
    ipm, pandev = open_inquiry(office, "ipm"), open_inquiry(office, "pandev")
    before = counts()
    path = edited(with_rule("RU.REG.INQUIRY", "length = 10", "length = 2"))
    report = law_load(now=NOW, path=path)
    assert (report.counts["created"], report.counts["updated"]) == (0, 1)
    correction = Correction.objects.get()
    assert correction.made_at == NOW
    (item,) = correction.items.all()
    assert (item.deadline_id, item.due_before, item.due_after) == (
        ipm.pk, date(2026, 1, 12), date(2025, 12, 29),
    )  # fmt: skip
    ipm.refresh_from_db()
    assert (ipm.due_on, ipm.binding) == (date(2025, 12, 29), "statute")
    pandev.refresh_from_db()
    assert pandev.history.count() == 1
    changed = {name: count - before[name] for name, count in counts().items()}
    assert {name: more for name, more in changed.items() if more} == {
        "registry.Correction": 1,
        "registry.CorrectionItem": 1,
        "registry.HistoricalCorrection": 1,
        "registry.HistoricalCorrectionItem": 1,
        "registry.HistoricalDeadline": 1,
        "registry.HistoricalDeadlineRule": 1,
    }


def test_a_new_version_in_the_file_moves_nothing(
    office: Office, edited: Callable[..., Path]
) -> None:
    clock = open_inquiry(office, "ipm")
    block = rule_block("RU.REG.INQUIRY")
    ended = block + "\neffective_until = 2026-01-31"
    version = block.replace("2022-09-01", "2026-02-01").replace("length = 10", "length = 1")
    report = law_load(now=NOW, path=edited((block, f"{ended}\n\n{version}")))
    assert (report.counts["created"], report.counts["updated"]) == (1, 1)
    assert not Correction.objects.exists()
    clock.refresh_from_db()
    assert clock.due_on == date(2026, 1, 12) and clock.history.count() == 1


# Refused, by place, whole


INQUIRY = "RU.REG.INQUIRY"
# What is wrong, the rule it stands in, the text before and after, what the refusal says.
WRONG = [
    ("unknown key", INQUIRY, "length = 10", "lenght = 10", "unknown key lenght"),
    ("no code", INQUIRY, f'code = "{INQUIRY}"\n', "", "code is missing"),
    ("no article", INQUIRY, 'article = "20(4)"\n', "", "article: "),
    ("empty article", INQUIRY, 'article = "20(4)"', 'article = ""', "article: "),
    ("article as a table", INQUIRY, '"20(4)"', '{ en = "20(4)" }', "article: "),
    ("wrong language", INQUIRY, "trigger = { en", "trigger = { de", "trigger must be a table"),
    ("number for a text", INQUIRY, 'trigger = { en = "An', 'trigger = { en = 5, de = "An', "trig"),
    ("no such state", INQUIRY, '"RU"', '"UZ"', "unknown jurisdiction UZ"),
    ("list of states", INQUIRY, 'jurisdiction = "RU"', 'jurisdiction = ["RU"]', "jurisdiction"),
    ("no state", INQUIRY, 'jurisdiction = "RU"\n', "", "A statute belongs to a jurisdiction"),
    ("no such unit", INQUIRY, 'unit = "working_day"\nex', 'unit = "fortnight"\nex', "fortnight"),
    ("length in words", INQUIRY, "length = 10", 'length = "ten"', "length: "),
    ("half a day", INQUIRY, "length = 10", "length = 10.5", "length: "),
    ("endless", INQUIRY, "length = 10", "length = inf", "length: "),
    ("negative", INQUIRY, "length = 10", "length = -10", "length: "),
    ("no day", INQUIRY, "2022-09-01", '"from autumn on"', "effective_from: "),
    ("day with a time", INQUIRY, "2022-09-01", "2022-09-01T00:00:00", "effective_from: "),
    ("number for a day", INQUIRY, "2022-09-01", "20220901", "effective_from: "),
    ("a promise's code", "OFFICE.REG.INQUIRY", "OFFICE.REG.INQUIRY", "PROMISE.IPM.3_2", "PROMISE"),
]  # fmt: skip


def refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command says; it has changed nothing."""
    loaded = LoadedRow.objects.order_by("pk")
    before = counts(), list(loaded.values_list("pk", "values"))
    monkeypatch.setattr(load_law, "law_load", partial(law_load, path=path))
    with pytest.raises(CommandError) as refusal:
        call_command("load_law")
    assert refusal.value.returncode == 2
    assert before == (counts(), list(loaded.values_list("pk", "values")))
    said = str(refusal.value)
    assert "\n" not in said and len(said) < 400
    return said


@pytest.mark.parametrize(
    ("code", "old", "new", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_rule_is_refused_by_its_place(
    code: str,
    old: str,
    new: str,
    said: str,
    edited: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An earlier row changes as well: it must not stay behind.
    earlier = with_rule("RU.SUBJ.ACCESS", "length = 10", "length = 11")
    sentence = refused(edited(earlier, with_rule(code, old, new)), monkeypatch)
    place = 6 if code == INQUIRY else 53
    assert sentence.startswith(f"newlaw.toml: rule {place}: ")
    assert said in sentence
    assert DeadlineRule.objects.get(code="RU.SUBJ.ACCESS").length == 10


def test_a_row_that_stands_twice_is_refused(
    edited: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    block = rule_block(INQUIRY)
    again = block.replace("length = 10", "length = 9")
    assert "twice" in refused(edited((block, f"{block}\n\n{again}")), monkeypatch)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("[[fees]]\namount = 3\n", "unknown table fees"),
        ("rule = 5\n", "rule"),
        ("[rule]\ncode = 'X'\n", "rule"),
        ("rule = ['X']\n", "a table is expected here"),
        ("this is a law", "this is not TOML"),
        (f"a = {'[' * 20_000}", "this is not TOML"),
        ('rule = [{ code = "A\\u0000B" }]', "NUL"),
    ],
)
def test_what_is_no_law_is_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "newlaw.toml"
    path.write_text(text, encoding="utf-8")
    sentence = refused(path, monkeypatch)
    assert sentence.startswith("newlaw.toml: ") and said in sentence


def test_two_versions_never_overlap() -> None:
    with pytest.raises(LoadRefused, match="RU.REG.INQUIRY"):
        report = Report()
        put_row(
            DeadlineRule,
            where="here",
            lookup={"code": INQUIRY, "effective_from": date(2026, 2, 1)},
            values={
                "jurisdiction": Jurisdiction.objects.get(code="RU"),
                "event": "inquiry_received",
                "effect": "answer_authority",
                "length": 1,
                "unit": "working_day",
                "source": "statute",
                "article": "20(4)",
            },
            reason="test",
            report=report,
        )
