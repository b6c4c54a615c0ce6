"""Particulars of a notice compared: which of them are not as they were. No Django.

A particular has a key: its part, whose it is where there are several, and its name, such as
``("purposes", "newsletter", "data")``. Only parts that both sides know are compared, so that a
part which the office learns to read later makes no old notice wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[str, ...]
# How deep each part goes; what is deeper is one value.
DEPTHS = {
    "operator": 1,
    "purposes": 2,
    "measures": 1,
    "responsible": 1,
    "started_on": 0,
    "ceasing": 1,
    "cross_border": 0,
    "systems": 1,
    "said": 1,
}


def flat(particulars: Mapping[str, Any]) -> dict[Key, Any]:
    """Key -> value, in the order in which the law asks for them."""
    return {
        key: value
        for part, depth in DEPTHS.items()
        if part in particulars
        for key, value in _flat((part,), particulars[part], depth)
    }


def _flat(key: Key, value: Any, depth: int) -> Iterator[tuple[Key, Any]]:
    if depth == 0:
        yield key, value
        return
    for name, inner in value.items():
        yield from _flat((*key, name), inner, depth - 1)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Key]:
    """The keys whose value is another one, new or gone, in the order of the law."""
    shared = [part for part in DEPTHS if part in before and part in after]
    old, new = (flat({part: side[part] for part in shared}) for side in (before, after))
    keys = list(dict.fromkeys([*new, *old]))
    keys.sort(key=lambda key: shared.index(key[0]))
    missing = object()
    return [key for key in keys if old.get(key, missing) != new.get(key, missing)]
