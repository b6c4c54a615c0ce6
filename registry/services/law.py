"""``load_law``: the project's own data file becomes jurisdictions, calendars, bases and rules."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import models, transaction

from registry.models import (
    Adequacy,
    Authority,
    CalendarYear,
    Country,
    DeadlineRule,
    Jurisdiction,
    LegalBasis,
    Operator,
)
from registry.services.corrections import correct
from registry.services.loading import LoadRefused, Report, put_row, texts

LAW_FILE = Path(__file__).resolve().parent.parent / "data" / "law.toml"
REASON = "loaded with the law"
LARGEST_FILE = 2_000_000
NUL = re.compile(r"\\u0000|\\U00000000")
RULE_KEYS = {
    "code", "jurisdiction", "event", "effect", "direction", "length", "unit",
    "extension_length", "extension_unit", "effective_from", "effective_until", "source",
    "article", "verification", "verified_on", "verification_note", "from_moment", "trigger",
    "duty", "note",
}  # fmt: skip
KEYS: dict[str, set[str]] = {
    "jurisdiction": {"code", "name", "law", "time_zone", "country"},
    "authority": {
        "code", "jurisdiction", "name", "supervises", "verification", "verification_note",
    },
    "country": {"code", "name"},
    "adequacy": {"jurisdiction", "country", "adequate", "source", "verification"},
    "calendar_year": {"jurisdiction", "year", "decreed", "verification", "note"},
    "legal_basis": {
        "code", "jurisdiction", "article", "kind", "name", "verification", "closed_on",
        "opened_on",
    },
    "rule": RULE_KEYS,
}  # fmt: skip
MODELS: dict[str, tuple[type[models.Model], tuple[str, ...]]] = {
    "jurisdiction": (Jurisdiction, ("code",)),
    "authority": (Authority, ("jurisdiction", "code")),
    "country": (Country, ("code",)),
    "adequacy": (Adequacy, ("jurisdiction", "country")),
    "calendar_year": (CalendarYear, ("jurisdiction", "year")),
    "legal_basis": (LegalBasis, ("code",)),
    "rule": (DeadlineRule, ("code", "effective_from")),
}
TEXTS = ("name", "law", "source", "note", "trigger", "duty")


def read_toml(path: Path) -> dict[str, Any]:
    """The file as data; one sentence when it cannot be read."""
    name = path.name or str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise LoadRefused(where=name, why=f"the file is larger than {LARGEST_FILE} bytes")
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise LoadRefused(where=name, why="there is no such file") from None
    except (OSError, UnicodeDecodeError):
        raise LoadRefused(where=name, why="the file cannot be read as text") from None
    except tomllib.TOMLDecodeError as error:
        raise LoadRefused(where=name, why=f"this is not TOML: {error}") from None
    except RecursionError:
        raise LoadRefused(where=name, why="this is not TOML: nested too deeply") from None
    if NUL.search(text):
        # PostgreSQL holds it in no text, SQLite would.
        raise LoadRefused(where=name, why="the character NUL cannot stand in a text")
    return data


def rows_of(data: dict[str, Any], table: str, where: str) -> list[tuple[str, Any]]:
    """The rows of a table of the file, each with its place."""
    rows = data.get(table, [])
    if not isinstance(rows, list):
        raise LoadRefused(where=where, why=f"{table} must be a list of tables: [[{table}]]")
    return [(f"{where}: {table} {number}", row) for number, row in enumerate(rows, start=1)]


def check_owner_of_code(code: Any, operator: Operator | None, where: str) -> None:
    """One code, one owner: no file takes over the law's rule or another operator's promise."""
    rules = DeadlineRule.objects.filter(code=code) if isinstance(code, str) else None
    if rules is not None and rules.exclude(operator=operator).exists():
        raise LoadRefused(where=where, why=f"{code} is a rule of somebody else")


def check_keys(entry: Any, allowed: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise LoadRefused(where=where, why="a table is expected here")
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise LoadRefused(where=where, why=f"unknown key {unknown[0]}")


def rule_values(entry: dict[str, Any], where: str) -> dict[str, Any]:
    """A rule of a file; without a first day it holds for ever."""
    return texts({"effective_from": None} | entry, ("trigger", "duty", "note"), where)


@transaction.atomic
def law_load(*, now: datetime, path: Path = LAW_FILE) -> Report:
    """Load or update the law; open deadlines that a corrected row moves are moved and recorded.

    Idempotent; keeps what people changed by hand; refuses unknown keys. All or nothing.
    """
    data = read_toml(path)
    report = Report()
    unknown = sorted(set(data) - set(KEYS))
    if unknown:
        raise LoadRefused(where=path.name, why=f"unknown table {unknown[0]}")
    if not data:
        raise LoadRefused(where=path.name, why="there is nothing in it")

    def load() -> None:
        known: dict[str, dict[str, models.Model]] = {"jurisdiction": {}, "country": {}}
        for table, allowed in KEYS.items():
            model, lookup_names = MODELS[table]
            for where, entry in rows_of(data, table, path.name):
                check_keys(entry, allowed, where)
                if table == "rule":
                    check_owner_of_code(entry.get("code"), None, where)
                    values = rule_values(entry, where)
                else:
                    names = TEXTS if table != "jurisdiction" else ("name", "law")
                    values = texts(entry, names, where)
                for name in ("jurisdiction", "country"):
                    if name in values and not (table == "jurisdiction" and name == "country"):
                        try:
                            values[name] = known[name][values[name]]
                        except (KeyError, TypeError):
                            raise LoadRefused(
                                where=where, why=f"unknown {name} {values[name]}"
                            ) from None
                try:
                    lookup = {name: values.pop(name) for name in lookup_names}
                except KeyError as error:
                    raise LoadRefused(where=where, why=f"{error.args[0]} is missing") from None
                row = put_row(
                    model,
                    where=where,
                    lookup=lookup,
                    values=values,
                    reason=REASON,
                    report=report,
                )
                if table in known:
                    known[table][lookup["code"]] = row

    correct(
        change=load,
        what="the law's data file",
        reason=REASON,
        by=None,
        now=now,
        always_record=False,
    )
    return report
