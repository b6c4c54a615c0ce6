"""Response packs: what was put together for the inspectors, by whom; never the pack itself."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import User
from registry.roles import Access
from requests.models.inspections import Inspection


class PackPart(models.TextChoices):
    """What can be put into a pack. Codes are data: they never change."""

    REGISTER = "register", _("register of processing activities")
    POLICIES = "policies", _("policy in force, and its versions")
    PAPERS = "papers", _("signed papers of the register")
    CONTROL = "control", _("journal of internal control")
    CONSENTS = "consents", _("published consent texts, those chosen below")
    ACTS = "acts", _("acts of destruction with the extracts of the event log")
    REQUESTS = "requests", _("journal of requests, without names")
    INQUIRIES = "inquiries", _("journal of inquiries of the authority")
    DESTRUCTIONS = "destructions", _("journal of destructions")
    INCIDENTS = "incidents", _("register of incidents")
    INSPECTIONS = "inspections", _("register of inspections")
    LOOKED = "looked", _("who looked at people's data")
    ASKED = "asked", _("what the inspectors asked, and the copies given")


class InspectionPack(models.Model):
    """One pack that was made and taken at once; never changed. ``digest``: of its manifest.json."""

    inspection = models.ForeignKey(
        Inspection, models.PROTECT, related_name="packs", verbose_name=_("inspection")
    )
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="inspection_packs",
        verbose_name=_("made by"),
    )
    parts = models.JSONField(_("what was ticked"), default=list)
    since = models.DateField(_("from"))
    until = models.DateField(_("until"))
    language = models.CharField(_("language"), max_length=2, choices=Language)
    digest = models.CharField(_("digest of the manifest (SHA-256)"), max_length=64)
    files = models.PositiveIntegerField(_("files"))
    size = models.PositiveBigIntegerField(_("size"))
    access = Access(scope="inspection__operator")
    append_only = True

    class Meta:
        verbose_name = _("response pack of an inspection")
        verbose_name_plural = _("response packs of inspections")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="inspection_pack_days_in_order",
                condition=models.Q(until__gte=models.F("since")),
            ),
            models.CheckConstraint(
                name="inspection_pack_has_a_digest", condition=~models.Q(digest="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.inspection.number}: {self.digest[:8]}"
