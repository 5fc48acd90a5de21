"""Export of a published dataset to the file formats of other tools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from tag2mask.flows.results import ExportResult, export_result
from tag2mask.pipeline.formats.export_dataset import Choice, export_dataset
from tag2mask.pipeline.formats.export_settings import read_export_settings
from tag2mask.pipeline.publication.push_to_hub import Push
from tag2mask.pipeline.publication.push_to_hub import push_to_hub as upload


def export(
    dataset: str | Path,
    *,
    out: str | Path,
    format: str,
    classes: Collection[str] | None = None,
    confidence: float | Mapping[str, float] = 0.0,
    min_area: float = 0.001,
    objects: str = "component",
    shapes: str | None = None,
    split: str = "stratified",
    val: float | None = None,
    test: float = 0.0,
    seed: int = 0,
    shard_images: int = 1000,
) -> ExportResult:
    """Writes a published dataset as files of another format.

    Args:
        dataset: The dataset, a local path or fsspec URI.
        out: A local folder that does not exist or is empty.
        format: ``voc``, ``coco``, ``coco-panoptic``, ``coco-stuff``, ``hf``, ``yolo``,
            ``label-studio``, ``cvat`` or ``webdataset``.
        classes: Only images whose mask shows one of these classes; None takes all.
        confidence: Minimum confidence of the object of every tag, in [0, 1]; or by class, as
            ``{"cat": 0.9, "*": 0.8}``, where ``*`` stands for all other classes.
        min_area: Minimum area of a connected component, as a share of the image, in [0, 1);
            smaller ones are no objects.
        objects: ``component`` or ``class``: one object for each connected component of a
            class, or for each class.
        shapes: ``polygon`` or ``rle``; None takes the format's own choice.
        split: ``stratified`` by class, by ``hash`` of the image, or as the folders of the
            ``source`` name it.
        val: Share of the images in the split val, in [0, 1); None takes the format's own,
            0.1 for ``yolo`` and else 0.
        test: Share of the images in the split test, in [0, 1).
        seed: Random seed of the splits.
        shard_images: Images of one shard, for ``webdataset``.

    Raises:
        UserError: If the format, a class or an option is unknown, no image meets the
            conditions, a split would be empty, or the folder is not empty.

    Example:
        >>> exported = tag2mask.export("run/dataset", out="voc", format="voc")
        >>> exported.images
        24
    """
    settings = read_export_settings(
        min_area=min_area,
        objects=objects,
        shapes=shapes,
        split=split,
        val_share=val,
        test_share=test,
        seed=seed,
        shard_images=shard_images,
    )
    choice = Choice(classes, confidence)
    written = export_dataset(str(dataset), format, str(out), choice, settings)
    return export_result(str(out), format, written)


def push_to_hub(
    dataset: str | Path,
    repo: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    endpoint: str | None = None,
) -> Push:
    """Uploads a published dataset to the Hugging Face Hub as one commit.

    The login is that of ``hf auth login`` or of the environment variable ``HF_TOKEN``.

    Args:
        dataset: The dataset, a local path or fsspec URI.
        repo: Name of the repository, ``user/name``; made if it is not there.
        private: Whether a new repository is private.
        dry_run: Only list the files; no connection is opened.
        endpoint: Address of another Hub; None takes Hugging Face's.

    Raises:
        UserError: If there is no dataset, the name is malformed, or the Hub refuses.

    Example:
        >>> len(tag2mask.push_to_hub("run/dataset", "user/masks", dry_run=True).files) > 2
        True
    """
    return upload(str(dataset), repo, private=private, dry_run=dry_run, endpoint=endpoint)
