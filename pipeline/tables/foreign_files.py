"""Files of other origin: a command replaces what it has made itself, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

STAGING = ".staging"
# What a run writes into its folder, beside what only ever gains files.
RUN_NAMES = frozenset(
    {"images", "rounds", "models", "dataset", "run.json", "ladder.json", "contact_sheet.png"}
)


def check_run_folder(out: str) -> None:
    """Check that a run's folder is one of a run, or holds nothing that a run would replace.

    A folder that cannot be listed passes: whether it can be written is another check.

    Args:
        out: Local path or URI of the run's folder.

    Raises:
        UserError: If it holds a file or folder of a run's names, and no run has made it.
    """
    folder = Folder(out)
    found = sorted(RUN_NAMES & folder.names())
    if not found or _is_run(folder):
        return
    raise UserError(
        f"{out} holds {found[0]}, which a run would replace and no run has made: choose another "
        "--out"
    )


def _is_run(folder: Folder) -> bool:
    """Whether a run has begun here: it has a table of images, or the remains of a killed run."""
    # Imported late: it needs pyarrow, and most folders are new.
    from tag2mask.pipeline.tables.manifest import MANIFEST

    if STAGING in folder.names() or MANIFEST in folder.folder("images").names():
        return True
    return "run.json" in folder.names() and b'"fingerprint"' in folder.read("run.json")


def check_file(folder: Folder, name: str, is_ours: Callable[[bytes], bool], kind: str) -> None:
    """Check that a file can be written: there is none, or an earlier one of its kind.

    Args:
        folder: The file's folder.
        name: The file's name.
        is_ours: Whether the contents are of the kind.
        kind: The kind, for the error.

    Raises:
        UserError: If there is another file.
    """
    if name not in folder.names():
        return
    try:
        known = is_ours(folder.read(name))
    except OSError:  # a folder, or a link to nothing
        known = False
    if not known:
        raise UserError(
            f"{folder.uri}/{name} exists and is not {kind}: choose another name, or remove it"
        )


def check_free(folder: Folder, names: Collection[str], owned: Collection[str]) -> None:
    """Check that files can be written: those that exist were made by an earlier call.

    Args:
        folder: Their folder.
        names: The names of the files.
        owned: Names of files that an earlier call has made.

    Raises:
        UserError: If another file would be replaced.
    """
    foreign = sorted((folder.names() & set(names)) - set(owned))
    if foreign:
        more = f" and {len(foreign) - 1:,} more files" if len(foreign) > 1 else ""
        raise UserError(
            f"{folder.uri}/{foreign[0]}{more} would be replaced, and this command has not made "
            f"{'them' if more else 'it'}: choose another --out"
        )
