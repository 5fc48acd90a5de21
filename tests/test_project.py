"""pyproject.toml, the Makefile and the workflow: extras, targets and hooks that fit each other."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tag2mask.extras import EXTRAS
from tag2mask.flows.commands.missing_packages import name_missing_extra
from tag2mask.pipeline.errors import UserError

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
# Extras that `make test-clients` installs: their own pins are not those of constraints.txt.
CLIENTS = ("mlflow", "wandb")
# The distribution that holds a module, where the names differ.
DISTRIBUTIONS = {"mlflow": "mlflow-skinny"}


def names(lines):
    return {Requirement(line).name.lower() for line in lines}


def test_dev_holds_every_other_extra_but_those_of_test_clients():
    (own,) = (one for one in map(Requirement, OPTIONAL["dev"]) if one.name == PROJECT["name"])
    assert own.extras == OPTIONAL.keys() - {"dev", *CLIENTS}


def test_the_core_holds_nothing_of_an_extra():
    core = names(PROJECT["dependencies"])
    for extra in OPTIONAL.keys() - {"dev"}:
        assert not core & names(OPTIONAL[extra])
    assert not {"ray", "prefect", "numba", "pydensecrf2", "matplotlib"} & core


def test_every_requirement_is_pinned_in_the_tested_set():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = names(line for line in lines if not line.startswith("#"))
    tested = [OPTIONAL[extra] for extra in OPTIONAL.keys() - set(CLIENTS)]
    wanted = set().union(*map(names, [PROJECT["dependencies"], *tested]))
    assert wanted - {PROJECT["name"]} <= pinned


@pytest.mark.parametrize("module", EXTRAS)
def test_a_missing_package_is_blamed_on_an_extra_that_installs_it(module):
    assert DISTRIBUTIONS.get(module, module) in names(OPTIONAL[EXTRAS[module]])

    @name_missing_extra
    def command():
        raise ModuleNotFoundError("none", name=f"{module}.inner")

    with pytest.raises(UserError, match=re.escape(f"tag2mask[{EXTRAS[module]}]")):
        command()


def test_other_missing_modules_stay_errors():
    @name_missing_extra
    def command():
        raise ModuleNotFoundError("none", name="tag2mask.nowhere")

    with pytest.raises(ModuleNotFoundError):
        command()


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert listed == phony.split()


def test_the_workflow_runs_what_must_hold_on_every_python():
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["check"]
    assert job["steps"][-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    versions = [line.rsplit(" :: ", 1)[1] for line in PROJECT["classifiers"] if "3." in line]
    assert job["strategy"]["matrix"]["python"] == versions


def test_hooks_run_the_tools_of_make_lint():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    entries = " ".join(hook["entry"] for hook in repository["hooks"])
    for tool in ("ruff check", "ruff format", "mypy"):
        assert f".venv/bin/{tool}" in entries


def test_the_image_installs_what_labeling_needs_and_no_compiler():
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"'\.\[(.*)\]'", text)
    assert set(extras.split(",")) == {"label", "s3"}
    assert "g++" not in text
