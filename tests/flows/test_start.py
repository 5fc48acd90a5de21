"""The start of a command: what is wrong is said before anything heavy is imported.

Seconds depend on the machine, so imports are counted here; :mod:`tests.benchmarks.start_speed`
prints the seconds.
"""

import subprocess
import sys

import pytest

from tests.benchmarks.start_speed import STARTS
from tests.flows.conftest import REPOSITORY

HEAVY = {"torch", "torchvision", "ray", "prefect", "pandas", "matplotlib", "scipy", "numba"}
REPORT = "import atexit, sys; atexit.register(lambda: print('MODULES', *sys.modules))\n"


def modules_after(code, *arguments):
    """Exit code, standard error, and the top-level modules that were imported."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=300,
    )
    modules = done.stdout.rpartition("MODULES")[2].split()
    return done.returncode, done.stderr, {name.split(".")[0] for name in modules}


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_nothing_heavy_is_imported(start, tmp_path):
    code, err, modules = modules_after(start.code, *start.arguments)
    assert code == start.exit_code, err
    assert "tag2mask" in modules
    assert not modules & HEAVY
    if code:
        assert err.startswith("tag2mask: ")
        assert len(err.splitlines()) == 1
        assert "/nowhere" in err


def test_what_is_heavy_would_be_seen():
    _, _, modules = modules_after("import tag2mask.pipeline.labeling.recipe")
    assert "torch" in modules


def test_a_folder_that_belongs_to_other_classes(tmp_path):
    """The classes of a run are known without torch."""
    from tests.pipeline.small_tables import images_table

    images_table(tmp_path / "run", 3)
    (tmp_path / "photos/cat").mkdir(parents=True)
    options = ["label", str(tmp_path / "photos"), "--out", str(tmp_path / "run"), "--class", "cat"]
    code, err, modules = modules_after("from tag2mask.flows.cli import main; main()", *options)
    assert code == 2
    assert "belongs to the classes cat, dog, bird, not to cat" in err
    assert not modules & HEAVY


def test_the_front_door_looks_for_the_source_first():
    code = "import tag2mask; tag2mask.label('/nowhere', out='/nowhere-else/run')"
    returned, err, modules = modules_after(code)
    assert returned == 1
    assert "the source /nowhere does not exist" in err
    assert not modules & HEAVY


def test_a_dataset_opens_without_torch(tmp_path):
    """Its rows, classes and length; a sample is a tensor and needs torch."""
    code = (
        "import sys\nfrom tag2mask import MaskDataset, RowFilter\n"
        "try:\n    MaskDataset(sys.argv[1], where=RowFilter())\n"
        "except Exception as error:\n    print(error, file=sys.stderr)\n"
    )
    _, err, modules = modules_after(code, str(tmp_path))
    assert f"no table at {tmp_path}" in err
    assert not modules & HEAVY
