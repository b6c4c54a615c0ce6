"""The admin pages of the people."""

from subjects.admin import events, imports, keys, people

__all__ = ["events", "imports", "keys", "people"]
