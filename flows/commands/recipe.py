"""The command recipe."""

from __future__ import annotations

HEADER = """\
# The default recipe of tag2mask. Keep the settings that you change and delete the others;
# `tag2mask label SOURCE --out RUN --recipe FILE.yaml` reads the file.
"""


def recipe() -> None:
    """Prints the default recipe as YAML with comments, to be changed and given to --recipe."""
    from tag2mask.pipeline.labeling.recipe import Recipe
    from tag2mask.pipeline.recipe_text import commented_yaml

    print(HEADER + commented_yaml(Recipe()), end="")
