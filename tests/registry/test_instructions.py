"""The instruction of a processor: what the law wants said, and whether it bears a transfer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from registry.models import ProcessorInstruction, Recipient
from registry.services import audit
from registry.services.instructions import CONTENTS, instruction_gaps, missing
from registry.services.transfer_gates import steps_of_transfer
from registry.transfer_refusals import InstructionLacking
from registry.transfer_steps import Look
from tests.conftest import Office, Team
from tests.crawl.forms import shown
from tests.crawl.rows import make
from tests.registry.transferring import FILED_ON, instruct, open_, plan, prepared, recipient

DAY = timedelta(days=1)
LIST = "/admin/registry/processorinstruction/"


@pytest.fixture(params=["ipm", "pandev"])
def team(request: Any, office: Office) -> Team:
    return prepared(getattr(office, request.param))


def codes(found: Any) -> list[str]:
    return [one.code for one in found]


def at_home(team: Team) -> str:
    return str(team.operator.jurisdiction.country)


def test_a_whole_instruction_lacks_nothing(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    told = instruct(row, team)
    assert missing(told) == []
    assert instruction_gaps(row, FILED_ON) == []
    assert open_(row, team, FILED_ON).opened_on == FILED_ON


@pytest.mark.parametrize("name", CONTENTS)
def test_whatever_is_not_said_is_named_and_keeps_the_transfer_closed(
    office: Office, name: str
) -> None:
    team = prepared(office.ipm)
    row = plan(team, "RU", kind="processor")
    told = instruct(row, team)
    if name in ("activities", "data_categories"):
        getattr(told, name).clear()
    else:
        setattr(told, name, [] if name == "operations" else False)
        audit.save(told, by=team.dpo, reason="test")
    assert codes(missing(told)) == [name]
    assert missing(told)[0].article.startswith("152-FZ 6(3)")
    assert "%(" not in str(missing(told)[0])
    with pytest.raises(InstructionLacking) as caught:
        open_(row, team, FILED_ON)
    assert codes(caught.value.missing)[0] == name
    step = next(one for one in steps_of_transfer(row, FILED_ON) if one.code == "instruction")
    assert step.look == Look.NEXT and codes(step.missing)[0] == name


def test_kazakhstan_names_its_own_articles(office: Office) -> None:
    empty = ProcessorInstruction(
        operator=office.pandev.operator, recipient=recipient(office.pandev, "KZ", "processor"),
        number="1", signed_on=FILED_ON,
    )  # fmt: skip
    audit.save(empty, by=None, reason="test")
    found = missing(empty)
    assert codes(found) == list(CONTENTS)
    assert {one.article[:4] for one in found} == {"94-V"}


def test_it_binds_from_the_first_to_the_last_day(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    told = instruct(row, team, signed_on=FILED_ON, ended_on=FILED_ON + DAY)
    found = {n: codes(instruction_gaps(row, FILED_ON + DAY * n) or []) for n in (-1, 0, 1, 2)}
    assert found == {-1: ["none"], 0: [], 1: [], 2: ["none"]}
    told.delete()
    with pytest.raises(InstructionLacking, match=row.recipient.code):
        open_(row, team, FILED_ON)


def test_it_covers_the_activity_and_every_category(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    told = instruct(row, team)
    left_out = row.data_categories.first()
    assert left_out is not None
    told.data_categories.remove(left_out)
    told.activities.set([plan(team, at_home(team)).activity])
    gaps = instruction_gaps(row, FILED_ON) or []
    assert codes(gaps) == ["activity", "category"]
    assert left_out.code in str(gaps[1])


def test_two_halves_are_no_whole_and_the_better_one_is_named(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    instruct(row, team, confidentiality=False, security=False)
    instruct(row, team, number="8", localisation=False)
    assert codes(instruction_gaps(row, FILED_ON) or []) == ["localisation"]
    instruct(row, team, number="9")
    assert instruction_gaps(row, FILED_ON) == []


def test_another_processors_instruction_is_none_of_its_own(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    instruct(row, team, recipient=recipient(team, at_home(team), "processor"))
    assert codes(instruction_gaps(row, FILED_ON) or []) == ["none"]


def test_who_is_no_processor_needs_no_instruction(team: Team) -> None:
    row = plan(team, at_home(team), kind="state_body")
    assert instruction_gaps(row, FILED_ON) is None
    assert open_(row, team, FILED_ON).opened_on == FILED_ON


def test_the_database_refuses_an_end_before_the_beginning_and_a_second_number(team: Team) -> None:
    row = plan(team, at_home(team), kind="processor")
    told = instruct(row, team)
    with pytest.raises(IntegrityError), transaction.atomic():
        ProcessorInstruction.objects.filter(pk=told.pk).update(ended_on=told.signed_on - DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        instruct(row, team)


# --- the pages ---------------------------------------------------------------------------------
def test_the_page_shows_what_is_missing_until_nothing_is(office: Office, as_user: Any) -> None:
    team = prepared(office.ipm)
    row = plan(team, "RU", kind="processor")
    told = instruct(row, team, security=False)
    client = as_user(team.dpo)
    path = f"{LIST}{told.pk}/change/"
    assert "lacks 1 of 7" in client.get(LIST).content.decode()
    page = client.get(path)
    assert "18.1, 19" in page.content.decode().split("<fieldset")[0]
    data = shown(page.context["adminform"].form) | {"security": "on", "change_reason": "added"}
    assert client.post(path, data).status_code == 302
    assert "it is complete" in client.get(path).content.decode()
    assert "lacks" not in client.get(LIST).content.decode()


def test_it_is_given_to_a_processor_of_the_same_operator(office: Office, as_user: Any) -> None:
    team = office.ipm
    client = as_user(team.dpo)
    data = {"operator": team.operator.pk, "number": "1", "signed_on": "2025-01-01"}
    for wrong in (recipient(team, "RU"), recipient(office.pandev, "RU", "processor")):
        response = client.post(f"{LIST}add/", data | {"recipient": wrong.pk})
        assert response.status_code == 200
        assert "recipient" in response.context["adminform"].form.errors
    good = recipient(team, "RU", "processor")
    assert client.post(f"{LIST}add/", data | {"recipient": good.pk}).status_code == 302
    assert ProcessorInstruction.objects.get().recipient == good


def test_who_may_write_instructions(office: Office, as_user: Any) -> None:
    told = make(ProcessorInstruction, office.ipm)
    for user, statuses in (
        (office.ipm.dpo, (200, 200, 200)),
        (office.admin, (200, 200, 200)),
        (office.ipm.clerk, (200, 403, 403)),
        (office.ipm.auditor, (200, 403, 403)),
        (office.pandev.dpo, (404, 200, 404)),
        (office.nobody, (403, 403, 403)),
    ):
        client = as_user(user)
        got = tuple(
            client.get(f"{LIST}{page}").status_code
            for page in (f"{told.pk}/change/", "add/", f"{told.pk}/delete/")
        )
        assert got == statuses, user
    for user in (office.ipm.clerk, office.ipm.auditor, office.pandev.dpo, office.nobody):
        response = as_user(user).post(f"{LIST}{told.pk}/change/", {"number": "forged"})
        assert response.status_code in {403, 404}
    told.refresh_from_db()
    assert told.number != "forged" and Recipient.objects.filter(pk=told.recipient_id).exists()
