"""Find images by a sentence: python find_images.py MODEL RUN/dataset "a cat left of a dog".

MODEL is a trained ``text_gan``. Its discriminator scores how well each image of the dataset fits
the sentence (Reed et al., 2016).
"""

import sys

import torch
from torchvision.transforms.v2.functional import resize

import tag2mask
from tag2mask.models.generation.text_gan import TextGan
from tag2mask.pipeline.systems.loading import load_generator, read_sentence

SHOWN = 5
BATCH = 32


def main(model: str, dataset: str, sentence: str) -> None:
    """Prints score and id of the five images that fit best."""
    system, _ = load_generator(model)
    if not isinstance(system, TextGan):
        raise SystemExit(f"{model} is no text_gan: train one with `tag2mask train text_gan`")
    masks = tag2mask.MaskDataset(dataset)
    words = read_sentence(system, sentence)
    scores: dict[str, float] = {}
    for start in range(0, len(masks), BATCH):
        samples = [masks[number] for number in range(start, min(start + BATCH, len(masks)))]
        size = [system.settings.size] * 2
        images = torch.stack([resize(sample["image"], size) for sample in samples]) / 127.5 - 1
        logits = system.match(images, words.expand(len(images), -1))
        scores |= dict(zip((sample["id"] for sample in samples), logits.tolist(), strict=True))
    for name in sorted(scores, key=scores.__getitem__, reverse=True)[:SHOWN]:
        print(f"{scores[name]:8.3f}  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
