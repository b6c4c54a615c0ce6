"""Imports of people: how far each has come, what it refused, whom it found twice."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, User
from registry.roles import VIEW, Access
from subjects.choices import ConflictState, ImportState
from subjects.models.files import SealedFile
from subjects.models.people import DataSubject

IMPORTS = Access(
    scope="operator",
    dpo=VIEW | {"add", "resolve"},
    clerk=VIEW | {"add", "resolve"},
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)


class SubjectImport(models.Model):
    """One file of people, read in chunks; each chunk is saved with how far it came."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="imports",
        verbose_name=_("operator"),
        help_text=_("Whose people are in the file."),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=ImportState, default=ImportState.WAITING
    )
    dry_run = models.BooleanField(
        _("trial run"), default=False, help_text=_("Reads and checks everything, saves nothing.")
    )
    file = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        related_name="subject_import",
        verbose_name=_("file"),
    )
    # SHA-256 of the file: a run that was cut short goes on only with the same file.
    digest = models.CharField(_("digest"), max_length=64)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    done_bytes = models.PositiveBigIntegerField(_("bytes read"), default=0)
    done_lines = models.PositiveBigIntegerField(_("lines read"), default=0)
    people_new = models.PositiveIntegerField(_("new people"), default=0)
    people_changed = models.PositiveIntegerField(_("changed people"), default=0)
    people_same = models.PositiveIntegerField(_("unchanged people"), default=0)
    rows_rejected = models.PositiveIntegerField(_("rejected rows"), default=0)
    conflicts_found = models.PositiveIntegerField(_("conflicts"), default=0)
    refusal = models.CharField(_("why refused"), max_length=500, blank=True)
    made_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="imports", verbose_name=_("who")
    )
    made_at = models.DateTimeField(_("made at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    access = IMPORTS

    class Meta:
        verbose_name = _("import of people")
        verbose_name_plural = _("imports of people")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator"],
                condition=models.Q(state=ImportState.RUNNING),
                name="import_one_at_a_time",
                violation_error_message=_("Another import of this operator is running."),
            )
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class ImportReject(models.Model):
    """A row that was not taken: where and why, never what it said."""

    run = models.ForeignKey(
        SubjectImport, models.PROTECT, related_name="rejects", verbose_name=_("import")
    )
    line = models.PositiveBigIntegerField(_("line"))
    column = models.CharField(_("column"), max_length=60, blank=True)
    # The sentence and its parameters: each reader sees it in their own language.
    reason = models.CharField(_("reason"), max_length=300)
    params = models.JSONField(default=dict)
    access = Access(
        scope="run__operator",
        dpo=VIEW,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
    )

    class Meta:
        verbose_name = _("rejected row")
        verbose_name_plural = _("rejected rows")
        ordering = ["run", "line", "id"]

    def __str__(self) -> str:
        return f"{self.line}"


class ImportSeen(models.Model):
    """Whom a run has met, until it ends: a file may speak of a person on lines far apart.

    No foreign keys, like the vault: a row for each person of a file is written and deleted.
    """

    pk = models.CompositePrimaryKey("run", "subject")
    run = models.BigIntegerField(_("import"))
    subject = models.BigIntegerField(_("person"))
    line = models.PositiveBigIntegerField(_("line"))
    outcome = models.CharField(_("outcome"), max_length=10)
    # Which columns of the file have spoken of the person: the bits of a number, in hex digits.
    given = models.CharField(_("columns"), max_length=100)
    access = Access(
        scope=None,
        dpo=frozenset(),
        clerk=frozenset(),
        auditor=frozenset(),
        administrator=frozenset(),
    )

    class Meta:
        verbose_name = _("person met by an import")
        verbose_name_plural = _("people met by imports")


class ImportConflict(models.Model):
    """Two cards share an identifier: perhaps one person, perhaps a mistake; somebody decides."""

    run = models.ForeignKey(
        SubjectImport, models.PROTECT, related_name="conflicts", verbose_name=_("import")
    )
    line = models.PositiveBigIntegerField(_("line"))
    column = models.CharField(_("column"), max_length=60)
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="conflicts", verbose_name=_("card")
    )
    other = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="conflicts_of_others",
        verbose_name=_("other card"),
    )  # fmt: skip
    state = models.CharField(
        _("state"), max_length=10, choices=ConflictState, default=ConflictState.OPEN
    )
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="import_decisions",
        verbose_name=_("decided by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided at"), null=True)
    access = Access(
        scope="run__operator",
        dpo=VIEW | {"resolve"},
        clerk=VIEW | {"resolve"},
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
    )

    class Meta:
        verbose_name = _("conflict of an import")
        verbose_name_plural = _("conflicts of imports")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "other", "column"], name="import_conflict_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} – {self.other}"
