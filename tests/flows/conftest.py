"""One Prefect server and one finished run for all tests of the flows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.synthetic.images import write_sample
from tests.pipeline.toys import tiny_recipe

REPOSITORY = Path(__file__).parents[2]
IMAGES = 40
# Small units (at most one for each shard here), so that a run can be killed between two.
SHARDS = 4


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The address of a server with a database of its own."""
    with prefect_test_harness(server_startup_timeout=300):
        yield PREFECT_API_URL.value()


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return tiny_recipe(f"shards={SHARDS}", "relabel.crf=irn")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated images with ground truth masks; one more is cut short, one no image at all."""
    folder = tmp_path_factory.mktemp("flows") / "pictures"
    write_sample(folder, IMAGES, seed=1)
    whole = (folder / "JPEGImages/000000.jpg").read_bytes()
    (folder / "JPEGImages/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "JPEGImages/text.jpg").write_text("not found")
    with (folder / "tags.csv").open("a") as table:
        table.write("cut.jpg,ball,train\ntext.jpg,ball|star,train\n")
    return folder


@dataclass(frozen=True)
class Finished:
    """A run that nobody disturbed.

    Attributes:
        folder: Of the run.
        summary: What it returned.
    """

    folder: Path
    summary: str


@pytest.fixture(scope="session")
def finished(
    source: Path, recipe: Recipe, prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """The sample, labeled in this process."""
    from tag2mask.flows.label import label

    folder = tmp_path_factory.mktemp("finished") / "run"
    summary = str(label(str(source), str(folder), recipe, None, "local", 1))
    return Finished(folder, summary)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process: exit code, standard output, standard error."""
    from tag2mask.flows.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tag2mask", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def process(prefect_server: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code in a process group of its own, as ``tag2mask`` would be started."""

    def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PREFECT_API_URL": prefect_server, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def recipe_file(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe as a file."""
    path = tmp_path_factory.mktemp("recipe") / "recipe.json"
    path.write_text(json.dumps(recipe.model_dump(mode="json")))
    return path
