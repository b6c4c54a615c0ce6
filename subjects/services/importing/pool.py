"""Worker processes for a run: as many as there are cores, fed through pipes.

Not ``multiprocessing``: these start the same way under a command, a test and a Celery worker
(whose children may have none of their own), inherit nothing, and end when this process does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

from django.utils import translation

from subjects.services.importing import worker
from subjects.services.importing.parts import Chunk, Prepared, Setup
from subjects.services.importing.worker import Preparing

ROOT = Path(__file__).resolve().parents[3]
MODULE = "subjects.services.importing"
MOST = 8
T = TypeVar("T")
Compose = Callable[[Prepared], T]


class WorkerFailed(RuntimeError):
    """A worker process broke; says by which kind of error, never with which data."""


class Pool(Protocol[T]):
    """Where chunks are prepared; ``ahead``: how many are worth having under way."""

    ahead: int

    def submit(self, chunk: Chunk) -> Future[T]: ...


class Here(Generic[T]):
    """For a small file: in this very process."""

    ahead = 1

    def __init__(self, setup: Setup, compose: Compose[T]) -> None:
        self.preparing, self.compose = Preparing(setup), compose

    def submit(self, chunk: Chunk) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(self.compose(self.preparing.chunk(chunk)))
        return future


class Processes(Generic[T]):
    """Threads hand the processes a chunk each, wait for the answer and ``compose`` it.

    One thread more than there are processes: while one composes, no process is idle.
    """

    def __init__(self, setup: Setup, number: int, compose: Compose[T]) -> None:
        self.ahead = number + 1
        self.compose = compose
        # Threads begin in the language of the settings; refusals are worded in the caller's.
        self.language = translation.get_language()
        self.idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self.started = [_start() for _ in range(number)]
        self.threads = ThreadPoolExecutor(self.ahead, thread_name_prefix="import")
        for process in self.started:
            assert process.stdin is not None
            worker.write(process.stdin, setup)
            self.idle.put(process)

    def submit(self, chunk: Chunk) -> Future[T]:
        return self.threads.submit(self._composed, chunk)

    def _composed(self, chunk: Chunk) -> T:
        prepared = self._prepare(chunk)
        with translation.override(self.language):
            return self.compose(prepared)

    def _prepare(self, chunk: Chunk) -> Prepared:
        process = self.idle.get()
        assert process.stdin is not None and process.stdout is not None
        try:
            worker.write(process.stdin, chunk)
            answer = pickle.load(process.stdout)
        except (OSError, EOFError):
            raise WorkerFailed("a worker process of the import ended") from None
        finally:
            self.idle.put(process)
        if not isinstance(answer, Prepared):
            raise WorkerFailed(f"a worker process of the import failed: {answer}")
        return answer

    def close(self) -> None:
        for process in self.started:
            process.kill()
        self.threads.shutdown(wait=True, cancel_futures=True)
        for process in self.started:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What was still to be written to a process that is gone.
                    with suppress(BrokenPipeError):
                        pipe.close()


def _start() -> subprocess.Popen[bytes]:
    # Only what Python itself needs: the office's own secrets are in our environment.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZDIR") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=kept,
    )


@contextmanager
def workers(setup: Setup, number: int, compose: Compose[T]) -> Iterator[Pool[T]]:
    """``number`` processes, or none at all for 0; gone at the end, whatever happened.

    ``compose`` gets each prepared chunk, in a thread of its own: it asks nothing of the database.
    """
    if not number:
        yield Here(setup, compose)
        return
    processes = Processes(setup, number, compose)
    try:
        yield processes
    finally:
        processes.close()


def cores() -> int:
    return min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
