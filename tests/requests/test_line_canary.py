"""No word of a person lies readable anywhere, from the public form to the end of the letters.

Mail that was sent holds what it was sent with, and nothing else; every other place nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import override_settings

from config.celery import app
from requests.models import Letter
from tests.conftest import Office
from tests.requests.line_room import FILES, Line
from tests.requests.line_stations import ALIVE, OVER, Station
from tests.subjects.canary_room import leaks, listening

# What our mails are for: whom they go to, whom they greet, what they say.
MAILED = {"email", "full_name", "our reply", "nobody's address"}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: Any) -> Iterator[Path]:
    with listening(tmp_path, monkeypatch) as folder:
        yield folder


@pytest.fixture
def line(live_office: Office, room: Path) -> Iterator[Line]:
    app.control.purge()
    for old in Path(settings.OFFICE_MAIL).glob("*"):
        old.unlink()
    with override_settings(EMAIL_BACKEND=FILES):
        yield Line(live_office, room)
    for mail in Path(settings.OFFICE_MAIL).glob("*"):
        mail.unlink()


def walk(line: Line, stations: list[Station]) -> None:
    for moment, station in stations:
        with time_machine.travel(moment, tick=False) if moment else nullcontext():
            station(line)


def found_by(line: Line) -> tuple[dict[str, set[str]], set[tuple[str, str]]]:
    """What each mail gives away, by its file's name; and every find elsewhere."""
    found, unread, counts = leaks(line)
    assert [one for one in unread if one.path.startswith(str(line.folder))] == []
    assert counts.files > 10 and counts.cells > 1_000
    print(f"canary of the line: {len(line.given)} values, {counts}")
    mailed: dict[str, set[str]] = {}
    elsewhere = set()
    for name, place in found:
        if Path(settings.OFFICE_MAIL) in Path(place).parents:
            mailed.setdefault(Path(place).name, set()).add(name)
        else:
            elsewhere.add((name, place))
    return mailed, elsewhere


def test_no_word_of_the_person_lies_anywhere_in_any_encoding(line: Line, capfd: Any) -> None:
    walk(line, ALIVE)
    out, err = capfd.readouterr()
    (line.folder / "console.log").write_text(out + err)
    mailed, elsewhere = found_by(line)
    assert elsewhere == set()
    # One mail with a code to each address and one more to the person, the receipt, the reply.
    assert sorted(map(sorted, mailed.values())) == sorted([
        ["email"], ["email"], ["nobody's address"], ["email", "full_name"], ["email", "our reply"],
    ])  # fmt: skip
    log = (line.folder / "office.log").read_text()
    for word in ("RuntimeError", "Traceback", "SMTPRecipientsRefused"):
        assert word in log, word

    walk(line, OVER)
    mailed, elsewhere = found_by(line)
    assert elsewhere == set()
    assert set.union(*mailed.values()) == MAILED and len(mailed) == 6
    assert (line.folder / "programs.log").exists(), "the worker was listened to"

    # It can fail, in the places that this line alone writes.
    _plant(line)
    _mailed, elsewhere = found_by(line)
    names = {
        "message": "django_session", "our reply": "requests_letter", "reply": "office.log",
        "taken form: printed": "spool",
    }  # fmt: skip
    for value, place in names.items():
        assert any(place in path for what, path in elsewhere if what == value), (value, elsewhere)
    assert {what for what, _ in elsewhere} == set(names)


def _plant(line: Line) -> None:
    Session.objects.create(
        session_key="planted", session_data=line.given["message"], expire_date="2030-01-01T00:00Z"
    )
    Letter.objects.filter(kind="closing").update(error=line.given["our reply"][:100])
    with (line.folder / "office.log").open("a") as stream:
        stream.write(line.given["reply"])
    (line.folder / "spool" / "tmp1.upload").write_text(line.given["taken form: printed"])
