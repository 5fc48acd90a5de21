"""tag2mask in a Prefect flow of your own: python prefect_flow.py IMAGES RUN OUT [RECIPE]."""

import sys

from prefect import flow, task

import tag2mask


@task
def count_images(dataset: str) -> int:
    """The number of published images."""
    return len(tag2mask.MaskDataset(dataset))


@flow(name="label-and-export")
def label_and_export(images: str, run: str, out: str, recipe: str | None = None) -> int:
    """Labels the images, exports the masks as a VOC tree and counts them."""
    result = tag2mask.label(images, out=run, recipe=recipe, engine="local")
    tag2mask.export(result.dataset, out=out, format="voc")
    return count_images(result.dataset)


if __name__ == "__main__":
    print(label_and_export(*sys.argv[1:]), "images exported")
