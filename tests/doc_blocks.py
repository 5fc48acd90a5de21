"""The fenced blocks of README and docs, and the commands in them."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in (ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md") if page.exists()),
    *sorted((ROOT / "docs").rglob("*.md")),
]
CODE = ("bash", "python")  # languages that a test runs
NO_RUN = "no-run"
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAVED = re.compile(r"Save it as `(\w+\.py)`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The Markdown file.
        line: Number of the fence's line in the file, from 1.
        language: First word behind the fence.
        runs: Whether a test runs it: it has no mark ``no-run``.
        text: The lines between the fences.
        saved_as: Name of the file that the reader is asked to save the block as, or "".
    """

    page: Path
    line: int
    language: str
    runs: bool
    text: str
    saved_as: str = ""

    def __str__(self) -> str:
        return f"{page_id(self.page)}:{self.line}"


def page_id(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def read_blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in FENCE.finditer(text):
        language, *marks = found[1].split() or [""]
        before = text[: found.start()].rstrip().rsplit("\n\n", 1)[-1]
        saved = SAVED.search(before)
        line = text.count("\n", 0, found.start()) + 1
        runs = NO_RUN not in marks
        blocks.append(Block(page, line, language, runs, found[2], saved[1] if saved else ""))
    return blocks


def code_blocks(page: Path) -> list[Block]:
    """The blocks of a page that hold shell commands or Python."""
    return [block for block in read_blocks(page) if block.language in CODE]


def shell_lines(block: Block) -> Iterator[list[str]]:
    """The words of each line of a shell block, without comments; continued lines are one."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each tag2mask command in the shell blocks of a page, without its name."""
    for block in code_blocks(page):
        if block.language == "bash":
            for name, *words in shell_lines(block):
                if name == "tag2mask":
                    yield words[: words.index(">")] if ">" in words else words


def lacks_package(words: list[str]) -> bool:
    """Whether a command needs pydensecrf where it is not installed: it builds up to Python 3.12."""
    return "pydensecrf" in " ".join(words) and importlib.util.find_spec("pydensecrf") is None
