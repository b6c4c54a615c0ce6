"""Everything that has a correspondent."""

from requests.models.access_answers import AccessAnswer, AnswerCode
from requests.models.corrections import DatumCorrection, RecipientTold
from requests.models.incident_people import AffectedPerson, IncidentExport
from requests.models.incidents import (
    Incident,
    IncidentEntry,
    IncidentNotice,
    IncidentSending,
)
from requests.models.inquiries import RegulatorInquiry
from requests.models.inspection_packs import InspectionPack
from requests.models.inspections import (
    Inspection,
    InspectionAnswer,
    InspectionItem,
    Prescription,
    PrescriptionDelay,
)
from requests.models.inspector_access import InspectorAccess
from requests.models.letter_templates import LetterTemplate, LetterTemplateWithdrawal
from requests.models.letters import Letter, LetterFile
from requests.models.mailbox import IncomingMail
from requests.models.request_parts import IdentityCheck, RequestNote, RequestSubject
from requests.models.subject_requests import RequestItem, SubjectRequest
from requests.models.submissions import Submission, Throttle

__all__ = [
    "AccessAnswer",
    "AffectedPerson",
    "AnswerCode",
    "DatumCorrection",
    "IdentityCheck",
    "Incident",
    "IncidentEntry",
    "IncidentExport",
    "IncidentNotice",
    "IncidentSending",
    "IncomingMail",
    "Inspection",
    "InspectionAnswer",
    "InspectionItem",
    "InspectionPack",
    "InspectorAccess",
    "Letter",
    "LetterFile",
    "LetterTemplate",
    "LetterTemplateWithdrawal",
    "Prescription",
    "PrescriptionDelay",
    "RecipientTold",
    "RegulatorInquiry",
    "RequestItem",
    "RequestNote",
    "RequestSubject",
    "Submission",
    "SubjectRequest",
    "Throttle",
]
