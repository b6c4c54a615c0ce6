"""The trail of a person: card, data, grounds, consents, permissions, links, blocks and stops.

A value never stands here but as ``•••``, unless the reader has the card open; what was destroyed
is named as destroyed, and what is blocked stays hidden but for the number that blocks it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import ForeignKey, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.explain import short_day
from subjects.admin.pages import short_moment
from subjects.choices import HeldIn
from subjects.masking import HIDDEN
from subjects.models import (
    Block,
    Consent,
    DataSubject,
    DestructionRuling,
    DisseminationPermission,
    Ground,
    PersonalDatum,
    Stop,
    SubjectLink,
)
from subjects.services import guard
from subjects.services.covering import grounds_of
from subjects.services.reading import data_of
from subjects.vault import store
from subjects.vault.field import SealedField
from subjects.vault.sealing_bridge import text_of

NOTHING = "–"
KINDS = {"+": _("recorded"), "~": _("changed"), "-": _("deleted")}
# What the entry says of itself, beside its first version.
SAID = {"subject", "ground", "consent", "code", "category", "text", "first", "second", "label"}
# Numbers that say nothing to a reader: of rows and of keys.
SKIPPED = {"id", "value_key", "evidence_key", "history"}


@dataclass(slots=True)
class Entry:
    """One version of one row of the person, beside the version before it."""

    record: Any
    before: Any
    live: Any
    what: str
    kind: Any
    who: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)


def trail(card: DataSubject) -> list[Entry]:
    """Every version of everything on the card, the newest first; not yet in words."""
    merged = DataSubject.objects.filter(merged_into=card) if card.has_merged else []
    cards = {card.pk: card, **{row.pk: row for row in merged}}
    grounds = {row.pk: row for row in grounds_of(cards)}
    consents = {row.consent.pk: row.consent for row in grounds.values() if hasattr(row, "consent")}
    links = Q(first__in=list(cards)) | Q(second__in=list(cards))
    permissions = DisseminationPermission.objects.filter(consent__in=list(consents))
    rows: list[tuple[Any, dict[int, Any]]] = [
        (DataSubject, cards),
        (PersonalDatum, {row.pk: row for row in data_of(cards)}),
        (Ground, grounds),
        (Consent, consents),
        (
            DisseminationPermission,
            {row.pk: row for row in permissions.select_related("category")} if consents else {},
        ),
        (
            SubjectLink,
            {row.pk: row for row in SubjectLink.objects.filter(links).select_related(
                "first", "second"
            )},
        ),
        *_holds(card, list(cards)),
    ]  # fmt: skip
    entries = []
    for model, live in rows:
        if not live:
            continue
        before: dict[int, Any] = {}
        versions = model.history.filter(id__in=list(live)).select_related("history_user")
        for record in versions.order_by("history_id"):
            row = live[record.id]
            entries.append(
                Entry(record, before.get(record.id), row, _what(model, row), record.history_type)
            )
            before[record.id] = record
    entries.sort(key=lambda entry: (entry.record.history_date, entry.record.pk), reverse=True)
    return entries


def _holds(card: DataSubject, cards: list[int]) -> list[tuple[Any, dict[int, Any]]]:
    """Blocks, stops and decisions, ended ones too; no query where there never was one."""
    if not (card.had_holds or len(cards) > 1):  # type: ignore[attr-defined]
        return []
    blocks = Block.objects.filter(subject__in=cards).select_related("category")
    stops = Stop.objects.filter(subject__in=cards)
    rulings = DestructionRuling.objects.filter(datum__subject__in=cards)
    rows = (
        (Block, blocks),
        (Stop, stops),
        (DestructionRuling, rulings.select_related("datum__category")),
    )
    return [(model, {row.pk: row for row in found}) for model, found in rows]


def _what(model: Any, row: Any) -> str:
    if model is DataSubject:
        return gettext("card %(code)s") % {"code": row.code}
    if model is PersonalDatum:
        return str(row.category or gettext("identity in the operator's systems"))
    words = {
        Ground: gettext("ground"),
        Consent: gettext("consent"),
        DisseminationPermission: gettext("dissemination"),
        SubjectLink: gettext("link"),
        Block: gettext("block"),
        Stop: gettext("stop"),
        DestructionRuling: gettext("decision"),
    }
    name = str(row.text) if model is Consent else str(row)
    if model is Block and row.category is not None:
        name = f"{name} ({row.category})"
    if model is DestructionRuling and row.datum.category is not None:
        name = f"{name} ({row.datum.category})"
    return f"{words[model]}: {name}"


def word(entries: list[Entry], *, zone: Any, opened: bool, label: str = "") -> None:
    """Put the entries of one page in words; some queries for all of them together.

    ``label``: the number for which the card is open, which also opens what it blocks.
    """
    changed = [(entry, name) for entry in entries for name in _changed(entry)]
    named = _named(changed)
    values = _values(changed, label) if opened else {}
    for entry in entries:
        user = entry.record.history_user
        entry.who = str(user) if user else gettext("the office itself")
        entry.kind = KINDS[entry.kind]
    for entry, name in changed:
        model_field = entry.live._meta.get_field(name)
        old, new = (
            _worded(version, model_field, named, values, zone)
            for version in (entry.before, entry.record)
        )
        entry.changes.append((str(model_field.verbose_name), old, new))


def _changed(entry: Entry) -> list[str]:
    """Fields that differ from the version before; of a first version those that say something."""
    found = []
    for model_field in entry.live._meta.concrete_fields:
        name = model_field.name
        if name in SKIPPED or name == "operator":
            continue
        new = getattr(entry.record, model_field.attname, None)
        if entry.before is None:
            if new not in (None, "", False, HeldIn.VAULT) and name not in SAID:
                found.append(name)
        elif getattr(entry.before, model_field.attname, None) != new:
            found.append(name)
    return found


def _named(changed: list[tuple[Entry, str]]) -> dict[tuple[Any, Any], str]:
    """The rows that changed fields point at, in words; one query a model."""
    wanted: dict[Any, set[Any]] = defaultdict(set)
    for entry, name in changed:
        model_field = entry.live._meta.get_field(name)
        if isinstance(model_field, ForeignKey):
            for version in (entry.before, entry.record):
                number = getattr(version, model_field.attname, None)
                if number is not None:
                    wanted[model_field.related_model].add(number)
    return {
        (model, number): str(row)
        for model, numbers in wanted.items()
        for number, row in model._base_manager.in_bulk(list(numbers)).items()
    }


def _values(changed: list[tuple[Entry, str]], label: str) -> dict[tuple[Any, str], str]:
    """Opened values of the versions on the page, by version and field."""
    wanted: list[tuple[Any, Any, str, int]] = []
    for entry, name in changed:
        model_field = entry.live._meta.get_field(name)
        if isinstance(model_field, SealedField):
            for version in (entry.before, entry.record):
                number = getattr(version, model_field.key, None)
                if number and getattr(version, name) is not None:
                    wanted.append((entry.live, version, name, number))
    over = guard.over({live for live, _version, _name, _number in wanted})
    wanted = [row for row in wanted if guard.against(over[row[0]], label) is None]
    keys = store.keys_of({number for _live, _version, _name, number in wanted})
    found = {}
    for live, version, name, number in wanted:
        key = keys.get(number)
        if key is None:
            found[version, name] = gettext("destroyed")
            continue
        # The live row says whose the value is: a card that was merged owned it once.
        found[version, name] = text_of(live, name, key, getattr(version, name).raw)
    return found


def _worded(version: Any, model_field: Any, named: Any, values: Any, zone: Any) -> str:
    value = getattr(version, model_field.attname, None) if version is not None else None
    if value is None or value == "":
        return NOTHING
    if isinstance(model_field, SealedField):
        return values.get((version, model_field.name), HIDDEN)
    if isinstance(model_field, ForeignKey):
        return str(named.get((model_field.related_model, value), value))
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, datetime):
        return short_moment(value, zone)
    if isinstance(value, date):
        return short_day(value)
    return str(dict(model_field.flatchoices).get(value, value))
