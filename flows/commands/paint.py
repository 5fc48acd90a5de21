"""The command paint."""

from __future__ import annotations

from typing import Annotated

import typer


def paint(
    model: Annotated[str, typer.Argument(help="Folder of a mask_to_photo or inpainting system.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")
    ] = 8765,
) -> None:
    """Serves a page where you paint a mask, or erase an object, and see the photo."""
    from tag2mask.pipeline.systems.paint import PaintModel, PaintServer

    with PaintServer(PaintModel.load(model), port) as server:
        print(f"Paint at {server.address} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
