"""The enumerations of the register. Codes are data: they never change; labels are for people."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    DPO = "dpo", _("data protection officer (DPO)")
    CLERK = "clerk", _("clerk")
    AUDITOR = "auditor", _("auditor")


class Room(TextChoices):
    """What can be opened to an inspector of the authority; the models say to which they belong."""

    REGISTER = "register", _("the register: activities, policy, consent texts, papers, transfers")
    PEOPLE = "people", _("people: cards with masked values, consents, destructions, who looked")
    REQUESTS = "requests", _("requests of people, with masked values")
    INCIDENTS = "incidents", _("incidents")


class Language(TextChoices):
    RU = "ru", _("Russian")
    KK = "kk", _("Kazakh")
    EN = "en", _("English")


class Verification(TextChoices):
    CONFIRMED = "confirmed", _("confirmed")
    PARTLY = "partly_confirmed", _("partly confirmed")
    SECONDARY = "secondary", _("from a secondary source")
    UNVERIFIED = "unverified", _("unverified")
    HOUSE_RULE = "house_rule", _("the office's own rule")


class Supervises(TextChoices):
    PERSONAL_DATA = "personal_data", _("personal data")
    CONSUMER_PROTECTION = "consumer_protection", _("consumer protection")
    OTHER = "other", _("something else")


class BasisKind(TextChoices):
    CONSENT = "consent", _("consent")
    LAW = "law", _("law or treaty")
    COURT = "court", _("court or enforcement")
    CONTRACT = "contract", _("contract")
    VITAL_INTEREST = "vital_interest", _("life and health")
    LEGITIMATE_INTEREST = "legitimate_interest", _("rights and legitimate interests")
    PUBLIC_INTEREST = "public_interest", _("public interest")
    JOURNALISM = "journalism", _("journalism, science, art")
    STATISTICS = "statistics", _("statistics")
    PUBLIC_DATA = "public_data", _("publicly available data")
    PUBLICATION_BY_LAW = "publication_by_law", _("publication required by law")
    DISSEMINATION_CONSENT = "dissemination_consent", _("consent to dissemination")
    SPECIAL_CATEGORY = "special_category", _("special category of data")
    BIOMETRIC = "biometric", _("biometric data")
    OTHER_LAW = "other_law", _("another case set by law")


class Direction(TextChoices):
    DUE = "due", _("due by")
    NOT_BEFORE = "not_before", _("not before")
    KEEP_UNTIL = "keep_until", _("keep until")
    WATCH = "watch", _("watch")


class Unit(TextChoices):
    HOUR = "hour", _("hours")
    CALENDAR_DAY = "calendar_day", _("calendar days")
    WORKING_DAY = "working_day", _("working days")
    MONTH = "month", _("months")
    YEAR = "year", _("years")
    MONTH_DAY_RULE = "month_day_rule", _("day of the next month")
    IMMEDIATE = "immediate", _("immediately")
    BEFORE_EVENT = "before_event", _("before the event")
    EVENT = "event", _("with the event")
    AS_STATED = "as_stated_in_inquiry", _("as stated in the inquiry")


class RuleSource(TextChoices):
    STATUTE = "statute", _("statute")
    PROMISE = "promise", _("promise")


class Event(TextChoices):
    AUTHORITY_ASKED_RECIPIENT_INFO = (
        "authority_asked_recipient_info",
        _("authority asked about the recipient"),
    )
    AUTHORITY_RECEIVED_NOTICE = "authority_received_notice", _("authority received the notice")
    AUTHORITY_RECEIVED_TRANSFER_NOTICE = (
        "authority_received_transfer_notice",
        _("authority received the transfer notice"),
    )
    AUTOMATED_DECISION_OBJECTED = (
        "automated_decision_objected",
        _("objection to an automated decision"),
    )
    BREACH_ALLEGED = "breach_alleged", _("breach alleged")
    BREACH_NOT_CONFIRMED = "breach_not_confirmed", _("breach not confirmed")
    CEASE_DEMANDED = "cease_demanded", _("demand to cease processing")
    CONSENT_ENDED = "consent_ended", _("consent ended")
    CONSENT_GIVEN = "consent_given", _("consent given")
    CONSENT_WITHDRAWN = "consent_withdrawn", _("consent withdrawn")
    CORRECTION_PROVED = "correction_proved", _("correction proved")
    DATA_FROM_THIRD_PARTY = "data_from_third_party", _("data came from a third party")
    DESTROYED = "destroyed", _("data destroyed")
    DESTRUCTION_IMPOSSIBLE = "destruction_impossible", _("destruction impossible in time")
    DISSEMINATION_BREACH_DEMAND = (
        "dissemination_breach_demand",
        _("demand because dissemination breaches the law"),
    )
    DISSEMINATION_CONDITIONS_RECEIVED = (
        "dissemination_conditions_received",
        _("conditions of dissemination received"),
    )
    DISSEMINATION_STOP_DEMANDED = (
        "dissemination_stop_demanded",
        _("demand to stop dissemination"),
    )
    ERASURE_DEMANDED = "erasure_demanded", _("demand to delete, anonymise or restrict")
    FIRST_REQUEST_RECEIVED = "first_request_received", _("first request received")
    INACCURACY_CONFIRMED = "inaccuracy_confirmed", _("inaccuracy confirmed")
    INCIDENT_DETECTED = "incident_detected", _("incident detected")
    INQUIRY_RECEIVED = "inquiry_received", _("inquiry received")
    INSPECTION_ASKED = "inspection_asked", _("demand of inspectors")
    MARKETING_STOP_DEMANDED = "marketing_stop_demanded", _("demand to stop marketing")
    PARTICULARS_CHANGED = "particulars_changed", _("notified particulars changed")
    PRESCRIPTION_RECEIVED = "prescription_received", _("prescription received")
    PROCESSING_CEASED = "processing_ceased", _("processing ceased")
    PROCESSING_INTENDED = "processing_intended", _("processing intended")
    PUBLIC_REMOVAL_DEMANDED = (
        "public_removal_demanded",
        _("demand to remove from public sources"),
    )
    PURPOSE_ACHIEVED = "purpose_achieved", _("purpose achieved")
    REQUEST_RECEIVED = "request_received", _("request received")
    TRANSFER_BANNED = "transfer_banned", _("transfer banned")
    TRANSFER_INTENDED = "transfer_intended", _("cross-border transfer intended")
    TRANSFERRED_TO_THIRD_PARTY = "transferred_to_third_party", _("transferred to a third party")
    UNLAWFUL_OR_UNNEEDED_PROVED = (
        "unlawful_or_unneeded_proved",
        _("proved unlawful or unnecessary"),
    )
    UNLAWFUL_PROCESSING_FOUND = "unlawful_processing_found", _("unlawful processing found")


class Effect(TextChoices):
    ANSWER = "answer", _("answer")
    ANSWER_AUTHORITY = "answer_authority", _("answer the authority")
    BLOCK = "block", _("block")
    CONSENT_ENDS = "consent_ends", _("consent ends")
    DESTROY = "destroy", _("destroy")
    DESTROY_OR_RESTRICT = "destroy_or_restrict", _("destroy or restrict")
    FULFIL_PRESCRIPTION = "fulfil_prescription", _("fulfil the prescription")
    KEEP_EVIDENCE = "keep_evidence", _("keep the evidence")
    NOTIFY_AUTHORITY = "notify_authority", _("notify the authority")
    NOTIFY_AUTHORITY_FINDINGS = (
        "notify_authority_findings",
        _("tell the authority what was found"),
    )
    NOTIFY_AUTHORITY_FIRST = "notify_authority_first", _("first notice to the authority")
    NOTIFY_SUBJECT = "notify_subject", _("notify the person")
    PUBLISH_CONDITIONS = "publish_conditions", _("publish the conditions")
    RECTIFY = "rectify", _("correct")
    REFUSE = "refuse", _("refuse with reasons")
    REGISTERED_BY_AUTHORITY = "registered_by_authority", _("the authority registers")
    REPEAT_ALLOWED = "repeat_allowed", _("repeat request allowed")
    STOP = "stop", _("stop processing")
    STOP_DISSEMINATION = "stop_dissemination", _("stop dissemination")
    STOP_MARKETING = "stop_marketing", _("stop marketing")
    STOP_OR_REFUSE = "stop_or_refuse", _("stop or refuse with reasons")
    STOP_TRANSFER = "stop_transfer", _("stop the transfer")
    TRANSFER_ALLOWED = "transfer_allowed", _("transfer allowed")
    UNBLOCK = "unblock", _("unblock")


# What is allowed or kept from or until a day: nothing to be done in time, so never overdue.
MINIMUM_EFFECTS = frozenset({Effect.TRANSFER_ALLOWED, Effect.REPEAT_ALLOWED, Effect.KEEP_EVIDENCE})


class DataKind(TextChoices):
    ORDINARY = "ordinary", _("ordinary")
    SPECIAL = "special", _("special")
    BIOMETRIC = "biometric", _("biometric")
    TECHNICAL = "technical", _("technical")
    NOT_PERSONAL = "not_personal", _("not personal")


class DataFormat(TextChoices):
    TEXT = "text", _("text")
    NAME = "name", _("name of a person")
    EMAIL = "email", _("e-mail address")
    PHONE = "phone", _("phone number")
    IIN = "iin", _("IIN")
    BIN = "bin", _("BIN")
    ACCOUNT = "account", _("account")
    IP = "ip", _("IP address")
    MOMENT = "moment", _("date and time")
    CHOICE = "choice", _("one of several values")
    IMAGE = "image", _("image")
    LOG = "log", _("log")


class SearchKind(TextChoices):
    NONE = "none", _("not searchable")
    WHOLE = "whole", _("by the whole value")
    TAIL = "tail", _("by the whole value and its last digits")
    WORDS = "words", _("by words and their beginnings")


class Operation(TextChoices):
    """The operations of 152-FZ 3(3) and 94-V 1, with the kinds of clarification and transfer."""

    COLLECTION = "collection", _("collection")
    RECORDING = "recording", _("recording")
    SYSTEMATISATION = "systematisation", _("systematisation")
    ACCUMULATION = "accumulation", _("accumulation")
    STORAGE = "storage", _("storage")
    CLARIFICATION = "clarification", _("clarification")
    UPDATING = "updating", _("clarification: updating")
    MODIFICATION = "modification", _("clarification: modification")
    RETRIEVAL = "retrieval", _("retrieval")
    USE = "use", _("use")
    TRANSFER = "transfer", _("transfer")
    DISSEMINATION = "dissemination", _("transfer: dissemination")
    PROVISION = "provision", _("transfer: provision")
    ACCESS = "access", _("transfer: access")
    DEPERSONALISATION = "depersonalisation", _("depersonalisation")
    BLOCKING = "blocking", _("blocking")
    DELETION = "deletion", _("deletion")
    DESTRUCTION = "destruction", _("destruction")


class Mode(TextChoices):
    AUTOMATED = "automated", _("automated")
    MANUAL = "manual", _("not automated")
    MIXED = "mixed", _("mixed")


class CollectionWay(TextChoices):
    WEB_FORM = "web_form", _("forms on the website")
    AUTOMATIC = "automatic", _("automatic collection")
    WRITTEN = "written", _("in writing")
    EMAIL = "email", _("by e-mail")
    OTHER = "other", _("in another way")


class Channel(TextChoices):
    EMAIL = "email", _("e-mail")
    POST = "post", _("post")
    IN_PERSON = "in_person", _("in person")
    PHONE = "phone", _("phone")
    STATE_SERVICE = "state_service", _("state service")
    NON_STATE_SERVICE = "non_state_service", _("non-state service")
    WEB_FORM = "web_form", _("form on the website")
    ANY_PROVABLE = "any_provable", _("any way that can be proved")
    ACCOUNT_DELETION = "account_deletion", _("deleting the account")


class Intake(TextChoices):
    WITHDRAWAL = "withdrawal", _("withdrawal of consent")
    RECTIFICATION = "rectification", _("correction of data")
    DESTRUCTION = "destruction", _("destruction of data")
    INFORMATION = "information", _("information about the data")
    QUESTION = "question", _("question")
    ANY = "any", _("anything")


class ClaimTopic(TextChoices):
    """What a policy speaks about."""

    SCOPE = "scope", _("whom the policy covers")
    SUBJECT_DEFINITION = "subject_definition", _("who is a data subject")
    CONSENT_TERM = "consent_term", _("term of the consent")
    CONSENT_BY_ACTION = "consent_by_action", _("consent by an action")
    WITHDRAWAL = "withdrawal", _("withdrawal of consent")
    WITHDRAWAL_EFFECT = "withdrawal_effect", _("effect of a withdrawal")
    RIGHT = "right", _("right of the person")
    SUBJECT_DUTY = "subject_duty", _("duty of the person")
    OPERATOR_RIGHT = "operator_right", _("right of the operator")
    OPERATOR_DUTY = "operator_duty", _("duty of the operator")
    PRINCIPLE = "principle", _("principle of processing")
    COLLECTION = "collection", _("way of collection")
    DATA_SOURCE = "data_source", _("source of the data")
    THIRD_PARTY_TRANSFER = "third_party_transfer", _("transfer to third parties")
    CROSS_BORDER = "cross_border", _("cross-border transfer")
    STATE_BODIES = "state_bodies", _("state bodies")
    PUBLICATION = "publication", _("publication")
    DISSEMINATION_LIMITS = "dissemination_limits", _("limits of dissemination")
    CONFIDENTIALITY = "confidentiality", _("confidentiality")
    SECURITY = "security", _("security")
    RETENTION = "retention", _("retention")
    TERMINATION = "termination", _("end of processing")
    COMPLAINT_BODY = "complaint_body", _("where to complain")
    POLICY_PUBLICATION = "policy_publication", _("where the policy is published")
    POLICY_CHANGE = "policy_change", _("change of the policy")
    POLICY_TERM = "policy_term", _("term of the policy")
    GOVERNING_LAW = "governing_law", _("governing law")
    LIABILITY = "liability", _("liability")
    GAP = "gap", _("gap in the numbering")


class SubjectRelation(TextChoices):
    """What people are to the operator."""

    VISITOR = "visitor", _("visitor")
    CLIENT = "client", _("client")
    EMPLOYEE = "employee", _("employee")
    APPLICANT = "applicant", _("applicant for a job")
    CONTRACTOR = "contractor", _("contractor or its representative")
    RELATIVE = "relative", _("relative of an employee")
    OTHER = "other", _("somebody else")


class ContactWay(TextChoices):
    """By what a purpose reaches people."""

    EMAIL = "email", _("e-mail")
    PHONE = "phone", _("phone")
    POST = "post", _("post")
    ACCOUNT = "account", _("their account")


class MeasureTopic(TextChoices):
    """What a measure answers to, where the law asks for one in particular."""

    BREACH_PROCEDURE = "breach_procedure", _("what to do in an incident")
    ACCESS_RULES = "access_rules", _("who has access")
    INTERNAL_CONTROL = "internal_control", _("internal control")
    TRAINING = "training", _("briefing of staff")
    HARM_ASSESSMENT = "harm_assessment", _("assessment of harm")
    ERASURE_TOOLS = "erasure_tools", _("means of destruction")
    EVENT_LOG = "event_log", _("log of actions with data")
    BACKUPS = "backups", _("backups")


class MeasureKind(TextChoices):
    LEGAL = "legal", _("legal")
    ORGANISATIONAL = "organisational", _("organisational")
    TECHNICAL = "technical", _("technical")


class RecipientKind(TextChoices):
    THIRD_PARTY = "third_party", _("third party")
    PROCESSOR = "processor", _("processor")
    STATE_BODY = "state_body", _("state body")


class RetentionEvent(TextChoices):
    PURPOSE_ACHIEVED = "purpose_achieved", _("purpose achieved")
    CONSENT_WITHDRAWN = "consent_withdrawn", _("consent withdrawn")
    CONSENT_EXPIRED = "consent_expired", _("consent expired")
    CONTRACT_ENDED = "contract_ended", _("contract ended")
    UNLAWFUL_FOUND = "unlawful_processing_found", _("unlawful processing found")
    REQUEST_CLOSED = "request_closed", _("request closed")


class CountedFrom(TextChoices):
    EVENT = "event", _("the event")
    END_OF_REPORTING_YEAR = "end_of_reporting_year", _("the end of the reporting year")
    NEXT_TAX_PERIOD = "next_tax_period", _("the next tax period")


class AfterRetention(TextChoices):
    DESTROY = "destroy", _("destroy")
    DEPERSONALISE = "depersonalise", _("depersonalise")
    DESTROY_OR_DEPERSONALISE = "destroy_or_depersonalise", _("destroy or depersonalise")


class EndEvent(TextChoices):
    """What ends a consent that has no term in days, months or years."""

    PURPOSE_ACHIEVED = "purpose_achieved", _("purpose achieved")
    CONTRACT_ENDED = "contract_ended", _("contract ended")
    ACCOUNT_DELETED = "account_deleted", _("account deleted")


class Binding(TextChoices):
    STATUTE = "statute", _("statute")
    STATED = "stated", _("stated date")
    PROMISE = "promise", _("promise")


class NoticeKind(TextChoices):
    DIGEST = "digest", _("morning digest")
    URGENT = "urgent", _("urgent reminder")
    HANDOVER = "handover", _("handover")


class NoticeState(TextChoices):
    PENDING = "pending", _("waiting")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")


class PolicyOrigin(TextChoices):
    IMPORTED = "imported", _("imported as it stands")
    GENERATED = "generated", _("written from the register")


class Gate(TextChoices):
    """What the law wants before data go to a recipient (152-FZ 12, 94-V 16)."""

    NONE = "none", _("none")
    NOTICE = "notice", _("notice to the authority")
    WAIT = "wait", _("notice to the authority, then a waiting period")
    GROUND = "ground", _("a ground of its own")


class RecipientFact(TextChoices):
    """What the operator finds out about a foreign recipient beforehand (152-FZ 12(5))."""

    MEASURES = "measures", _("how it protects data and when it ceases processing")
    REGULATION = "regulation", _("how its state regulates personal data")
    CONTACTS = "contacts", _("its name, phones, postal and e-mail addresses")


class RegisterPaperKind(TextChoices):
    """Papers that the law wants from the register; only the notices go to the authority."""

    NOTICE_START = "notice_start", _("notice of the start of processing")
    NOTICE_CHANGE = "notice_change", _("notice of changed particulars")
    NOTICE_END = "notice_end", _("notice of the end of processing")
    DATA_LIST = "data_list", _("list of necessary and sufficient personal data")
    HARM = "harm", _("act of the assessment of harm")
    CONTROL_PLAN = "control_plan", _("plan of internal control")
    SIZE_CLASS = "size_class", _("size class of the operator")


class RunState(TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
