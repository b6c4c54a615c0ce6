"""Where the databases differ: holding rows, and a trail that only grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest
from django.db import DatabaseError, connection, transaction

from registry import seam
from registry.models import Jurisdiction, Notice, NoticeLine, Operator
from tests.conftest import Office

T = TypeVar("T")
WAIT = 20
BRIEFLY = 0.3

postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="rows are locked one by one on PostgreSQL only"
)
sqlite = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="a writer locks the whole database on SQLite only"
)


@contextmanager
def another_connection() -> Iterator[Callable[[Callable[[], T]], Future[T]]]:
    """Runs work in one thread of its own, which has a connection of its own."""
    with ThreadPoolExecutor(1) as pool:

        def start(work: Callable[[], T]) -> Future[T]:
            return pool.submit(work)

        try:
            yield start
        finally:
            pool.submit(lambda: connection.close()).result(WAIT)


@pytest.fixture
def pair(transactional_db: None) -> list[int]:
    """Two committed operators of one state."""
    state = Jurisdiction.objects.create(code="AA", name_en="A state")
    return [
        Operator.objects.create(code=code, name=code, jurisdiction=state).pk
        for code in ("first", "second")
    ]


def claimed(pks: list[int]) -> list[int]:
    with transaction.atomic():
        # Both refer to one state: claiming the one must not claim what it refers to.
        rows = seam.claim(Operator.objects.filter(pk__in=pks).order_by("pk"))
        return [row.pk for row in rows.select_related("jurisdiction")]


@postgresql
def test_a_claimed_row_is_passed_over_by_another_worker(pair: list[int]) -> None:
    first, second = pair
    with another_connection() as start:
        with transaction.atomic():
            mine = seam.claim(Operator.objects.filter(pk=first)).select_related("jurisdiction")
            assert [row.pk for row in mine] == [first]
            assert start(lambda: claimed(pair)).result(WAIT) == [second]
        assert start(lambda: claimed(pair)).result(WAIT) == pair


@postgresql
def test_a_lock_waits_for_the_other_and_then_sees_what_it_did(pair: list[int]) -> None:
    def phone_of_locked() -> str:
        with transaction.atomic():
            return seam.lock(Operator.objects.filter(pk=pair[0])).get().phone

    with another_connection() as start:
        with transaction.atomic():
            row = seam.lock(Operator.objects.filter(pk=pair[0])).get()
            found = start(phone_of_locked)
            time.sleep(BRIEFLY)
            assert not found.done()
            row.phone = "+7 000"
            row.save()
        assert found.result(WAIT) == "+7 000"


@postgresql
def test_a_row_that_refers_to_a_locked_one_may_come_meanwhile(pair: list[int]) -> None:
    def refer() -> str:
        state = Jurisdiction.objects.get(code="AA")
        return Operator.objects.create(code="third", name="third", jurisdiction=state).code

    with another_connection() as start, transaction.atomic():
        assert seam.lock(Jurisdiction.objects.filter(code="AA")).get()
        assert start(refer).result(WAIT) == "third"


@sqlite
def test_a_second_writer_waits_until_the_first_has_ended(pair: list[int]) -> None:
    pk = pair[0]
    began = threading.Event()

    def claim() -> str:
        began.set()
        with transaction.atomic():
            return seam.claim(Operator.objects.filter(pk=pk)).get().phone

    with another_connection() as start:
        with transaction.atomic():
            # Nothing is written yet: the transaction itself holds the lock (IMMEDIATE).
            row = seam.claim(Operator.objects.filter(pk=pk)).get()
            found = start(claim)
            assert began.wait(WAIT)
            time.sleep(BRIEFLY)
            assert not found.done()
            row.phone = "+7 000"
            row.save()
        assert found.result(WAIT) == "+7 000"


@sqlite
def test_a_reader_does_not_wait_for_a_writer(pair: list[int]) -> None:
    with another_connection() as start, transaction.atomic():
        seam.claim(Operator.objects.all()).first()
        assert start(Operator.objects.filter(pk__in=pair).count).result(WAIT) == 2


def test_claim_and_lock_give_the_rows_themselves(office: Office) -> None:
    rows = Operator.objects.order_by("pk")
    for hold in (seam.claim, seam.lock):
        assert [row.pk for row in hold(rows)] == sorted(
            team.operator.pk for team in (office.ipm, office.pandev)
        )
        assert not hold(rows.filter(code="nobody")).exists()
    assert not seam.claim(NoticeLine.objects.select_related("notice", "reminder__deadline"))


@postgresql
def test_a_row_is_held_only_inside_a_transaction(pair: list[int]) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        seam.lock(Operator.objects.all()).first()


def test_every_history_table_refuses_to_be_bent(office: Office) -> None:
    assert seam.tables_without_triggers() == []
    assert len(seam.history_tables()) > 10
    history = Operator.history.model  # type: ignore[attr-defined]
    assert history.objects.exists()
    for bend in (
        lambda: history.objects.update(name="another"),
        lambda: history.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            bend()


def test_a_table_without_its_triggers_is_named(office: Office) -> None:
    table = Operator.history.model._meta.db_table  # type: ignore[attr-defined]
    seam.lift_append_only([table])
    assert seam.tables_without_triggers() == [table]
    seam.append_only([table])
    seam.append_only([table])
    assert seam.tables_without_triggers() == []


def test_the_journal_of_a_machine_may_progress(office: Office) -> None:
    assert Notice._meta.db_table not in seam.history_tables()
