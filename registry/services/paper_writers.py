"""Who writes the papers of this room: importing them puts them among the kinds."""

from registry.services import control_plan, data_list, harm, notice_writing

__all__ = ["control_plan", "data_list", "harm", "notice_writing"]
