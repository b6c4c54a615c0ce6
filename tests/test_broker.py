"""The file-system broker under several writers and readers at once. Real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from config.celery import app

BASE_DIR = Path(__file__).resolve().parent.parent
MESSAGES = 300

COMMON = """
import json, sys
from pathlib import Path
from kombu import Connection
import config.broker

folder = Path(sys.argv[1])
options = {"data_folder_in": str(folder), "data_folder_out": str(folder),
           "control_folder": str(folder)}
connection = Connection(sys.argv[2], transport_options=options)
queue = connection.SimpleQueue("bell")
"""
# The body is long, so that a message written in place would be seen half-written.
WRITER = f"""{COMMON}
for number in range({MESSAGES}):
    queue.put({{"number": f"{{sys.argv[3]}}-{{number}}", "padding": "x" * 50_000}})
"""
READER = f"""{COMMON}
found = []
try:
    while True:
        message = queue.get(timeout=3)
        message.ack()
        found.append(message.payload["number"])
except queue.Empty:
    print(json.dumps(found))
"""


def start(script: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), "office://localhost/", *arguments],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_message_is_read_once_by_one_reader(tmp_path: Path) -> None:
    writers = [start(WRITER, tmp_path, str(number)) for number in range(2)]
    readers = [start(READER, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in (*writers, *readers)]
    assert [errors for _, errors in outputs] == ["", "", "", ""]
    read = [number for output, _ in outputs[2:] for number in json.loads(output)]
    assert sorted(read) == sorted(f"{w}-{number}" for w in range(2) for number in range(MESSAGES))
    assert [path.name for path in tmp_path.iterdir()] == ["bell.exchange"]


def test_processes_that_start_together_agree_on_the_table_of_queues(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        together = [start(COMMON, folder) for _ in range(4)]
        assert [process.communicate(timeout=60)[1] for process in together] == [""] * 4
        assert len(json.loads((folder / "bell.exchange").read_text())) == 1


def test_no_message_passes_through_the_temporary_folder(tmp_path: Path) -> None:
    program = f"{COMMON}\nimport tempfile\ntempfile.gettempdir = None\n"
    program += "queue.put({'number': 1}); print(queue.get(timeout=3).payload['number'])"
    output, errors = start(program, tmp_path).communicate(timeout=60)
    assert (output, errors) == ("1\n", "")


def test_every_bell_of_the_schedule_is_a_task_that_workers_know() -> None:
    app.loader.import_default_modules()
    rung = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert len(rung) >= 7 and rung <= set(app.tasks)
