"""The command push-to-hub."""

from __future__ import annotations

from typing import Annotated

import typer


def push_to_hub(
    dataset: Annotated[str, typer.Argument(help="A published dataset: RUN/dataset.")],
    repo: Annotated[str, typer.Argument(help="A dataset repository of the Hub: user/name.")],
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be uploaded, and upload nothing.")
    ] = False,
) -> None:
    """Uploads a dataset to the Hugging Face Hub, under the login of `hf auth login` or HF_TOKEN."""
    from tag2mask.pipeline.publication.push_to_hub import push_to_hub as push

    done = push(dataset, repo, private=private, dry_run=dry_run)
    if dry_run:
        for name, size in done.files.items():
            print(f"{size:>12,}  {name}")
    print(done)
