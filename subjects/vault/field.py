"""The sealed field: plain text goes in, ciphertext comes out and stays shut until it is opened.

Reading a row never opens anything: the attribute is ``Ciphertext`` or None. ``opening.open_rows``
opens a page of rows with one query. Lookups (save ``isnull``), ordering, ``update()`` and
``bulk_update()`` refuse; ``dumpdata``/``loaddata`` and the history carry the ciphertext. A
migration copies ciphertext and can neither seal nor open.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import models, transaction
from django.db.models.expressions import Col
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from registry.errors import OperatorError, gettext_noop
from subjects.vault import sealing_bridge
from subjects.vault.models import Sealed

PREFIX = "sealed:"


class RowStays(OperatorError):
    template = gettext_noop(
        "A row with sealed values is not deleted: its values are destroyed, and the row stays."
    )


class Plain(str):
    """Text that a person typed: never taken for a ciphertext, whatever it looks like."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Nothing, for tracebacks that show what a form holds."""
        return "<typed>"


class Ciphertext:
    """A sealed value at rest. Says nothing in a log, a page or a traceback."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = bytes(raw)

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ciphertext) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class _Stored(bytes):
    """Ciphertext on its way into a column, by ``save`` alone."""


class SealedFormField(forms.CharField):
    """Shows an empty input: empty means unchanged, and a mask cannot be saved by accident."""

    def prepare_value(self, value: Any) -> Any:
        """What was typed into a form that came back, never what is stored."""
        return value if isinstance(value, str) else ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data))

    def clean(self, value: Any) -> Any:
        return Plain(super().clean(value))


class _SealedCol(Col):
    """The column in a query. Ordering resolves it; nothing that is lawful does."""

    def resolve_expression(self, *args: Any, **kw: Any) -> Any:
        raise FieldError(f"{self.target.name} is sealed: its order says nothing.")


class _SealedIsNull(IsNull):
    """The one lookup; its column may stand in a subquery, which is resolved again."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if isinstance(lhs, _SealedCol):
            lhs = Col(lhs.alias, lhs.target, lhs.output_field)
        super().__init__(lhs, rhs)


class SealedField(models.BinaryField):
    """A personal value, sealed under a key of its own.

    ``kind``: what it is (``Sealed``); ``key``: the name of the column beside it that holds the
    key's number and stands after it in the model.
    The model is a ``SealedModel`` and answers ``sealed_place(field)`` and ``sealed_terms(field,
    text)``.
    """

    def __init__(self, *args: Any, kind: int = Sealed.DATUM, key: str = "", **kw: Any) -> None:
        self.kind, self.key = kind, key
        kw.setdefault("null", True)
        kw.setdefault("blank", True)
        kw["editable"] = True
        super().__init__(*args, **kw)

    def deconstruct(self) -> Any:
        name, path, args, kw = super().deconstruct()
        kw.pop("editable", None)
        return name, path, args, kw | {"kind": int(self.kind), "key": self.key}

    def check(self, **kw: Any) -> list[checks.CheckMessage]:
        found = super().check(**kw)
        names = [field.name for field in self.model._meta.local_concrete_fields]
        if self.key not in names or names.index(self.key) < names.index(self.name):
            found.append(
                checks.Error(
                    f"{self.model._meta.label}.{self.name}: its key column {self.key!r} must "
                    "stand after it",
                    id="office.E003",
                )
            )
        return found

    @staticmethod
    def to_ciphertext(raw: bytes) -> Ciphertext:
        return Ciphertext(raw)

    # --- from and to the database ------------------------------------------------------------
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Ciphertext | None:
        return None if value is None else Ciphertext(bytes(value))

    def to_python(self, value: Any) -> Any:
        """What a fixture holds becomes ciphertext again; what a person typed stays text."""
        if isinstance(value, str) and not isinstance(value, Plain):
            if not value:
                return None
            if value.startswith(PREFIX):
                try:
                    return Ciphertext(base64.b64decode(value.removeprefix(PREFIX), validate=True))
                except binascii.Error:
                    raise ValidationError(_("This is no sealed value.")) from None
        return value

    def value_to_string(self, obj: models.Model) -> str:
        value = getattr(obj, self.attname)
        if value is not None and not isinstance(value, Ciphertext):
            raise FieldError(f"{self.name}: plain text cannot be written out.")
        return "" if value is None else PREFIX + base64.b64encode(value.raw).decode()

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Seals what was assigned; the instance holds the ciphertext from then on."""
        value = getattr(model_instance, self.attname)
        if isinstance(value, str):
            if not isinstance(model_instance, SealedModel):
                raise FieldError(f"{self.name}: a copy of a row takes no plain text.")
            number, raw = sealing_bridge.seal(
                model_instance, self.name, str(value), getattr(model_instance, self.key)
            )
            value = Ciphertext(raw)
            setattr(model_instance, self.attname, value)
            setattr(model_instance, self.key, number)
        if (value is None) != (getattr(model_instance, self.key) is None):
            raise FieldError(
                f"{self.name} and its key come and go together: a value is destroyed, not emptied."
            )
        if value is None:
            return None
        if not isinstance(value, Ciphertext):
            raise FieldError(f"{self.name}: neither text nor a sealed value.")
        return _Stored(value.raw)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, Ciphertext):
            # loaddata writes rows as they were, without pre_save.
            value = _Stored(value.raw)
        if value is not None and not isinstance(value, _Stored):
            raise FieldError(f"{self.name} is sealed: it is written by saving its row, only.")
        return super().get_db_prep_value(
            None if value is None else bytes(value), connection, prepared
        )

    def get_col(self, alias: Any, output_field: Any = None) -> Any:
        return _SealedCol(alias, self, output_field)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return _SealedIsNull
        raise FieldError(f"{self.name} is sealed: search by its tokens.")

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is sealed: search by its tokens.")

    # --- forms -------------------------------------------------------------------------------
    def formfield(self, **kw: Any) -> Any:  # type: ignore[override]
        kw.pop("max_length", None)
        options = {
            "required": False,
            "label": self.verbose_name,
            "help_text": self.help_text,
            "strip": True,
        }
        return SealedFormField(**(options | {k: v for k, v in kw.items() if k != "form_class"}))

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        if data:
            setattr(instance, self.attname, Plain(data))

    def clean(self, value: Any, model_instance: Any) -> Any:
        return value


def _names(expression: Any) -> Iterator[str]:
    """The fields that an argument of a query speaks of."""
    if isinstance(expression, str):
        yield expression.lstrip("-+")
    elif isinstance(expression, models.F):
        yield expression.name
    elif isinstance(expression, models.Q):
        for child in expression.children:
            value = child[1] if isinstance(child, tuple) else child
            if not isinstance(value, str):
                yield from _names(value)
    else:
        for source in getattr(expression, "get_source_expressions", list)():
            if not isinstance(source, str):
                yield from _names(source)


class SealedQuerySet(models.QuerySet):
    """Refuses what would pass by the seal."""

    def _sealed(self) -> set[str]:
        return {
            field.name
            for field in self.model._meta.concrete_fields
            if isinstance(field, SealedField)
        }

    def _refuse(self, names: Iterable[Any], verb: str) -> None:
        touched = sorted({name for name in names if self._is_sealed(name)})
        if touched:
            raise FieldError(f"{verb} cannot touch sealed fields: {', '.join(touched)}.")

    def _is_sealed(self, name: str) -> bool:
        try:
            field = self.query.names_to_path(name.split("__"), self.model._meta)[1]  # type: ignore[attr-defined]
        except (FieldError, FieldDoesNotExist):
            return False
        return isinstance(field, SealedField)

    def _refuse_within(self, expressions: Iterable[Any], verb: str) -> None:
        """Expressions only: a plain text is a value there."""
        found = [each for each in expressions if not isinstance(each, str)]
        self._refuse([name for each in found for name in _names(each)], verb)

    def _filter_or_exclude(self, negate: bool, args: Any, kwargs: Any) -> Any:
        self._refuse_within([*args, *kwargs.values()], "filter()")
        return super()._filter_or_exclude(negate, args, kwargs)  # type: ignore[misc]

    def _annotate(self, args: Any, kwargs: Any, select: bool = True) -> Any:
        self._refuse_within([*args, *kwargs.values()], "annotate()")
        return super()._annotate(args, kwargs, select)  # type: ignore[misc]

    def aggregate(self, *args: Any, **kw: Any) -> Any:
        self._refuse_within([*args, *kw.values()], "aggregate()")
        return super().aggregate(*args, **kw)

    def distinct(self, *names: Any) -> Any:
        self._refuse([str(name) for name in names], "distinct()")
        return super().distinct(*names)

    def order_by(self, *fields: Any) -> Any:
        self._refuse([name for field in fields for name in _names(field)], "order_by()")
        return super().order_by(*fields)

    def update(self, **kw: Any) -> int:
        self._refuse(kw, "update()")
        self._refuse_within(kw.values(), "update()")
        return super().update(**kw)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Any, fields: Any, batch_size: Any = None) -> int:
        fields = list(fields)
        self._refuse(fields, "bulk_update()")
        return super().bulk_update(objs, fields, batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(  # type: ignore[override]
        self, objs: Any, batch_size: Any = None, ignore_conflicts: bool = False,
        update_conflicts: bool = False, update_fields: Any = None, unique_fields: Any = None,
    ) -> Any:  # fmt: skip
        """Seals every value first, with one statement for all their keys."""
        if ignore_conflicts or update_conflicts:
            # A row that is passed over would leave its key behind.
            raise FieldError("bulk_create() of sealed values cannot pass over conflicts.")
        rows = list(objs)
        with transaction.atomic():
            for name in self._sealed():
                sealing_bridge.seal_many(rows, name)
            return super().bulk_create(rows, batch_size)

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> Any:
        raise RowStays()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class SealedModel(models.Model):
    """A row with sealed fields."""

    objects = SealedQuerySet.as_manager()
    # What ``sealed_place`` follows, for a page of rows to be opened without a query for each.
    sealed_with: tuple[str, ...] = ()
    # The same for ``sealed_terms``.
    indexed_with: tuple[str, ...] = ()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def sealed_place(self, name: str) -> Any:
        """Whose value it is: a ``store.Place``; each sealed model says it for itself."""
        raise NotImplementedError

    def sealed_terms(self, name: str, text: str) -> Any:
        """By what it will be found: ``store.Terms``; None: never."""
        return None

    def save(
        self, *, force_insert: Any = False, force_update: bool = False, using: Any = None,
        update_fields: Any = None,
    ) -> None:  # fmt: skip
        """Seals what was typed. A value is saved together with the number of its key."""
        sealed = [field for field in self._meta.concrete_fields if isinstance(field, SealedField)]
        if update_fields is not None:
            keys = {field.key for field in sealed if field.name in update_fields}
            update_fields = {*update_fields, *keys}
        for field in sealed:
            if field.attname in self.__dict__:
                # Loads a deferred key before Django decides which columns it writes.
                getattr(self, field.key)
        with transaction.atomic():
            super().save(
                force_insert=force_insert, force_update=force_update, using=using,
                update_fields=update_fields,
            )  # fmt: skip

    def delete(self, *args: Any, **kw: Any) -> Any:
        raise RowStays()

    delete.alters_data = True  # type: ignore[attr-defined]
