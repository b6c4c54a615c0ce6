"""The admin pages of the register, the law, the staff and the clocks."""

from registry.admin import clocks, law, register, staff

__all__ = ["clocks", "law", "register", "staff"]
