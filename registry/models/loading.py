"""What a data file last said of a row, so that loading it again keeps what people changed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.roles import ADMINISTRATOR_ONLY


class LoadedRow(models.Model):
    """The values of one row as its file last gave them.

    A field that still has the file's old value follows the file's new one; a field that
    somebody changed by hand is kept and reported.
    """

    model = models.CharField(_("kind of row"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    values = models.JSONField(_("values"))
    access = ADMINISTRATOR_ONLY

    class Meta:
        verbose_name = _("loaded row")
        verbose_name_plural = _("loaded rows")
        ordering = ["model", "key"]
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="loaded_row_once")]

    def __str__(self) -> str:
        return f"{self.model} {self.key}"
