"""The pages of the correspondence."""

from requests.admin import (
    access_answers,
    counters,
    incidents,
    inquiries,
    inspections,
    letter_templates,
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
    "letter_templates",
    "letters",
    "mailbox",
    "request_items",
    "subject_requests",
]
