"""Reads the tables that films and papers are fitted to; see `fit_prints.py` for what they are.

A folder of `.npz` files: `films` and `papers` (published curves), `pairs` (printing densities), `prints` (13-cubes of prints),
`print_exposure`, `printed_back`, `slides`, `film_density`. Nothing of them is copied: what is fitted is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from filmlook.film.scene_light import scene_light

PUSHED = ("kodak_portra_800_push1", "kodak_portra_800_push2")
SLIDES = ("kodak_ektachrome_100", "kodak_kodachrome_64", "fujifilm_velvia_100", "fujifilm_provia_100f")
CINE_PAPERS = ("kodak_2383", "kodak_2393")
WITHOUT_CINE = ("fujifilm_c200", "fujifilm_xtra_400")  # no neutral filters are known of them on cine prints
HELD_OUT = 0.30
OWN_PAPER = {
    "kodak": "kodak_portra_endura",
    "fujifilm": "fujifilm_crystal_archive_typeii",
    "vision3": "kodak_2383",
    "verita": "kodak_2383",
}


def own_paper(film: str) -> str:
    """The paper that a film is usually printed on."""
    parts = film.split("_")
    return OWN_PAPER.get(parts[1], OWN_PAPER[parts[0]])


def cube(side: int) -> Tensor:
    """Codes of a cube of colours, `(side^3, 3)`, blue fastest."""
    axis = torch.linspace(0, 1, side, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis, axis)


def light_of(codes: Tensor) -> Tensor:
    """Scene light of codes; `scene_light` works in place on a quotient, so code 0 stays exact."""
    return scene_light(codes.clone())


@dataclass(frozen=True)
class PrintData:
    """The folder, read on demand. Films and papers are named as in its files."""

    folder: Path

    def _read(self, name: str, key: str) -> Tensor:
        if name not in _OPEN:
            _OPEN[name] = dict(np.load(self.folder / f"{name}.npz"))
        return torch.from_numpy(np.asarray(_OPEN[name][key], dtype=np.float64))

    def films(self) -> list[str]:
        """The colour negatives, without pushed ones."""
        names = np.load(self.folder / "pairs.npz")["films"].tolist()
        return [n for n in names if n not in PUSHED]

    def papers(self) -> list[str]:
        return np.load(self.folder / "pairs.npz")["papers"].tolist()

    def pairs(self) -> list[tuple[str, str]]:
        """The film-paper pairs that are judged."""
        everything = [(f, p) for f in self.films() for p in self.papers()]
        return [(f, p) for f, p in everything if not (f in WITHOUT_CINE and p in CINE_PAPERS)]

    def held_out(self) -> set[tuple[str, str]]:
        """30 % of the pairs, the same ones every time; every film and paper keeps at least four."""
        pairs = self.pairs()
        order = np.random.default_rng(14).permutation(len(pairs))
        held: set[tuple[str, str]] = set()
        for i in order:
            film, paper = pairs[i]
            left_film = sum(f == film for f, _ in pairs) - sum(f == film for f, _ in held)
            left_paper = sum(p == paper for _, p in pairs) - sum(p == paper for _, p in held)
            if len(held) < round(HELD_OUT * len(pairs)) and left_film > 4 and left_paper > 4:
                held.add(pairs[i])
        return held

    def curve(self, kind: str, name: str) -> tuple[Tensor, Tensor]:
        """Published curve of a film ("films") or paper ("papers"): log10 exposure `(N,)`, density over base `(N, 3)`."""
        return self._read(kind, f"{name}|log_exposure"), self._read(kind, f"{name}|density_curve")

    def layer_exposure(self, film: str) -> Tensor:
        """log10 layer exposure of the 13-cube, `(2197, 3)`."""
        return self._read("films", f"{film}|log_h_cube13")

    def density(self, film: str, stops: int = 0) -> Tensor:
        """The simulation's density of the 13-cube, `(2197, 3)`, at -3..4 stops."""
        return self._read("film_density", film)[stops + 3]

    def grey_density(self, film: str, stops: int = 0) -> Tensor:
        """The simulation's density of mid-grey, `(3,)`."""
        return self._read("films", f"{film}|grey_density")[stops + 3]

    def printing(self, film: str, paper: str) -> Tensor:
        """From density to the paper's log exposure, `(3, 3)`."""
        pairs = np.load(self.folder / "pairs.npz")
        i, j = pairs["films"].tolist().index(film), pairs["papers"].tolist().index(paper)
        return torch.from_numpy(pairs["A"][i, j])

    def base_light(self, paper: str) -> Tensor:
        return self._read("papers", f"{paper}|base_light")

    def scanned(self, paper: str) -> tuple[Tensor, Tensor]:
        """A paper's density and the linear light that a scanner sees of it, `(2197, 3)` each."""
        return self._read("papers", f"{paper}|scan_density"), self._read("papers", f"{paper}|scan_linear")

    def print_of(self, film: str, paper: str) -> Tensor:
        """Codes of the 13-cube's print, `(2197, 3)`."""
        return self._read("prints", f"{film}|{paper}") / 65535

    def printed_darker(self, film: str, paper: str, log_exposure: float) -> tuple[Tensor, Tensor]:
        """Which of the 13-cube, and their linear light in a print exposed by so much more."""
        chosen = self._read("print_exposure", "sel").long()
        return chosen, self._read("print_exposure", f"{film}|{paper}|{log_exposure}")

    def printed_back(self, film: str, paper: str, stops: int) -> Tensor | None:
        """Codes of a 9-cube, overexposed and printed back to mid-grey; None where there is none."""
        key = f"{film}|{paper}|{stops}"
        try:
            return self._read("printed_back", key) / 65535
        except KeyError:
            return None

    def slide(self, film: str, stops: int = 0) -> Tensor:
        """Codes of a slide's scan: the 13-cube at 0 stops, a 9-cube at -2, -1, 1, 2."""
        return self._read("slides", f"{film}|{stops}") / 65535


_OPEN: dict[str, dict[str, np.ndarray]] = {}
