"""A small IMAP server (RFC 3501) on loopback, for the tests of the mailbox."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

USER, PASSWORD = "office@example.com", 'pa "ss'
_LITERAL = re.compile(rb"<0\.(\d+)>")


@dataclass
class Shelf:
    """What the server holds: folder -> uid -> (when it came, bytes)."""

    folders: dict[str, dict[int, tuple[str, bytes]]] = field(
        default_factory=lambda: {"INBOX": {}, "Taken": {}}
    )
    sizes: dict[int, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # The command before which the server hangs up, once.
    dies_before: str = ""
    uid: int = 0

    def put(self, raw: bytes, came: str = "05-Mar-2026 09:00:00 +0000") -> int:
        self.uid += 1
        self.folders["INBOX"][self.uid] = (came, raw)
        return self.uid

    def left(self, folder: str = "INBOX") -> list[int]:
        return list(self.folders[folder])


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            self._say(b"* OK ready")
            while line := self.rfile.readline():
                if self._answer(line.strip()) is None:
                    return

    def _say(self, *lines: bytes) -> bool:
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))
        return True

    def _answer(self, line: bytes) -> bool | None:
        shelf = self.server.shelf
        tag, _space, rest = line.partition(b" ")
        command = rest.split(b" ")[0].upper()
        words = rest.decode()
        if command == b"UID":
            command = rest.split(b" ")[1].upper()
        shelf.asked.append(command.decode())
        if shelf.dies_before == command.decode():
            shelf.dies_before = ""
            return None
        done = tag + b" OK done"
        mails = shelf.folders["INBOX"]
        if command == b"CAPABILITY":
            return self._say(b"* CAPABILITY IMAP4rev1 MOVE STARTTLS", done)
        if command == b"LOGIN":
            quoted = PASSWORD.replace('"', '\\"')
            right = words == f'LOGIN "{USER}" "{quoted}"'
            return self._say(done if right else tag + b" NO [AUTHENTICATIONFAILED] canary-secret")
        if command in (b"SELECT", b"EXAMINE"):
            if b"INBOX" not in rest:
                return self._say(tag + b" NO no such folder")
            return self._say(b"* %d EXISTS" % len(mails), tag + b" OK [READ-WRITE] done")
        if command == b"SEARCH":
            return self._say(b"* SEARCH " + b" ".join(b"%d" % uid for uid in mails), done)
        if command == b"FETCH":
            self._fetch(int(words.split()[2]), rest)
            return self._say(done)
        if command == b"STORE":
            self.server.doomed.add(int(words.split()[2]))
            return self._say(done)
        if command == b"EXPUNGE":
            for uid in self.server.doomed & set(mails):
                del mails[uid]
            return self._say(done)
        if command == b"MOVE":
            uid, folder = int(words.split()[2]), words.split()[3].strip('"')
            if folder not in shelf.folders:
                return self._say(tag + b" NO [TRYCREATE]")
            shelf.folders[folder][uid] = mails.pop(uid)
            return self._say(done)
        if command == b"LOGOUT":
            self._say(b"* BYE", done)
            return None
        return self._say(tag + b" BAD unknown")

    def _fetch(self, uid: int, asked: bytes) -> None:
        mails, shelf = self.server.shelf.folders["INBOX"], self.server.shelf
        if uid not in mails:
            return
        came, raw = mails[uid]
        if b"INTERNALDATE" in asked:
            size = shelf.sizes.get(uid, len(raw))
            dated = f'1 (UID {uid} RFC822.SIZE {size} INTERNALDATE "{came}")'
            self._say(f"* {dated[:2]}FETCH {dated[2:]}".encode())
            return
        cut = _LITERAL.search(asked)
        part = raw[: int(cut[1])] if cut else raw
        name = b"BODY[]<0>" if cut else b"BODY[]"
        self._say(b"* 1 FETCH (UID %d %s {%d}" % (uid, name, len(part)))
        self.wfile.write(part)
        self._say(b")")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, shelf: Shelf, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.shelf, self.doomed, self.context = shelf, set[int](), context

    def get_request(self):  # type: ignore[no-untyped-def]
        connection, address = super().get_request()
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        return connection, address

    def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Whoever hangs up is no error of the server."""


@contextmanager
def serving(shelf: Shelf, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that holds the shelf; it ends with the block."""
    with _Server(shelf, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
