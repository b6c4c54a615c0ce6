"""The people, by aggregate; the vault's own tables come from ``subjects.vault.models``."""

from subjects.models.acts import ActItem, ActPaper, ActScan, DestructionAct, Evidence
from subjects.models.calls import SystemCall
from subjects.models.disclosures import DisclosedPerson, Disclosure, DisclosureReversal
from subjects.models.events import AccessEvent, SearchResult
from subjects.models.files import SealedFile
from subjects.models.grounds import Consent, DisseminationPermission, Ground
from subjects.models.imports import ImportConflict, ImportReject, SubjectImport
from subjects.models.people import DataSubject, PersonalDatum, SubjectLink
from subjects.models.recipients import RecipientNotice
from subjects.models.rulings import DestructionRuling
from subjects.models.stops import Block, Stop
from subjects.vault.models import DestructionItem, MasterKey, SearchToken, VaultKey

__all__ = [
    "ActItem",
    "ActPaper",
    "ActScan",
    "Block",
    "DestructionAct",
    "Evidence",
    "Stop",
    "AccessEvent",
    "Consent",
    "DataSubject",
    "DestructionItem",
    "DestructionRuling",
    "DisclosedPerson",
    "Disclosure",
    "DisclosureReversal",
    "DisseminationPermission",
    "Ground",
    "ImportConflict",
    "ImportReject",
    "MasterKey",
    "PersonalDatum",
    "RecipientNotice",
    "SealedFile",
    "SearchResult",
    "SearchToken",
    "SubjectImport",
    "SubjectLink",
    "SystemCall",
    "VaultKey",
]
