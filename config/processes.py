"""Run several programs as one: together they start, together they stop, none is left.

Standard library only; ``manage.py run`` uses it for web, worker and beat.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

STOP_SECONDS = 10
GRACE_SECONDS = 1
TICK_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """A program ended although nobody had asked it to."""

    def __init__(self, name: str, code: int) -> None:
        self.name = name
        self.code = code
        super().__init__(f"{name} ended by itself with exit code {code}")


class ProcessGroup:
    """Programs in one process group of their own, so that whatever they start is found too.

    Use as a context manager: leaving the block, for whatever reason, stops every program.
    """

    def __init__(self, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.stop_requested = False
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self._group = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # Before the first program starts: a Ctrl-C between two starts stops the first as well.
        for number in STOP_SIGNALS:
            # Whoever starts us under nohup wants us to outlive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._request_stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stop()
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_requested = True

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start one program; the first one leads the group that the others join."""
        program = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            process_group=self._group,  # 0, for the first one, means a new group
        )
        self._programs[name] = program
        self._group = self._group or program.pid

    def watch(self, on_tick: Callable[[], None]) -> None:
        """Return when a stop is requested; raise Ended when a program ends by itself first."""
        while not self.stop_requested:
            for name, program in self._programs.items():
                code = program.poll()
                if code is not None and not self.stop_requested:
                    raise Ended(name, code)
            on_tick()
            time.sleep(TICK_SECONDS)

    def _stop(self) -> None:
        """Ask each program to end, and kill what is left of the group."""
        programs = self._programs.values()
        for program in programs:
            # Not the whole group: each program ends what it started itself, in its own order.
            program.terminate()
        self._wait(STOP_SECONDS, lambda: all(program.poll() is not None for program in programs))
        if not self._wait(GRACE_SECONDS, self._is_empty):
            os.killpg(self._group, signal.SIGKILL)
            self._wait(STOP_SECONDS, self._is_empty)
        for program in programs:
            program.poll()

    @staticmethod
    def _wait(seconds: float, done: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(TICK_SECONDS)
        return True

    def _is_empty(self) -> bool:
        """Whether nothing of the group runs any more."""
        if not self._programs:
            return True
        try:
            os.killpg(self._group, 0)
        except ProcessLookupError:
            return True
        # In a container without an init nobody reaps the orphans of our programs: the dead
        # stay members of the group although nothing of them runs.
        states = list(Path("/proc").glob("[0-9]*/stat"))
        return bool(states) and not any(self._is_running_member(state) for state in states)

    def _is_running_member(self, state: Path) -> bool:
        try:
            # pid (name) state parent group ...; the name may hold spaces and brackets
            fields = state.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return False
        return int(fields[2]) == self._group and fields[0] not in "ZX"
