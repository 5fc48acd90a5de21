"""Stages that make images: from noise, or from other images."""

from __future__ import annotations

import fsspec
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import InterpolationMode, resize

from tag2mask.pipeline.dataset.mask_dataset import MaskDataset
from tag2mask.pipeline.ingestion.decoding import DecodeError
from tag2mask.pipeline.records import Row, decode_mask
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.image_files import decode_image
from tag2mask.pipeline.systems.loading import (
    choose_device,
    load_generator,
    load_transformer,
    read_sentence,
)
from tag2mask.pipeline.systems.training_log import encode_png


class Generate:
    """Makes the images of numbered requests.

    Args:
        model: URI of a generating system.
        tags: Pixel values of the classes that every image shows, for a system that reads tags;
            by default the classes alternate.
        like: URI of a mask dataset, for a system that reads masks or images.
        sentence: A description of every image, for a system that reads sentences.
        device: Name of the device; by default a GPU if there is one.
    """

    def __init__(
        self,
        model: str,
        tags: tuple[int, ...] = (),
        like: str | None = None,
        sentence: str | None = None,
        device: str | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.system, self.card = load_generator(model)
        self.system.to(self.device)
        self.tags = tags
        size = self.system.settings.size
        self.words = None
        if sentence is not None:
            self.words = read_sentence(self.system, sentence).to(self.device)
        self.given = None
        if like is not None:
            self.given = Batches(MaskDataset(like), self.system.view, size, batch=1, seed=0)

    @torch.no_grad()
    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows with ``image``; one by one, so that none depends on the rest of the batch."""
        return [{**row, "image": self._image(row)} for row in rows]

    def _image(self, row: Row) -> dict[str, object]:
        seed = row["seed"] * 1_000_003 + row["number"]
        rng = torch.Generator(self.device).manual_seed(seed)
        image = self.system.sample(1, self._wanted(row["number"]), rng)[0]
        return {"bytes": encode_png(image), "path": row["path"]}

    def _wanted(self, number: int) -> dict[str, Tensor]:
        wanted: dict[str, Tensor] = {}
        if self.words is not None:
            return {"words": self.words}
        if self.given is not None:
            parts = {name: value[None] for name, value in self.given.sample(number).items()}
            wanted = to_batch(parts, self.device)
        if self.tags or "tags" not in wanted:
            classes = len(self.card.classes)
            tags = torch.zeros(1, classes, device=self.device)
            chosen = self.tags or (1 + number % classes,)
            tags[0, [tag - 1 for tag in chosen]] = 1
            wanted["tags"] = tags
        return wanted


class Transform:
    """Makes an image of each row's image, mask or both.

    A row holds ``image`` and ``mask`` as in a table, or the URIs ``file`` and ``mask_file``.
    For a system that needs a mask alone, ``file`` is the mask. The next frame is ``next_file``.

    Args:
        model: URI of a transforming system.
        style: The bytes of an image file, for a system that needs a style.
        size: Longer side of the resized images, in pixels; None keeps their size.
        tags: Pixel values of the classes to change, for a system that takes classes; by default
            those of the row.
        device: Name of the device; by default a GPU if there is one.
    """

    def __init__(
        self,
        model: str,
        style: bytes | None = None,
        size: int | None = None,
        tags: tuple[int, ...] = (),
        device: str | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.system, self.card = load_transformer(model)
        self.system.to(self.device)
        self.size = size
        self.tags = tags
        self.style = None if style is None else decode_image(style).to(self.device)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows with the new image as ``image``; one by one, because their sizes differ."""
        return [self._transformed(row) for row in rows]

    def _transformed(self, row: Row) -> Row:
        try:
            batch = self._batch(row)
        except (DecodeError, OSError) as error:
            return {**row, "image": None, "error": str(error)}
        rng = torch.Generator(self.device).manual_seed(0)
        image = self.system.transform(batch, rng)[0].detach()
        path = row.get("path") or (row.get("image") or {}).get("path")
        return {**row, "image": {"bytes": encode_png(image), "path": path}}

    def _batch(self, row: Row) -> dict[str, Tensor]:
        needs = self.system.needs
        batch: dict[str, Tensor] = {}
        if "image" in needs:
            batch["image"] = self._fitted(decode_image(_bytes(row, "image", "file")))
        if "mask" in needs:
            alone = "image" not in needs and "file" in row
            data = _bytes(row, "mask", "file" if alone else "mask_file")
            labels = torch.from_numpy(decode_mask(data).astype(np.int64))[None, None]
            batch["mask"] = self._fitted(labels)[:, 0]
        if "next" in needs:
            batch["next"] = self._fitted(decode_image(_bytes(row, "next", "next_file")))
            if batch["next"].shape != batch["image"].shape:
                raise DecodeError("the next frame has another size")
        if "tags" in needs:
            batch["tags"] = self._tags(row)
        if "style" in needs and self.style is not None:
            batch["style"] = self.style
        return {name: value.to(self.device) for name, value in batch.items()}

    def _fitted(self, values: Tensor) -> Tensor:
        if self.size is None:
            return values
        factor = self.size / max(values.shape[-2:])
        extent = [max(1, round(side * factor)) for side in values.shape[-2:]]
        if values.is_floating_point():
            return resize(values, extent, antialias=True)
        return resize(values, extent, InterpolationMode.NEAREST)

    def _tags(self, row: Row) -> Tensor:
        tags = torch.zeros(1, len(self.card.classes))
        tags[0, [tag - 1 for tag in self.tags or row.get("tags") or ()]] = 1
        return tags


def _bytes(row: Row, column: str, file: str) -> bytes:
    if row.get(file):
        files, path = fsspec.core.url_to_fs(row[file])
        return files.cat_file(path)
    return row[column]["bytes"]
