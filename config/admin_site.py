"""The admin site: its first page is the desk."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.access import roles_of, without_undertaking
from registry.desk import desk

ORDER = ("requests", "subjects", "registry")


class OfficeLogInForm(AdminAuthenticationForm):
    """Everyone with an active account may log in; what they see follows from their roles."""

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active:
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class OfficeSite(AdminSite):
    site_header = _("Personal Data Office")
    site_title = _("Personal Data Office")
    index_title = _("Desk")
    login_form = OfficeLogInForm
    site_url = None
    enable_nav_sidebar = True
    index_template = "admin/desk.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """What is worked with every day stands first; the register comes last."""
        found = super().get_app_list(request, app_label)
        return sorted(found, key=lambda app: ORDER.index(app["app_label"]))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {
            "demo_without_second_factor": not settings.REQUIRE_TWO_FACTOR
        }

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        board = desk(
            user=request.user, now=timezone.now(), operator_code=request.GET.get("operator", "")
        )
        # An inspector searches for nobody.
        inspector = roles_of(request.user).visit is not None
        may_find = request.user.has_perm("subjects.view_datasubject") and not inspector
        context = {
            "desk": board,
            "may_find": may_find,
            "may_register": {
                name: request.user.has_perm(f"requests.add_{name}")
                for name in ("subjectrequest", "regulatorinquiry")
            },
            "without_undertaking": without_undertaking(request.user),
        }
        return super().index(request, (extra_context or {}) | context)
