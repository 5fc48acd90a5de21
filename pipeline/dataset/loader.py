"""MaskLoader: batches of a stream from several workers, with a state to go on from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader, default_collate

from tag2mask.pipeline.dataset.mask_stream import MaskStream
from tag2mask.pipeline.dataset.sample import Sample


class MaskLoader:
    """A DataLoader around a stream that knows which batches were handed out.

    Each iteration is an epoch, or the rest of one after :meth:`load_state_dict`.

    Args:
        stream: The samples; its ``batch`` is the size of a batch.
        workers: Processes that read; 0 reads in this one.
        collate: Makes a batch of samples. The default one stacks images, which must
            therefore leave the stream's transform in one size.
        settings: Further arguments of :class:`torch.utils.data.DataLoader`.

    Raises:
        ValueError: If workers are to be persistent: they would not hear of a new epoch.
    """

    def __init__(
        self,
        stream: MaskStream,
        workers: int = 0,
        collate: Callable[[list[Sample]], Any] = default_collate,
        **settings: Any,  # noqa: ANN401 - torch's
    ) -> None:
        if settings.get("persistent_workers"):
            raise ValueError("the workers of a stream cannot be persistent")
        self.stream = stream
        self.workers = workers
        self._loader = DataLoader(
            stream,
            batch_size=stream.batch,
            num_workers=workers,
            collate_fn=collate,
            **settings,
        )

    def __len__(self) -> int:
        """The number of batches of a whole epoch."""
        return -(-len(self.stream) // self.stream.batch)

    def __iter__(self) -> Iterator[Any]:
        """The batches of an epoch."""
        batches = iter(self._loader)
        if self.workers == 0:  # the stream counts for itself
            yield from batches
            return
        left = len(self.stream) - self.stream.begin_epoch()
        for batch in batches:
            # The last batch may be a short one.
            count = min(self.stream.batch, left)
            left -= count
            self.stream.advance(count)
            yield batch
        self.stream.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: the batches that were handed out are done."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where another loader of the same stream was.

        Raises:
            UserError: If the state is of another stream.
        """
        self.stream.load_state_dict(state)
