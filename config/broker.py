"""The file-system broker, safe for a worker and a beat that start and write at the same moment.

kombu's own writes a message in place, so a worker can read half of it and stop for good; it
creates its table of queues the same way; and it reads every message through the system's
temporary folder, outside OFFICE_VAR. Here everything is written aside and renamed.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

SCHEME = "office"


class Channel(filesystem.Channel):
    """Messages are files in ``data_folder_in``, which is ``data_folder_out`` too."""

    def _put(  # type: ignore[override]  # kombu's two own versions disagree
        self, queue: str, message: Any, **kwargs: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        # No reader takes a name with another ending.
        draft = folder / f"{name}.draft"
        draft.write_text(dumps(message), encoding="utf-8")
        draft.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f"{name}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:  # another worker was first
                continue
            payload = taken.read_text(encoding="utf-8")
            taken.unlink()
            return loads(payload)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file = self._exchange_file(exchange)
        if not file.exists():
            # An empty table first: kombu reads and writes an existing one under a lock.
            draft = file.with_name(f"{file.name}.{uuid.uuid4()}.draft")
            draft.write_text("[]", encoding="utf-8")
            try:
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Teach kombu the scheme of a broker URL: office://localhost/"""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
