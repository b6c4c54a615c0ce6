"""Both policies as they were loaded: each contradiction that was read in them is found.

By the numbers of the short list that a lawyer's reading of the two policies gave.
"""

from __future__ import annotations

from datetime import date

import pytest

from registry.findings import find
from registry.findings.checks import MODULES
from registry.models import Operator
from registry.services.register_facts import register_of

pytestmark = pytest.mark.django_db

assert MODULES  # importing them fills CHECKS

TODAY = date(2026, 11, 22)
MINE = ("CLM-", "CLG-", "PRM-", "CNS-", "POL-")

IPM = {
    "1 answer to the authority": {
        ("PRM-002", "term:PROMISE.IPM.3_2/RU.REG.INQUIRY"),
    },
    "2 repealed ground": {
        ("CLG-004", "claimed:public_data"),
    },
    "3 foreign ground, phone for e-mail, transfer only": {
        ("CLG-001", "claimed:table_149fz"),
        ("DAT-002", "activity:email_information/phone"),
        ("CLM-023", "claim:principle/operations_performed/9.1"),
    },
    "4 never transferred": {
        ("CLM-011", "claim:third_party_transfer/never/8.2"),
        ("CLM-012", "claim:third_party_transfer/never/8.2"),
        ("CLM-013", "claim:third_party_transfer/never/8.2"),
    },
    "5 another state's zone, unnamed, broken address, mailbox abroad": {
        ("OPR-008", "operator:ipm/kz"),
        ("OPR-001", "operator:ipm"),
        ("OPR-003", "operator:ipm"),
        ("SYS-006", "operator:ipm"),
        ("OPR-006", "operator:ipm/requests_email"),
    },
    "14 no terms": {
        ("CLM-021", "operator:ipm"),
    },
    "beside the list": {
        ("CLM-020", "claim:liability/not_for_third_parties/8.5"),
        ("CLM-022", "operator:ipm"),
        ("CLM-026", "claim:policy_publication/editor_note/12.3"),
        ("POL-001", "operator:ipm"),
        *(
            ("CLG-006", f"claimed:{code}")
            for code in (
                "contract", "enforcement", "justice", "legitimate_interests",
                "publication_by_law", "treaty_or_law",
            )
        ),
    },
}  # fmt: skip
PANDEV = {
    "6 consent without an end": {
        ("CLM-001", "claim:consent_term/indefinite/4.1"),
    },
    "7 withdrawal on paper": {
        ("CLM-008", "claim:withdrawal/written_request/4.2"),
        ("CLM-010", "claim:withdrawal/written_request/4.2"),
    },
    "8 grounds that the law does not know": {
        ("CLG-002", "claimed:user_agreement"),
        ("CLG-003", "claimed:legitimate_interests"),
    },
    "9 publication": {
        ("CLM-014", "claim:publication/if_purposes_require/6.2"),
    },
    "10 public sources": {
        ("CLM-015", "claim:data_source/public_sources/7.1"),
        ("CLM-016", "claim:data_source/from_users/8.2"),
        ("DAT-003", "category:public_sources"),
    },
    "11 who is a subject": {
        ("CLM-018", "claim:subject_definition/registered_or_paid/3.1"),
    },
    "12 wrong body": {
        ("CLM-017", "claim:complaint_body/consumer_protection/10.1.5"),
    },
    "13 disagreement by leaving, consent that nobody can prove": {
        ("CLM-007", "claim:subject_duty/stop_and_delete_account/11.2"),
        ("CLM-006", "claim:consent_by_action/registration/11.2"),
        ("CLM-006", "claim:consent_by_action/payment/11.2"),
    },
    "14 no terms": {
        ("CLM-021", "operator:pandev"),
    },
    "15 definitions of the other law": {
        ("CLM-019", "claim:publication/definition_dissemination/1.9"),
        ("CLM-019", "claim:dissemination_limits/definition_permitted/1.6"),
        ("CLM-019", "claim:third_party_transfer/definition_provision/1.8"),
        ("CLM-019", "claim:cross_border/definition/1.10"),
    },
    "beside the list": {
        ("CLM-002", "claim:consent_term/unconditional/4.1"),
        ("CLM-003", "claim:consent_by_action/policy_is_the_consent/4.1"),
        ("CLM-004", "claim:scope/part_of_licence_agreement/0"),
        ("CLM-005", "claim:third_party_transfer/third_party_consent_in_the_policy/5.6"),
        ("CLM-005", "claim:cross_border/cross_border_consent_in_the_policy/5.6"),
        ("CLM-022", "operator:pandev"),
        ("CLM-025", "claim:gap/heading_4/4"),
        ("CLM-025", "claim:gap/clause_10_2/10.2"),
        ("CLM-027", "claim:policy_change/unilateral/11.5"),
        ("CLM-028", "claim:liability/no_absolute_protection/9.3"),
        ("CLG-006", "claimed:legislation"),
        ("POL-001", "operator:pandev"),
    },
}
LISTED = [(code, name) for code, lists in (("ipm", IPM), ("pandev", PANDEV)) for name in lists]


def keys(code: str) -> set[tuple[str, str]]:
    operator = Operator.objects.get(code=code)
    return {found.key for found in find(register_of(operator=operator, today=TODAY))}


@pytest.mark.parametrize(("code", "name"), LISTED)
def test_it_is_found(code: str, name: str) -> None:
    wanted = {"ipm": IPM, "pandev": PANDEV}[code][name]
    assert wanted - keys(code) == set()


def test_each_number_of_the_list_is_asked_for() -> None:
    numbers = {name.split()[0] for _code, name in LISTED} - {"beside"}
    assert numbers == {str(number) for number in range(1, 16)}


@pytest.mark.parametrize(("code", "lists"), [("ipm", IPM), ("pandev", PANDEV)])
def test_nothing_else_is_said_of_what_the_policy_says(
    code: str, lists: dict[str, set[tuple[str, str]]]
) -> None:
    wanted = {key for listed in lists.values() for key in listed if key[0].startswith(MINE)}
    assert {key for key in keys(code) if key[0].startswith(MINE)} == wanted


def test_a_finding_leads_to_the_words_of_the_clause() -> None:
    operator = Operator.objects.get(code="pandev")
    said = {
        found.key: found.check.message % found.hit.params
        for found in find(register_of(operator=operator, today=TODAY))
    }
    assert said["CLM-010", "claim:withdrawal/written_request/4.2"] == (
        "Clause 4.2 takes a withdrawal of consent in writing only, clause 11.3 in any way that can "
        "be proved."
    )
