"""The example of docs/how-to/write-a-scorer.md, end to end: from a path in the recipe to masks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import read_recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask
from tests.pipeline.toys import SilentReporter, images_table, tiny_recipe

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-scorer.md"


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The page's example as a module of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    name = f"scorers_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_the_example_makes_the_seeds(module, tmp_path):
    recipe = tiny_recipe(f"seeds.scorer={module}:SegmentVotes", 'seeds.settings={"size": 64}')
    run = Run(str(tmp_path), recipe, LocalEngine(1), SilentReporter())
    images = images_table(tmp_path, 6)
    run.train_tagger(images)
    seed = run.make_seed(images)
    tags = {row["id"]: row["tags"] for row in images.rows(["id", "tags"])}
    for row in seed.rows():
        assert row["error"] is None
        assert row["source"] == f"{module}:SegmentVotes"
        assert set(decode_mask(row["mask"]["bytes"]).flat) <= {0, *tags[row["id"]]}


def test_a_setting_that_it_lacks_is_named(module):
    changes = [f"seeds.scorer={module}:SegmentVotes", "seeds.settings.scales=3"]
    with pytest.raises(UserError, match=r"seeds\.settings.*SegmentVotes.*scales"):
        read_recipe(None, changes)


def test_a_scorer_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"seeds\.scorer.*nowhere.*PYTHONPATH"):
        read_recipe(None, ["seeds.scorer=nowhere:Mine"])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, which is not on the path, as it is not for the command."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [part for part in sys.path if part not in ("", str(folder))])
    return folder


CONSTANT = """
import torch

def constant(tagger, classes):
    return lambda image, classes: torch.full((len(classes), *image.shape[1:]), 0.9)
"""


def test_a_scorer_of_the_working_directory_is_found(here):
    name = f"local_{here.parent.name.replace('-', '_')}"
    (here / f"{name}.py").write_text(CONSTANT)
    before = list(sys.path)
    recipe = read_recipe(None, [f"seeds.scorer={name}:constant", "seeds.settings={}"])
    assert recipe.seeds.scorer == f"{name}:constant"
    assert sys.path == before


def test_the_working_directory_hides_no_installed_module(here):
    sys.modules.pop("colorsys", None)
    (here / "colorsys.py").write_text(CONSTANT)
    with pytest.raises(UserError, match=r"colorsys:constant.*cannot be imported"):
        read_recipe(None, ["seeds.scorer=colorsys:constant", "seeds.settings={}"])


CLUSTER = """
import os, subprocess, sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
environment = {**os.environ, "RAY_ADDRESS": cluster.address}
done = subprocess.run([sys.executable, *sys.argv[2:]], cwd=sys.argv[1], env=environment)
cluster.shutdown()
sys.exit(done.returncode)
"""

DRIVER = """
import sys

sys.path.append(sys.argv[1])
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.labeling.run import Run
from tests.pipeline.toys import SilentReporter, images_table, tiny_recipe

if __name__ == "__main__":  # worker processes import this file
    recipe = tiny_recipe("seeds.scorer=local_scorers:constant", "seeds.settings={}")
    run = Run(sys.argv[2], recipe, build_engine(sys.argv[3], 2), SilentReporter())
    images = images_table(sys.argv[2], 6)
    run.train_tagger(images)
    rows = list(run.make_seed(images).rows(["source", "error"]))
    print(len(rows), {row["source"] for row in rows}, {row["error"] for row in rows})
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_workers_find_a_scorer_of_the_working_directory(tmp_path, engine):
    """Also those of a Ray cluster that was started elsewhere."""
    for name in ("elsewhere", "bin", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "work/local_scorers.py").write_text(CONSTANT)
    (tmp_path / "bin/cluster.py").write_text(CLUSTER)
    (tmp_path / "bin/driver.py").write_text(DRIVER)
    repository = str(Path(__file__).parents[2])
    arguments = [str(tmp_path / "bin/driver.py"), repository, str(tmp_path / "run"), engine]
    starter = [str(tmp_path / "bin/cluster.py"), str(tmp_path / "work")] if engine == "ray" else []
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *starter, *arguments],
        cwd=tmp_path / ("elsewhere" if starter else "work"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" {'local_scorers:constant'} {None}")
