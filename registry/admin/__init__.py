"""The admin pages of the register, the law, the staff and the clocks."""

from django.contrib import admin
from django.contrib.auth.models import Group

from registry.admin import clocks, law, register, staff

# Rights come from roles with operators; groups would be a second, unused way.
admin.site.unregister(Group)

__all__ = ["clocks", "law", "register", "staff"]
