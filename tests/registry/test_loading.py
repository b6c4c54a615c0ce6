"""``load_operator``: every fact of both policies, twice, by hand, and refused."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from registry.models import (
    Correction,
    DeadlineRule,
    LoadedRow,
    Operator,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    RetentionRule,
)
from registry.services.clocks import deadline_open
from registry.services.operators import TABLES, operator_load
from tests.conftest import OPERATOR_FILES, Office
from tests.registry.test_law import counts

FILES = {path.stem: path for path in OPERATOR_FILES}
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of an operator's file in which texts are replaced; each must be found."""

    def edit(code: str, *replacements: tuple[str, str]) -> Path:
        text = FILES[code].read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / f"{code}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return edit


def refused(path: Path | str) -> str:
    """What the command says; it has changed nothing."""
    loaded = LoadedRow.objects.order_by("pk")
    before = counts(), list(loaded.values_list("pk", "values"))
    with pytest.raises(CommandError) as refusal:
        call_command("load_operator", str(path))
    assert refusal.value.returncode == 2
    assert before == (counts(), list(loaded.values_list("pk", "values")))
    said = str(refusal.value)
    assert said.isprintable() and len(said) < 500
    return said


# What is loaded


@pytest.mark.parametrize("code", FILES)
def test_every_fact_of_the_file_is_a_row(code: str) -> None:
    data = tomllib.loads(FILES[code].read_text(encoding="utf-8"))
    operator = Operator.objects.get(code=code)
    assert {table: len(rows) for table, rows in data.items() if table != "operator"} == {
        table: number
        for table, number in {
            **{
                table: model._default_manager.filter(operator=operator).count()
                for table, (model, _, _) in TABLES.items()
            },
            "promise": DeadlineRule.objects.filter(operator=operator).count(),
        }.items()
        if number
    }
    for name, value in data["operator"].items():
        held = getattr(operator, name)
        assert (held.code if name == "jurisdiction" else held) == value, name


@pytest.mark.parametrize("code", FILES)
def test_every_row_says_what_the_file_says(code: str) -> None:
    data = tomllib.loads(FILES[code].read_text(encoding="utf-8"))
    operator = Operator.objects.get(code=code)
    for entry in data["activity"]:
        row = ProcessingActivity.objects.get(operator=operator, code=entry["code"])
        assert row.purpose.code == entry["purpose"]
        for name in ("data_categories", "subject_categories", "legal_bases", "recipients"):
            assert {item.code for item in getattr(row, name).all()} == set(entry[name])
        assert (row.operations, row.clause) == (entry["operations"], entry["clause"])
    facts = Counter(
        (row.topic, row.code, row.clause, row.words_en)
        for row in PolicyClaim.objects.filter(operator=operator)
    )
    assert facts == Counter(
        (row["topic"], row["code"], row["clause"], row["words"].get("en", ""))
        for row in data["claim"]
    )


def test_what_a_policy_does_not_say_stays_empty() -> None:
    ipm = Operator.objects.get(code="ipm")
    assert (ipm.bin, ipm.inn, ipm.address, ipm.policy_version) == ("", "", "", "")
    assert not RetentionRule.objects.filter(operator__code="pandev").exists()
    assert Operator.objects.get(code="pandev").bin == "230140037871"


@pytest.mark.parametrize("code", FILES)
def test_the_history_says_which_file(code: str) -> None:
    operator = Operator.objects.get(code=code)
    for model in (Operator, Purpose, PolicyClaim, ProcessingActivity):
        own = {"code": code} if model is Operator else {"operator_id": operator.pk}
        reasons = set(model.history.filter(**own).values_list("history_change_reason", flat=True))
        assert reasons == {f"loaded from {code}.toml"}


# Again, by hand, anew


@pytest.mark.parametrize("code", FILES)
def test_a_second_load_changes_nothing(code: str) -> None:
    before = counts()
    operator, report = operator_load(path=FILES[code], now=NOW)
    assert counts() == before
    assert operator.code == code
    assert (report.counts["created"], report.counts["updated"], report.kept) == (0, 0, [])


def test_hand_edits_are_kept_and_untouched_fields_follow_the_file(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ipm = Operator.objects.get(code="ipm")
    ipm.email = "privacy@ipm.example"
    ipm.save()
    activity = ProcessingActivity.objects.get(operator=ipm)
    activity.data_categories.remove(activity.data_categories.get(code="phone"))
    path = edited(
        "ipm",
        ('\nemail = "ipm@gmail.com"', '\nemail = "new@ipm.example"\nphone = "+7 495 000-00-00"'),
        ('data_categories = ["full_name", "email", "phone"]', 'data_categories = ["email"]'),
    )
    call_command("load_operator", str(path))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("ipm: 0 created, 1 updated, ")
    assert said[1:] == [
        "kept as changed by hand: ipm.toml: operator: email",
        "kept as changed by hand: ipm.toml: activity 1: data_categories",
    ]
    ipm.refresh_from_db()
    assert (ipm.email, ipm.phone) == ("privacy@ipm.example", "+7 495 000-00-00")
    assert {row.code for row in activity.data_categories.all()} == {"full_name", "email"}


def test_a_key_that_leaves_the_file_leaves_the_row(edited: Callable[..., Path]) -> None:
    path = edited(
        "pandev", ('\nphone = "', '\n# phone = "'), ("legal_bases = [", "legal_bases = [] # [")
    )
    _, report = operator_load(path=path, now=NOW)
    assert Operator.objects.get(code="pandev").phone == ""
    assert report.kept == []
    back, report = operator_load(path=FILES["pandev"], now=NOW)
    assert back.phone


def test_a_new_promise_number_moves_open_deadlines_in_one_step(
    office: Office, edited: Callable[..., Path]
) -> None:
    clock = deadline_open(
        operator=office.ipm.operator,
        about=office.ipm.operator,
        label="INQ",
        event="inquiry_received",
        effect="answer_authority",
        trigger_at=datetime(2025, 12, 25, 9, tzinfo=UTC),
        owner=None,
        by=None,
        now=NOW,
    )
    operator_load(path=edited("ipm", ("length = 10\nunit", "length = 5\nunit")), now=NOW)
    clock.refresh_from_db()
    assert str(clock.due_on) == "2025-12-30"
    correction = Correction.objects.get()
    assert [item.deadline_id for item in correction.items.all()] == [clock.pk]
    assert correction.reason == "loaded from ipm.toml"


# Refused, by place, whole

# What is wrong, whose file, the text before and after, what the refusal says.
WRONG = [
    ("BIN digit", "pandev", "230140037871", "230140037872", "operator: bin: "),
    ("short BIN", "pandev", "230140037871", "23014003787", "operator: bin: "),
    ("BIN as a number", "pandev", '"230140037871"', "230140037871", "operator: bin: "),
    ("INN digit", "ipm", 'name = "IPM"', 'name = "IPM"\ninn = "7707083894"', "operator: inn: "),
    ("no zone", "ipm", 'name = "IPM"', 'name = "IPM"\ntime_zone = "Mars/Base"', "time_zone: "),
    ("no name", "ipm", 'name = "IPM"', 'name = ""', "operator: name is missing"),
    ("no code", "ipm", 'code = "ipm"', "", "operator: code is missing"),
    ("code as a path", "ipm", 'code = "ipm"', 'code = "../ipm"', "operator: code: "),
    ("no such law", "ipm", 'jurisdiction = "RU"', 'jurisdiction = "FR"', "FR"),
    ("laws as a list", "ipm", 'jurisdiction = "RU"', 'jurisdiction = ["RU"]', "jurisdiction"),
    ("unknown key", "pandev", "phone =", "web_phone =", "operator: unknown key web_"),
    ("unknown table", "ipm", "[[purpose]]", "[[porpoise]]", "unknown table porpoise"),
    ("unknown row key", "ipm", "open_ended = false", "open_end = false", "data_category 1"),
    ("unknown purpose", "ipm", 'purpose = "email_inf', 'purpose = "mail_inf', "activity 1: "),
    ("unknown basis", "ipm", '["RU.6.1.1"]', '["RU.6.1.99"]', "RU.6.1.99"),
    ("one for many", "ipm", '["RU.6.1.1"]', '"RU.6.1.1"', "activity 1: legal_bases"),
    ("many for one", "ipm", 'purpose = "email_information"', 'purpose = ["email_information"]',
     "activity 1: purpose"),
    ("word for a list", "ipm", 'operations = ["transfer"]', 'operations = "transfer"',
     "activity 1: operations"),
    ("number for a list", "ipm", 'operations = ["transfer"]', "operations = 5",
     "activity 1: operations"),
    ("unknown operation", "ipm", 'operations = ["transfer"]', 'operations = ["teleport"]',
     "teleport"),
    ("unknown language", "ipm", 'languages = ["en"]', 'languages = ["fr"]', "languages: "),
    ("no clause", "ipm", 'code = "law_152fz"\nclause = "1"\n', 'code = "law_152fz"\n',
     "claim 1: clause is missing"),
    ("row without code", "ipm", 'code = "user"\n', "", "subject_category 1: code is missing"),
    ("row twice", "ipm", "[[purpose]]\n",
     '[[purpose]]\ncode = "email_information"\nname = { en = "X" }\nclause = "6"\n[[purpose]]\n',
     "purpose 2: "),
    ("word for yes", "ipm", "open_ended = false", 'open_ended = "no"', "open_ended: "),
    ("a statute's code", "ipm", '"PROMISE.IPM.3_2"', '"RU.REG.INQUIRY"', "RU.REG.INQUIRY"),
    ("the office's code", "ipm", '"PROMISE.IPM.3_2"', '"OFFICE.REG.INQUIRY"', "OFFICE.REG"),
    ("extended promise", "ipm", "length = 10\n",
     'length = 10\nextension_length = 5\nextension_unit = "working_day"\n', "promise 1: "),
    ("broken", "ipm", "[[purpose]]", "[[purpose", "this is not TOML"),
    ("another operator's BIN", "ipm", 'name = "IPM"', 'name = "IPM"\nbin = "230140037871"', "bin"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "old", "new", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_file_is_refused_by_its_place(
    code: str, old: str, new: str, said: str, edited: Callable[..., Path]
) -> None:
    # The card changes first: it must not stay changed.
    sentence = refused(edited(code, ('site = "https:', 'site = "http:'), (old, new)))
    assert sentence.startswith(f"{code}.toml: ") and said in sentence
    assert Operator.objects.get(code=code).website.startswith("https:")


def test_another_operators_promise_is_not_taken_over(tmp_path: Path) -> None:
    promise = DeadlineRule.objects.get(code="PROMISE.IPM.3_2")
    text = FILES["ipm"].read_text(encoding="utf-8").replace('code = "ipm"', 'code = "ipm2"')
    path = tmp_path / "ipm2.toml"
    path.write_text(text, encoding="utf-8")
    assert "PROMISE.IPM.3_2" in refused(path)
    promise.refresh_from_db()
    assert promise.operator is not None and promise.operator.code == "ipm"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the table operator is missing"),
        (b"\x00\xff\xfe" * 100, "cannot be read as text"),
        (b'[operator]\ncode = "a\\u0000b"\n', "NUL"),
        (b"operator = 5\n", "a table is expected here"),
        (b"[[operator]]\ncode = 'x'\n", "a table is expected here"),
        (b"#" * 3_000_000, "larger than"),
        (b"a = " + b"[" * 50_000, "this is not TOML"),
        ('[operator]\n"два\\nслова" = 1\n'.encode(), "unknown key"),
    ],
)
def test_what_is_no_operator_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes(content)
    sentence = refused(path)
    assert sentence.startswith("card.toml: ") or sentence.startswith("card.toml:")
    assert said in sentence


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.toml") == "none.toml: there is no such file"
    assert refused(tmp_path) == f"{tmp_path.name}: the file cannot be read as text"


def test_a_long_key_is_remembered_too(edited: Callable[..., Path]) -> None:
    line = "Ш" * 200
    path = edited(
        "ipm",
        ("[[subject_line]]\n", f'[[subject_line]]\ntext = "{line}"\nlanguage = "ru"\n'
         'intake = "question"\nmailbox = "a@b.example"\nclause = "1"\n[[subject_line]]\n'),
    )  # fmt: skip
    _, report = operator_load(path=path, now=NOW)
    assert report.counts["created"] == 1
    _, report = operator_load(path=path, now=NOW)
    assert (report.counts["created"], report.counts["updated"]) == (0, 0)
