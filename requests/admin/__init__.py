"""The pages of the correspondence."""

from requests.admin import incidents, inquiries, letters, request_items, subject_requests

__all__ = ["incidents", "inquiries", "letters", "request_items", "subject_requests"]
