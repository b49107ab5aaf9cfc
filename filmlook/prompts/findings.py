"""What the prompt helper says: a finding each, in order of importance, some with a fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

LEVELS = ("problem", "advice", "note")
"""problem: it will not come out as meant; advice: it would come out better; note: good to know, or to have at hand."""

CODES = {
    "config-missing": "problem",
    "weight-unreadable": "problem",
    "bracket-unclosed": "problem",
    "bracket-unmatched": "problem",
    "prompt-weight": "problem",
    "token-missing": "problem",
    "checkpoint": "advice",
    "size": "advice",
    "sampling": "advice",
    "look": "advice",
    "hires": "advice",
    "weight-comma": "advice",
    "weight-range": "advice",
    "break-in-brackets": "advice",
    "network-in-negative": "advice",
    "contradiction": "advice",
    "duplicate": "advice",
    "chunk-cut": "advice",
    "file-differs": "note",
    "too-strong": "note",
    "black-pictures": "note",
    "subjects": "note",
    "sentence-and-tags": "note",
    "film-word": "note",
    "film-negative": "note",
    "too-long": "note",
    "not-counted": "note",
}
"""Every code with its level, in order of importance. Programs read these codes: they stay. docs/prompts.md explains them."""


@dataclass(frozen=True)
class GenerationParams:
    """The present settings of a generation; what is None is unknown, and nothing is said about it.

    `look` is the name of the chosen preset, "" for none; `hires_steps` 0 means "as many as `steps`", as in the WebUI.
    """

    width: int | None = None
    height: int | None = None
    sampler: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    cfg: float | None = None
    hires: bool | None = None
    hires_upscaler: str | None = None
    hires_steps: int | None = None
    hires_denoising: float | None = None
    hires_scale: float | None = None
    look: str | None = None


FIELDS = ("prompt", "negative", *(field.name for field in fields(GenerationParams)), "checkpoint")
"""What a finding may be about and a fix may change. `checkpoint` is a title, `look` a preset's name, `hires` a bool."""


@dataclass(frozen=True)
class Fix:
    """A change offered: exactly what the label says. `changes` maps fields (see `FIELDS`) to their whole new values."""

    label: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing found. `start` and `end` are places in the text of `field` (prompt or negative), None where it has none."""

    code: str
    message: str
    field: str
    start: int | None = None
    end: int | None = None
    fix: Fix | None = None

    @property
    def level(self) -> str:
        """One of `LEVELS`."""
        return CODES[self.code]

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON gives it: code, level, message, field, start, end, fix (label and changes, or None)."""
        return {"code": self.code, "level": self.level, **{f.name: getattr(self, f.name) for f in fields(self)[1:-1]},
                "fix": asdict(self.fix) if self.fix else None}  # fmt: skip


_RANK = {code: rank for rank, code in enumerate(CODES)}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in order of importance; of one code, in the order of the text, the prompt before the negative prompt."""
    return sorted(findings, key=lambda f: (_RANK[f.code], f.field == "negative", f.start or 0))
