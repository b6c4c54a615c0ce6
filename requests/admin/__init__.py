"""The pages of the correspondence."""

from requests.admin import inquiries, letters, request_items, subject_requests

__all__ = ["inquiries", "letters", "request_items", "subject_requests"]
