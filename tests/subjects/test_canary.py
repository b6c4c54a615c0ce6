"""No value lies readable anywhere: not in tables, logs, queues, sessions, mails or files.

A person with unmistakable values goes through every station of the office; then the office's own
search for leftovers reads everything that the office has written, byte by byte.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.utils import timezone

from config.celery import app
from subjects.models import DataSubject
from tests.conftest import Office
from tests.subjects.attacker import data_folder
from tests.subjects.canary_room import leaks, listening
from tests.subjects.stations import STATIONS, Journey


@pytest.fixture
def room(tmp_path: Path, monkeypatch: Any) -> Iterator[Path]:
    with listening(tmp_path, monkeypatch) as folder:
        yield folder


@pytest.fixture
def journey(live_office: Office, room: Path, capfd: Any) -> Journey:
    """The person has passed all stations, and everything is on the disk."""
    app.control.purge()
    # Long enough ago that what a search has found is over by now.
    at = Journey(live_office, room, now=timezone.now() - timedelta(hours=2))
    for station in STATIONS:
        station(at)
    out, err = capfd.readouterr()
    (room / "console.log").write_text(out + err)
    assert len(at.given) >= 16
    return at


def test_no_value_lies_anywhere_in_any_encoding(journey: Journey) -> None:
    found, unread, counts = leaks(journey)
    assert found == set()
    assert [one for one in unread if one.path.startswith(str(journey.folder))] == []
    assert counts.files > 10 and counts.bytes > 3 << 20 and counts.cells > 1_000
    log = (journey.folder / "office.log").read_text()
    # The log was listening: refusals with tracebacks, the page that broke, SQL errors.
    for word in ("refused", "the database refuses", "RuntimeError", "Traceback", "<sealed>"):
        assert word in log, word
    log_of_worker = journey.folder / "programs.log"
    said = log_of_worker.read_text()
    for word in ("subjects.import_tasks.import_run", "Traceback", "refused"):
        assert word in said, word
    print(f"canary: {len(journey.given)} values, {counts}, {len(unread)} not read")

    # It can fail: one value in each of the places where values are known to leak to.
    email, phone, iin = (journey.given[name] for name in ("email", "phone", "iin"))
    logging.getLogger("office").warning("saved %s", email)
    with log_of_worker.open("a") as stream:
        stream.write(journey.given["worker's email 2"])
    LogEntry.objects.create(
        user=journey.clerk, content_type=ContentType.objects.get_for_model(DataSubject),
        object_id="1", object_repr=phone, action_flag=CHANGE, change_message="",
    )  # fmt: skip
    app.send_task("registry.tasks.remind", args=[iin])
    sealed = Path(settings.OFFICE_SEALED) / "aa"
    sealed.mkdir(parents=True, exist_ok=True)
    (sealed / "planted").write_bytes(journey.given["photo"].encode())
    names = {
        "email": "office.log", "worker's email 2": log_of_worker.name,
        "phone": "django_admin_log", "photo": "planted",
    }  # fmt: skip
    if connection.vendor == "postgresql":
        name = journey.given["full_name"]
        with suppress(Exception), connection.cursor() as cursor:
            cursor.execute("SELECT %s::text::integer", [name])
        folder = data_folder()
        assert folder is not None
        log_of_server = folder.parent / "server.log"
        # The server answers before its log is written.
        for _ in range(100):
            if name.encode() in log_of_server.read_bytes():
                break
            time.sleep(0.1)
        names["full_name"] = "server.log"
    try:
        found, _, _ = leaks(journey)
    finally:
        (sealed / "planted").unlink()
        LogEntry.objects.all().delete()
        connections.close_all()
    for value, place in names.items():
        assert any(place in path for what, path in found if what == value), (value, found)
    assert any(what == "iin" for what, _ in found), "in the queue"
    assert {what for what, _ in found} == {*names, "iin"}
