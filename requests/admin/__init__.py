"""The pages of the correspondence."""

from requests.admin import (
    counters,
    incidents,
    inquiries,
    inspections,
    letters,
    mailbox,
    request_items,
    subject_requests,
)

__all__ = [
    "counters",
    "incidents",
    "inquiries",
    "inspections",
    "letters",
    "mailbox",
    "request_items",
    "subject_requests",
]
