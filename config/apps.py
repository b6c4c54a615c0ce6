from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class OfficeConfig(AppConfig):
    name = "config"
    verbose_name = _("Office")

    def ready(self) -> None:
        # Registers the system checks.
        from config import checks  # noqa: F401, PLC0415


class OfficeAdminConfig(AdminConfig):
    default_site = "config.admin_site.OfficeSite"
