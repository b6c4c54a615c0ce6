"""The pages of the correspondence."""

from requests.admin import inquiries, request_items, subject_requests

__all__ = ["inquiries", "request_items", "subject_requests"]
