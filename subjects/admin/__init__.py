"""The admin pages of the people."""

from subjects.admin import destructions, events, imports, keys, people

__all__ = ["destructions", "events", "imports", "keys", "people"]
