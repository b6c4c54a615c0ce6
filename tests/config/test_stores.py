"""Where anything can come to lie: tables, files, the queue, memory. What nobody declared fails.

Promise 2 holds for the places that are known; these walks find the others.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import models

from tests.conftest import ROOT

ROOMS = ("config", "registry", "subjects", "requests")

# Who writes files, and what becomes of people's values there.
WRITERS = {
    "config.secrets.ensure_development_secrets": "secrets of the installation",
    "config.management.commands.compile_translations.compile_catalogues": "texts of the office",
    "config.broker.": "messages of the queue: names of tasks and numbers of rows",
    "registry.mailfiles.": "mails of the demo, whose people are invented",
    "registry.seam.locks.alone": "an empty file that is locked",
    "registry.management.commands.export_register.": "the register: nobody's data",
    "registry.management.commands.generate_policy.": "a policy: nobody's data",
    "subjects.traces.walk.": "opens to read",
    "subjects.services.backing_up.": "the backup: sealed values without their keys",
    "subjects.services.backup_format.": "the backup: sealed values without their keys",
    "subjects.services.destruction_journal.": "numbers of destroyed keys, marks that name nobody",
    "subjects.services.files.": "sealed files: each under a key of its own",
    "subjects.management.commands.import_subjects.": "lines, columns and reasons of refused rows",
    "subjects.vault.keyring.": "the keys themselves",
}
# Packages whose tables hold something, and whose; ours are declared field by field.
PACKAGES = {
    "django.contrib.auth": "groups and permissions: unused",
    "django.contrib.contenttypes": "names of models",
    "django.contrib.sessions": "who of the staff is logged in; searched after each destruction",
    "django.contrib.messages": "no table",
    "django.contrib.staticfiles": "no table",
    "simple_history": "no table of its own",
    "django_filters": "no table",
    "django_otp": "no table",
    "django_otp.plugins.otp_totp": "the second factor of the staff",
    "axes": "failed log-ins of the staff, without what was typed",
    "csp": "no table",
}
OURS = {
    "config.apps.OfficeAdminConfig", "config.apps.OfficeConfig", "requests.apps.RequestsConfig",
    "subjects.apps.SubjectsConfig", "registry.apps.RegistryConfig",
}  # fmt: skip


MAKERS = {
    "NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryFile", "copy2", "copyfile", "copytree",
    "mkdtemp", "mkstemp", "write_bytes", "write_text",
}  # fmt: skip


# --- files ---------------------------------------------------------------------------------------
def _writes(call: ast.Call) -> bool:
    """Whether it can make or change a file."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in MAKERS:
        return True
    if name != "open":
        return False
    words = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    if words & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"}:
        return True
    words = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    modes = {word for word in words if isinstance(word, str) and len(word) < 4}
    return any(set(mode) & set("wax+") for mode in modes)


def writers() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and any(
                    isinstance(node, ast.Call) and _writes(node) for node in ast.walk(function)
                ):
                    yield f"{module}.{function.name}"


def _is(function: str, name: str) -> bool:
    """A name that ends with a dot is a whole module."""
    return function.startswith(name) if name.endswith(".") else function == name


def test_every_place_that_writes_a_file_is_known() -> None:
    found = sorted(set(writers()))
    assert [one for one in found if not any(_is(one, name) for name in WRITERS)] == []


def test_no_model_keeps_files_by_itself() -> None:
    fields = [
        str(field)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.FileField)
    ]
    assert fields == []


def test_uploads_never_touch_the_disk_by_themselves() -> None:
    assert settings.FILE_UPLOAD_HANDLERS == ["subjects.uploads.LimitedMemoryHandler"]


# --- the queue -----------------------------------------------------------------------------------
def test_a_task_takes_numbers_and_nothing_else() -> None:
    """What a message carries lies in the broker, in clear."""
    tasks = {
        name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")
    }
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(tasks)
    for name, task in tasks.items():
        given = inspect.signature(task.run, eval_str=True).parameters.values()
        assert all(one.annotation is int for one in given), name
    assert settings.CELERY_TASK_SERIALIZER == "json"
    assert settings.CELERY_TASK_IGNORE_RESULT is True


# --- tables and memory ---------------------------------------------------------------------------
def test_every_package_with_tables_is_known() -> None:
    assert set(settings.INSTALLED_APPS) == {*PACKAGES, *OURS}


def test_nothing_is_cached_outside_the_process() -> None:
    backends = {cache["BACKEND"] for cache in settings.CACHES.values()}
    assert backends == {"django.core.cache.backends.locmem.LocMemCache"}


def test_the_log_goes_nowhere_but_to_the_console() -> None:
    handlers = {handler["class"] for handler in settings.LOGGING["handlers"].values()}
    assert handlers == {"logging.StreamHandler"}
