"""Label a folder of tagged images: python label_a_folder.py IMAGES RUN [RECIPE]."""

import sys

import tag2mask


def main(images: str, run: str, recipe: str | None = None) -> None:
    """Prints the summary of the run, and size and pixel values of five masks."""
    result = tag2mask.label(images, out=run, recipe=recipe, engine="local")
    print(result)
    masks = tag2mask.MaskDataset(result.dataset)
    for number in range(min(5, len(masks))):
        sample = masks[number]
        print(sample["id"][:12], tuple(sample["mask"].shape), sample["mask"].unique().tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
