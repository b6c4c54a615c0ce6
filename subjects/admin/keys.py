"""Master keys: when they were made and when they go; the keys themselves are on no page."""

from __future__ import annotations

from django.contrib import admin

from registry.admin.base import ReadOnlyAdmin
from subjects.models import MasterKey


@admin.register(MasterKey)
class MasterKeyAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "fingerprint", "made_at", "retire_on", "retired_at"]
    list_filter = ["use"]
    fields = ["use", "number", "fingerprint", "made_at", "retire_on", "retired_at"]
