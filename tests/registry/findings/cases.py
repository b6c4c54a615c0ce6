"""The tables of cases of every test module beside this one, gathered for those that judge them."""

from __future__ import annotations

import importlib
import pkgutil

import tests.registry.findings as package
from tests.registry.findings.registers import Case

# They read the cases of all others and have none of their own.
JUDGES = {"test_meta", "test_digests"}


def all_cases() -> list[Case]:
    found: list[Case] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_") and module.name not in JUDGES:
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            own = getattr(loaded, "CASES", [])
            found += [case for case in own if case not in found]
    return found


CASES = all_cases()
