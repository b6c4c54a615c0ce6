"""Everything that has a correspondent."""

from requests.models.inquiries import RegulatorInquiry

__all__ = ["RegulatorInquiry"]
