"""What every test stands on: both laws, both operators, and named people in every role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, TransactionTestCase

from registry import seam
from registry.models import DeadlineRule, Operator, User
from registry.services.law import law_load
from registry.services.operators import operator_load
from registry.services.staff import membership_start
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.keys import keys_make
from subjects.vault import keyring

ROOT = Path(__file__).resolve().parent.parent
OPERATOR_FILES = sorted((ROOT / "registry" / "data" / "operators").glob("*.toml"))
LOADED_AT = datetime(2025, 1, 1, 9, tzinfo=UTC)
PASSWORD = "correct-horse-battery"


# What stands on a database, whatever else a test asks for.
OF_DATABASES = {"db", "transactional_db", "live_server", "django_db_setup"}
OF_PROCESSES = {"browser", "processes", "django_db"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out what touches no database: beside another run of the same tests",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--database-only"):
        return
    kept, left = [], []
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        marks = {mark.name for mark in item.iter_markers()}
        (kept if asked & OF_DATABASES or marks & OF_PROCESSES else left).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def load_both() -> None:
    keys_make(by=None, now=LOADED_AT)
    # Of the year in which most tests play, and of the day on which they run: inside a test's own
    # transactions none is made.
    for moment in (datetime(2026, 3, 2, 9, tzinfo=UTC), datetime.now(UTC)):
        evidence_key_ready(now=moment)
    law_load(now=LOADED_AT)
    for path in OPERATOR_FILES:
        operator_load(path=path, now=LOADED_AT)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The law and both operators once; tests that roll back share them."""
    with django_db_blocker.unblock():
        load_both()
        _FRESH.take()
    yield


@dataclass
class Fresh:
    """The database and the key files as they were loaded: put back, not loaded again.

    Loading the law and two operators takes twenty times as long.
    """

    tables: dict[str, tuple[list[str], list[Any]]] = field(default_factory=dict)
    files: dict[Path, bytes] = field(default_factory=dict)

    def take(self) -> None:
        names = connection.introspection.django_table_names(only_existing=True)
        with connection.cursor() as cursor:
            for name in sorted(names):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
                rows = cursor.fetchall()
                if rows:
                    self.tables[name] = [column[0] for column in cursor.description or ()], rows
        self.files = {path: path.read_bytes() for path in keyring.folder().glob("*-????")}

    def put_back(self) -> None:
        quote = connection.ops.quote_name
        for path in keyring.folder().glob("*-????"):
            if path not in self.files:
                path.unlink()
        for path, content in self.files.items():
            path.write_bytes(content)
        keyring.forget()
        with transaction.atomic(), connection.cursor() as cursor:
            for name, (columns, rows) in self.tables.items():
                listed = ", ".join(map(quote, columns))
                places = ", ".join(["%s"] * len(columns))
                statement = f"INSERT INTO {quote(name)} ({listed}) VALUES ({places})"
                cursor.executemany(statement, rows)


_FRESH = Fresh()


def _teardown(self: TransactionTestCase) -> None:
    """Emptying the database between transactional tests is the one thing triggers must allow."""
    tables = seam.history_tables()
    frozen = seam.frozen_tables()
    seam.lift_append_only(tables)
    seam.lift_freeze(frozen)
    try:
        call_command(
            "flush", verbosity=0, interactive=False, reset_sequences=False,
            inhibit_post_migrate=True,
        )  # fmt: skip
        # Whatever runs next, in whichever order, finds the law and both operators.
        _FRESH.put_back()
    finally:
        seam.append_only(tables)
        seam.freeze(frozen)


TransactionTestCase._fixture_teardown = _teardown  # type: ignore[method-assign]


@dataclass
class Team:
    """The staff of one operator."""

    operator: Operator
    dpo: User
    clerk: User
    deputy: User
    auditor: User


@dataclass
class Office:
    """Both operators with their people, the administrator, and somebody without a role."""

    pandev: Team
    ipm: Team
    admin: User
    nobody: User

    def everyone(self) -> list[User]:
        return [
            self.admin, self.nobody,
            *(getattr(team, role) for team in (self.pandev, self.ipm)
              for role in ("dpo", "clerk", "deputy", "auditor")),
        ]  # fmt: skip


def make_user(username: str, **fields: Any) -> User:
    user = User(
        username=username,
        email=f"{username.replace('@', '.')}@example.org",
        is_staff=True,
        language="en",
        **fields,
    )
    user.set_password(PASSWORD)
    user.save()
    return user


def make_team(code: str, started_on: date = date(2025, 1, 1)) -> Team:
    operator = Operator.objects.select_related("jurisdiction").get(code=code)
    people = {}
    for name, role in (
        ("dpo", "dpo"), ("clerk", "clerk"), ("deputy", "clerk"), ("auditor", "auditor"),
    ):  # fmt: skip
        people[name] = make_user(f"{name}@{code}")
        membership_start(
            user=people[name],
            operator=operator,
            role=role,
            started_on=started_on,
            by=None,
            reason="test",
            undertaking=f"U-{name}",
            undertaking_on=started_on,
        )
    operator.refresh_from_db()
    return Team(operator=operator, **people)


def make_office() -> Office:
    if not DeadlineRule.objects.exists():
        load_both()
    return Office(
        pandev=make_team("pandev"),
        ipm=make_team("ipm"),
        admin=make_user("admin", is_superuser=True),
        nobody=make_user("nobody"),
    )


@pytest.fixture
def office(db: None) -> Office:
    """In a transaction that is rolled back."""
    return make_office()


@pytest.fixture
def live_office(transactional_db: None) -> Office:
    """Committed rows, for threads, processes and browsers."""
    return make_office()


@pytest.fixture
def as_user() -> Any:
    """A client that is logged in as the user, without the password hash being asked."""

    def logged_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="registry.access.RoleBackend")
        return client

    return logged_in
