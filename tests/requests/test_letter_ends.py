"""The end of a correspondence: the contact first, the rest after its years, never under a hold."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from registry.models import JobRun
from requests import states, tasks
from requests.models import Letter, SubjectRequest
from requests.services import ends
from requests.services.ends import CONTACT, ends_sweep, kept_until
from requests.services.letters import (
    letter_addresses,
    letter_file_open,
    letter_receive,
    letter_text,
    letters_of,
)
from requests.services.posting import letters_deliver
from requests.services.told import told
from subjects.models import DestructionItem, SealedFile, VaultKey
from subjects.services.holds import hold_place
from subjects.services.keys import lost_keys
from subjects.services.reading import State
from subjects.services.stops import stop_end
from subjects.vault import store
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests import asking
from tests.requests import corresponding as c
from tests.requests.asking import BOTH, LATER, team_of
from tests.requests.test_letters import PDF

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS = [Sealed.REQUEST, Sealed.LETTER]


def did(**changed: int) -> dict[str, int]:
    return {"dated": 0, "destroyed": 0, "held": 0, "failed": 0} | changed


def live() -> int:
    return VaultKey.objects.filter(kind__in=KINDS).count()


def over(office: Office, code: str = "pandev") -> tuple[Any, SubjectRequest, Letter]:
    """A request with letters both ways and a file, closed on 10 March 2026."""
    team = team_of(office, code)
    known, request = c.decided(team)
    letter = letter_receive(
        subject_request=request, body="canary-reply", files=[(PDF, "")], now=LATER
    )
    c.send(c.draft(request, team), team)
    asking.close(request, team)
    return known, asking.again(request), letter


def day_after(request: SubjectRequest) -> date:
    """The first day on which nothing of it is kept any longer."""
    until = request.letters.first().keep_until
    assert until is not None
    return until + DAY


# --- the contact ---------------------------------------------------------------------------------
@BOTH
def test_the_contact_goes_when_the_last_letter_has_gone_and_not_before(
    office: Office, code: str
) -> None:
    _known, request, incoming = over(office, code)
    before = live()
    # The letters are still on their way: nothing of the address is touched.
    assert ends_sweep(now=LATER + HOUR) == did()
    assert live() == before
    assert letters_deliver(now=LATER + HOUR)["sent"] == 2
    contact = {getattr(request, name) for name in CONTACT}
    contact |= set(Letter.objects.filter(way="out").values_list("address_key", flat=True))
    swept = ends_sweep(now=LATER + 2 * HOUR)
    assert swept == did(dated=len(contact), destroyed=len(contact))
    assert live() == before - len(contact)
    items = DestructionItem.objects.filter(key__in=contact)
    assert set(items.values_list("reason", "destroyed_by")) == {(request.number, None)}
    assert len(items) == len(contact) == 5
    shown = told(request, opened=True)
    assert {name for name, one in shown.items() if one.state == State.DESTROYED} == {
        "email", "phone", "postal",
    }  # fmt: skip
    assert shown["name"].state == shown["message"].state == State.OPEN
    for letter in letters_of(request):
        assert letter_text(letter).state == State.OPEN
        assert letter_addresses([letter])[letter].state in (State.DESTROYED, State.EMPTY)
    assert letter_text(incoming).text == "canary-reply"
    # Late, twice: nothing more.
    assert ends_sweep(now=LATER + 3 * HOUR) == did()
    assert lost_keys() == []


def test_a_letter_that_waits_for_a_person_keeps_the_address(office: Office) -> None:
    team = office.pandev
    _known, request = c.closed(team, answer_by="post")
    closing = c.only(request, "closing")
    for _ in range(2):
        ends_sweep(now=LATER + 3 * HOUR)
        assert VaultKey.objects.filter(pk=request.postal_key).exists()
        if closing.state == states.QUEUED:
            c.printed(closing, team)
            closing = c.fresh(closing)
    assert closing.state == states.PRINTED
    c.prove(closing, team)
    ends_sweep(now=LATER + 3 * HOUR)
    assert not VaultKey.objects.filter(pk__in=[request.postal_key, closing.address_key]).exists()


def test_a_request_taken_back_ends_by_the_sweep_alone(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    letter = c.draft(request, team)
    asking.withdraw(request, team)
    assert c.fresh(letter).keep_until is None
    swept = ends_sweep(now=LATER + HOUR)
    assert swept["destroyed"] == 4 and swept["failed"] == 0
    assert c.fresh(letter).keep_until == kept_until(team.operator, LATER.date()).until
    assert c.fresh(letter).keep_until >= date(2029, 3, 10)
    assert letter_text(c.fresh(letter)).state == State.OPEN


def test_an_open_request_is_never_dated(office: Office) -> None:
    asking.receive(office.pandev)
    assert ends_sweep(now=LATER + timedelta(days=4000)) == did()


# --- the rest ------------------------------------------------------------------------------------
def test_the_rest_goes_on_its_day_and_not_an_hour_before(office: Office) -> None:
    _known, request, incoming = over(office)
    letters_deliver(now=LATER + HOUR)
    ends_sweep(now=LATER + 2 * HOUR)
    (file,) = incoming.files.all()
    assert file.file.path.exists()
    zone = request.operator.zone
    first = LATER.astimezone(zone).replace(hour=0, minute=1)
    day = day_after(request)
    midnight = first.replace(year=day.year, month=day.month, day=day.day)
    assert midnight.year == 2029
    assert ends_sweep(now=midnight - timedelta(minutes=2)) == did()
    # Name, message, the code of the page; three texts and a file.
    assert ends_sweep(now=midnight) == did(destroyed=7)
    assert live() == 0
    assert {one.state for one in told(request, opened=True).values()} == {State.DESTROYED}
    for letter in letters_of(request):
        assert letter_text(letter).state == State.DESTROYED
    with pytest.raises(store.ValueDestroyed):
        letter_file_open(file)
    article = DestructionItem.objects.get(key=request.message_key).reason
    assert article.startswith(f"{request.number} (") and "178" in article
    assert SealedFile.objects.filter(pk=file.file.pk).exists()
    assert lost_keys() == []
    assert ends_sweep(now=midnight + HOUR) == did()


def test_a_legal_hold_on_a_linked_card_postpones_until_it_is_lifted(office: Office) -> None:
    team = office.pandev
    known, request, _incoming = over(office)
    letters_deliver(now=LATER + HOUR)
    hold = hold_place(
        subject=known.card, document="ruling", label="court 7", reason="order", by=team.dpo,
        now=LATER,
    )  # fmt: skip
    before = live()
    assert ends_sweep(now=LATER + 2 * HOUR) == did(dated=5, held=1)
    late = LATER + timedelta(days=1200)
    assert ends_sweep(now=late) == did(held=1)
    assert live() == before
    stop_end(stop=hold, by=team.dpo, now=late, reason="lifted")
    assert ends_sweep(now=late + HOUR) == did(destroyed=before)
    assert live() == 0 and request.number


def test_killed_between_two_requests_the_next_sweep_goes_on(office: Office) -> None:
    for code in ("pandev", "ipm"):
        over(office, code)
    letters_deliver(now=LATER + HOUR)
    late = LATER + timedelta(days=1200)
    before = live()

    def die(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ends_sweep(now=late, after_request=die)
    assert 0 < live() < before
    assert ends_sweep(now=late)["failed"] == 0
    assert live() == 0 and DestructionItem.objects.count() == before


def test_one_that_fails_keeps_nobody_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = over(office, "pandev")[1]
    over(office, "ipm")
    letters_deliver(now=LATER + HOUR)
    destroy = ends._destroy

    def broken(number: int, *more: Any) -> int:
        if number == first.pk:
            raise RuntimeError("canary-reply")
        return destroy(number, *more)

    monkeypatch.setattr(ends, "_destroy", broken)
    assert ends_sweep(now=LATER + 2 * HOUR) == did(dated=10, destroyed=5, failed=1)
    assert "canary" not in caplog.text and "RuntimeError" in caplog.text
    with time_machine.travel(LATER + 3 * HOUR, tick=False):
        tasks.end_correspondence()
    assert JobRun.objects.get(job="end_correspondence").state == "failed"
