"""The admin pages of the people."""

from subjects.admin import (
    calls,
    destructions,
    disclosures,
    events,
    holds,
    imports,
    keys,
    people,
    purposes,
    recipients,
    rulings,
)

# Importing it puts the paper of the size class among the kinds.
from subjects.services import size_class

__all__ = [
    "calls",
    "destructions",
    "disclosures",
    "events",
    "holds",
    "imports",
    "keys",
    "people",
    "purposes",
    "rulings",
    "recipients",
    "size_class",
]
