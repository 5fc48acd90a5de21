"""Find objects by a sliding classifier: python slide_a_classifier.py RUN/dataset [STEPS].

A small network is trained on squares around objects. As one convolution it then scores every
window of whole images in a single pass (Sermanet et al., 2014, section 3.3).
"""

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.transforms.v2.functional import resize

import tag2mask
from tag2mask.models.regions.overfeat import SlidingClassifier
from tag2mask.pipeline.systems.batches import Batches, to_batch

# Side of a window that the layers below reduce to 24 places, and those to 8 by the last pool.
WINDOW = 60
STRIDE = 2  # of the windows, in pixels
POOL = 3
SIDE = 2 * WINDOW  # shorter side of the images that it slides over
SHOWN = 5


def main(dataset: str, steps: str = "200") -> None:
    """Prints the loss, and for some images the tags and the best window of each tag."""
    torch.manual_seed(0)
    masks = tag2mask.MaskDataset(dataset)
    names = masks.rows.classes.names
    features = nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU()
    )
    layers = [nn.Linear(32 * 8 * 8, 64), nn.Linear(64, len(names))]
    classifier = nn.Sequential(
        features, nn.MaxPool2d(POOL), nn.Flatten(), layers[0], nn.ReLU(), layers[1]
    )
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
    squares = Batches(masks, "object", WINDOW, 16, seed=0).stream()
    for _, parts in zip(range(int(steps)), squares, strict=False):
        batch = to_batch(parts, "cpu")
        areas = torch.stack([(batch["mask"] == k + 1).sum(dim=(1, 2)) for k in range(len(names))])
        loss = cross_entropy(classifier(batch["image"]), areas.argmax(dim=0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.3f}")
    sliding = SlidingClassifier(features, POOL, layers, 32)
    for number in range(min(SHOWN, len(masks))):
        sample = masks[number]
        with torch.no_grad():
            image = resize(sample["image"], SIDE)[None] / 127.5 - 1
            scores = sliding(image).softmax(dim=1)[0]
        for channel in sample["tags"].nonzero()[:, 0].tolist():
            row, column = divmod(int(scores[channel].argmax()), scores.shape[2])
            scale = min(sample["image"].shape[1:]) / SIDE
            left, top, side = (round(scale * n) for n in (STRIDE * column, STRIDE * row, WINDOW))
            score = float(scores[channel].max())
            place = f"x {left}, y {top}, side {side}"
            print(f"{sample['id'][:12]} {names[channel]} {score:.2f} at {place}")


if __name__ == "__main__":
    main(*sys.argv[1:])
