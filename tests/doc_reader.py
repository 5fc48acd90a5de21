"""A reader who follows the blocks of a page from top to bottom, with short settings.

A page's placeholders are files of a folder: ``IMAGES``, ``RUN``, ``MODEL`` and so on. Commands run
in this process; the settings that make them short are options behind those of the page.
"""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tag2mask
from tag2mask.flows.cli import app, global_options_first
from tag2mask.pipeline.dataset import RowFilter
from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.settings import read_values
from tag2mask.recipes import to_recipe
from tests.doc_blocks import ROOT, Block, lacks_package, shell_lines
from tests.pipeline.toys import TINY_SETTINGS

ONE_PROCESS = ["--engine", "local", "--workers", "1"]
SYSTEM = ["training.steps=2", "training.batch=4", "system.size=32", "system.width=4"]
# Options of the commands that would take long, behind those of the page.
SHORT_OPTIONS: dict[str, list[str]] = {
    "label": ONE_PROCESS,
    "benchmark": ONE_PROCESS,
    "generate": [*ONE_PROCESS, "--count", "3"],
    "transform": ONE_PROCESS,
    "train": ["--engine", "local"],
    "review": ["--count", "3"],
}
# Parts of the benchmarks, where the page takes all of them.
SHORT_BENCHMARKS = {"table1": "sec", "claims": "labels", "throughput": "plain"}
SHORT_MODULES: dict[str, list[str]] = {
    "tests.benchmarks.crf_speed": ["--presets", "irn", "--members", "numba"],
    "tests.benchmarks.dcsm_speed": ["--backbones", "tiny", "--canvas", "64", "--repeats", "1"],
    "tests.benchmarks.generations": ["gan"],
    "tests.benchmarks.transformations": ["super_resolution"],
    "tests.benchmarks.ubernet": ["--steps", "2"],
}
# Tags of photographs in the pages, and those of the generated images.
TAGS = {"cat": "ball", "cow": "dice", "dog": "ring", "horse": "star", "sheep": "tent"}
NO_SUCH_TAG = ",person"
NEW_MODEL = re.compile(r"--out MODEL\b|out=\"MODEL\"")


def short_settings(scorer: str) -> list[str]:
    """Settings with which a recipe labels in seconds; a scorer of another kind keeps its own."""
    own = not scorer.startswith("dcsm")
    return [change for change in TINY_SETTINGS if not (own and change.startswith("seeds.settings"))]


def short_recipe(recipe: Any) -> Recipe:
    """A recipe, in any form that ``tag2mask.label`` takes, with short settings."""
    full = to_recipe(recipe)
    file = Path("OUT/short_recipe.json")
    file.write_text(full.model_dump_json())
    return read_recipe(str(file), short_settings(full.seeds.scorer))


def shorten(words: Sequence[str]) -> list[str]:
    """A command of a page on generated images, with the options that make it short."""
    command = words[0]
    words = [translate_tags(word) for word in words]
    words += SHORT_OPTIONS.get(command, [])
    settings: list[str] = []
    if command in ("label", "benchmark") and "mask-quality" not in words:
        scorers = [word for word in words if word.startswith("seeds.scorer=")]
        settings = short_settings(scorers[-1].partition("=")[2] if scorers else "dcsm")
    elif command == "train":
        settings = SYSTEM
    for setting in settings:
        words += ["--set", setting]
    if command == "benchmark" and words[1] in SHORT_BENCHMARKS and "--only" not in words:
        words += ["--only", SHORT_BENCHMARKS[words[1]]]
    return words


def translate_tags(word: str) -> str:
    """A word with the tags of generated images in place of those of photographs."""
    return re.sub(r"\b(\w+)\b", lambda tag: TAGS.get(tag[1], tag[1]), word.replace(NO_SUCH_TAG, ""))


class Reader:
    """Runs blocks in the working directory.

    Args:
        patch: Undoes what a block changes in this process.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.names: dict[str, Any] = {"__name__": "__main__"}
        label: Callable[..., Any] = tag2mask.label
        train: Callable[..., Any] = tag2mask.train

        def short_label(source: str, *, recipe: Any = None, **given: Any) -> Any:
            short = {"engine": "local", "workers": 1, "recipe": short_recipe(recipe)}
            return label(source, **{**given, **short})

        def short_train(system: str, dataset: str, *, out: str) -> Any:
            return train(system, dataset, out=out, engine="local", recipe=read_values(None, SYSTEM))

        def accept_all(**given: Any) -> RowFilter:
            """Segmenters of four steps are certain of nothing: the filter is read, not used."""
            RowFilter(**given)
            return RowFilter()

        patch.setattr(tag2mask, "RowFilter", accept_all)
        patch.setattr(tag2mask, "label", short_label)
        patch.setattr(tag2mask, "train", short_train)

    def follow(self, block: Block) -> None:
        """Runs a block, which may use what earlier ones left.

        Raises:
            Exception: Any that the block raises; an AssertionError if a command fails.
        """
        new = ["OUT", "MODEL"] if NEW_MODEL.search(block.text) else ["OUT"]
        for name in new:  # placeholders of new folders
            shutil.rmtree(name, ignore_errors=True)
        Path("OUT").mkdir()
        if block.saved_as:
            Path(block.saved_as).write_text(block.text)
        if block.language == "python":
            # Empty lines before it make tracebacks name the line of the page.
            code = "\n" * block.line + block.text
            exec(compile(code, str(block.page), "exec"), self.names)
        else:
            for words in shell_lines(block):
                self._run(words, str(block))

    def _run(self, words: list[str], place: str) -> None:
        if words[0] == "tag2mask":
            self._command(words[1:], place)
        elif words[:3] == ["python", "-m", "pytest"]:
            subprocess.run([sys.executable, *words[1:]], cwd=ROOT, check=True)
        elif words[:2] == ["python", "-m"]:
            arguments = [*words[3:], *SHORT_MODULES[words[2]]]
            self.patch.setattr(sys, "argv", [words[2], *arguments])
            runpy.run_module(words[2], run_name="__main__")
        else:
            raise AssertionError(f"{place}: no test runs {words[0]!r}; mark the block no-run")

    def _command(self, words: list[str], place: str) -> None:
        target = None
        if ">" in words:
            at = words.index(">")
            words, target = words[:at], words[at + 1]
        if lacks_package(words):
            return
        result = CliRunner().invoke(app, global_options_first(shorten(words)))
        if result.exit_code:
            report = f"{place}: tag2mask {' '.join(words)}\n{result.output}\n{result.exception}"
            raise AssertionError(report) from result.exception
        assert "is now named" not in result.output, f"{place}: the old name of a setting"
        if target:
            Path(target).write_text(result.stdout)
