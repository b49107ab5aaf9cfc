"""What is published of the films and papers, and what is judged of them: everything of their files but the fitted numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

SIMULATION = (
    "Fitted to spektrafilm (Andrea Volpato; profile data CC BY-SA 4.0), a spectral simulation of the published "
    "sensitivities, curves, couplers and dyes."
)
LICENCE = "CC BY-SA 4.0"
GAMMA_DMIN_DMAX: dict[str, tuple[list[float], list[float], list[float]]] = {
    "Gold 200": ([0.54, 0.57, 0.65], [0.26, 0.66, 0.96], [1.82, 2.29, 2.72]),
    "Ultramax 400": ([0.52, 0.53, 0.60], [0.29, 0.69, 0.98], [1.92, 2.42, 2.95]),
    "Portra 400": ([0.53, 0.55, 0.63], [0.22, 0.64, 0.87], [2.01, 2.46, 3.05]),
    "Ektar 100": ([0.58, 0.58, 0.66], [0.21, 0.64, 0.85], [1.93, 2.41, 3.07]),
    "C200": ([0.61, 0.64, 0.65], [0.14, 0.43, 0.73], [1.84, 2.36, 2.63]),
    "X-TRA 400": ([0.61, 0.66, 0.71], [0.14, 0.45, 0.73], [2.07, 2.50, 2.80]),
    "Velvia 50": ([-1.4] * 3, [0.13, 0.15, 0.16], [3.35, 3.81, 3.71]),
    "Provia 100F": ([-1.42] * 3, [0.08] * 3, [3.35] * 3),
    "Kodachrome 64": ([-1.68, -1.51, -1.29], [0.19] * 3, [3.68, 3.44, 3.31]),
    "Vision3 500T": ([0.48, 0.57, 0.54], [0.18, 0.58, 0.84], [1.86, 2.57, 2.75]),
}
MTF: dict[str, list[list[float]]] = {  # at 10, 20, 40, 60 cycles/mm
    "Gold 200": [[0.99, 0.86, 0.43, 0.25], [1.15, 1.11, 0.78, 0.57], [1.15, 1.11, 0.78, 0.57]],
    "Portra 400": [[1.17, 1.11, 0.75, 0.51]] * 3,
    "C200": [[1.15, 0.98, 0.68, 0.48]] * 3,
    "Velvia 50": [[1.22, 1.04, 0.60, 0.35]] * 3,
    "Tri-X 400": [[1.10, 1.03, 0.73, 0.39]],
    "T-Max 100": [[1.13, 1.14, 1.07, 0.93]],
    "T-Max 400": [[1.19, 1.19, 0.83, 0.66]],
    "Vision3 500T": [[1.05, 0.97, 0.65, 0.43]] * 3,
}


@dataclass(frozen=True)
class Facts:
    """One stock. `curves` and `mtf` name whose datasheet is taken; `dmin` overrides the curves' where it is the film's own.

    `interimage` is the stock's character, `minilab` what a lab's operator leaves of its crossover: both judged.
    """

    label: str
    maker: str
    iso: int
    granularity: list[float]
    antihalation: str
    curves: str
    mtf: str
    prints: str
    interimage: float = 1.0
    frame: str = "35mm"
    dmin: list[float] | None = None
    minilab: dict[str, float] = field(default_factory=dict)
    note: str = ""


_STILL, _CINE = "minilab", "kodak_2383"


def c41(granularity: float) -> list[float]:
    """Granularity of red, green and blue of films in C-41, whose datasheets give one number or none: as their layers are built,
    blue's, the fastest, the coarsest."""
    return [round(1.1 * granularity, 2), granularity, round(1.4 * granularity, 2)]


STOCKS: dict[str, Facts] = {
    "kodak_gold_200": Facts(
        "Kodak Gold 200", "Kodak", 200, c41(5.0), "weak", "Gold 200", "Gold 200", _STILL,
        interimage=1.19, minilab={"warmth": 4.8, "contrast": 0.92},
    ),
    "kodak_ultramax_400": Facts(
        "Kodak Ultramax 400", "Kodak", 400, c41(6.0), "weak", "Ultramax 400", "Gold 200", _STILL,
        interimage=1.31, minilab={"warmth": 4.2, "contrast": 1.14},
    ),
    "kodak_portra_160": Facts("Kodak Portra 160", "Kodak", 160, c41(3.5), "strong", "Portra 400", "Portra 400", _STILL,
        interimage=1.0, minilab={"contrast": 0.97},
    ),
    "kodak_portra_400": Facts(
        "Kodak Portra 400", "Kodak", 400, c41(4.5), "strong", "Portra 400", "Portra 400", _STILL, interimage=0.81
    ),
    "kodak_portra_800": Facts("Kodak Portra 800", "Kodak", 800, c41(6.0), "strong", "Portra 400", "Portra 400", _STILL,
        interimage=0.81, minilab={"warmth": 4.6, "contrast": 1.06},
    ),
    "kodak_ektar_100": Facts("Kodak Ektar 100", "Kodak", 100, c41(4.0), "strong", "Ektar 100", "Portra 400", _STILL,
        interimage=1.32,
    ),
    "fujifilm_c200": Facts("Fujifilm C200", "Fujifilm", 200, c41(4.0), "weak", "C200", "C200", _STILL,
        interimage=0.76, minilab={"warmth": -2.0, "contrast": 0.95},
    ),
    "fujifilm_xtra_400": Facts(
        "Fujifilm Superia X-TRA 400", "Fujifilm", 400, c41(4.0), "weak", "X-TRA 400", "C200", _STILL,
        interimage=0.82, minilab={"contrast": 1.06},
    ),
    "fujifilm_pro_400h": Facts(
        "Fujifilm Pro 400H", "Fujifilm", 400, c41(4.0), "strong", "C200", "C200", _STILL,
        interimage=0.8, minilab={"warmth": -4.0, "mint": 3.6, "pastel": 0.06, "contrast": 0.9},
    ),
    "kodak_vision3_50d": Facts(
        "Kodak Vision3 50D", "Kodak", 50, [4.6, 4.4, 8.3], "strong", "Vision3 500T", "Vision3 500T", _CINE,
        frame="super35", dmin=[0.18, 0.62, 0.91],
    ),
    "kodak_vision3_250d": Facts(
        "Kodak Vision3 250D", "Kodak", 250, [5.4, 6.3, 13.4], "strong", "Vision3 500T", "Vision3 500T", _CINE,
        frame="super35", dmin=[0.23, 0.59, 1.01],
    ),
    "kodak_vision3_200t": Facts(
        "Kodak Vision3 200T", "Kodak", 200, [5.2, 6.4, 15.4], "strong", "Vision3 500T", "Vision3 500T", _CINE,
        frame="super35", dmin=[0.20, 0.62, 0.90],
    ),
    "kodak_vision3_500t": Facts(
        "Kodak Vision3 500T", "Kodak", 500, [6.4, 7.1, 19.2], "strong", "Vision3 500T", "Vision3 500T", _CINE,
        frame="super35",
    ),
    "kodak_verita_200d": Facts(
        "Kodak Verita 200D", "Kodak", 200, [7.4, 6.7, 18.2], "strong", "Vision3 500T", "Vision3 500T", _CINE,
        frame="super35", dmin=[0.27, 0.72, 0.98],
    ),
    "cinestill_800t": Facts(
        "CineStill 800T", "CineStill", 800, [6.4, 7.1, 19.2], "none", "Vision3 500T", "Vision3 500T", _STILL,
        minilab={"contrast": 0.97},
        note="Vision3 500T without its backing, in C-41: its curves steeper by 12, 15 and 20 % (judged: nothing is published).",
    ),
    "kodak_ektachrome_100": Facts(
        "Kodak Ektachrome E100", "Kodak", 100, [8.0] * 3, "strong", "Provia 100F", "Velvia 50", "slide"
    ),
    "kodak_kodachrome_64": Facts(
        "Kodak Kodachrome 64", "Kodak", 64, [10.0] * 3, "weak", "Kodachrome 64", "Velvia 50", "slide", interimage=1.1
    ),
    "fujifilm_velvia_100": Facts(
        "Fujifilm Velvia 100", "Fujifilm", 100, [8.0] * 3, "strong", "Velvia 50", "Velvia 50", "slide",
        interimage=1.15,
    ),
    "fujifilm_velvia_50": Facts(
        "Fujifilm Velvia 50", "Fujifilm", 50, [9.0] * 3, "strong", "Velvia 50", "Velvia 50", "slide",
        note="Velvia 100's dyes and sensitivities with a curve through Velvia 50's published Dmin, Dmax and gamma.",
        interimage=1.18,
    ),
    "fujifilm_provia_100f": Facts(
        "Fujifilm Provia 100F", "Fujifilm", 100, [8.0] * 3, "strong", "Provia 100F", "Velvia 50", "slide"
    ),
    "fujifilm_classic_negative": Facts(
        "Fujifilm Classic Negative", "Fujifilm", 200, c41(4.0), "weak", "C200", "C200", "own",
        note="Film and print fitted together to a measured conversion of a standard rendering; there is no paper behind it.",
    ),
}  # fmt: skip

MOODS: dict[str, list[str]] = {  # for whom looks for a film: plain words that every language has
    "kodak_gold_200": ["warm", "nostalgic", "everyday"],
    "kodak_ultramax_400": ["warm", "vivid", "everyday"],
    "kodak_portra_160": ["soft", "natural", "portrait", "fine-grained"],
    "kodak_portra_400": ["soft", "warm", "portrait", "natural"],
    "kodak_portra_800": ["warm", "portrait", "night"],
    "kodak_ektar_100": ["vivid", "landscape", "fine-grained"],
    "fujifilm_c200": ["cool", "nostalgic", "everyday"],
    "fujifilm_xtra_400": ["cool", "contrasty", "everyday"],
    "fujifilm_pro_400h": ["soft", "airy", "cool", "portrait"],
    "kodak_vision3_50d": ["cinema", "natural", "fine-grained"],
    "kodak_vision3_250d": ["cinema", "natural", "soft"],
    "kodak_vision3_200t": ["cinema", "natural", "muted"],
    "kodak_vision3_500t": ["cinema", "night", "muted"],
    "kodak_verita_200d": ["cinema", "cool", "natural"],
    "cinestill_800t": ["night", "neon", "cinema", "cool"],
    "kodak_ektachrome_100": ["natural", "cool", "landscape"],
    "kodak_kodachrome_64": ["nostalgic", "classic", "contrasty"],
    "fujifilm_velvia_100": ["vivid", "landscape", "contrasty"],
    "fujifilm_velvia_50": ["vivid", "landscape", "contrasty"],
    "fujifilm_provia_100f": ["natural", "landscape"],
    "fujifilm_classic_negative": ["nostalgic", "muted", "street"],
    "kodak_tri_x_400": ["classic", "street", "contrasty", "grainy"],
    "kodak_double_x_5222": ["cinema", "classic", "grainy"],
    "kodak_tmax_100": ["fine-grained", "landscape"],
    "kodak_tmax_400": ["fine-grained", "street"],
    "kodak_tmax_p3200": ["grainy", "night", "street"],
    "fujifilm_neopan_acros_100_ii": ["fine-grained", "classic", "landscape"],
    "ilford_hp5_plus_400": ["classic", "street", "soft"],
}

SILVER: dict[str, tuple[str, str, str, str, str]] = {  # label, maker, antihalation, frame, whose MTF
    "kodak_tri_x_400": ("Kodak Tri-X 400", "Kodak", "strong", "35mm", "Tri-X 400"),
    "kodak_double_x_5222": ("Kodak Double-X 5222", "Kodak", "strong", "super35", "Tri-X 400"),
    "kodak_tmax_100": ("Kodak T-Max 100", "Kodak", "strong", "35mm", "T-Max 100"),
    "kodak_tmax_400": ("Kodak T-Max 400", "Kodak", "strong", "35mm", "T-Max 400"),
    "kodak_tmax_p3200": ("Kodak T-Max P3200", "Kodak", "strong", "35mm", "T-Max 400"),
    "fujifilm_neopan_acros_100_ii": ("Fujifilm Neopan Acros 100 II", "Fujifilm", "strong", "35mm", "T-Max 100"),
    "ilford_hp5_plus_400": ("Ilford HP5 Plus 400", "Ilford", "strong", "35mm", "Tri-X 400"),
}

PAPERS: dict[str, tuple[str, str]] = {  # label, maker
    "kodak_portra_endura": ("Kodak Portra Endura", "Kodak"),
    "kodak_supra_endura": ("Kodak Supra Endura", "Kodak"),
    "kodak_ultra_endura": ("Kodak Ultra Endura", "Kodak"),
    "kodak_endura_premier": ("Kodak Endura Premier", "Kodak"),
    "kodak_ektacolor_edge": ("Kodak Ektacolor Edge", "Kodak"),
    "fujifilm_crystal_archive_typeii": ("Fujifilm Crystal Archive Type II", "Fujifilm"),
    "kodak_2383": ("Kodak Vision 2383", "Kodak"),
    "kodak_2393": ("Kodak Vision Premier 2393", "Kodak"),
}
ULTRA_ENDURA = "The simulation's authors mark their profile of Ultra Endura as problematic: its greys are not quite neutral."
