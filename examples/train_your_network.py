"""Train a torch network of your own: python train_your_network.py RUN/dataset NETWORK.pt."""

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

import tag2mask

CROP = 64


def main(dataset: str, network_file: str, epochs: str = "1") -> None:
    """Prints the mean loss of each epoch and saves the weights."""
    torch.manual_seed(0)
    crop = v2.RandomCrop(CROP, pad_if_needed=True, fill={Image: 127, Mask: 255})
    masks = tag2mask.MaskDataset(dataset, transform=crop)
    classes = len(masks.rows.classes) + 1  # background is 0
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, classes, 3, padding=1)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for epoch in range(int(epochs)):
        losses = []
        for batch in DataLoader(masks, batch_size=8, shuffle=True):
            logits = network(batch["image"] / 255)
            loss = cross_entropy(logits, batch["mask"].long(), ignore_index=255)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f}")
    torch.save(network.state_dict(), network_file)


if __name__ == "__main__":
    main(*sys.argv[1:])
