"""Every model field declared: does it hold personal data, and whose?

``registry/data/fields.toml`` names each field of each model, packages' models too, once:

* ``none``: nobody's data;
* ``staff``: data about the office's own staff (accounts, roles, who did what);
* ``words``: free text in which a careless writer could name a person, though told not to;
* ``subject``: data of the people the office keeps records about; sealed, or not stored at all.

A field that is not declared is an error of the system check ``office.E001``, so nobody adds a
column without answering the question. History tables follow their model.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from django.apps import apps
from django.db.models import Model

FILE = Path(__file__).resolve().parent / "data" / "fields.toml"
KINDS = ("none", "staff", "words", "subject")


def declared() -> dict[str, dict[str, str]]:
    """Model label -> field -> kind, as the file says."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        label: {name: kind for kind, names in kinds.items() for name in names}
        for label, kinds in data.items()
    }


def _is_history(model: type[Model]) -> bool:
    return hasattr(model, "history_id") or hasattr(model, "m2m_history_id")


def problems() -> list[str]:
    """What is undeclared, declared twice, of an unknown kind, or no longer there."""
    found: list[str] = []
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    present: set[str] = set()
    for model in apps.get_models():
        if _is_history(model):
            continue
        label = model._meta.label_lower
        present.add(label)
        kinds = raw.get(label, {})
        names = [name for group in kinds.values() for name in group]
        fields = {
            field.name for field in (*model._meta.local_fields, *model._meta.local_many_to_many)
        }
        found += [f"{label}: unknown kind {kind}" for kind in kinds if kind not in KINDS]
        found += [f"{label}.{name} is not declared" for name in sorted(fields - set(names))]
        found += [f"{label}.{name} does not exist" for name in sorted(set(names) - fields)]
        found += [f"{label}.{name} twice" for name in sorted(set(names)) if names.count(name) > 1]
    found += [f"{label} does not exist" for label in sorted(set(raw) - present)]
    return found
