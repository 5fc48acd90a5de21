"""Draw with a GAN: python draw_interactively.py MODEL OUTLINE.png SHEET.png [RED,GREEN,BLUE].

MODEL is a trained ``interactive_gan``; OUTLINE.png is black with a white shape. The first image
fills the shape. With a color, the second one is the first after a stroke of that color across its
middle (Zhu et al., 2016, section 4.1).
"""

import sys

import torch
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor
from torchvision.utils import save_image

from tag2mask.models.generation.interactive import InteractiveGan
from tag2mask.pipeline.systems.loading import load_generator


def main(model: str, outline: str, sheet: str, color: str | None = None) -> None:
    """Saves the images beside each other."""
    system, _ = load_generator(model)
    if not isinstance(system, InteractiveGan):
        raise SystemExit(f"{model} is no interactive_gan: train one with `tag2mask train`")
    size = system.settings.size
    with Image.open(outline) as image:
        shape = pil_to_tensor(image.convert("L").resize((size, size)))[None] / 255
    noise = system.draw(shape, torch.Generator().manual_seed(0))
    images = [system.images(noise)]
    if color is not None:
        values = torch.tensor([float(value) for value in color.split(",")]) / 127.5 - 1
        stroke = torch.zeros(1, 1, size, size)
        stroke[..., size * 3 // 8 : size * 5 // 8, size // 4 : size * 3 // 4] = 1
        colors = values.view(1, 3, 1, 1).expand(1, 3, size, size)
        images.append(system.images(system.paint(noise, colors, stroke)))
    save_image(torch.cat(images).detach(), sheet, normalize=True, value_range=(-1, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
