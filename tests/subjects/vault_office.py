"""Other hands in the same office: threads and processes on committed rows and the same keys."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection, connections

from subjects.models import PersonalDatum
from subjects.vault.field import Plain
from tests.conftest import ROOT, Team
from tests.subjects.people import TODAY, card, category_of, consent

SECONDS = 60
# What a hand does to one datum, see ``hands``.
VERBS = ("reveal", "edit", "merge", "rotate", "destroy")
# By what it is told to do it once more: a key was retired, or saved under, or the value moved to
# another card, while it worked.
ONCE_MORE = {"KeyRetiredMeanwhile", "KeyStillNeeded", "ValueMoved"}


def database_url() -> str:
    """The test database, for another process."""
    about = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{about['NAME']}"
    user, password = quote(about["USER"]), quote(about["PASSWORD"])
    return f"postgres://{user}:{password}@{about['HOST']}:{about['PORT']}/{about['NAME']}"


def environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEST_", "OFFICE_", "DJANGO_", "PYTEST_"))
    }
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OFFICE_MODE": "development",
        "OFFICE_VAR": str(settings.OFFICE_VAR),
        "OFFICE_SECRETS": str(settings.OFFICE_SECRETS),
        "OFFICE_KEYS": str(settings.OFFICE_KEYS),
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "REDIS_URL": "",
        "EMAIL_URL": "",
        "LC_ALL": "C.UTF-8",
    }


def process(*arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """``tests.subjects.vault_script`` with these arguments, started."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.subjects.vault_script", *arguments],
        cwd=ROOT, env=environment(), stdin=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def result(started: subprocess.Popen[str]) -> str:
    """What the process has printed; fails when it failed."""
    out, err = started.communicate(timeout=SECONDS)
    assert started.returncode == 0, err[-3000:]
    return out


def wait_for_line(started: subprocess.Popen[str], begins: str) -> str:
    """The first line of the process that begins so."""
    assert started.stdout is not None
    for line in started.stdout:
        if line.startswith(begins):
            return line.strip()
    assert started.stderr is not None
    raise AssertionError(started.stderr.read()[-3000:])


@contextmanager
def hands(number: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes that do what they are told; none outlives the block, nor ``SECONDS``."""
    started = [process("hand", stdin=subprocess.PIPE) for _ in range(number)]

    def end() -> None:
        for one in started:
            one.kill()

    # Two that wait for each other for ever end too, and whoever reads them is told.
    watch = threading.Timer(SECONDS, end)
    watch.start()
    try:
        for one in started:
            wait_for_line(one, "ready")
        yield started
    finally:
        watch.cancel()
        end()
        for one in started:
            one.communicate()


def tell(hand: subprocess.Popen[str], *words: object) -> None:
    print(*words, file=hand.stdin, flush=True)


def done_by(hand: subprocess.Popen[str]) -> dict[str, list[str]]:
    """What each verb came to, try by try: what it returned, or the class of its refusal."""
    line = wait_for_line(hand, "did")
    found = [word.split("=") for word in line.split()[1:]]
    return {name: came.split(">") for name, came in found}


def side_by_side(*verbs: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a connection of its own, all starting at once.

    What each returned or raised, in their order.
    """
    found: list[Any] = [None] * len(verbs)
    gate = threading.Barrier(len(verbs))

    def work(at: int, verb: Callable[[], Any]) -> None:
        try:
            gate.wait(SECONDS)
            found[at] = verb()
        except BaseException as error:
            found[at] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=work, args=(at, verb), daemon=True) for at, verb in enumerate(verbs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive(), "a thread hangs"
    return found


def many_people(team: Team, number: int) -> list[Any]:
    """So many e-mail addresses of one person with a consent, made at once."""
    subject = card(team)
    consent(team, subject)
    category = category_of(team, "email")
    return list(
        PersonalDatum.objects.bulk_create(
            [
                PersonalDatum(
                    subject=subject, category=category, collected_on=TODAY,
                    value=Plain(f"many{n}@example.org"),
                )
                for n in range(number)
            ]
        )
    )  # fmt: skip
