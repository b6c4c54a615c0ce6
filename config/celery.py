"""Celery: the clock. A message is a doorbell; all work is a row that the next sweep finds."""

import os
from typing import Any

from celery import Celery, Task
from django.utils.module_loading import import_string

from config import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

broker.register()


class HeldTask(Task):
    """A job of the clock: does nothing while a restored database waits for its release."""

    abstract = True

    def __call__(self, *args: Any, **kw: Any) -> Any:
        # Celery imports this module before the apps are ready; their models are not there yet.
        held = import_string("registry.services.holding.held")
        return None if held() else super().__call__(*args, **kw)


app = Celery("office", task_cls=HeldTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="import_tasks")
