"""Everything that has a correspondent."""

from requests.models.inquiries import RegulatorInquiry
from requests.models.subject_requests import (
    IdentityCheck,
    RequestItem,
    RequestSubject,
    SubjectRequest,
)

__all__ = ["IdentityCheck", "RegulatorInquiry", "RequestItem", "RequestSubject", "SubjectRequest"]
