"""The catalogue of claims: what checks judge is what the form offers, no more and no less."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from django.test import Client

from registry.choices import ClaimTopic
from registry.findings import find
from registry.findings.facts import Claim, Register
from registry.findings.known import KNOWN, meanings
from registry.findings.rights import RIGHTS
from registry.models import PolicyClaim
from tests.conftest import Office
from tests.registry.findings import test_claims, test_rights, test_statements

ADD = "/admin/registry/policyclaim/add/"
asked: set[tuple[str, str]] = set()


class Listening(Register):
    """A register that writes down which claims it is asked for."""

    def claim(self, topic: str, *codes: str) -> tuple[Claim, ...]:
        asked.update((topic, code) for code in codes)
        return super().claim(topic, *codes)


def test_every_code_that_is_judged_is_in_the_catalogue_and_none_besides() -> None:
    for case in (*test_claims.CASES, *test_statements.CASES, *test_rights.CASES):
        for register in (case.fired, case.cleared):
            find(Listening(**{one.name: getattr(register, one.name) for one in fields(register)}))
    rights = {
        ("right", code) for rows in RIGHTS.values() for _words, _where, codes in rows
        for code in codes
    }  # fmt: skip
    # What stands beside a wrong body for whoever enters the right one.
    right_bodies = {("complaint_body", "data_authority"), ("complaint_body", "court")}
    # Whatever stands under the topic of gaps is one.
    offered = {(topic, code) for topic, code, _meaning in meanings() if topic != "gap"}
    assert asked | rights | right_bodies == offered


def test_each_known_claim_has_a_topic_a_code_that_fits_and_a_meaning_of_its_own() -> None:
    assert set(KNOWN) <= set(ClaimTopic.values)
    code_of = PolicyClaim._meta.get_field("code")
    for topic, code, meaning in meanings():
        code_of.run_validators(code)
        assert meaning.endswith(".") and meaning[0].isupper(), (topic, code)
    for topic, codes in KNOWN.items():
        assert len(set(codes.values())) == len(codes), topic


def claim(office: Office, **changes: Any) -> dict[str, Any]:
    return {
        "operator": office.pandev.operator.pk,
        "topic": "liability",
        "code": "not_for_third_parties",
        "clause": "12.9",
        "words_en": "Nobody answers for others",
        "words_ru": "",
        "words_kk": "",
    } | changes


@pytest.mark.django_db
def test_the_form_offers_each_known_code_with_its_topic_and_meaning(
    office: Office, as_user: Any
) -> None:
    page = as_user(office.pandev.dpo).get(ADD).content.decode()
    (field,) = re.findall(r'<input[^>]*name="code"[^>]*>', page)
    assert 'list="id_code_known"' in field and "vTextField" in field
    (options,) = re.findall(r'<datalist id="id_code_known">(.*?)</datalist>', page, re.DOTALL)
    assert options.count("<option") == len(meanings())
    assert (
        '<option value="not_for_third_parties">liability: The operator does not answer for third '
        "parties.</option>" in options
    )
    assert "Findings judge the codes of the list" in page
    # A strict policy of content holds on the page: nothing of its own runs or is painted.
    assert "<script" not in options and "style=" not in options


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["not_for_third_parties", "something_else"])
def test_a_known_code_and_a_free_one_are_both_kept(office: Office, as_user: Any, code: str) -> None:
    response = as_user(office.pandev.dpo).post(ADD, claim(office, code=code))
    assert response.status_code == 302
    row = PolicyClaim.objects.get(operator=office.pandev.operator, clause="12.9")
    assert (row.topic, row.code) == ("liability", code)


@pytest.mark.django_db
def test_a_code_that_is_refused_comes_back_beside_the_list(office: Office, as_user: Any) -> None:
    bad = '"><b>x'
    page = as_user(office.pandev.dpo).post(ADD, claim(office, code=bad)).content.decode()
    assert "<b>x" not in page and 'value="&quot;&gt;&lt;b&gt;x"' in page
    assert 'id="id_code_known"' in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "looks", "writes"),
    [("dpo", 200, 302), ("clerk", 403, 403), ("auditor", 403, 403)],
)
def test_who_enters_a_claim(
    office: Office, as_user: Any, who: str, looks: int, writes: int
) -> None:
    client: Client = as_user(getattr(office.pandev, who))
    assert client.get(ADD).status_code == looks
    assert client.post(ADD, claim(office)).status_code == writes
    found = PolicyClaim.objects.filter(operator=office.pandev.operator, clause="12.9")
    assert found.exists() is (writes == 302)


@pytest.mark.django_db
def test_nobody_else_enters_a_claim_of_this_operator(office: Office, as_user: Any) -> None:
    as_user(office.nobody).post(ADD, claim(office))
    as_user(office.ipm.dpo).post(ADD, claim(office))
    assert not PolicyClaim.objects.filter(clause="12.9").exists()


@pytest.mark.django_db
def test_a_clerk_reads_a_claim_without_the_list(office: Office, as_user: Any) -> None:
    row = PolicyClaim.objects.filter(operator=office.pandev.operator).first()
    assert row is not None
    page = as_user(office.pandev.clerk).get(f"/admin/registry/policyclaim/{row.pk}/change/")
    assert page.status_code == 200 and "<datalist" not in page.content.decode()
    stranger = as_user(office.ipm.dpo).get(f"/admin/registry/policyclaim/{row.pk}/change/")
    assert stranger.status_code == 404
