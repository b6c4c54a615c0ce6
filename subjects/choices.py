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
