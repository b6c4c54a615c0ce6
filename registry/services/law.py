"""``load_law``: the project's own data file becomes jurisdictions, calendars, bases and rules."""

from __future__ import annotations

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
)
from registry.services.corrections import correct
from registry.services.loading import LoadRefused, Report, put_row, texts

LAW_FILE = Path(__file__).resolve().parent.parent / "data" / "law.toml"
REASON = "loaded with the law"
RULE_KEYS = {
    "code", "jurisdiction", "event", "effect", "direction", "length", "unit",
    "extension_length", "extension_unit", "effective_from", "effective_until", "source",
    "article", "verification", "verification_note", "from_moment", "trigger", "duty", "note",
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
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LoadRefused(where=path.name, why="there is no such file") from None
    except (OSError, UnicodeDecodeError):
        raise LoadRefused(where=path.name, why="the file cannot be read as text") from None
    except tomllib.TOMLDecodeError as error:
        raise LoadRefused(where=path.name, why=f"this is not TOML: {error}") from None


def check_keys(entry: Any, allowed: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise LoadRefused(where=where, why="a table is expected here")
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise LoadRefused(where=where, why=f"unknown key {unknown[0]}")


def rule_values(entry: dict[str, Any], where: str) -> dict[str, Any]:
    """A rule of a file with every field, so that a removed key is emptied too."""
    entry = {
        "length": None,
        "extension_length": None,
        "extension_unit": "",
        "effective_from": None,
        "effective_until": None,
        "from_moment": False,
        "verification_note": "",
        "note": {},
    } | entry
    return texts(entry, ("trigger", "duty", "note"), where)


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

    def load() -> None:
        known: dict[str, dict[str, models.Model]] = {"jurisdiction": {}, "country": {}}
        for table, allowed in KEYS.items():
            model, lookup_names = MODELS[table]
            for number, entry in enumerate(data.get(table, []), start=1):
                where = f"{path.name}: {table} {number}"
                check_keys(entry, allowed, where)
                if table == "rule":
                    values = rule_values(entry, where)
                else:
                    names = TEXTS if table != "jurisdiction" else ("name", "law")
                    values = texts(entry, names, where)
                for name in ("jurisdiction", "country"):
                    if name in values and not (table == "jurisdiction" and name == "country"):
                        try:
                            values[name] = known[name][values[name]]
                        except KeyError:
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
