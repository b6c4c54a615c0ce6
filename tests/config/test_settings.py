"""What the environment must say, and the development secrets that manage.py makes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import secrets

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "SECRET_KEY": "k3y-Zq" * 12,
    "ALLOWED_HOSTS": "office.example.org",
    "DATABASE_URL": "postgres://office:pw@127.0.0.1:1/office",
    "EMAIL_URL": "smtp+tls://office:pw@mail.example.org:587",
    "OFFICE_URL": "https://office.example.org",
}


def office(
    folder: Path, *args: str, environment: dict[str, str] | None = None, umask: int = -1
) -> subprocess.CompletedProcess[str]:
    """Run manage.py with nothing of our own environment but the path."""
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "OFFICE_VAR": str(folder / "var"),
            "OFFICE_SECRETS": str(folder / "secrets"),
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )


def production(folder: Path, *args: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"OFFICE_MODE": "production"} | NEEDED | changed
    return office(folder, *args, environment={n: v for n, v in environment.items() if v})


def sentence(made: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert made.returncode == 2 and made.stdout == ""
    (line,) = made.stderr.splitlines()
    return line


# Production


@pytest.mark.parametrize("missing", NEEDED)
def test_production_refuses_to_start_without(missing: str, tmp_path: Path) -> None:
    said = sentence(production(tmp_path, "check", **{missing: ""}))
    assert said == f"Production refuses to start without its own {missing}."
    assert not (tmp_path / "secrets").exists()


def test_production_names_everything_that_is_missing(tmp_path: Path) -> None:
    said = sentence(production(tmp_path, "migrate", **dict.fromkeys(NEEDED, "")))
    assert all(name in said for name in NEEDED)


def test_production_makes_and_reads_no_development_secrets(tmp_path: Path) -> None:
    assert office(tmp_path, "check").returncode == 0
    assert (tmp_path / "secrets" / secrets.FILE_NAME).exists()
    assert "SECRET_KEY" in sentence(production(tmp_path, "check", SECRET_KEY=""))


def test_a_short_key_and_an_unknown_mode_are_refused(tmp_path: Path) -> None:
    assert "SECRET_KEY" in sentence(production(tmp_path, "check", SECRET_KEY="short"))
    assert "OFFICE_MODE" in sentence(production(tmp_path, "check", OFFICE_MODE="prod"))


def test_production_is_the_mode_of_everything_but_manage_py(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "OFFICE_VAR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode != 0
    assert "Production refuses to start without its own SECRET_KEY" in made.stderr


def test_the_deployment_check_is_clean(tmp_path: Path) -> None:
    made = production(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert made.returncode == 0, made.stderr
    assert "no issues" in made.stdout + made.stderr


# Development


def test_manage_py_makes_its_secrets_once(tmp_path: Path) -> None:
    # Not even a careless umask opens them.
    assert office(tmp_path, "check", umask=0).returncode == 0
    folder = tmp_path / "secrets"
    path = folder / secrets.FILE_NAME
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    content = path.read_text()
    names = [line.partition("=")[0] for line in content.splitlines()]
    assert names == ["SECRET_KEY", "DEMO_PASSWORD"]
    assert office(tmp_path, "check").returncode == 0
    assert path.read_text() == content
    assert [item.name for item in folder.iterdir()] == [secrets.FILE_NAME]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    code = (
        "from config.secrets import *; ensure_development_secrets(); "
        "print(read_development_secrets()['SECRET_KEY'])"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "OFFICE_SECRETS": str(tmp_path / "secrets")},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    keys = {process.communicate(timeout=60)[0] for process in started}
    assert len(keys) == 1 and keys.pop().strip()
    assert [item.name for item in (tmp_path / "secrets").iterdir()] == [secrets.FILE_NAME]


def test_a_start_that_died_half_way_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE_SECRETS", str(tmp_path))
    # In a container every start has the same number.
    (tmp_path / f"{secrets.FILE_NAME}.{os.getpid()}").write_text("SECRET_KEY=ha")
    path = secrets.ensure_development_secrets()
    assert len(secrets.read_development_secrets()["SECRET_KEY"]) >= 50
    assert path.stat().st_mode & 0o777 == 0o600


def test_secrets_inside_the_data_are_refused(tmp_path: Path) -> None:
    inside = {"OFFICE_SECRETS": str(tmp_path / "var" / "secrets")}
    said = sentence(office(tmp_path, "check", environment=inside))
    assert said == "OFFICE_SECRETS must lie outside OFFICE_VAR."
    assert not (tmp_path / "var" / "secrets").exists()


# README


def read_variables() -> set[str]:
    """Every variable that settings.py reads through django-environ."""
    found = {"OFFICE_SECRETS"}  # read by config/secrets.py, which runs first
    tree = ast.parse((ROOT / "config" / "settings.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
            and node.func.attr in {"str", "bool", "int", "float", "list"}
            and isinstance(node.args[0], ast.Constant)
        ):
            found.add(str(node.args[0].value))
    return found


def test_readme_names_every_variable_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", readme, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == read_variables()


def test_settings_read_the_environment_in_one_way() -> None:
    text = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    assert "os.environ" not in text and "getenv" not in text
    assert len(read_variables()) > 10
