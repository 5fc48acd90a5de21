"""Run lengths of Label Studio's brush: bits of an RGBA image, row after row.

The format is that of thi.ng/rle-pack, which Label Studio uses. The head holds:

- 32 bits: the number of values,
- 5 bits: a value's size less one,
- four times 4 bits: the sizes of a run's length less one.

Then come the runs: a bit that is 1 for a repeated value, 2 bits that choose the size, the length
less one, and the value.
"""

from __future__ import annotations

import numpy as np

_CHANNELS, _VALUE_BITS = 4, 8
_LENGTH_BITS = (4, 8, 12, 16)
_LONGEST = 1 << _LENGTH_BITS[-1]


def encode_brush(mask: np.ndarray) -> list[int]:
    """Encode a binary mask as bytes of run lengths.

    Args:
        mask: (H, W) bool.

    Returns:
        Numbers in [0, 255]; a pixel of the mask has 255 in all four channels, others 0.
    """
    flat = mask.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, flat.size)) * _CHANNELS
    parts = [f"{flat.size * _CHANNELS:032b}", f"{_VALUE_BITS - 1:05b}"]
    parts += [f"{bits - 1:04b}" for bits in _LENGTH_BITS]
    for length, value in zip(lengths.tolist(), flat[starts].tolist(), strict=True):
        while length:
            run = min(length, _LONGEST)
            parts.append(_run(run, 255 if value else 0))
            length -= run
    text = "".join(parts)
    size = -(-len(text) // 8)
    return list(int(text.ljust(8 * size, "0"), 2).to_bytes(size, "big"))


def _run(length: int, value: int) -> str:
    choice, bits = next(
        (number, bits) for number, bits in enumerate(_LENGTH_BITS) if length <= 1 << bits
    )
    return f"1{choice:02b}{length - 1:0{bits}b}{value:0{_VALUE_BITS}b}"
