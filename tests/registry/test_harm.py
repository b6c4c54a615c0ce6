"""The criteria of Order 178: each with its degree, the highest counts, what the register shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.findings.harm_facts import processing_of
from registry.harm import (
    CRITERIA,
    RANK,
    Degree,
    Item,
    Processing,
    UnknownCriterion,
    degree_of,
    proved,
    undecided,
    worse,
)
from tests.registry.findings.registers import clean, with_basis, with_row

# As shared/law/law.md names them; the office knows no other.
ORDER = {
    "high": {
        "biometric", "special", "minors_contract", "research_anonymisation", "foreign_processor",
        "database_abroad",
    },
    "medium": {
        "internet", "additional_purposes", "marketing", "web_consent", "combined_operators",
    },
    "low": {"public_directory", "outside_responsible"},
}  # fmt: skip
ALONE = [(code, degree) for degree, codes in ORDER.items() for code in sorted(codes)]
HOME = Processing(home="RU")
# What the register shows, one thing at a time.
SHOWN = {
    "biometric": ({"data": (Item("Face", "biometric"),)}, ("Face",)),
    "special": ({"data": (Item("Health", "special"),)}, ("Health",)),
    "foreign_processor": ({"processors": (Item("Cloud", "KZ"),)}, ("Cloud (KZ)",)),
    "database_abroad": ({"systems": (Item("CRM", "DE"),)}, ("CRM (DE)",)),
    "internet": ({"operations": frozenset({"dissemination"})}, ()),
    "web_consent": ({"by_consent": True, "collection_ways": frozenset({"web_form"})}, ()),
    "outside_responsible": ({"outsider": True}, ()),
}
NOT_SHOWN = {
    "ordinary data": {"data": (Item("Name", "ordinary"), Item("IP", "technical"))},
    "a system at home": {"systems": (Item("CRM", "RU"),)},
    "a processor at home": {"processors": (Item("Cloud", "RU"),)},
    "a system somewhere": {"systems": (Item("CRM", ""),)},
    "given to somebody": {"operations": frozenset({"transfer", "provision", "depersonalisation"})},
    "a form without consent": {"collection_ways": frozenset({"web_form"})},
    "consent on paper": {"by_consent": True, "collection_ways": frozenset({"written"})},
}
codes = st.sets(st.sampled_from([code for code, _degree in ALONE]))


@pytest.mark.parametrize(("code", "degree"), ALONE)
def test_each_criterion_alone_gives_its_degree(code: str, degree: str) -> None:
    assert degree_of([code]) == degree


def test_the_office_knows_these_criteria_and_no_other() -> None:
    assert set(CRITERIA) == {code for code, _degree in ALONE}
    assert {code for code, row in CRITERIA.items() if row.proof} == set(SHOWN)


def test_where_none_holds_no_degree_is_made_up() -> None:
    assert degree_of([]) == Degree.NONE == "none"


@given(codes, codes)
def test_the_highest_counts_and_more_never_lowers_it(first: set[str], second: set[str]) -> None:
    together = degree_of(first | second)
    assert together == max(degree_of(first), degree_of(second), key=RANK.__getitem__)
    expected = next((name for name in ("high", "medium", "low") if first & ORDER[name]), "none")
    assert degree_of(first) == expected


def test_what_is_no_criterion_is_refused() -> None:
    with pytest.raises(UnknownCriterion, match="shoe_size"):
        degree_of(["biometric", "shoe_size"])


def test_degrees_are_compared() -> None:
    rising = ["none", "low", "medium", "high"]
    for place, degree in enumerate(rising):
        assert [other for other in rising if worse(degree, other)] == rising[:place]


# --- what the register proves ------------------------------------------------------------------
@pytest.mark.parametrize("code", SHOWN)
def test_what_the_register_shows_proves_one_criterion(code: str) -> None:
    changes, names = SHOWN[code]
    assert proved(replace(HOME, **changes)) == {code: names}


@pytest.mark.parametrize("name", NOT_SHOWN)
def test_what_proves_nothing(name: str) -> None:
    assert proved(replace(HOME, **NOT_SHOWN[name])) == {}


def test_everything_at_once_comes_in_the_order_of_the_order() -> None:
    everything: dict[str, object] = {}
    for changes, _names in SHOWN.values():
        for field, value in changes.items():
            both = everything.get(field, ())
            everything[field] = both + value if isinstance(value, tuple) and both else value
    assert list(proved(replace(HOME, **everything))) == [code for code in CRITERIA if code in SHOWN]


@pytest.mark.parametrize(
    ("field", "code"), [("systems", "database_abroad"), ("processors", "foreign_processor")]
)
def test_an_unknown_country_leaves_it_undecided_until_another_proves_it(
    field: str, code: str
) -> None:
    unknown = replace(HOME, **{field: (Item("A", ""), Item("B", "RU"), Item("C", ""))})
    assert undecided(unknown) == {code: ("A", "C")}
    abroad = replace(HOME, **{field: (Item("A", ""), Item("B", "KZ"))})
    assert undecided(abroad) == {} and set(proved(abroad)) == {code}
    assert undecided(HOME) == {}


# --- from a register ---------------------------------------------------------------------------
def test_an_activity_of_a_register_is_read() -> None:
    register = clean("RU")
    support = register.activities[0]
    assert processing_of(register, support) == Processing(
        home="RU",
        data=(Item("Full name", "ordinary"), Item("E-mail address", "ordinary")),
        systems=(Item("CRM", "RU"),),
        processors=(Item("Hosting", "RU"),),  # the partner abroad processes for nobody
        operations=support.operations,
        collection_ways=frozenset({"web_form"}),
        by_consent=True,
    )
    assert processing_of(register, support, outsider=True).outsider


def test_an_open_transfer_reaches_a_processor_that_the_activity_does_not_list() -> None:
    register = with_row(clean("RU"), "recipients", "hosting", country="KZ")
    register = with_row(register, "activities", "support", recipients=frozenset())
    support = register.activities[0]
    assert proved(processing_of(register, support))["foreign_processor"] == ("Hosting (KZ)",)
    closed = with_row(register, "transfers", "to_hosting", open=False)
    assert "foreign_processor" not in proved(processing_of(closed, support))


@pytest.mark.parametrize(
    ("kind", "by_consent"),
    [("consent", True), ("dissemination_consent", True), ("contract", False), ("law", False)],
)
def test_consent_is_a_matter_of_the_ground(kind: str, by_consent: bool) -> None:
    register = with_basis(clean("RU"), "RU.6.1.1", kind=kind)
    assert processing_of(register, register.activities[0]).by_consent is by_consent
