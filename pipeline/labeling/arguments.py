"""The arguments of a labeling run: checks before anything is written or torch is imported."""

from __future__ import annotations

from collections.abc import Sequence

from tag2mask.pipeline.tables.places import check_out, locate_source

# New images that begin a new training, for each one that the models were trained on.
RETRAIN_SHARE = 0.2


def check_arguments(
    source: str,
    out: str,
    classes: Sequence[str] | None,
    engine: str,
    workers: int,
    source_kind: str | None,
    force: bool,
    dry_run: bool = False,
) -> None:
    """Check the arguments of :func:`tag2mask.flows.label.label`; no file is left behind.

    A dry run needs no place that can be written, and on an object store only writing shows it.

    Raises:
        UserError: If the source is missing or of no known kind, the run's folder lies in it,
            belongs to a run of another class list or cannot be written, or the engine is unknown.
    """
    check_out(source, out)
    locate_source(source)
    # Imported late, each of them takes longer than the checks before.
    from tag2mask.pipeline.engine import check_engine
    from tag2mask.pipeline.errors import UserError
    from tag2mask.pipeline.labeling.run_source import find_difference
    from tag2mask.pipeline.sources import open_source
    from tag2mask.pipeline.tables.storage import Folder

    check_engine(engine, workers)
    folder = Folder(out)
    difference = find_difference(folder, source, classes)
    if difference.classes and not force:
        raise UserError(difference.sentence())
    if not dry_run:
        folder.check_writable()
    open_source(source, source_kind)
