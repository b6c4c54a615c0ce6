"""Who looked: the journal of reveals, searches, exports and papers, for the DPO and the auditor."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from subjects.admin.pages import short_moment
from subjects.admin.people import CappedPaginator
from subjects.choices import Looked
from subjects.models import AccessEvent

# What a search was taken for.
KINDS = {
    "code": _("code"),
    "email": _("e-mail address"),
    "phone": _("phone number"),
    "tail": _("last digits"),
    "iin": _("IIN"),
    "bin": _("BIN"),
    "ip": _("IP address"),
    "account": _("account"),
    "name": _("name"),
    "whole": _("whole value"),
}


@admin.register(AccessEvent)
class AccessEventAdmin(ReadOnlyAdmin):
    list_display = ["moment", "what", "who", "card", "reason", "in_words", "operator"]
    list_select_related = ["operator__jurisdiction", "subject", "user"]
    list_filter = ["what", "operator", "user"]
    sortable_by = ()
    paginator = CappedPaginator
    list_max_show_all = 0
    show_facets = admin.ShowFacets.NEVER
    readonly_fields = ["moment", "open_until", "who", "in_words"]
    fields = ["operator", "subject", "what", "moment", "open_until", "who", "reason", "in_words"]

    @admin.display(description=_("at"))
    def moment(self, row: AccessEvent) -> str:
        return short_moment(row.at, row.operator.zone)

    @admin.display(description=_("until"))
    def open_until(self, row: AccessEvent) -> str:
        return short_moment(row.until, row.operator.zone)

    @admin.display(description=_("who"))
    def who(self, row: AccessEvent) -> str:
        return str(row.user) if row.user else gettext("the office itself")

    @admin.display(description=_("person"))
    def card(self, row: AccessEvent) -> str:
        return row.subject.code if row.subject else "–"

    @admin.display(description=_("details"))
    def in_words(self, row: AccessEvent) -> str:
        details: dict[str, Any] = row.details
        if row.what == Looked.SEARCH:
            hits = int(details.get("hits", 0))
            found = ngettext("%(count)d card found", "%(count)d cards found", hits)
            kind = KINDS.get(details.get("kind", ""), "–")
            return f"{kind}: {found % {'count': hits}}"
        if row.what == Looked.DESTROYED_LOOK:
            return gettext("answers: %(count)s") % {"count": int(details.get("hits", 0))}
        return ", ".join(f"{name} {value}" for name, value in details.items()) or "–"
