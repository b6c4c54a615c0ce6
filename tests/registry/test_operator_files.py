"""The two policies as data: whole, consistent, in three languages, in our own words."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from registry import choices
from registry.identifiers import check_bin

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "registry" / "data" / "operators"
POLICIES = ROOT.parent / "shared" / "policies"
OPERATORS = ("pandev", "ipm")
LONGEST_QUOTE = 11  # words

# table: (required keys, optional keys)
SCHEMA: dict[str, tuple[set[str], set[str]]] = {
    "operator": (
        {"code", "name", "jurisdiction", "languages"},
        {
            "bin", "inn", "address", "website", "email", "requests_email", "phone", "telegram",
            "bank_account", "bank_name", "bank_code", "time_zone", "policy_version",
            "policy_dated", "policy_address", "mailbox_country",
        },
    ),
    "subject_category": ({"code", "name", "condition", "clause"}, {"relation"}),
    "data_category": ({"code", "name", "kind", "format", "search", "open_ended", "clause"}, set()),
    "purpose": ({"code", "name", "clause"}, {"contact_by", "incompatible"}),
    "information_system": ({"code", "name", "clause"}, {"address", "country"}),
    "recipient": ({"code", "name", "kind", "clause"}, {"country"}),
    "activity": (
        {
            "code", "name", "purpose", "subject_categories", "data_categories", "legal_bases",
            "systems", "recipients", "operations", "collection_ways", "clause",
        },
        {"mode", "over_network", "balance_note", "review_on"},
    ),
    "claimed_ground": ({"code", "words", "clause"}, {"purpose", "legal_basis"}),
    "claim": ({"topic", "code", "clause", "words"}, set()),
    "intake_channel": ({"channel", "intake", "clause"}, {"address"}),
    "subject_line": ({"text", "language", "intake", "mailbox", "clause"}, set()),
    "retention_rule": (
        {"code", "event", "counted_from", "after", "automatic"},
        {"activity", "length", "unit", "article", "clause"},
    ),
    "security_measure": ({"code", "kind", "name", "clause"}, {"topic"}),
    "promise": (
        {
            "code", "event", "effect", "direction", "length", "unit", "article", "verification",
            "trigger", "duty", "note",
        },
        set(),
    ),
}  # fmt: skip

CHOICES = {
    ("operator", "languages"): choices.Language,
    ("subject_category", "relation"): choices.SubjectRelation,
    ("purpose", "contact_by"): choices.ContactWay,
    ("security_measure", "topic"): choices.MeasureTopic,
    ("data_category", "kind"): choices.DataKind,
    ("data_category", "format"): choices.DataFormat,
    ("data_category", "search"): choices.SearchKind,
    ("recipient", "kind"): choices.RecipientKind,
    ("activity", "operations"): choices.Operation,
    ("activity", "collection_ways"): choices.CollectionWay,
    ("activity", "mode"): choices.Mode,
    ("claim", "topic"): choices.ClaimTopic,
    ("intake_channel", "channel"): choices.Channel,
    ("intake_channel", "intake"): choices.Intake,
    ("subject_line", "language"): choices.Language,
    ("subject_line", "intake"): choices.Intake,
    ("retention_rule", "event"): choices.RetentionEvent,
    ("retention_rule", "counted_from"): choices.CountedFrom,
    ("retention_rule", "unit"): choices.Unit,
    ("retention_rule", "after"): choices.AfterRetention,
    ("security_measure", "kind"): choices.MeasureKind,
    ("promise", "event"): choices.Event,
    ("promise", "effect"): choices.Effect,
    ("promise", "direction"): choices.Direction,
    ("promise", "unit"): choices.Unit,
    ("promise", "verification"): choices.Verification,
}

# (table, key): the table of the same file whose codes it names
REFERENCES = {
    ("activity", "purpose"): "purpose",
    ("activity", "subject_categories"): "subject_category",
    ("activity", "data_categories"): "data_category",
    ("activity", "systems"): "information_system",
    ("activity", "recipients"): "recipient",
    ("claimed_ground", "purpose"): "purpose",
    ("retention_rule", "activity"): "activity",
}

# What makes a row one of a kind, where it is not its code.
KEYS = {
    "claim": ("topic", "code", "clause"),
    "intake_channel": ("channel", "intake", "clause"),
    "subject_line": ("text",),
}

LENGTHS = {"name": 300, "clause": 40, "article": 200, "address": 500}


def read(code: str) -> dict[str, Any]:
    return tomllib.loads((FILES / f"{code}.toml").read_text(encoding="utf-8"))


def rows(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table, content in data.items():
        for row in content if isinstance(content, list) else [content]:
            yield table, row


def values(row: dict[str, Any], key: str) -> list[str]:
    value = row.get(key, [])
    return value if isinstance(value, list) else [value]


def codes(data: dict[str, Any], table: str) -> list[str]:
    return [row["code"] for row in data[table]]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


@pytest.fixture(scope="module", params=OPERATORS)
def data(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


@pytest.fixture(scope="module")
def law() -> dict[str, Any]:
    return tomllib.loads((ROOT / "registry" / "data" / "law.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pandev() -> dict[str, Any]:
    return read("pandev")


@pytest.fixture(scope="module")
def ipm() -> dict[str, Any]:
    return read("ipm")


class TestBoth:
    def test_it_has_known_tables_and_keys_only(self, data):
        assert set(data) <= set(SCHEMA)
        for table, row in rows(data):
            required, optional = SCHEMA[table]
            assert required <= set(row) <= required | optional, (table, row)

    def test_every_choice_is_one_of_the_choices(self, data):
        for table, row in rows(data):
            for key in row:
                if (table, key) in CHOICES:
                    assert set(values(row, key)) <= set(CHOICES[table, key].values), (table, row)

    def test_every_code_named_in_the_file_is_in_the_file(self, data):
        for table, row in rows(data):
            for key in row:
                if (table, key) in REFERENCES:
                    known = codes(data, REFERENCES[table, key])
                    assert set(values(row, key)) <= set(known), (table, row)

    def test_every_category_and_purpose_is_in_use(self, data):
        for key, table in (
            ("purpose", "purpose"),
            ("subject_categories", "subject_category"),
            ("data_categories", "data_category"),
            ("systems", "information_system"),
        ):
            used = {code for row in data["activity"] for code in values(row, key)}
            assert used == set(codes(data, table))

    def test_legal_bases_and_countries_are_those_of_its_law(self, data, law):
        jurisdiction = data["operator"]["jurisdiction"]
        bases = {row["code"]: row for row in law["legal_basis"]}
        countries = {row["code"] for row in law["country"]}
        assert jurisdiction in {row["code"] for row in law["jurisdiction"]}
        for row in data["claimed_ground"]:
            if "legal_basis" in row:
                assert bases[row["legal_basis"]]["jurisdiction"] == jurisdiction
        for row in data["activity"]:
            assert row["legal_bases"]
            for code in row["legal_bases"]:
                assert bases[code]["jurisdiction"] == jurisdiction
                assert "closed_on" not in bases[code]
        for row in (*data["recipient"], *data["information_system"]):
            assert row.get("country", jurisdiction) in countries

    def test_rows_are_one_of_a_kind_and_codes_are_slugs(self, data):
        seen = Counter(
            (table, *(row[key] for key in KEYS.get(table, ("code",)))) for table, row in rows(data)
        )
        assert [key for key, count in seen.items() if count > 1] == []
        for table, row in rows(data):
            if table != "promise" and "code" in row:
                assert re.fullmatch(r"[a-z0-9_]{1,60}", row["code"])

    def test_every_fact_has_its_clause(self, data):
        for table, row in rows(data):
            if table not in ("operator", "promise"):
                assert re.fullmatch(r"\d+(\.\d+)*", row["clause"]), (table, row)

    def test_every_text_is_in_three_languages(self, data):
        texts = [
            value
            for _, row in rows(data)
            for key, value in row.items()
            if key in ("name", "condition", "words", "trigger", "duty", "note")
            and row is not data["operator"]
        ]
        assert texts
        for text in texts:
            assert set(text) == {"en", "ru", "kk"}
            assert all(part.strip() == part != "" for part in text.values()), text
            assert text["kk"] != text["ru"], text
            assert not re.search("[а-яәғқңөұүһі]", text["en"], re.IGNORECASE), text
            assert re.search("[а-я]", text["ru"], re.IGNORECASE), text
            assert not re.search("[әғқңөұүһі]", text["ru"], re.IGNORECASE), text
            assert re.search("[а-я]", text["kk"], re.IGNORECASE), text
            # Letters that Kazakh has in borrowed names only.
            assert not re.search("[щё]", text["kk"], re.IGNORECASE), text

    def test_texts_fit_their_fields(self, data):
        for table, row in rows(data):
            for key, value in row.items():
                for part in value.values() if isinstance(value, dict) else [value]:
                    if key in LENGTHS:
                        assert len(part) <= LENGTHS[key], (table, part)

    def test_a_period_of_storage_has_both_length_and_unit_or_neither(self, data):
        for row in data.get("retention_rule", []):
            assert ("length" in row) == ("unit" in row)
            assert row["automatic"] is False


@pytest.mark.parametrize("code", OPERATORS)
def test_no_sentence_is_copied_from_the_policy(code):
    if not POLICIES.is_dir():
        pytest.skip("the texts of the policies are not beside this repository")
    size = LONGEST_QUOTE + 1
    policy = words((POLICIES / f"{code}.txt").read_text(encoding="utf-8"))
    ours = words((FILES / f"{code}.toml").read_text(encoding="utf-8"))
    theirs = {tuple(policy[i : i + size]) for i in range(len(policy) - size + 1)}
    copied = [ours[i : i + size] for i in range(len(ours) - size + 1)]
    assert [" ".join(run) for run in copied if tuple(run) in theirs] == []


@pytest.mark.parametrize("code", OPERATORS)
def test_no_numbered_clause_of_the_policy_is_left_out(code):
    if not POLICIES.is_dir():
        pytest.skip("the texts of the policies are not beside this repository")
    text = (POLICIES / f"{code}.txt").read_text(encoding="utf-8")
    # IPM's copy carries running numbers ("12. 2.7. ...") before those of the policy.
    printed = re.findall(r"^\s*(?:\d+\.\s+)?(\d+(?:\.\d+)+)\.\s", text, re.MULTILINE)
    printed = [number for number in printed if number != "10.1" or code != "pandev"]  # a heading
    assert len(printed) > 40
    here = {
        row["clause"] for table, row in rows(read(code)) if table != "operator" if "clause" in row
    }
    assert [number for number in printed if number not in here] == []


class TestPanDev:
    def test_its_card(self, pandev):
        card = pandev["operator"]
        assert check_bin(card["bin"]) == "230140037871"
        assert (card["code"], card["jurisdiction"]) == ("pandev", "KZ")
        assert (card["policy_version"], card["policy_dated"]) == ("v2", date(2026, 2, 9))
        assert card["bank_account"] == "KZ878562203148733359"
        assert card["bank_code"] == "KCJBKZKX"
        assert "050040" in card["address"]
        # The policy is silent on these.
        assert {"inn", "requests_email", "time_zone", "policy_address"}.isdisjoint(card)

    def test_ten_purposes_and_one_activity_for_each(self, pandev):
        assert len(pandev["purpose"]) == 10
        assert [row["purpose"] for row in pandev["activity"]] == codes(pandev, "purpose")

    def test_fifteen_data_categories_all_in_every_activity(self, pandev):
        categories = codes(pandev, "data_category")
        assert len(categories) == 15
        assert (categories[0], categories[-1]) == ("full_name", "photo")
        for row in pandev["activity"]:
            assert row["data_categories"] == categories
            assert row["legal_bases"] == ["KZ.7.1"]
            assert row["operations"] == ["collection", "storage", "transfer"]
            assert row["mode"] == "mixed"
        assert [row["code"] for row in pandev["data_category"] if row["open_ended"]] == [
            "voluntary",
            "public_sources",
        ]

    def test_grounds_are_claimed_as_they_stand(self, pandev):
        assert {row["code"]: row.get("legal_basis") for row in pandev["claimed_ground"]} == {
            "consent": "KZ.7.1",
            "user_agreement": None,
            "legislation": "KZ.9.10",
            "legitimate_interests": None,
        }

    def test_facts_that_the_law_contradicts_are_kept(self, pandev):
        facts = {(row["topic"], row["code"], row["clause"]) for row in pandev["claim"]}
        assert {
            ("consent_term", "indefinite", "4.1"),
            ("complaint_body", "consumer_protection", "10.1.5"),
            ("publication", "if_purposes_require", "6.2"),
            ("data_source", "public_sources", "7.1"),
            ("data_source", "from_users", "8.2"),
            ("gap", "heading_4", "4"),
            ("gap", "clause_10_2", "10.2"),
        } <= facts

    def test_ways_to_withdraw(self, pandev):
        ways = {(row["channel"], row["clause"]) for row in pandev["intake_channel"]}
        assert ways == {
            ("in_person", "4.2"),
            ("post", "4.2"),
            ("account_deletion", "11.2"),
            ("state_service", "11.3"),
            ("non_state_service", "11.3"),
            ("any_provable", "11.3"),
        }

    def test_it_promises_no_term_and_names_no_period_of_storage(self, pandev):
        assert {"promise", "retention_rule", "subject_line"}.isdisjoint(pandev)


class TestIPM:
    def test_its_card_has_only_what_the_policy_says(self, ipm):
        assert ipm["operator"] == {
            "code": "ipm",
            "name": "IPM",
            "jurisdiction": "RU",
            "website": "https://ipmanagement.kz/en",
            "email": "ipm@gmail.com",
            "requests_email": "ipm@gmail.com",
            "languages": ["en"],
            "policy_address": "https:///pken",
        }

    def test_the_table(self, ipm):
        (activity,) = ipm["activity"]
        assert activity["purpose"] == "email_information"
        assert activity["data_categories"] == ["full_name", "email", "phone"]
        assert activity["operations"] == ["transfer"]
        assert activity["legal_bases"] == ["RU.6.1.1"]
        assert (activity["mode"], activity["over_network"]) == ("automated", True)
        assert {row["clause"] for row in ipm["data_category"]} == {"6"}

    def test_grounds_are_claimed_as_they_stand(self, ipm):
        assert [(row["clause"], row.get("legal_basis")) for row in ipm["claimed_ground"]] == [
            ("6", None),  # 149-FZ is no ground of article 6
            ("7.1", "RU.6.1.1"),
            ("7.2", "RU.6.1.2"),
            ("7.3", "RU.6.1.3"),
            ("7.3", "RU.6.1.3.1"),
            ("7.4", "RU.6.1.5"),
            ("7.5", "RU.6.1.7"),
            ("7.6", "RU.6.1.10"),  # repealed
            ("7.7", "RU.6.1.11"),
        ]

    def test_both_subject_lines(self, ipm):
        lines = {row["text"]: (row["intake"], row["clause"]) for row in ipm["subject_line"]}
        assert lines == {
            "Personal Data Update": ("rectification", "8.3"),
            "Withdrawal of Consent to Personal Data Processing": ("withdrawal", "8.4"),
        }
        assert {row["mailbox"] for row in ipm["subject_line"]} == {"ipm@gmail.com"}

    def test_its_promise_to_the_authority(self, ipm):
        (promise,) = ipm["promise"]
        assert promise["code"] == "PROMISE.IPM.3_2"
        assert (promise["event"], promise["effect"]) == ("inquiry_received", "answer_authority")
        assert (promise["direction"], promise["length"]) == ("due", 10)
        assert promise["unit"] == "calendar_day"

    def test_four_events_end_the_storage_and_no_period_is_named(self, ipm):
        events = [row["event"] for row in ipm["retention_rule"]]
        assert sorted(events) == [
            "consent_expired",
            "consent_withdrawn",
            "purpose_achieved",
            "unlawful_processing_found",
        ]
        assert all("length" not in row for row in ipm["retention_rule"])

    def test_facts_that_the_law_contradicts_are_kept(self, ipm):
        facts = {(row["topic"], row["code"], row["clause"]) for row in ipm["claim"]}
        assert {
            ("third_party_transfer", "never", "8.2"),
            ("principle", "operations_performed", "9.1"),
            ("policy_publication", "broken_url", "12.3"),
            ("operator_duty", "answer_authority_10_days", "3.2"),
            ("right", "marketing_prior_consent", "4.1"),
        } <= facts
