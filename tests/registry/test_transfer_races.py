"""What happens between opening a page of a transfer and posting it, and under an open transfer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from registry.choices import RecipientKind
from registry.models import Country, Membership, Recipient, Transfer
from registry.services import audit
from registry.services.transfer_papers import notice_paper
from registry.services.transfer_rows import locked
from registry.services.transfers import transfer_end
from registry.third_parties import is_third_party
from registry.transfer_refusals import NoticeIncomplete
from tests.conftest import Office, Team
from tests.crawl.forms import shown
from tests.registry.test_transfer_pages import link, words_of
from tests.registry.transferring import (
    FILED_ON,
    OPENS_ON,
    at_step,
    ban,
    file,
    fresh,
    noon,
    plan,
    prepared,
    refused,
)

DAY = timedelta(days=1)


@pytest.fixture
def ipm(office: Office) -> Team:
    return prepared(office.ipm)


@pytest.mark.parametrize(
    ("law", "kind", "third"),
    [
        ("RU", "third_party", True), ("RU", "processor", False), ("RU", "state_body", False),
        ("KZ", "third_party", True), ("KZ", "processor", True), ("KZ", "state_body", False),
    ],
)  # fmt: skip
def test_who_is_a_third_party(law: str, kind: str, third: bool) -> None:
    assert kind in RecipientKind.values
    assert is_third_party(law, kind) is third


def meanwhile(monkeypatch: Any, act: Any) -> None:
    """Somebody else is done just before the lock is had."""
    place = "registry.services.transfers.locked"

    def late(row: Transfer) -> Any:
        monkeypatch.setattr(place, locked)
        act()
        return locked(row)

    monkeypatch.setattr(place, late)


def kept(row: Transfer) -> dict[str, Any]:
    names = [one.attname for one in Transfer._meta.concrete_fields if not one.editable]
    return {name: getattr(fresh(row), name) for name in names}


@pytest.mark.parametrize("step", ["ban", "file"])
def test_a_form_of_before_writes_no_step_back(
    ipm: Team, as_user: Any, monkeypatch: Any, step: str
) -> None:
    row = at_step("assessed", ipm)
    client = as_user(ipm.dpo)
    data = shown(client.get(link(row)).context["adminform"].form) | {"change_reason": "late"}
    happened: dict[str, Any] = {}

    def act() -> None:
        if step == "ban":
            ban(row, ipm, FILED_ON)
        else:
            file(row, ipm)
        happened.update(kept(row))

    meanwhile(monkeypatch, act)
    response = client.post(link(row), data | {"name_en": "Better"})
    assert response.status_code == 302
    assert fresh(row).name_en == "Better"
    assert kept(row) == happened
    assert happened["banned_on" if step == "ban" else "filed_on"] == FILED_ON


def test_what_was_filed_meanwhile_is_not_deleted(ipm: Team, as_user: Any, monkeypatch: Any) -> None:
    row = at_step("assessed", ipm)
    meanwhile(monkeypatch, lambda: file(row, ipm))
    client: Client = as_user(ipm.dpo)
    assert client.post(link(row, "delete"), {"post": "yes"}).status_code == 409
    assert Transfer.objects.filter(pk=row.pk).exists()
    never = plan(ipm)
    assert client.post(link(never, "delete"), {"post": "yes"}).status_code == 302
    assert not Transfer.objects.filter(pk=never.pk).exists()


# --- the recipient of an open transfer ---------------------------------------------------------
def test_country_and_kind_stay_while_data_go(ipm: Team, as_user: Any) -> None:
    row = at_step("open", ipm)
    page = f"/admin/registry/recipient/{row.recipient_id}/change/"
    client = as_user(ipm.dpo)
    data = shown(client.get(page).context["adminform"].form) | {"change_reason": "moved"}
    there = Country.objects.get(code="DE").pk
    for change in ({"country": there}, {"country": ""}, {"kind": "processor"}):
        answer = client.post(page, data | change)
        (field,) = change
        assert answer.status_code == 200
        (words,) = answer.context["adminform"].form.errors[field]
        assert row.code in words and "End" in words
    assert client.post(page, data | {"name_en": "Renamed"}).status_code == 302
    now = noon(ipm, OPENS_ON)
    transfer_end(transfer=row, ended_on=OPENS_ON, by=ipm.dpo, now=now)
    # A planned transfer holds nobody: its gate is looked at anew.
    waiting = plan(ipm)
    waiting.recipient = row.recipient
    audit.save(waiting, by=None, reason="test")
    assert client.post(page, data | {"country": there, "kind": "processor"}).status_code == 302
    moved = Recipient.objects.get(pk=row.recipient_id)
    assert (moved.country_id, moved.kind) == (there, "processor")


# --- ending, and the paper afterwards ----------------------------------------------------------
def test_an_open_transfer_whose_country_is_in_doubt_can_be_ended(ipm: Team, as_user: Any) -> None:
    row = at_step("open", ipm)
    row.recipient.country = None
    audit.save(row.recipient, by=None, reason="nobody knows any more")
    gate = row.gate
    with time_machine.travel(noon(ipm, OPENS_ON + DAY), tick=False):
        client = as_user(ipm.dpo)
        names = {one["name"] for one in client.get(link(row)).context["verbs"]}
        assert "end" in names
        answer = client.post(link(row, "end"), {"ended_on": OPENS_ON + DAY})
        assert answer.status_code == 302
    assert (fresh(row).ended_on, fresh(row).gate) == (OPENS_ON + DAY, gate)


def test_who_has_left_is_not_named_in_a_notice(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    Membership.objects.filter(user=ipm.dpo).update(ended_on=FILED_ON - DAY)
    found = refused(NoticeIncomplete, lambda: file(row, ipm), row)
    assert [one.code for one in found.missing] == ["responsible_left"]
    Membership.objects.filter(user=ipm.dpo).update(ended_on=FILED_ON)  # the last day is one
    assert file(row, ipm).filed_on == FILED_ON


def test_a_notice_printed_after_filing_says_of_which_day_its_particulars_are(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    asked: dict[str, Any] = {"transfer": row, "language": "en"}
    before = words_of(notice_paper(**asked, now=noon(ipm, date(2025, 12, 20))))
    assert "From the register of" not in before
    file(row, ipm)
    after = words_of(notice_paper(**asked, now=noon(ipm, OPENS_ON)))
    assert "From the register of Wednesday, 21 January 2026" in after
    assert "25 December 2025" in after
