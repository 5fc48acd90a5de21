"""README and docs: links lead somewhere, commands and settings exist, Python compiles."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import typer

from tag2mask.flows.cli import app, global_options_first
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import read_recipe
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tests.doc_blocks import PAGES, ROOT, code_blocks, commands, lacks_package, page_id

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    plain = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading) for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def parsed(words: list[str]) -> Any:
    """A command as the command line reads it, not run.

    Typer brings a click of its own, whose types are not those of the package of that name.

    Raises:
        Exception: A ``UsageError`` if the command, an argument or an option does not exist.
    """
    group: Any = typer.main.get_command(app)
    context = group.make_context("tag2mask", global_options_first(words))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    return command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page):
    for words in commands(page):
        if words[0].startswith("-") or lacks_package(words):  # --version, --help
            continue
        context = parsed(words)
        # The segmenter of the tutorial in CONTRIBUTING.md is one that the reader writes.
        changes = [] if page.name == "CONTRIBUTING.md" else context.params.get("set_") or []
        try:
            if context.info_name == "train":
                system = context.params.get("system") or context.params.get("task")
                read_system_recipe(str(system), None, changes)
            elif context.info_name in ("label", "benchmark"):
                own = [change for change in changes if ":" not in change]
                if all("settings" not in change for change in changes):
                    read_recipe(None, own)
        except UserError as error:
            raise AssertionError(f"{' '.join(words)}: {error}") from error


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_python_compiles(page):
    for block in code_blocks(page):
        if block.language == "python":
            ast.parse(block.text)


def test_there_are_commands_and_code():
    blocks = [block for page in PAGES for block in code_blocks(page)]
    assert sum(len(list(commands(page))) for page in PAGES) > 40
    assert sum(block.language == "python" for block in blocks) > 8


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_block_that_does_not_run_begins_with_its_reason(page):
    for block in code_blocks(page):
        if not block.runs:
            assert re.match(r"# \w+(\W+\w+){2}", block.text), block


def test_most_blocks_run():
    """In ``tests/test_docs_run.py``."""
    blocks = [block for page in PAGES for block in code_blocks(page)]
    assert sum(block.runs for block in blocks) >= 0.8 * len(blocks)


def test_a_wrong_option_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parsed(["label", "IMAGES", "--out", "RUN", "--nonsense"])
    with pytest.raises(Exception, match="No such command"):
        parsed(["nonsense"])


def test_the_readme_is_short_and_begins_with_a_small_image():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    first = next(link for link in LINK.findall(text) if link.endswith((".png", ".jpg")))
    assert (ROOT / first).stat().st_size < 200_000
