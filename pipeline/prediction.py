"""Predictions for a folder of pictures that have no tags."""

from __future__ import annotations

from pathlib import PurePosixPath

import fsspec
import numpy as np
import torch
from torch.nn.functional import interpolate

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import CLASSES
from tag2mask.pipeline.ingestion.decoding import DecodeError, decode_rgb
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.records import encode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor
from tag2mask.pipeline.stages.segment import predict_logits
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.training.model_store import load_model

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def predict_folder(
    model: str, images: str, out: str, settings: RelabelSettings | None = None
) -> tuple[int, list[str]]:
    """Writes a palette PNG for each picture directly inside a folder, and classes.txt.

    Args:
        model: URI of a segmenter.
        images: URI of the folder.
        out: Where the masks go, each under the stem of its picture.
        settings: Size and scales, by default those of the run that trained the model; the
            CRF is not used.

    Returns:
        The number of masks, and a sentence for each picture that could not be read.

    Raises:
        UserError: If nothing can be written to ``out``, it is the folder of the pictures,
            there is no segmenter, no picture that can be read, or two share a stem.
    """
    folder = Folder(out)
    folder.check_writable()
    if folder.uri == Folder(images).uri:
        raise UserError(f"masks in {images} could replace its pictures: choose another --out")
    segmenter, card = load_model(model, "segmenter")
    settings = settings or RelabelSettings.model_validate(card.training.get("relabel", {}))
    named = by_stem(images)
    files, _ = fsspec.core.url_to_fs(images)
    written, failed = 0, []
    for stem, name in named.items():
        try:
            picture = np.array(decode_rgb(files.cat_file(name)))
        except (DecodeError, OSError) as error:
            failed.append(f"{PurePosixPath(name).name}: {error}")
            continue
        with torch.no_grad():
            logits = predict_logits(segmenter, as_tensor(picture), settings.size, settings.scales)
            full = interpolate(logits[None], picture.shape[:2], mode="bilinear")[0]
        folder.write(f"{stem}.png", encode_mask(full.argmax(dim=0).byte().numpy()))
        written += 1
    if not written:
        raise UserError(
            f"none of the {len(failed):,} pictures of {images} can be read: {failed[0]}"
        )
    folder.write(CLASSES, "".join(f"{name}\n" for name in card.classes.names).encode())
    return written, failed


def picture_files(folder: str) -> list[str]:
    """The picture files directly inside a folder, sorted, as paths of its file system.

    Raises:
        UserError: If there is no folder, or no picture in it.
    """
    files, root = fsspec.core.url_to_fs(folder)
    try:
        entries = files.ls(root, detail=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"there is no folder {root}: give a folder of pictures") from error
    names = [
        entry["name"]
        for entry in entries
        if entry["type"] == "file" and entry["name"].lower().endswith(ENDINGS)
    ]
    if not names:
        raise UserError(f"no pictures in {folder}: looked for {', '.join(ENDINGS)}")
    return sorted(names)


def by_stem(folder: str) -> dict[str, str]:
    """The picture files of a folder by their stems; see :func:`picture_files`.

    Raises:
        UserError: Also if two share a stem.
    """
    named: dict[str, str] = {}
    for name in picture_files(folder):
        stem = PurePosixPath(name).stem
        if stem in named:
            raise UserError(
                f"two pictures of {folder} are called {stem}: what is made of them would collide"
            )
        named[stem] = name
    return named
