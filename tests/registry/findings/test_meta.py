"""All checks together: each is tried both ways, has words that format, and a row that is found."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from django.utils.translation import override

from registry.explain import finding_clears, finding_message
from registry.findings import CHECKS, Finding, checks, find
from registry.findings.law import TITLES
from registry.services.register_facts import TABLES
from tests.registry.findings.cases import CASES
from tests.registry.findings.registers import Case, clean, keys

# Whatever a check may be about: a row of the office, or a law as a whole.
PREFIXES = {*TABLES, "law"}
SOURCES = Path(checks.__file__).parent


def told(case: Case) -> list[Finding]:
    return [one for one in find(case.fired) if one.check.id == case.id]


def test_there_are_forty_checks_and_every_module_is_among_them() -> None:
    assert len(CHECKS) >= 40
    written = {
        path.stem
        for path in SOURCES.glob("*.py")
        if re.search(r"^@check\(", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {module.__name__.rpartition(".")[2] for module in checks.MODULES} == written


def test_ids_are_unique_and_of_one_shape() -> None:
    written = Counter(
        name
        for path in SOURCES.glob("*.py")
        for name in re.findall(r'^@check\(\s*"([^"]+)"', path.read_text("utf-8"), re.MULTILINE)
    )
    assert set(written) == set(CHECKS) and set(written.values()) == {1}
    assert all(re.fullmatch(r"[A-Z]{3}-\d{3}", name) for name in written)


def test_every_check_is_fired_and_cleared_by_a_case() -> None:
    fired, cleared = set(), set()
    for case in CASES:
        key = (case.id, case.object)
        assert key not in keys(clean(case.law)), f"{case}: fires on a clean register"
        if key in keys(case.fired):
            fired.add(case.id)
        if key not in keys(case.cleared):
            cleared.add(case.id)
    assert fired == set(CHECKS), set(CHECKS) - fired
    assert cleared == set(CHECKS), set(CHECKS) - cleared


@pytest.mark.parametrize("law", sorted(TITLES))
def test_a_clean_register_is_clean_for_every_check(law: str) -> None:
    assert keys(clean(law)) == set()


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_messages_are_whole_sentences_in_each_language(language: str) -> None:
    with override(language):
        for case in CASES:
            for one in told(case):
                for text in (finding_message(one), finding_clears(one)):
                    assert text.rstrip().endswith((".", "!", "?")), (one.key, text)
                    assert "%(" not in text and "None" not in text, (one.key, text)
                    assert not re.search(r"frozenset|\{|\}|\[\]", text), (one.key, text)


def test_messages_name_their_row_or_what_it_says() -> None:
    """A message without a parameter is the same for every row: only the operator's may be."""
    for case in CASES:
        for one in told(case):
            if not re.search(r"%\(\w+\)", one.check.message):
                assert one.hit.object.startswith("operator:"), one.key


def test_articles_have_their_law_before_them() -> None:
    for case in CASES:
        for one in told(case):
            assert one.hit.article.split(" ")[0] in TITLES.values(), one.key


def test_what_a_finding_is_about_is_a_kind_of_row_that_the_office_has() -> None:
    for case in CASES:
        for one in told(case):
            assert one.hit.object.partition(":")[0] in PREFIXES, one.key


def test_checks_know_no_django() -> None:
    for path in SOURCES.glob("*.py"):
        assert "django" not in re.sub(r'""".*?"""', "", path.read_text("utf-8"), flags=re.DOTALL)
