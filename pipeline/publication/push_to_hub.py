"""Upload of a published dataset to the Hugging Face Hub, as one commit.

The Hub gets the parts of the dataset's current version, its card, its Croissant metadata and the
manifest. Parts of earlier versions that the repository still holds are deleted in the same
commit, so that every reader of ``data/*.parquet`` finds each image once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.card import CARD
from tag2mask.pipeline.publication.croissant import CROISSANT
from tag2mask.pipeline.tables.manifest import MANIFEST
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

_REPO_TYPE = "dataset"


@dataclass(frozen=True)
class Push:
    """An upload, done or planned.

    Attributes:
        repo: Name of the repository, ``user/name``.
        files: Size in bytes of each file, by its path in the repository.
        deleted: Paths of files of earlier versions; unknown before the upload.
        commit: URL of the commit; None if nothing was uploaded.
    """

    repo: str
    files: dict[str, int]
    deleted: tuple[str, ...]
    commit: str | None

    def __str__(self) -> str:
        """One sentence."""
        size = f"{len(self.files):,} files, {sum(self.files.values()) / 1e6:,.1f} MB"
        if self.commit is None:
            return f"dry run: {size} would be uploaded to the dataset {self.repo}"
        gone = f", {len(self.deleted):,} files of earlier versions deleted" if self.deleted else ""
        return f"{size} uploaded to the dataset {self.repo}{gone}: {self.commit}"


def push_to_hub(
    uri: str,
    repo: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    endpoint: str | None = None,
) -> Push:
    """Upload a published dataset.

    Args:
        uri: URI of the dataset.
        repo: Name of the repository, ``user/name``; made if it is not there.
        private: Whether a new repository is private.
        dry_run: Only list the files; no connection is opened.
        endpoint: Address of another Hub; None takes Hugging Face's, or that of ``HF_ENDPOINT``.

    Raises:
        UserError: If there is no dataset, the name is malformed, or the Hub refuses.
    """
    table = Table.open(uri)
    folder = Folder(table.uri)
    files = {part.path: part.bytes for part in table.manifest.parts}
    here = folder.sizes()
    files |= {name: here[name] for name in (CARD, CROISSANT, MANIFEST) if name in here}
    if CARD not in files:
        raise UserError(f"{table.uri} has no {CARD}: give the dataset of a run, RUN/dataset")
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise UserError(f"a repository is named user/name, not {repo!r}")
    if dry_run:
        return Push(repo, files, (), None)

    from huggingface_hub import HfApi
    from huggingface_hub.errors import LocalTokenNotFoundError

    api = HfApi(endpoint=endpoint)
    try:
        return _push(api, folder, files, repo, private=private)
    except LocalTokenNotFoundError as error:
        raise UserError("no login to the Hub: run `hf auth login`, or set HF_TOKEN") from error
    except UserError:
        raise
    # The client's releases raise the errors of different HTTP libraries.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the Hub refused the dataset {repo}: {reason}") from error


def _push(api: HfApi, folder: Folder, files: dict[str, int], repo: str, *, private: bool) -> Push:
    from huggingface_hub import CommitOperationDelete

    api.create_repo(repo, repo_type=_REPO_TYPE, private=private, exist_ok=True)
    there = api.list_repo_files(repo, repo_type=_REPO_TYPE)
    old = tuple(sorted(name for name in there if _is_part(name) and name not in files))
    commit = api.create_commit(
        repo,
        [*_additions(folder, files), *(CommitOperationDelete(path) for path in old)],
        commit_message="Upload masks made by tag2mask",
        repo_type=_REPO_TYPE,
    )
    return Push(repo, files, old, str(commit.commit_url))


def _additions(folder: Folder, files: dict[str, int]) -> Iterator[CommitOperationAdd]:
    from huggingface_hub import CommitOperationAdd

    for name in files:
        if folder.local:
            yield CommitOperationAdd(name, f"{folder.uri}/{name}")
        else:
            yield CommitOperationAdd(name, cast(BinaryIO, folder.open(name)))


def _is_part(name: str) -> bool:
    return name.startswith("data/") and name.endswith(".parquet")
