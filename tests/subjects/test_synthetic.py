"""Synthetic people: nobody's data, the same everywhere, and fit for the import they are made for.

No database and no settings are needed here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import ipaddress
import os
import re
import subprocess
import sys
import tomllib
import tracemalloc
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from faker.providers.person.ru_RU import Provider as Russian

from registry.errors import OperatorError
from registry.identifiers import check_iin
from subjects import synthetic
from subjects.synthetic import NoSyntheticPeople, columns, people, write_csv

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 3, 1)
OPERATORS = ("pandev", "ipm")
DOCUMENTATION = [
    ipaddress.ip_network(network)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
each_operator = pytest.mark.parametrize("operator", OPERATORS)


def rows(operator: str, count: int = 500, **options: Any) -> list[dict[str, str]]:
    return list(people(operator=operator, count=count, **{"today": TODAY, **options}))


def persons(operator: str, count: int = 500) -> list[dict[str, str]]:
    """The first row of every person."""
    return list({row["account"]: row for row in reversed(rows(operator, count))}.values())[::-1]


def operator_file(operator: str) -> dict[str, Any]:
    path = ROOT / "registry" / "data" / "operators" / f"{operator}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def codes(operator: str, table: str) -> set[str]:
    return {entry["code"] for entry in operator_file(operator)[table]}


@each_operator
def test_the_same_seed_gives_the_same_people(operator: str) -> None:
    assert rows(operator) == rows(operator)
    assert rows(operator, seed=2) != rows(operator)


@each_operator
def test_a_greater_count_only_adds_people(operator: str) -> None:
    few = rows(operator, 20)
    assert rows(operator, 60)[: len(few)] == few


def test_another_day_gives_the_same_people_at_other_moments() -> None:
    before, after = rows("pandev", 50), rows("pandev", 50, today=date(2026, 9, 1))
    for column in ("account", "full_name", "phone", "email", "ip_address", "activity", "scopes"):
        assert [row[column] for row in before] == [row[column] for row in after]
    assert [row["accepted_at"] for row in before] != [row["accepted_at"] for row in after]


# What Faker's lists of names do not decide. A change here changes the demo and the benchmark of
# everybody: a new Python must not do that.
@pytest.mark.parametrize(
    ("operator", "digest"),
    [("pandev", "db4efbca8b3f5833"), ("ipm", "07a0d78c3d8cfd12")],
)
def test_the_people_are_those_of_every_other_machine(operator: str, digest: str) -> None:
    kept = [column for column in columns(operator) if column not in ("full_name", "email")]
    text = "\n".join("\t".join(row[column] for column in kept) for row in rows(operator, 200))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_neither_hash_order_nor_django_has_a_part() -> None:
    program = (
        "import sys, hashlib, datetime; from subjects.synthetic import people\n"
        "rows = people(operator='pandev', count=100, today=datetime.date(2026, 3, 1))\n"
        "print(hashlib.sha256(repr(list(rows)).encode()).hexdigest(), 'django' in sys.modules)"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": time_zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed, time_zone in (("1", "UTC"), ("2", "Asia/Almaty"))
    }
    expected = hashlib.sha256(repr(rows("pandev", 100)).encode()).hexdigest()
    assert answers == {f"{expected} False\n"}


def test_another_operator_is_refused_at_once() -> None:
    with pytest.raises(NoSyntheticPeople) as refusal:
        people(operator="acme", count=1, today=TODAY)
    assert isinstance(refusal.value, OperatorError)
    assert refusal.value.params == {"code": "acme"}
    stream = io.StringIO()
    with pytest.raises(NoSyntheticPeople):
        write_csv(stream, operator="acme", count=1, today=TODAY)
    assert stream.getvalue() == ""


@each_operator
def test_columns_are_categories_of_the_operator_or_facts(operator: str) -> None:
    assert {tuple(row) for row in rows(operator, 50)} == {columns(operator)}
    extra = {synthetic.IDENTITY, *synthetic.FACTS}
    assert set(columns(operator)) - extra <= codes(operator, "data_category")
    assert ("account" in codes(operator, "data_category")) == (operator == "pandev")
    assert len(set(columns(operator))) == len(columns(operator))


@each_operator
def test_activities_and_bases_are_those_of_the_policy(operator: str) -> None:
    activities = {entry["code"]: entry for entry in operator_file(operator)["activity"]}
    for row in rows(operator):
        assert row["basis"] in activities[row["activity"]]["legal_bases"]


def test_every_activity_and_every_set_of_scopes_occurs() -> None:
    assert {row["activity"] for row in rows("pandev")} == {
        "accounts", "licence_agreement", "services", "platform_security",
    }  # fmt: skip
    assert {row["scopes"] for row in rows("pandev")} == {
        "", "third_parties", "cross_border", "third_parties|cross_border",
    }  # fmt: skip
    assert {(row["activity"], row["scopes"]) for row in rows("ipm")} == {("email_information", "")}


@each_operator
def test_a_person_has_one_account_and_the_same_values_in_all_rows(operator: str) -> None:
    personal = [column for column in columns(operator) if column not in synthetic.FACTS]
    by_account = defaultdict(list)
    for row in rows(operator):
        by_account[row["account"]].append(row)
    assert len(by_account) == 500
    assert list(by_account)[122] == "u-000123"
    for same in by_account.values():
        assert len({tuple(row[column] for column in personal) for row in same}) == 1
        assert len({row["activity"] for row in same}) == len(same)
    numbers = {len(same) for same in by_account.values()}
    assert numbers == ({1, 2, 3} if operator == "pandev" else {1})


def test_rows_of_one_person_stand_together() -> None:
    accounts = [row["account"] for row in rows("pandev")]
    assert accounts == sorted(accounts)


def test_iins_are_valid_plausible_and_nobody_shares_one() -> None:
    iins = [person["iin"] for person in persons("pandev", 3000)]
    assert len(set(iins)) == len(iins)
    for iin in iins:
        assert check_iin(iin) == iin
        century = {"3": "19", "4": "19", "5": "20", "6": "20"}[iin[6]]
        born = datetime.strptime(century + iin[:6], "%Y%m%d").date()
        assert 18 * 365.25 + 548 < (TODAY - born).days < 71 * 365.25
    assert {iin[6] for iin in iins} == set("3456")


def test_the_iin_knows_the_sex_of_the_name() -> None:
    for person in persons("pandev"):
        words = person["full_name"].split()
        if len(words) == 3:
            female = words[2].endswith(("қызы", "кызы", "овна", "евна", "ична"))
            assert female == (person["iin"][6] in "46")


@each_operator
def test_addresses_are_in_the_ranges_of_documentation(operator: str) -> None:
    mailboxes = [person["email"] for person in persons(operator)]
    assert len(set(mailboxes)) == 500
    for mailbox in mailboxes:
        assert re.fullmatch(r"[a-z]+\.[a-z-]+\.\d+@example\.(org|com|net)", mailbox)
    versions: Counter[int] = Counter()
    for row in rows(operator):
        key, _, text = row["evidence"].partition("=")
        assert key == "ip"
        assert row.get("ip_address", text) == text
        address = ipaddress.ip_address(text)
        assert str(address) == text
        assert any(address in network for network in DOCUMENTATION)
        versions[address.version] += 1
    assert versions[4] > versions[6] > 0


@each_operator
def test_no_phone_has_a_code_of_a_mobile_operator(operator: str) -> None:
    codes_of = {"pandev": r"\+770[349]\d{7}", "ipm": r"\+797[2-6]\d{7}"}
    for person in persons(operator):
        assert re.fullmatch(codes_of[operator], person["phone"])


@each_operator
def test_moments_are_before_today_and_within_18_months(operator: str) -> None:
    offset, text = {
        "pandev": (timedelta(hours=5), "registration-1"),
        "ipm": (timedelta(hours=3), "newsletter-1"),
    }[operator]
    for row in rows(operator, 2000):
        accepted_at = datetime.fromisoformat(row["accepted_at"])
        assert accepted_at.utcoffset() == offset
        assert date(2024, 9, 1) <= accepted_at.date() < TODAY
        assert row["started_on"] == accepted_at.date().isoformat()
        assert (row["consent_text"], row["channel"]) == (text, "web_form")
        if "moments" in row:
            assert datetime.fromisoformat(row["moments"]) <= accepted_at


def test_statuses_are_words_of_the_policy() -> None:
    statuses = Counter(person["subject_status"] for person in persons("pandev"))
    assert set(statuses) == {"физическое лицо", "индивидуальный предприниматель"}
    (category,) = (
        entry
        for entry in operator_file("pandev")["data_category"]
        if entry["code"] == "subject_status"
    )
    for status in statuses:
        assert status in category["name"]["ru"]


@each_operator
def test_a_search_has_something_to_tell_apart(operator: str) -> None:
    names = [person["full_name"] for person in persons(operator)]
    assert 5 < sum(count - 1 for count in Counter(names).values()) < 50  # homonyms
    assert any("-" in name for name in names)
    assert any(name.isascii() for name in names)
    assert any(len(name.split()) == 2 and not name.isascii() for name in names)
    assert sum(len(name.split()) == 3 for name in names) > 400


def test_kazakh_names_have_their_letters_and_both_endings() -> None:
    text = " ".join(person["full_name"] for person in persons("pandev")).lower()
    assert set("әғқңөұүһі") <= set(text)
    for ending in ("ов ", "ова ", "ев ", "ева ", "ұлы ", "қызы ", "ович ", "овна "):
        assert ending in text


def test_most_names_of_ipm_are_russian_and_of_pandev_mixed() -> None:
    surnames = {*Russian.last_names_male, *Russian.last_names_female}

    def russian(operator: str) -> float:
        return sum(p["full_name"].split()[0] in surnames for p in persons(operator)) / 500

    assert russian("ipm") > 0.8
    assert 0.2 < russian("pandev") < 0.5


@each_operator
def test_a_csv_gives_back_what_was_written(operator: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        written = write_csv(stream, operator=operator, count=200, seed=7, today=TODAY)
    with path.open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))
    assert read == rows(operator, 200, seed=7)
    assert written == len(read)


def test_nobody_is_a_header_alone() -> None:
    stream = io.StringIO()
    assert write_csv(stream, operator="ipm", count=0, today=TODAY) == 0
    assert stream.getvalue().strip() == ",".join(columns("ipm"))


def test_many_people_take_no_more_memory_than_few() -> None:
    endless = people(operator="pandev", count=10**9, today=TODAY)
    list(islice(endless, 1000))  # the remembered names are as many as they get
    tracemalloc.start()
    try:
        for _ in islice(endless, 5000):
            pass
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
