"""The admin pages of the people."""

from subjects.admin import destructions, disclosures, events, imports, keys, people, purposes

__all__ = ["destructions", "disclosures", "events", "imports", "keys", "people", "purposes"]
