"""The command verify: exit code 0 for sound, 1 for issues, 2 for no dataset."""

from pathlib import Path

import pytest

from tests.pipeline.published import publish_toys


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return publish_toys(tmp_path_factory.mktemp("verify"), 6).uri


def test_a_sound_dataset(command, dataset):
    code, out, err = command("verify", dataset)
    assert (code, out) == (0, "6 rows in 3 files, no issues\n")
    assert err.startswith("verify 6/6 images")


def test_quiet(command, dataset):
    assert command("verify", dataset, "--quiet") == (0, "6 rows in 3 files, no issues\n", "")


def test_issues_are_printed(command, dataset):
    card = Path(dataset, "README.md")
    text = card.read_text()
    card.write_text("# My dataset")
    outcome = command("verify", dataset, "--quiet")
    card.write_text(text)
    assert outcome == (1, f"README.md: has no YAML head\n1 issue in {dataset}\n", "")


def test_no_dataset(command, tmp_path):
    code, out, err = command("verify", tmp_path)
    assert (code, out) == (2, "")
    assert "no table at" in err


def test_what_label_publishes_is_sound(command, finished):
    code, out, _ = command("verify", finished.folder / "dataset")
    assert code == 0, out
    card = (finished.folder / "dataset/README.md").read_text()
    assert "the mean IoU is" in card
    for name in ("seed", "initial", "enhanced", "powerful"):
        assert f"| {name} |" in card
