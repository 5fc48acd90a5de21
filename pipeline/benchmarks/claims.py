"""The survey's claims with the figures that confirm or refute them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter

from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.text_tables import markdown_row, markdown_table

FILE = "claims.json"


class Claim(BaseModel):
    """One claim with its figures.

    Args:
        name: Name by which the claim is chosen.
        says: The claim of the survey.
        figures: Measured figures by name; mean IoU in percent unless the name says otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    says: str
    figures: dict[str, float]


_CLAIMS = TypeAdapter(list[Claim])


def claims_markdown(claims: Sequence[Claim]) -> str:
    """Format the claims as a Markdown table."""
    return markdown_table(("the survey says", "measured"), map(_cells, claims))


def claim_line(claim: Claim) -> str:
    """Format a claim as one line of the Markdown table."""
    return markdown_row(_cells(claim))


def _cells(claim: Claim) -> tuple[str, str]:
    return claim.says, "; ".join(f"{name} {value:.1f}" for name, value in claim.figures.items())


def save_claims(folder: Folder, claims: Sequence[Claim]) -> None:
    """Write ``claims.json``."""
    folder.write(FILE, _CLAIMS.dump_json(list(claims), indent=2))


def load_claims(folder: Folder) -> list[Claim]:
    """Read ``claims.json``; an empty list if there is none yet."""
    try:
        return _CLAIMS.validate_json(folder.read(FILE))
    except FileNotFoundError:
        return []
