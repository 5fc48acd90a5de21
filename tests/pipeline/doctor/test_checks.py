"""The checks of a machine and of a cluster's nodes, each with its fix."""

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.doctor import checks as doctor
from tag2mask.pipeline.doctor import requirements
from tag2mask.pipeline.doctor.checks import NodeReport, check_nodes
from tag2mask.pipeline.tables.storage import Folder

HERE = {"python": "3.11.7", "torch": "2.12.0", "ray": "2.60.0"}
OUT = "s3://bucket/run"


def only(checks):
    (check,) = checks
    return check


def node(**changes):
    return NodeReport(**{"node": "10.0.0.2", "versions": HERE, "seen": "probe", **changes})


def test_this_machine_is_fit():
    checks = [doctor.check_python(), *doctor.check_packages(), doctor.check_gpu()]
    assert not [check for check in checks if check.fix]
    assert {"python", "torch", "torchvision", "ray", "prefect", "fastapi"} <= {
        check.name for check in checks
    }


def test_versions_that_do_not_fit(monkeypatch):
    monkeypatch.setattr(doctor, "wanted_python", lambda: SpecifierSet("<3"))
    assert "<3" in doctor.check_python().fix
    wanted = [Requirement("numpy>=99"), Requirement("ray[data]>=2.50"), Requirement("absent>1")]
    monkeypatch.setattr(requirements, "wanted_packages", lambda: wanted)
    monkeypatch.setattr(doctor, "wanted_packages", lambda: wanted)
    found = {check.name: check for check in doctor.check_packages()}
    assert found["numpy"].fix == "run: pip install 'numpy>=99'"
    assert (found["absent"].found, found["absent"].fix) == (
        "absent",
        "run: pip install 'absent>1'",
    )
    assert not found["ray"].fix


def test_a_checkout_that_is_not_installed_has_its_requirements(monkeypatch):
    monkeypatch.setattr(requirements, "DISTRIBUTION", "not-installed-anywhere")
    assert requirements.wanted_python().contains("3.11.9")
    assert not requirements.wanted_python().contains("3.14.1")
    wanted = {one.name for one in requirements.wanted_packages()}
    assert {"torch", "ray", "prefect", "numba"} <= wanted
    assert not {"pytest", "pydensecrf2", "s3fs"} & wanted


def test_the_default_crf_runs():
    assert doctor.check_crf() == doctor.Check("crf", "numba runs")


@pytest.mark.parametrize("error", [ImportError("no numba"), RuntimeError("cannot cache function")])
def test_a_crf_that_does_not_run(monkeypatch, error):
    def broken(parameters):
        raise error

    monkeypatch.setitem(doctor.CRFS, "numba", broken)
    check = doctor.check_crf()
    assert check.found == str(error)
    assert "pip install --force-reinstall numba" in check.fix


def test_weights(monkeypatch):
    tiny = Architecture(kind="tagger", backbone="tiny", output_stride=8, head="average", classes=1)

    def offline(self, pretrained=False):
        raise OSError("no internet")

    monkeypatch.setattr(Architecture, "build", offline)
    check = doctor.check_weights(tiny)
    assert (check.name, check.found) == ("weights of tiny", "no internet")
    assert "backbone.pretrained=false" in check.fix


@pytest.mark.parametrize("scheme", ["local", "memory"])
def test_a_place_is_written_and_left_clean(tmp_path, scheme):
    out = str(tmp_path / "run") if scheme == "local" else f"memory://{tmp_path.name}/run"
    check = doctor.check_place(out)
    assert not check.fix
    assert Folder(out).folder(doctor.PROBES).sizes() == {}


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert "--out" in doctor.check_place(str(tmp_path / "file/run")).fix
    assert "--out" in doctor.check_place("nowhere://bucket").fix


def test_a_node_that_is_like_this_machine():
    check = only(check_nodes([node(gpus=("H100",))], HERE, OUT, "probe"))
    assert (check.fix, check.found) == ("", "same versions, same storage, 1 GPUs")
    assert not only(check_nodes([node(seen="")], HERE, None, "")).fix


@pytest.mark.parametrize(
    ("changes", "found", "fix"),
    [
        ({"versions": {**HERE, "torch": "2.11.0"}}, "torch 2.11.0 (here 2.12.0)", "same versions"),
        ({"versions": {**HERE, "ray": ""}}, "ray absent (here 2.60.0)", "same versions"),
        ({"seen": "other"}, "reads another s3://bucket/run", "all nodes share"),
        ({"problem": "cannot use it: denied"}, "denied", "all nodes share"),
        ({"versions": {}, "problem": "ModuleNotFoundError: pipeline"}, "pipeline", "install"),
    ],
)
def test_a_node_that_is_not(changes, found, fix):
    check = only(check_nodes([node(**changes)], HERE, OUT, "probe"))
    assert found in check.found
    assert fix in check.fix
