"""The enumerations of the people's app. Codes are data: they never change."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class SubjectKind(TextChoices):
    PERSON = "person", _("individual")
    SOLE_PROPRIETOR = "sole_proprietor", _("sole proprietor")
    REPRESENTATIVE = "representative", _("representative of a legal entity")


class HeldIn(TextChoices):
    VAULT = "vault", _("this office")
    SYSTEM = "system", _("information system")
    CARRIER = "carrier", _("paper or another carrier")


class Source(TextChoices):
    """Where a datum came from (152-FZ 14(7)(5), 18(3); 94-V 7(11), 24(1)(1))."""

    SUBJECT = "subject", _("the person")
    AUTOMATIC = "automatic", _("collected automatically")
    THIRD_PARTY = "third_party", _("a third party")
    STATE_BODY = "state_body", _("a state body")
    PUBLISHED = "published", _("published lawfully, with a link")


class GroundEnd(TextChoices):
    """Why a ground ended; the value is the event whose rules then count."""

    WITHDRAWN = "consent_withdrawn", _("consent withdrawn")
    EXPIRED = "consent_expired", _("consent expired")
    ACHIEVED = "purpose_achieved", _("purpose achieved")
    CONTRACT = "contract_ended", _("contract ended")
    CEASE = "cease_demanded", _("demand to cease processing")
    UNLAWFUL = "unlawful_processing_found", _("unlawful processing found")


class Ruled(TextChoices):
    """Why a datum must go although a ground covers it; the value is the event of its rules."""

    INACCURATE = "inaccurate_beyond_correction", _("wrong, and cannot be put right")
    UNNEEDED = "unlawful_or_unneeded", _("obtained unlawfully, or not needed for the purpose")
    ORDERED = "ordered", _("a court or the authority orders it")


class Permission(TextChoices):
    ALLOWED = "allowed", _("allowed")
    CONDITIONS = "conditions", _("allowed under conditions")
    PROHIBITED = "prohibited", _("prohibited")


class Looked(TextChoices):
    """What somebody did to see people's data."""

    REVEAL = "reveal", _("revealed the card")
    HIDE = "hide", _("hid the card again")
    SEARCH = "search", _("searched")
    EXPORT = "export", _("exported")
    DOWNLOAD = "download", _("downloaded a file")
    PAPER = "paper", _("printed a paper")
    DESTROYED_LOOK = "destroyed_look", _("asked whether somebody was destroyed")
    PAGE = "page", _("saw a page, as an inspector")
    DISCLOSURE = "disclosure", _("gave the data to somebody")
    DISCLOSURE_REFUSED = "disclosure_refused", _("tried to give the data, and was refused")


class DisclosureKind(TextChoices):
    """How data left the operator for somebody else."""

    STATE_BODY = "state_body", _("to a state body")
    TRANSFER = "transfer", _("by a transfer of the register")


class StateBody(TextChoices):
    """Which body of the state was given data (94-V 9(1), 152-FZ 6(1)(3)-(3.1))."""

    COURT = "court", _("court")
    POLICE = "police", _("police")
    BAILIFF = "bailiff", _("bailiff")
    TAX = "tax", _("tax authority")
    PROSECUTOR = "prosecutor", _("prosecutor")
    OTHER = "other", _("another authority")


class ImportState(TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")


class ConflictState(TextChoices):
    OPEN = "open", _("not decided")
    LINKED = "linked", _("linked")
    MERGED = "merged", _("merged")
    DIFFERENT = "different", _("different people")


class StopKind(TextChoices):
    LEGAL_HOLD = "legal_hold", _("legal hold")
    REQUEST = "open_request", _("open request")


class BlockReason(TextChoices):
    """Why data are blocked: kept, but neither used nor changed nor passed on."""

    REQUEST = "request", _("the person asks for it")
    CHECK = "check", _("while a complaint is checked")
    IMPOSSIBLE = "impossible", _("destruction is not possible in time")
    STORAGE = "storage", _("the law fixes a storage term")
    RULED = "ruled", _("it was decided that it goes")


class ActState(TextChoices):
    """The states of an act of destruction; the moves stand in ``subjects.states``."""

    DRAFTED = "drafted", _("drafted")
    APPROVED = "approved", _("approved")
    RUNNING = "running", _("being executed")
    CLOSED = "closed", _("closed")
    CANCELLED = "cancelled", _("cancelled")


class Outcome(TextChoices):
    """What became of one thing that an act was to destroy; empty: nothing yet."""

    DESTROYED = "destroyed", _("destroyed")
    STAYS = "stays", _("stays: a ground covers it")
    STOPPED = "stopped", _("stopped")
    GONE = "gone", _("was gone already")


class RecipientState(TextChoices):
    """Whether a recipient was told of an act, and its answer; the moves: ``states.NOTICE``."""

    WAITING = "waiting", _("not told yet")
    TOLD = "told", _("told")
    CONFIRMED = "confirmed", _("confirmed")
    REFUSED = "refused", _("refused")


class CallState(TextChoices):
    """How far a system has been told by machine what an act destroys there."""

    WAITING = "waiting", _("waiting")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("told, not confirmed yet")
    DONE = "done", _("confirmed")
    FAILED = "failed", _("failed")


class PaperKind(TextChoices):
    ACT = "act", _("act of destruction")
    LOG = "log", _("extract of the event log")
