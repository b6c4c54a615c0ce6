"""Files in the vault: each under a key of its own, streamed, with no name on the disk."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator
from registry.roles import VIEW, Access
from subjects.vault.models import Sealed
from subjects.vault.store import Place


class SealedFile(models.Model):
    """A sealed file: written once, never changed. The name it came with is not kept."""

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="sealed_files", verbose_name=_("operator")
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=Sealed)
    # The person's number for a file of a person, the operator's for an upload.
    owner = models.BigIntegerField(_("owner"))
    category = models.BigIntegerField(_("data category"), null=True)
    key = models.BigIntegerField(_("key"), unique=True)
    place_on_disk = models.CharField(_("place"), max_length=64, unique=True)
    media_type = models.CharField(_("type"), max_length=60)
    size = models.PositiveBigIntegerField(_("size"))
    made_at = models.DateTimeField(_("made at"))
    access = Access(
        scope="operator", dpo=VIEW, clerk=VIEW, auditor=VIEW, administrator=frozenset(), sworn=True
    )

    class Meta:
        verbose_name = _("sealed file")
        verbose_name_plural = _("sealed files")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def path(self) -> Path:
        return Path(settings.OFFICE_SEALED) / self.place_on_disk[:2] / self.place_on_disk

    @property
    def sealed_place(self) -> Place:
        return Place(kind=self.kind, owner=self.owner, category=self.category)
