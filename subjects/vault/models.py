"""The two tables that make a value readable and findable, and what is left when they are mute.

``VaultKey`` and ``SearchToken`` have no history and no foreign keys: destroying a value is
deleting its rows here. ``DestructionItem`` says that it was done; ``MasterKey`` numbers the keys
that lie outside the database.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import User
from registry.models.base import history
from registry.roles import LAW, Access
from subjects.sealing import TOKEN_BYTES, WRAPPED_BYTES

# Nobody looks at keys: services open values, the pages show those.
NOBODY = Access(
    scope=None,
    dpo=frozenset(),
    clerk=frozenset(),
    auditor=frozenset(),
    administrator=frozenset(),
)


class Sealed(models.IntegerChoices):
    """What a key seals. The number and the label in ``LABELS`` are data: they never change."""

    DATUM = 1, _("personal datum")
    EVIDENCE = 2, _("evidence of a consent")
    FILE = 3, _("file of a person")
    UPLOAD = 4, _("uploaded import file")
    REQUEST = 5, _("request of a person")
    LETTER = 6, _("letter")
    SUBMISSION = 7, _("submission that waits for its code")
    EXPORT = 8, _("export for the authority")
    MAIL = 9, _("incoming mail")
    ANSWER = 10, _("answer to a person")
    ACT_PAPER = 11, _("paper of an act of destruction")


class KeyUse(models.TextChoices):
    KEK = "kek", _("key-encryption key")
    SEARCH = "search", _("search key")
    EVIDENCE = "evidence", _("evidence key")


class MasterKey(models.Model):
    """A numbered key whose bytes lie in a file outside the database and outside every backup."""

    use = models.CharField(_("use"), max_length=10, choices=KeyUse)
    number = models.PositiveSmallIntegerField(_("number"))
    fingerprint = models.CharField(
        _("fingerprint"),
        max_length=16,
        help_text=_("Tells the right file from another; says nothing about the key."),
    )
    made_at = models.DateTimeField(_("made at"))
    retire_on = models.DateField(
        _("retires on"),
        null=True,
        blank=True,
        help_text=_("From this day its file may be destroyed: copies of destroyed values go mute."),
    )
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("master key")
        verbose_name_plural = _("master keys")
        ordering = ["use", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["use", "number"], name="master_key_number_once"),
            models.CheckConstraint(
                name="master_key_retires_when_it_may",
                condition=models.Q(retired_at=None) | models.Q(retire_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_use_display()} {self.number}"


class VaultKey(models.Model):
    """The wrapped data key of one value. Its number is never used again."""

    kind = models.PositiveSmallIntegerField(_("seals"), choices=Sealed)
    owner = models.BigIntegerField(_("owner"))
    category = models.BigIntegerField(_("data category"), null=True)
    wrapped = models.BinaryField(_("wrapped key"), max_length=WRAPPED_BYTES)
    kek = models.PositiveSmallIntegerField(_("KEK"))
    search = models.PositiveSmallIntegerField(_("search key"), null=True)
    destroy_on = models.DateField(_("destroy on"), null=True)
    access = NOBODY

    class Meta:
        verbose_name = _("vault key")
        verbose_name_plural = _("vault keys")
        indexes = [
            models.Index(
                fields=["destroy_on"],
                condition=models.Q(destroy_on__isnull=False),
                name="vault_key_due",
            )
        ]


class _TokenKey(models.CompositePrimaryKey):
    """Reads its binary half back from JSON: Django leaves the parts of a list as they are."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            parts: Any = self.fields
            return [part.to_python(one) for part, one in zip(parts, value, strict=True)]
        return super().to_python(value)

    def deconstruct(self) -> Any:
        name, _, args, kw = super().deconstruct()
        return name, "django.db.models.CompositePrimaryKey", args, kw


class SearchToken(models.Model):
    """A search term of one value as an HMAC; without the search key it says nothing."""

    pk = _TokenKey("token", "key")
    token = models.BinaryField(_("token"), max_length=TOKEN_BYTES)
    key = models.BigIntegerField(_("key"))
    access = NOBODY

    class Meta:
        verbose_name = _("search token")
        verbose_name_plural = _("search tokens")
        indexes = [models.Index(fields=["key"], name="search_token_key")]


class DestructionItem(models.Model):
    """One value was destroyed: the proof, which holds no value (152-FZ 21, Order 179).

    Destroyed = an item names the key. A value with neither key nor item is lost.
    """

    key = models.BigIntegerField(_("key"), unique=True)
    kind = models.PositiveSmallIntegerField(_("sealed"), choices=Sealed)
    owner = models.BigIntegerField(_("owner"), db_index=True)
    category = models.BigIntegerField(_("data category"), null=True)
    # The act that it belongs to; empty where one value was destroyed by hand.
    act = models.ForeignKey(
        "subjects.DestructionAct",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="destroyed",
        verbose_name=_("act"),
    )
    reason = models.CharField(_("reason"), max_length=300)
    destroyed_at = models.DateTimeField(_("destroyed at"))
    destroyed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="destructions",
        verbose_name=_("destroyed by"),
        help_text=_("Empty: the office itself, by a rule."),
    )
    access = NOBODY
    append_only = True

    class Meta:
        verbose_name = _("destroyed value")
        verbose_name_plural = _("destroyed values")


LABELS = {
    Sealed.DATUM: b"datum.value",
    Sealed.EVIDENCE: b"consent.evidence",
    Sealed.FILE: b"file.content",
    Sealed.UPLOAD: b"import.content",
    Sealed.REQUEST: b"request.text",
    Sealed.LETTER: b"letter.text",
    Sealed.SUBMISSION: b"submission.text",
    Sealed.EXPORT: b"export.content",
    Sealed.MAIL: b"mail.text",
    Sealed.ANSWER: b"answer.content",
    Sealed.ACT_PAPER: b"act.paper",
}
