"""The command that takes a policy: what it says, and what it refuses in one sentence."""

from __future__ import annotations

import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry.models import PolicyText, PolicyVersion
from registry.services import policy_files
from registry.services.policy_files import MOST_BYTES
from tests.registry.policies import EN, KK, RU, everything, real

pytestmark = pytest.mark.django_db
ASKED = {"operator": "pandev", "language": "en", "dated": "2026-02-09"}


def run(file: Path | str, **asked: str) -> str:
    out = io.StringIO()
    options = [f"--{name}={value}" for name, value in (ASKED | asked).items()]
    call_command("import_policy", *options, str(file), stdout=out)
    return out.getvalue()


def refused(file: Path | str, **asked: str) -> str:
    """One sentence, exit code 2, and nothing written."""
    before = everything()
    with pytest.raises(CommandError) as refusal:
        run(file, **asked)
    assert refusal.value.returncode == 2 and everything() == before
    said = str(refusal.value)
    assert said and "\n" not in said
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.txt"
    path.write_text(EN, encoding="utf-8")
    return path


def test_it_says_what_it_did(file: Path) -> None:
    digest = hashlib.sha256(EN.encode()).hexdigest()
    said = run(file, label="v2")
    assert said == f"pandev v2, 2026-02-09, en: imported, 5 clauses, SHA-256 {digest}\n"
    version = PolicyVersion.objects.get()
    assert (version.in_force_on, version.published_by) == (date(2026, 2, 9), None)
    before = everything()
    assert "known already, unchanged" in run(file, label="v2")
    assert everything() == before
    file.write_text(KK, encoding="utf-8")
    assert ", kk: imported" in run(file, language="kk")
    assert PolicyText.objects.count() == 2 and PolicyVersion.objects.count() == 1
    assert "another text" in refused(file)


@pytest.mark.parametrize(
    ("name", "day", "count"), [("pandev", "2026-02-09", 53), ("ipm", "2025-12-01", 64)]
)
def test_the_real_policies(name: str, day: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_bytes(real(name))
    assert f"{count} clauses" in run(path, operator=name, dated=day)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (RU.encode("utf-16"), "UTF-16"),
        (RU.encode("utf-16-le"), "UTF-16"),
        (EN.encode("utf-16-be"), "UTF-16"),
        (EN.encode("utf-32"), "UTF-32"),
        (RU.encode("cp1251"), "Windows-1251"),
        (RU.encode("koi8-r"), "KOI8-R"),
        (RU.encode("cp866"), "CP866"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\xfd" + bytes(range(128, 256)), "not a text in UTF-8"),
        (b"1. Terms\n1.1. A\x07word", "Line 2"),
        (b"1. Terms\n\x00", "Line 2"),
        (b"1. Terms\r1.1. Words", "Line 1"),
        (b"x" * (MOST_BYTES + 1), "bigger than 1 MB"),
    ],
)
def test_a_file_that_is_no_policy(raw: bytes, said: str, file: Path) -> None:
    file.write_bytes(raw)
    assert said in refused(file)


def test_a_policy_of_the_most_bytes_is_taken(file: Path) -> None:
    file.write_bytes(b"1. Terms\n" + b"x" * (MOST_BYTES - 9))
    assert "imported, 1 clauses" in run(file)


def test_a_huge_file_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 MB, of which one byte more than the limit is asked for."""
    with file.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    asked: list[Any] = []
    opened = Path.open

    class Watched:
        def __init__(self, path: Path, mode: str) -> None:
            self.stream = opened(path, mode)

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_: Any) -> None:
            self.stream.close()

        def read(self, count: int = -1) -> bytes:
            asked.append(count)
            return self.stream.read(count)

    monkeypatch.setattr(policy_files.Path, "open", lambda path, mode="r": Watched(path, mode))
    assert "bigger than 1 MB" in refused(file)
    assert asked == [MOST_BYTES + 1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"operator": "nobody"}, "nobody"),
        ({"language": "de"}, "de is no language"),
        ({"dated": "2026-02-30"}, "2026-02-30 is no day"),
        ({"dated": "2026-W07-1"}, "2026-W07-1 is no day"),
        ({"dated": "20260209"}, "20260209 is no day"),
        ({"dated": "9.2.2026"}, "9.2.2026 is no day"),
        ({"dated": "0000-01-01"}, "0000-01-01 is no day"),
        ({"label": "x" * 41}, "at most 40"),
        ({"label": "v\x07"}, "characters that no text can have"),
    ],
)
def test_a_command_that_asks_for_nonsense(asked: dict[str, str], said: str, file: Path) -> None:
    assert said in refused(file, **asked)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "gone.txt cannot be read" in refused(tmp_path / "gone.txt")
    assert "cannot be read" in refused(tmp_path)
