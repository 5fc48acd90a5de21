"""SIGKILL: a run that dies anywhere continues, and ends as if nobody had disturbed it."""

import signal

import pytest

from tag2mask.pipeline.tables.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

TABLES = (
    "images",
    "rounds/seed",
    "rounds/initial",
    "rounds/enhanced",
    "rounds/powerful",
    "dataset",
)

LABEL = "from tag2mask.flows.cli import main; main()"

# Dies as soon as it is known that some rows of the seed round are staged, and others not.
KILLED_IN_SCORING = f"""
import os, signal
from tag2mask.pipeline.progress import LogReporter

def rows(self, step, total):
    def update(done):
        if step == "seed" and 0 < done < total:
            os.kill(os.getpid(), signal.SIGKILL)
    return update

LogReporter.rows = rows
{LABEL}
"""

# Dies right after the second checkpoint of the segmenter "initial".
KILLED_IN_TRAINING = f"""
import os, signal
from tag2mask.pipeline.training import checkpoint

save = checkpoint.Checkpoints.save

def dying(self, model, optimizer, step, loss):
    save(self, model, optimizer, step, loss)
    if "model-initial" in self._folder.uri and step == 2:
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.Checkpoints.save = dying
{LABEL}
"""


def arguments(source, folder, recipe_file, workers):
    options = ["--recipe", recipe_file, "--engine", "local", "--workers", workers]
    return ["label", source, "--out", folder, *options]


def assert_the_same(folder, finished):
    for name in TABLES:
        expected, found = (Table.open(f"{root}/{name}") for root in (finished.folder, folder))
        ids = found.ids()
        assert len(ids) == len(set(ids)), f"{name}: each id once"
        assert sorted(ids) == sorted(expected.ids()), name
        assert found.fingerprint == expected.fingerprint, name


def test_killed_in_the_middle_of_scoring(process, source, finished, recipe_file, tmp_path):
    """With two workers, which outlive the killed process for a moment."""
    folder = tmp_path / "run"
    killed = process(KILLED_IN_SCORING, *arguments(source, folder, recipe_file, 2))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    staged = list(folder.glob(".staging/seed-*/staged/*.parquet"))
    assert staged
    assert not (folder / "rounds/seed/manifest.json").exists()
    assert Table.open(f"{folder}/images"), "what was finished is readable"

    again = process(LABEL, *arguments(source, folder, recipe_file, 1))
    assert again.returncode == 0, again.stderr
    assert_the_same(folder, finished)


def test_killed_in_the_middle_of_training(process, source, finished, recipe_file, tmp_path):
    folder = tmp_path / "run"
    often = ["--set", "segmenter.training.checkpoint_seconds=0.0001"]
    started = arguments(source, folder, recipe_file, 1)
    killed = process(KILLED_IN_TRAINING, *started, *often)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(folder.glob(".staging/model-initial-*/checkpoint.safetensors"))
    assert not (folder / "models/initial").exists()
    seed = (folder / "rounds/seed/manifest.json").stat().st_mtime_ns

    again = process(LABEL, *started, *often)
    assert again.returncode == 0, again.stderr
    assert (folder / "rounds/seed/manifest.json").stat().st_mtime_ns == seed
    assert_the_same(folder, finished)
