"""The admin pages of what has a correspondent."""

from requests.admin import inquiries

__all__ = ["inquiries"]
