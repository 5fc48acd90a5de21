"""Predictions of a segmenter for a folder of images without tags, each finished mask once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import fsspec
import numpy as np
import torch
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import CLASSES
from tag2mask.pipeline.ingestion.decoding import DecodeError, decode_rgb
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.prediction.image_names import ImageFile, find_images
from tag2mask.pipeline.prediction.marks import with_mark
from tag2mask.pipeline.prediction.predictor import PixelLabels, Predictor
from tag2mask.pipeline.prediction.settings import PredictSettings
from tag2mask.pipeline.prediction.targets import check_classes_file, find_marks
from tag2mask.pipeline.progress import SILENT, Reporter
from tag2mask.pipeline.records import encode_map, encode_mask
from tag2mask.pipeline.report.contact_sheet import overlay
from tag2mask.pipeline.tables.places import check_apart
from tag2mask.pipeline.tables.storage import Folder

CONFIDENCE, OVERLAY = "confidence", "overlay"
# Images in flight for each one of a batch, so that a batch finds images of one size.
_WINDOW = 4
_READERS = 8


def predict_folder(
    model: str,
    images: str,
    out: str,
    settings: RelabelSettings | None = None,
    reporter: Reporter = SILENT,
    options: PredictSettings = PredictSettings(),  # noqa: B008 - frozen
) -> tuple[int, list[str]]:
    """Write a palette PNG for each image of a folder and its subfolders, and classes.txt.

    Masks that an earlier call has finished with the same model and settings are kept.

    Args:
        model: URI of a segmenter.
        images: URI of the folder of images, or of one image.
        out: URI of the folder of masks; each mask has the path of its image below the folder, with
            the ending ``.png``.
        settings: Size, scales and CRF, by default those of the run that trained the model.
        reporter: Reporter that shows the progress.
        options: Classes, further files, batches and device.

    Returns:
        The number of masks, and a sentence for each image that could not be read.

    Raises:
        UserError: If ``out`` cannot be written, lies among the images or holds a file of that name
            that was not made here, there is no segmenter or no such class, no image can be read,
            or the masks of two images would have the same name.
    """
    folder = Folder(out)
    folder.check_writable()
    check_apart(images, out)
    predictor = Predictor.load(model, settings, options)
    jobs = list_jobs(find_images(images), predictor.digest(), options)
    marks = find_marks(out, images, [name for job in jobs for name in job.names])
    check_classes_file(folder, _class_lines(predictor), bool(marks))
    todo = [job for job in jobs if any(marks.get(name) != job.mark for name in job.names)]
    kept = len(jobs) - len(todo)
    if kept:
        reporter.info(f"{kept:,} of {len(jobs):,} masks are finished and kept")
    update = reporter.rows("predict", len(jobs))
    update(kept)
    failed: list[str] = []
    done = kept
    for window in _windows(todo, predictor.batch):
        failed += _predict_window(predictor, images, folder, window)
        done += len(window)
        update(done)
    written = len(jobs) - len(failed)
    if not written:
        raise UserError(f"none of the {len(failed):,} images of {images} can be read: {failed[0]}")
    folder.write(CLASSES, _class_lines(predictor))
    return written, failed


@dataclass(frozen=True)
class Job:
    """The files that are made of an image.

    Attributes:
        image: The image.
        mark: Hash of everything that its masks follow from; the image by its size in bytes.
        names: The files below the folder of masks: the mask, then what else was asked for.
    """

    image: ImageFile
    mark: str
    names: tuple[str, ...]


def list_jobs(images: Sequence[ImageFile], digest: str, options: PredictSettings) -> list[Job]:
    """The jobs of images.

    Raises:
        UserError: If two files would have the same name, as with an image in ``overlay/``.
    """
    kinds = [CONFIDENCE] * options.confidence + [OVERLAY] * options.overlay
    jobs = []
    for image in images:
        mark = hashlib.sha256(f"{digest} {image.bytes}".encode()).hexdigest()
        files = (image.png_name, *(f"{kind}/{image.png_name}" for kind in kinds))
        jobs.append(Job(image, mark, files))
    names = [name for job in jobs for name in job.names]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(
            f"two files would be called {twice}: the images have a folder {twice.split('/')[0]}/; "
            "rename it, or leave the option out"
        )
    return jobs


def _windows(jobs: Sequence[Job], batch: int) -> Iterator[Sequence[Job]]:
    size = _WINDOW * batch
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _predict_window(
    predictor: Predictor, images: str, folder: Folder, jobs: Sequence[Job]
) -> list[str]:
    """Predict some images and write their files; return a sentence for each that failed."""
    files, _ = fsspec.core.url_to_fs(images)
    failed: list[str] = []
    by_size: dict[tuple[int, ...], list[tuple[Job, np.ndarray]]] = {}

    def read(job: Job) -> np.ndarray | Exception:
        try:
            return np.array(decode_rgb(files.cat_file(job.image.path)))
        except (DecodeError, OSError) as error:
            return error

    with ThreadPoolExecutor(_READERS) as readers:
        for job, found in zip(jobs, readers.map(read, jobs), strict=True):
            if isinstance(found, Exception):
                failed.append(f"{job.image.name}: {found}")
            else:
                by_size.setdefault(found.shape, []).append((job, found))
    for group in by_size.values():
        for start in range(0, len(group), predictor.batch):
            part = group[start : start + predictor.batch]
            try:
                results = predictor.predict([image for _, image in part])
            except (MemoryError, torch.cuda.OutOfMemoryError) as error:
                failed += [
                    f"{job.image.name}: too large for the memory ({error})" for job, _ in part
                ]
                continue
            for (job, image), labels in zip(part, results, strict=True):
                _write(folder, job, image, labels)
    return failed


def _write(folder: Folder, job: Job, image: np.ndarray, labels: PixelLabels) -> None:
    mask, *others = job.names
    for name in others:
        if name.startswith(f"{CONFIDENCE}/"):
            _put(folder, name, with_mark(encode_map(labels.confidence), job.mark))
        else:
            buffer = io.BytesIO()
            Image.fromarray(overlay(image, labels.mask)).save(buffer, format="PNG")
            _put(folder, name, with_mark(buffer.getvalue(), job.mark))
    _put(folder, mask, with_mark(encode_mask(labels.mask), job.mark))


def _put(folder: Folder, name: str, data: bytes) -> None:
    place, _, file = name.rpartition("/")
    (folder.folder(place) if place else folder).write(file, data)


def _class_lines(predictor: Predictor) -> bytes:
    return "".join(f"{name}\n" for name in predictor.class_names).encode()
