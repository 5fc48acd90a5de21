"""Trackers: what each stores is read back by its own package, and a lost one ends no training."""

import importlib
import io
import json
import logging
import re
import time

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tag2mask.flows.tracking import NO_TRACKER, TRACKERS, TrackedReporter, open_tracker
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.progress import SILENT

SETTINGS = {"seed": 3, "seeds": {"crf": "irn"}}


def png(side=12):
    stored = io.BytesIO()
    Image.fromarray(np.full((side, 2 * side, 3), (200, 30, 60), np.uint8)).save(stored, "PNG")
    return stored.getvalue()


def track(text, out):
    """A run's reports: settings, two trainings with two steps each, a figure, an image."""
    with open_tracker(text, str(out)) as tracker:
        tracker.log_settings(SETTINGS)
        reporter = TrackedReporter(SILENT, tracker)
        for name, scale in (("tagger", 1.0), ("initial", 2.0)):
            update = reporter.steps(name, 20)
            update(10, {"loss": 0.5 * scale})
            update(20, {"loss": 0.25 * scale})
        tracker.log_scalars({"ladder/train": 0.75}, 1)
        tracker.log_image("contact sheet", png())


def test_none_asks_for_none(tmp_path):
    assert open_tracker(None, str(tmp_path)) is NO_TRACKER
    track(None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_reads_what_was_written(tmp_path):
    track("tensorboard", tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run/tensorboard"), {"images": 4})
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"tagger/loss", "initial/loss", "ladder/train"}
    losses = [(each.step, each.value) for each in events.Scalars("initial/loss")]
    assert losses == [(10, 1.0), (20, 0.5)]
    (image,) = events.Images("contact sheet")
    with Image.open(io.BytesIO(image.encoded_image_string)) as shown:
        assert (shown.size, shown.getpixel((3, 3))) == ((24, 12), (200, 30, 60))


def test_tensorboard_writes_to_a_folder_of_ones_own(tmp_path):
    track(f"tensorboard:{tmp_path / 'events'}", tmp_path / "run")
    assert list((tmp_path / "events").iterdir())
    assert not (tmp_path / "run").exists()


@pytest.mark.clients
def test_mlflow_reads_what_was_written_and_a_second_command_continues(tmp_path, monkeypatch):
    tracking = importlib.import_module("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database would need more packages
    store = (tmp_path / "store").as_uri()
    for _ in range(2):
        track(f"mlflow:{store}", tmp_path / "run")
    track(f"mlflow:{store}", tmp_path / "other")
    client = tracking.MlflowClient(tracking_uri=store)
    (experiment,) = (e for e in client.search_experiments() if e.name == "tag2mask")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == [
        str(tmp_path / "other"),
        str(tmp_path / "run"),
    ]
    run = next(run for run in runs if run.info.run_name.endswith("run"))
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "initial/loss")
    assert {(each.step, each.value) for each in history} == {(10, 1.0), (20, 0.5)}
    assert {each.path for each in client.list_artifacts(run.info.run_id)} == {
        "settings.json",
        "contact sheet.png",
    }
    stored = client.download_artifacts(run.info.run_id, "settings.json", str(tmp_path))
    with open(stored) as file:
        assert json.load(file) == SETTINGS


@pytest.mark.clients
def test_mlflow_marks_a_run_that_failed(tmp_path, monkeypatch):
    tracking = importlib.import_module("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database would need more packages
    store = (tmp_path / "store").as_uri()
    with (
        pytest.raises(ZeroDivisionError),
        open_tracker(f"mlflow:{store}", str(tmp_path / "run")) as tracker,
    ):
        tracker.log_scalars({"tagger/loss": 1 / 0}, 1)
    client = tracking.MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("tag2mask").experiment_id])
    assert run.info.status == "FAILED"


@pytest.mark.clients
def test_wandb_keeps_an_offline_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    track("wandb:masks", tmp_path / "run")
    (stored,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    wanted = {b"initial/loss", b"tagger/loss", b"ladder/train", b"contact sheet", b"masks", b"irn"}
    deadline = time.monotonic() + 60
    # The package's own process writes the rest after the run has ended.
    while wanted - (found := {name for name in wanted if name in stored.read_bytes()}):
        assert time.monotonic() < deadline, wanted - found
        time.sleep(0.2)
    assert len(list(tmp_path.glob("wandb/offline-run-*/files/media/images/*.png"))) == 1


def test_an_unknown_tracker_is_named(tmp_path):
    with pytest.raises(UserError, match="unknown tracker 'neptune': choose one of tensorboard, ml"):
        open_tracker("neptune", str(tmp_path))


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, name):
    def absent(module):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", absent)
    expected = f"the tracker {name} needs the package {name}, which is not installed: run pip in"
    with pytest.raises(UserError, match=re.escape(expected)):
        open_tracker(name, str(tmp_path))


def test_a_tracker_that_cannot_be_opened_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="the tracker tensorboard cannot be opened: "):
        open_tracker(f"tensorboard:{tmp_path / 'file'}", str(tmp_path))


class LostServer:
    """Takes one report, then fails."""

    def __init__(self):
        self.calls = 0

    def log_scalars(self, values, step):
        self.calls += 1
        if self.calls > 1:
            raise ConnectionError("no route to host")


def test_a_lost_server_ends_no_training(caplog):
    caplog.set_level(logging.INFO, "tag2mask")
    tracker = LostServer()
    update = TrackedReporter(SILENT, tracker).steps("initial", 9)
    for done in (1, 2, 3):
        update(done, {"loss": 0.1})
    assert tracker.calls == 2
    assert [record.message for record in caplog.records] == [
        "the losses are no longer tracked: no route to host"
    ]
