"""The splits that the source of a run lists: in a table, in lists of files, in names of shards."""

from __future__ import annotations

import json

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.storage import Folder

RUN_FILE = "run.json"


def source_splits(dataset: str) -> dict[str, str] | None:
    """The split of each image of the source, by its path; images without one are left out.

    Args:
        dataset: URI of a dataset, which lies in the folder of its run.

    Returns:
        None if the run's source is unknown or is no longer there.
    """
    folder = Folder(Folder(dataset).uri.rpartition("/")[0])
    try:
        source = json.loads(folder.read(RUN_FILE))["source"]
        return {file.path: file.split for file in open_source(source).images() if file.split}
    except (FileNotFoundError, KeyError, TypeError, ValueError, UserError):
        return None
