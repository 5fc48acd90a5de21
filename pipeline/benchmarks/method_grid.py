"""Example masks of several methods in a grid: one row for each method, one column an image."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.records.mask_rows import rgb
from tag2mask.pipeline.report.contact_sheet import INK, PALE, PAPER, overlay
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

CELL = 150  # longer side of an image, pixels
GAP = 8
NAMES = 190  # width of the column of names
TEXT = 15
EXAMPLES = 6


def example_grid(
    images: Table, methods: Mapping[str, Table], ground_truth: GroundTruthFolder
) -> bytes:
    """Draw the grid of a few images with a ground truth mask, those with several tags first.

    Args:
        images: The images.
        methods: The methods' masks of the images, by name, from top to bottom.
        ground_truth: The ground truth masks.

    Returns:
        The bytes of a PNG.
    """
    narrow = [row for row in images.rows(["id", "tags", "error"]) if not row["error"]]
    narrow.sort(key=lambda row: (len(row["tags"]) < 2, row["id"]))
    shown: list[np.ndarray] = []
    masks: dict[str, list[np.ndarray | None]] = {name: [] for name in ("ground truth", *methods)}
    joined = {f"method{index}": table for index, table in enumerate(methods.values())}
    columns = ["image", *(f"{name}.mask" for name in joined)]
    for chosen in narrow:
        if len(shown) == EXAMPLES:
            break
        (row,) = Scan(images, joined, columns, {chosen["id"]}).rows()
        true = ground_truth.mask(row["image"]["path"])
        if true is None:
            continue
        shown.append(rgb(row))
        masks["ground truth"].append(true)
        for name, table in zip(methods, joined, strict=True):
            mask = row[table]["mask"] if row[table] else None
            masks[name].append(decode_mask(mask["bytes"]) if mask else None)
    buffer = io.BytesIO()
    method_grid(shown, masks).save(buffer, format="PNG")
    return buffer.getvalue()


def method_grid(
    images: Sequence[np.ndarray], masks: Mapping[str, Sequence[np.ndarray | None]]
) -> Image.Image:
    """Draw the images above their masks.

    Args:
        images: (H, W, 3) uint8 RGB, of any sizes.
        masks: A label map uint8 for each image, by the row's name; None leaves the cell blank.
    """
    width = NAMES + len(images) * (CELL + GAP) + GAP
    rows = 1 + len(masks)
    grid = Image.new("RGB", (width, rows * (CELL + GAP) + GAP), PAPER)
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(TEXT)
    small = [_small(image, Image.Resampling.LANCZOS) for image in images]
    for row, (name, column) in enumerate([("", list[np.ndarray | None]()), *masks.items()]):
        top = GAP + row * (CELL + GAP)
        draw.text((GAP, top + CELL // 2 - TEXT), name, fill=INK, font=font)
        for index, image in enumerate(small):
            left = NAMES + index * (CELL + GAP) + (CELL - image.shape[1]) // 2
            mask = column[index] if column else None
            shown = image
            if mask is not None:
                nearest = Image.fromarray(mask).resize(image.shape[1::-1], Image.Resampling.NEAREST)
                shown = overlay(image, np.asarray(nearest))
            elif row:
                shown = np.full_like(image, PALE)
            down = top + (CELL - image.shape[0]) // 2
            grid.paste(Image.fromarray(shown), (left, down))
    return grid


def _small(image: np.ndarray, resample: Image.Resampling) -> np.ndarray:
    """Resize an image so that its longer side is a cell's side."""
    height, width = image.shape[:2]
    scale = CELL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, resample))
