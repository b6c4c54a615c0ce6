"""The register and the clocks, by aggregate."""

from registry.models.carriers import Carrier
from registry.models.clocks import (
    Correction,
    CorrectionItem,
    Deadline,
    Extension,
)
from registry.models.consents import ConsentText
from registry.models.feeds import CalendarFeed
from registry.models.findings import Acknowledgement
from registry.models.jobs import JobRun, Notice, NoticeLine, Reminder
from registry.models.keeping import RetentionRule, SecurityMeasure
from registry.models.law import (
    Adequacy,
    Authority,
    CalendarDay,
    CalendarYear,
    Country,
    Jurisdiction,
    LegalBasis,
)
from registry.models.loading import LoadedRow
from registry.models.operators import IntakeChannel, Operator, PolicyClaim, SubjectLine
from registry.models.policies import PolicyText, PolicyVersion
from registry.models.register import (
    ClaimedGround,
    DataCategory,
    InformationSystem,
    ProcessingActivity,
    Purpose,
    Recipient,
    SubjectCategory,
)
from registry.models.register_papers import ControlRecord, ControlStep, Filing, RegisterPaper
from registry.models.returns import ReturnOfDestroyed
from registry.models.rules import DeadlineRule
from registry.models.staff import Absence, InspectorPass, Membership, User
from registry.models.transfers import ProcessorInstruction, RecipientInformation, Transfer

__all__ = [
    "Absence",
    "Acknowledgement",
    "Adequacy",
    "Authority",
    "CalendarDay",
    "CalendarFeed",
    "CalendarYear",
    "Carrier",
    "ClaimedGround",
    "ConsentText",
    "ControlRecord",
    "ControlStep",
    "Correction",
    "CorrectionItem",
    "Country",
    "DataCategory",
    "Deadline",
    "DeadlineRule",
    "Extension",
    "Filing",
    "InformationSystem",
    "InspectorPass",
    "IntakeChannel",
    "JobRun",
    "Jurisdiction",
    "LegalBasis",
    "LoadedRow",
    "Membership",
    "Notice",
    "NoticeLine",
    "Operator",
    "PolicyClaim",
    "PolicyText",
    "PolicyVersion",
    "ProcessingActivity",
    "ProcessorInstruction",
    "Purpose",
    "Recipient",
    "RecipientInformation",
    "RegisterPaper",
    "Reminder",
    "RetentionRule",
    "ReturnOfDestroyed",
    "SecurityMeasure",
    "SubjectCategory",
    "SubjectLine",
    "Transfer",
    "User",
]
