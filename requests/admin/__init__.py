"""The pages of the correspondence."""

from requests.admin import (
    access_answers,
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
    "access_answers",
    "counters",
    "incidents",
    "inquiries",
    "inspections",
    "letters",
    "mailbox",
    "request_items",
    "subject_requests",
]
