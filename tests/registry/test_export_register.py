"""``manage.py export_register``: a whole file or none, and a refusal in one sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from registry.models import Operator
from registry.models.base import LANGUAGES
from registry.services.register_export import ExportFormat, register_export
from tests.conftest import Office

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LC_ALL", "C")
    with time_machine.travel(NOW, tick=False):
        yield


def run(*options: str, operator: str = "ipm") -> tuple[bytes, str]:
    """What it prints, and its refusal; a refusal has exit code 2 and is one sentence."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    try:
        call_command("export_register", "--operator", operator, *options, stdout=out)
    except CommandError as error:
        assert error.returncode == 2 and "\n" not in str(error)
        return raw.getvalue(), str(error)
    finally:
        out.detach()
    return raw.getvalue(), ""


def wanted(format: str, language: str = "en", code: str = "ipm") -> bytes:
    operator = Operator.objects.get(code=code)
    return register_export(operator=operator, format=format, language=language, now=NOW)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("format", ExportFormat.values)
def test_into_a_file(office: Office, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"register.{format}"
    out, refusal = run("--format", format, "--out", str(path))
    assert (out.decode(), refusal) == (f"{path}\n", "")
    assert path.read_bytes() == wanted(format)
    assert left(tmp_path) == [path.name]


@pytest.mark.parametrize("format", ExportFormat.values)
def test_to_standard_output_and_nothing_else(office: Office, format: str) -> None:
    assert run("--format", format, "--out", "-", operator="pandev") == (
        wanted(format, code="pandev"), "",
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_the_language_asked_for_or_the_terminals(
    office: Office, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = wanted("xlsx", language)
    assert run("--format", "xlsx", "--language", language, "--out", "-")[0] == told
    monkeypatch.setenv("LC_ALL", f"{language}_KZ.UTF-8")
    assert run("--format", "xlsx", "--out", "-")[0] == told


def test_a_file_that_is_there_stays_unless_forced(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "register.json"
    path.write_text("mine")
    out, refusal = run("--format", "json", "--out", str(path))
    assert out == b"" and "is there already" in refusal and "--force" in refusal
    assert path.read_text() == "mine"
    assert run("--format", "json", "--out", str(path), "--force")[1] == ""
    assert path.read_bytes() == wanted("json")
    assert left(tmp_path) == ["register.json"]


def test_a_file_that_appears_meanwhile_stays_unless_forced(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "register.json"
    sync = os.fsync

    def meanwhile(handle: int) -> None:
        sync(handle)
        path.write_text("mine")

    monkeypatch.setattr(os, "fsync", meanwhile)
    out, refusal = run("--format", "json", "--out", str(path))
    assert out == b"" and "is there already" in refusal and "--force" in refusal
    assert path.read_text() == "mine" and left(tmp_path) == ["register.json"]
    path.unlink()
    assert run("--format", "json", "--out", str(path), "--force")[1] == ""
    assert path.read_bytes() == wanted("json") and left(tmp_path) == ["register.json"]


def test_a_link_leads_to_its_file(office: Office, tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("mine")
    link.symlink_to(target)
    assert "is there already" in run("--format", "json", "--out", str(link))[1]
    assert run("--format", "json", "--out", str(link), "--force")[1] == ""
    assert link.is_symlink() and target.read_bytes() == wanted("json")
    # One that leads nowhere is there all the same.
    lost = tmp_path / "lost.json"
    lost.symlink_to(tmp_path / "nowhere")
    assert "is no file" in run("--format", "json", "--out", str(lost), "--force")[1]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_is_no_file_is_refused(office: Office, tmp_path: Path, force: Any) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path(".")):
        out, refusal = run("--format", "json", "--out", str(path), *force)
        assert out == b"" and "is no file" in refusal, path
    assert pipe.is_fifo() and left(tmp_path) == ["pipe"]
    for bad in (tmp_path / "no" / "such.json", tmp_path / ("x" * 300)):
        out, refusal = run("--format", "json", "--out", str(bad), *force)
        assert out == b"" and "cannot be written" in refusal
    assert left(tmp_path) == ["pipe"]


def test_a_full_disk_leaves_the_old_file_whole(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "register.pdf"
    path.write_text("mine")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be written" in run("--format", "pdf", "--out", str(path), "--force")[1]
    assert path.read_text() == "mine" and left(tmp_path) == ["register.pdf"]


@pytest.mark.parametrize(
    ("operator", "options", "words"),
    [
        ("nobody", ("--format", "json"), "knows no operator nobody"),
        ("", ("--format", "json"), "knows no operator"),
        ("ipm", ("--format", "xml"), "as json, xlsx or pdf, not as xml"),
        ("ipm", ("--format", ""), "as json, xlsx or pdf"),
        ("ipm", ("--format", "json", "--language", "de"), "in ru, kk or en, not in de"),
        ("ipm", ("--format", "json", "--language", ""), "in ru, kk or en"),
        ("ip\x00m", ("--format", "json"), "no text can have"),
    ],
)
def test_a_wrong_question_is_one_sentence_and_no_file(
    office: Office, tmp_path: Path, operator: str, options: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "register"
    out, refusal = run(*options, "--out", str(path), operator=operator)
    assert out == b"" and words in refusal
    assert left(tmp_path) == []


def test_a_refusal_speaks_the_terminals_language(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    out, refusal = run("--format", "json", "--out", "-", operator="nobody")
    assert out == b"" and "nobody" in refusal and "office" not in refusal


def test_the_help_says_what_it_does() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "export_register", "--help"],
        cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = " ".join(done.stdout.split())
    assert "Exit code: 2 when the question is wrong" in told and "--force" in told
