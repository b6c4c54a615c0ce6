"""A system on loopback that is told by webhook, for the tests of calls."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from subjects.webhooks import CALL, SIGNATURE_HEADER, TIME_HEADER, WebhookAt, is_signed

SECRET = "loopback-secret-of-forty-characters-long"


@dataclass
class System:
    """What it was asked, and what it answers: a status and a body made from what it was told."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    signed: list[bool] = field(default_factory=list)
    status: int = 200
    answer: Callable[[dict[str, Any]], bytes] = lambda told: b""
    # Called before it answers: as if the world went on meanwhile.
    meanwhile: Callable[[], None] = lambda: None
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def hook(self, operator: str, system: str) -> WebhookAt:
        return WebhookAt(
            operator=operator, system=system, url=f"http://127.0.0.1:{self.port}/gone?x=1",
            secret=SECRET,
        )  # fmt: skip


def all_done(told: dict[str, Any]) -> bytes:
    return json.dumps({"done": [one["card"] for one in told["people"]]}).encode()


@contextmanager
def listening() -> Iterator[System]:
    system = System()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            at = self.headers[TIME_HEADER]
            system.signed.append(
                is_signed(
                    SECRET,
                    who=CALL,
                    path=self.path,
                    at=at,
                    body=body,
                    now=float(at),
                    sign=self.headers[SIGNATURE_HEADER],
                )  # fmt: skip
            )
            told = json.loads(body)
            system.asked.append(told)
            system.keys.append(self.headers["Idempotency-Key"])
            system.meanwhile()
            self.send_response(system.status)
            for name, value in system.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(system.answer(told))

        def do_GET(self) -> None:
            system.asked.append({"followed": self.path})

        def log_message(self, *_args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    system.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield system
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
