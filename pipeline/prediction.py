"""Predictions of a segmenter for a folder of images without tags."""

from __future__ import annotations

from pathlib import PurePosixPath

import fsspec
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.segmentation import Segmenter
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import CLASSES
from tag2mask.pipeline.ingestion.decoding import DecodeError, decode_rgb
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.progress import SILENT, Reporter, counted
from tag2mask.pipeline.records import encode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor
from tag2mask.pipeline.stages.segment import predict_logits
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.training.model_store import load_model

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def predict_folder(
    model: str,
    images: str,
    out: str,
    settings: RelabelSettings | None = None,
    reporter: Reporter = SILENT,
) -> tuple[int, list[str]]:
    """Write a palette PNG for each image directly inside a folder, and classes.txt.

    Args:
        model: URI of a segmenter.
        images: URI of the folder of images.
        out: URI of the folder of masks; each mask has the stem of its image.
        settings: Size and scales, by default those of the run that trained the model; the
            CRF is not used.
        reporter: Reporter that shows the progress.

    Returns:
        The number of masks, and a sentence for each image that could not be read.

    Raises:
        UserError: If ``out`` cannot be written or is the folder of the images, there is no
            segmenter, no image can be read, or two images share a stem.
    """
    folder = Folder(out)
    folder.check_writable()
    if folder.uri == Folder(images).uri:
        raise UserError(f"masks in {images} could replace its images: choose another --out")
    segmenter, card = load_model(model, "segmenter")
    settings = settings or RelabelSettings.model_validate(card.training.get("relabel", {}))
    named = by_stem(images)
    files, _ = fsspec.core.url_to_fs(images)
    written, failed = 0, []
    update = reporter.rows("predict", len(named))
    for stem, name in counted(named.items(), update):
        try:
            image = np.array(decode_rgb(files.cat_file(name)))
        except (DecodeError, OSError) as error:
            failed.append(f"{PurePosixPath(name).name}: {error}")
            continue
        full = full_size_logits(segmenter, image, settings)
        folder.write(f"{stem}.png", encode_mask(full.argmax(dim=0).byte().numpy()))
        written += 1
    if not written:
        raise UserError(f"none of the {len(failed):,} images of {images} can be read: {failed[0]}")
    folder.write(CLASSES, "".join(f"{name}\n" for name in card.classes.names).encode())
    return written, failed


@torch.no_grad()
def full_size_logits(segmenter: Segmenter, image: np.ndarray, settings: RelabelSettings) -> Tensor:
    """Compute a segmenter's logits at the image's size.

    Args:
        segmenter: A segmenter in evaluation mode.
        image: (H, W, 3) uint8 RGB.
        settings: Size and scales; the CRF is not used.

    Returns:
        (1 + C, H, W) float32 logits of background and all classes, on the segmenter's device.
    """
    pixels = as_tensor(image).to(next(segmenter.parameters()).device)
    logits = predict_logits(segmenter, pixels, settings.size, settings.scales)
    return interpolate(logits[None], image.shape[:2], mode="bilinear")[0]


def image_files(folder: str) -> list[str]:
    """List the image files directly inside a folder, sorted, as paths of its file system.

    Raises:
        UserError: If there is no folder, or no image in it.
    """
    files, root = fsspec.core.url_to_fs(folder)
    try:
        entries = files.ls(root, detail=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"the folder {root} does not exist: give a folder of images") from error
    names = [
        entry["name"]
        for entry in entries
        if entry["type"] == "file" and entry["name"].lower().endswith(ENDINGS)
    ]
    if not names:
        raise UserError(f"no images in {folder}: give a folder with {', '.join(ENDINGS)} files")
    return sorted(names)


def by_stem(folder: str) -> dict[str, str]:
    """List the image files of a folder by stem, see :func:`image_files`.

    Raises:
        UserError: If there is no folder, no image in it, or two images share a stem.
    """
    named: dict[str, str] = {}
    for name in image_files(folder):
        stem = PurePosixPath(name).stem
        if stem in named:
            raise UserError(
                f"two images of {folder} have the stem {stem}, so their masks would collide: "
                "rename one"
            )
        named[stem] = name
    return named
