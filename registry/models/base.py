"""What every model of the office shares: three languages and an audit trail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

LANGUAGES = ("ru", "kk", "en")
OPERATOR_HELP = _("Whose register this row belongs to; it never moves to another.")


def history(**options: Any) -> HistoricalRecords:
    """The audit trail of a model: who, when, why; its table is append-only by trigger."""
    return HistoricalRecords(
        history_change_reason_field=models.TextField(_("reason"), null=True, blank=True),
        **options,
    )


class Localized:
    """Reads ``<name>_<language>`` in the reader's language, else in the first that has a text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        wanted = (get_language() or "en").split("-")[0]
        for language in (wanted, *LANGUAGES):
            text = getattr(instance, f"{self.name}_{language}", "")
            if text:
                return text
        return ""


class Named(models.Model):
    """A name in Russian, Kazakh and English; at least one of them."""

    name_ru = models.CharField(
        _("name in Russian"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of Russian."),
    )
    name_kk = models.CharField(
        _("name in Kazakh"), max_length=300, blank=True, help_text=_("Shown to readers of Kazakh.")
    )
    name_en = models.CharField(
        _("name in English"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of English. One of the three names is required."),
    )
    name = Localized("name")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.name)

    def clean(self) -> None:
        super().clean()
        if not (self.name_ru or self.name_kk or self.name_en):
            raise ValidationError(_("Give a name in at least one language."))


def named_constraint(prefix: str) -> models.CheckConstraint:
    """At least one of the three names is filled in."""
    return models.CheckConstraint(
        name=f"{prefix}_has_a_name",
        condition=~models.Q(name_ru="", name_kk="", name_en=""),
        violation_error_message=_("Give a name in at least one language."),
    )


class OperatorRow(models.Model):
    """A row of one operator's register: it points only at rows of the same operator."""

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        # A row of a person has no column of its own: its operator is the person's.
        mine = getattr(self, "operator_id", None) or getattr(
            getattr(self, "operator", None), "pk", None
        )
        for field in self._meta.concrete_fields:
            if not isinstance(field, models.ForeignKey) or field.name == "operator":
                continue
            target = getattr(self, field.name, None)
            theirs = getattr(target, "operator_id", None)
            if target is not None and theirs is not None and theirs != mine:
                raise ValidationError({field.name: _("This belongs to another operator.")})


class ChoiceListField(models.JSONField):
    """Several of a TextChoices' values, as a JSON list without repetition."""

    def __init__(self, *args: Any, options: type[models.TextChoices] | None = None, **kw: Any):
        self.options = options
        kw.setdefault("default", list)
        kw.setdefault("blank", True)
        super().__init__(*args, **kw)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if self.options is None:
            return
        unknown = [item for item in value or [] if item not in self.options.values]
        if unknown:
            raise ValidationError(
                _("%(value)s is not one of the choices."), params={"value": unknown[0]}
            )

    def formfield(self, **kw: Any) -> Any:  # type: ignore[override]
        if self.options is None:
            return super().formfield(**kw)
        return forms.MultipleChoiceField(
            choices=self.options.choices,
            required=not self.blank,
            label=kw.get("label", self.verbose_name),
            help_text=kw.get("help_text", self.help_text),
            widget=forms.CheckboxSelectMultiple,
        )

    def value_from_object(self, obj: models.Model) -> Any:
        return super().value_from_object(obj) or []
