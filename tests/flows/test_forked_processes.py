"""After a flow has run, the workers of a DataLoader end with exit code 0."""

import subprocess
import sys
import threading

import pytest

from tag2mask.flows.forked_processes import drop_inherited_callbacks

CODE = """
import multiprocessing
import tag2mask.flows
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

@flow
def one():
    return 1

with prefect_test_harness(server_startup_timeout=300):
    one()
    process = multiprocessing.get_context("fork").Process(target=print, args=("done",))
    process.start()
    process.join()
    print("exit code", process.exitcode)
"""


@pytest.mark.slow
def test_a_forked_process_ends_well_after_a_flow():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "done" in done.stdout
    assert "exit code 0" in done.stdout


def test_callbacks_of_others_stay(monkeypatch):
    def theirs():
        """A callback of a user."""

    def prefects():
        """A callback of Prefect."""

    prefects.__module__ = "prefect._internal.concurrency.services"
    callbacks = [theirs, prefects]
    monkeypatch.setattr(threading, "_threading_atexits", callbacks)
    drop_inherited_callbacks()
    assert callbacks == [theirs]
