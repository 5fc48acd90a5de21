"""MaskLoader: batches of a stream from several workers, with a state for resuming."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader, default_collate

from tag2mask.pipeline.dataset.mask_stream import MaskStream
from tag2mask.pipeline.dataset.sample import Sample


class MaskLoader:
    """A DataLoader around a stream that counts the delivered batches.

    Each iteration is an epoch, or the rest of one after :meth:`load_state_dict`.

    Args:
        stream: The stream of samples; its ``batch`` is the batch size.
        workers: Number of processes that read; 0 reads in this process.
        collate: Function that makes a batch of samples. The default stacks images, so the
            stream's transform must give all images one size.
        settings: Further arguments of :class:`torch.utils.data.DataLoader`.

    Raises:
        ValueError: If the workers are persistent: they would not notice a new epoch.
    """

    def __init__(
        self,
        stream: MaskStream,
        workers: int = 0,
        collate: Callable[[list[Sample]], Any] = default_collate,
        **settings: Any,  # noqa: ANN401 - torch's arguments
    ) -> None:
        if settings.get("persistent_workers"):
            raise ValueError(
                "the workers of a stream cannot be persistent: leave persistent_workers out"
            )
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
        """Iterate the batches of an epoch."""
        batches = iter(self._loader)
        if self.workers == 0:  # the stream counts its samples itself
            yield from batches
            return
        left = len(self.stream) - self.stream.begin_epoch()
        for batch in batches:
            # The last batch may be shorter.
            count = min(self.stream.batch, left)
            left -= count
            self.stream.advance(count)
            yield batch
        self.stream.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """The position of the loader as JSON values, after the delivered batches."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume at the position of another loader of the same stream.

        Raises:
            UserError: If the state is from another stream.
        """
        self.stream.load_state_dict(state)
