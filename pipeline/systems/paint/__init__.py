"""A page to paint a mask and see the photo that a system makes of it."""

from __future__ import annotations

from tag2mask.pipeline.systems.paint.drawing import PaintModel
from tag2mask.pipeline.systems.paint.server import PaintServer

__all__ = ["PaintModel", "PaintServer"]
