"""The command verify: exit code 0 for sound, 1 for faulty, 2 for no dataset."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from pipeline.errors import UserError
from tests.pipeline.published import publish_toys


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return publish_toys(tmp_path_factory.mktemp("verify"), 6).uri


def run(uri):
    return CliRunner().invoke(app, ["verify", str(uri)])


def test_a_sound_dataset(dataset):
    outcome = run(dataset)
    assert outcome.exit_code == 0
    assert outcome.output == "6 rows in 3 files, no fault\n"


def test_faults_are_printed(dataset):
    card = Path(dataset, "README.md")
    text = card.read_text()
    card.write_text("# My dataset")
    try:
        outcome = run(dataset)
    finally:
        card.write_text(text)
    assert outcome.exit_code == 1
    assert outcome.output == f"README.md: has no YAML head\n1 fault in {dataset}\n"


def test_no_dataset(tmp_path):
    assert isinstance(run(tmp_path).exception, UserError)
