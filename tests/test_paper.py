"""Papers, slides, the minilab and the negative: what a print does with greys, lights, contrast and ends."""

import json
from pathlib import Path

import pytest
import torch

from filmlook.errors import LookError, StockFileError
from filmlook.film.balance import GreyScale
from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.route import Prints, allowed_prints, view_of
from filmlook.film.scanner import ScanCharacter, scan_minilab
from filmlook.film.scene_light import MID_CODE, MID_GREY, scene_light
from filmlook.film.slide import Slide
from filmlook.film.toning import Toning
from filmlook.fitting.delta_e import to_cielab

MODELS = Path(__file__).resolve().parents[1] / "models"
NAMES = sorted(path.stem for path in (MODELS / "stocks").glob("*.json") if path.stem != "neutral")
PAPERS = sorted(path.stem for path in (MODELS / "papers").glob("*.json"))
COLOUR_PAPERS = [n for n in PAPERS if not n.startswith("grade")]
WITH_OWN_PRINT = ("fujifilm_classic_negative",)
AS_MADE = PrintSettings()
CONTROLS = {
    "darker": PrintSettings(exposure=1),
    "lighter": PrintSettings(exposure=-1),
    "lights": PrintSettings(lights=(-1, -1, -1)),
    "soft": PrintSettings(contrast=0.6),
    "hard": PrintSettings(contrast=1.5),
}


def film_numbers(name: str) -> dict:
    return json.loads((MODELS / "stocks" / f"{name}.json").read_text(encoding="utf-8"))


def paper_numbers(name: str) -> dict:
    return json.loads((MODELS / "papers" / f"{name}.json").read_text(encoding="utf-8"))


def printed(
    name: str, codes: torch.Tensor, settings: PrintSettings = AS_MADE, stops: float = 0.0, choice: str = "stock"
) -> torch.Tensor:
    """Display codes in 0..255 of codes `(N, 3)`, the film given `stops` more and printed back."""
    data = film_numbers(name)
    film = Film.from_dict(data)
    slide = Slide.from_dict(data["slide"]) if "slide" in data else None
    own = Paper.from_dict(data["own_print"]) if "own_print" in data else None
    prints = Prints(data["print"], slide, own, ScanCharacter.from_dict(data.get("minilab", {})))
    wanted = data["print"] if choice == "stock" else choice
    paper = Paper.from_dict(paper_numbers(wanted)) if wanted in PAPERS else None
    develop = film.develop()
    view, shift = view_of(develop, prints, choice, paper, settings, stops)
    log_exposure = torch.log10(film.layer_exposure(scene_light(codes.clone()))) + shift + stops * 0.30103
    return view(develop.density(log_exposure)).expand(-1, 3) * 255


def ramp(count: int = 33) -> torch.Tensor:
    return torch.linspace(0, 1, count).double()[:, None].expand(-1, 3).contiguous()


def greys(*codes: float) -> torch.Tensor:
    return torch.tensor(codes).double()[:, None].expand(-1, 3).contiguous()


def neutral_chroma(code: torch.Tensor) -> float:
    return float(to_cielab((code / 255).clamp(0, 1))[:, 1:].norm(dim=1).max())


@pytest.mark.parametrize("name", [n for n in NAMES if n not in WITH_OWN_PRINT])
def test_a_default_print_uses_the_whole_screen(name: str) -> None:
    black, mid, white = printed(name, greys(0, MID_CODE, 1))
    assert 4 <= black.min() <= black.max() <= 14
    assert 117 <= mid.mean() <= 120
    assert 242 <= white.min() <= white.max() <= 252
    for end in (black, mid, white):
        assert end.max() - end.min() <= 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stops", [-2.0, -1.0, 1.0, 3.0])
def test_light_that_the_printer_takes_back_leaves_mid_grey(name: str, stops: float) -> None:
    mid = printed(name, greys(MID_CODE))
    assert (printed(name, greys(MID_CODE), stops=stops) - mid).abs().max() <= 2
    still = name.startswith("kodak") and film_numbers(name)["print"] == "minilab"
    assert neutral_chroma(printed(name, ramp(), stops=stops)) < (3 if still else 5.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", CONTROLS.values(), ids=list(CONTROLS))
def test_no_control_tints_greys_by_much(name: str, settings: PrintSettings) -> None:
    code = printed(name, ramp(), settings)
    assert neutral_chroma(code) < 6
    assert (code.clamp(0, 255).diff(dim=0) >= -0.02).all()


@pytest.mark.parametrize("paper", COLOUR_PAPERS)
@pytest.mark.parametrize("name", ["kodak_gold_200", "kodak_verita_200d", "fujifilm_pro_400h"])
def test_crossover_on_other_papers_is_bounded(name: str, paper: str) -> None:
    for settings, stops in ((PrintSettings(exposure=-1), 0.0), (AS_MADE, -2.0), (AS_MADE, 3.0)):
        assert neutral_chroma(printed(name, ramp(), settings, stops, paper)) < 10


def test_the_scanner_takes_out_tint_that_a_print_of_its_own_keeps() -> None:
    rule, own = (
        neutral_chroma(printed("kodak_verita_200d", ramp(), PrintSettings(white=v, black=v, exposure=-1))) for v in (0, 1)
    )
    assert 1.3 * rule < own


@pytest.mark.parametrize("name", ["fujifilm_velvia_50", "kodak_kodachrome_64", "fujifilm_classic_negative"])
def test_a_print_changes_smoothly_with_rating_and_contrast(name: str) -> None:
    colours = torch.rand(60, 3, generator=torch.Generator().manual_seed(4)).double()
    plain = printed(name, colours)
    assert (printed(name, colours, stops=1e-6) - plain).abs().max() < 1e-2
    for settings in (PrintSettings(contrast=1 + 1e-6), PrintSettings(exposure=1e-6), PrintSettings(lights=(1e-6, 0, 0))):
        assert (printed(name, colours, settings) - plain).abs().max() < 1e-2


def test_a_grey_scale_goes_there_and_back_and_on_beyond_its_ends() -> None:
    exposures = torch.linspace(-3, 3, 40).double()[:, None]
    greys = 3 * torch.sigmoid(-2 * (exposures - torch.tensor([0.0, 0.2, -0.1])))
    scale = GreyScale.of(greys)
    density = torch.rand(50, 3, generator=torch.Generator().manual_seed(5)).double() * 5 - 1
    assert torch.allclose(scale.back(scale.along(density)), density, atol=1e-9)
    place = scale.along(greys)
    assert (place - place.mean(1, keepdim=True)).abs().max() < 0.02, "a grey has one place"


@pytest.mark.parametrize("paper", COLOUR_PAPERS)
def test_rows_of_mixing_sum_to_one_and_clear_paper_is_white(paper: str) -> None:
    numbers = Paper.from_dict(paper_numbers(paper))
    assert numbers.mixing.sum(1).tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    assert numbers.view().linear(torch.full((1, 3), -9.0).double())[0].tolist() == pytest.approx([1.0] * 3, abs=1e-4)


@pytest.mark.parametrize("choice", ["stock", "kodak_portra_endura", "kodak_2383"])
@pytest.mark.parametrize("settings", CONTROLS.values(), ids=list(CONTROLS))
def test_greys_stay_neutral_and_in_order(choice: str, settings: PrintSettings) -> None:
    code = printed("kodak_portra_400", ramp(), settings, choice=choice)
    assert neutral_chroma(code) < (6 if choice == "stock" else 10)
    assert (code[1:] >= code[:-1] - 0.01).all()


@pytest.mark.parametrize("name", ["kodak_gold_200", "kodak_ektachrome_100", "kodak_tri_x_400"])
def test_no_contrast_is_flat_mid_grey(name: str) -> None:
    colours = torch.rand(20, 3, generator=torch.Generator().manual_seed(2)).double()
    code = printed(name, colours, PrintSettings(contrast=0))
    assert (code - code[0]).abs().max() < 1e-6
    assert float(code.mean()) == pytest.approx(MID_CODE * 255, abs=0.5)


def test_printer_lights_redden_and_lighten_and_print_exposure_darkens() -> None:
    for choice in ("stock", "kodak_portra_endura"):
        mid = printed("kodak_portra_400", greys(MID_CODE), choice=choice)[0]
        red = printed("kodak_portra_400", greys(MID_CODE), PrintSettings(lights=(0.3, 0, 0)), choice=choice)[0]
        dark = printed("kodak_portra_400", greys(MID_CODE), PrintSettings(exposure=0.3), choice=choice)[0]
        assert red[0] > mid[0] + 5
        assert red[0] - mid[0] > 2 * abs(float(red[1] - mid[1]))
        assert (dark < mid - 5).all()


def test_ends_go_from_the_scanners_to_the_papers_own_and_fade() -> None:
    ends = [
        printed("kodak_gold_200", greys(0, 1), PrintSettings(white=v, black=v), choice="kodak_portra_endura")[:, 1]
        for v in (0, 1, 2)
    ]
    whites, blacks = [float(e[1]) for e in ends], [float(e[0]) for e in ends]
    assert whites[0] == pytest.approx(248, abs=0.1)
    assert blacks[0] == pytest.approx(8, abs=0.1)
    assert whites[0] > whites[1] > whites[2]
    assert blacks[0] < blacks[1] < blacks[2]
    assert 215 < whites[1] < 232, "an unstretched print of Portra Endura is grey where it is white"


def test_a_print_of_ones_own_is_shown_as_measured() -> None:
    colours = torch.rand(50, 3, generator=torch.Generator().manual_seed(3)).double()
    rule, own = (printed("fujifilm_classic_negative", colours, PrintSettings(white=v, black=v)) for v in (0, 1))
    assert torch.equal(rule, own)


def test_the_negative_is_orange_and_upside_down() -> None:
    code = printed("kodak_gold_200", ramp(5), choice="negative")
    assert (code[0] > code[-1]).all()
    assert code[0, 0] > code[0, 1] > code[0, 2]


def test_grades_of_paper_differ_in_contrast_alone() -> None:
    own = PrintSettings(white=1, black=1)
    prints = [printed("kodak_tri_x_400", greys(0.35, MID_CODE, 0.6), own, choice=f"grade-{g}")[:, 0] for g in range(6)]
    rise = [float(p[2] - p[0]) for p in prints]
    # Kodak's own curves of grades 0 and 1 are alike in the mid-tones.
    assert rise[1:] == sorted(rise[1:])
    assert rise[0] < rise[2]
    assert rise[5] > 1.8 * rise[2]
    assert all(float(p[1]) == pytest.approx(118.9, abs=0.1) for p in prints)


def test_pro_400h_overexposed_is_pastel_with_mint_shadows() -> None:
    leaf = torch.tensor([[0.35, 0.5, 0.25]]).double()
    normal, over = (printed("fujifilm_pro_400h", torch.cat((leaf, greys(0.2))), stops=s) for s in (0, 2))
    assert over[0].max() - over[0].min() < normal[0].max() - normal[0].min()
    assert over[1, 1] - over[1, 0] > normal[1, 1] - normal[1, 0] + 4


def test_gold_is_warm_in_the_mids_and_neutral_in_the_highlights() -> None:
    mid, light = printed("kodak_gold_200", greys(0.4, 0.9))
    assert 4 <= mid[0] - mid[2] <= 8
    assert abs(float(light[0] - light[2])) < 1.5


@pytest.mark.parametrize(
    ("name", "choice"),
    [("kodak_ektachrome_100", "kodak_portra_endura"), ("kodak_gold_200", "grade-2"), ("kodak_tri_x_400", "kodak_2383"),
                         ("fujifilm_classic_negative", "minilab"), ("kodak_ektachrome_100", "negative")]
)  # fmt: skip
def test_a_print_that_a_stock_does_not_allow_is_refused(name: str, choice: str) -> None:
    with pytest.raises(LookError, match=f"print is '{choice}'"):
        printed(name, greys(0.5), choice=choice)


def test_lists_show_what_fits() -> None:
    layers = {"kodak_2383": 3, "grade-2": 1}
    gold, tri_x = Film.from_dict(film_numbers("kodak_gold_200")), Film.from_dict(film_numbers("kodak_tri_x_400"))
    assert allowed_prints(gold, Prints("minilab"), layers) == ["stock", "minilab", "kodak_2383", "negative"]
    assert allowed_prints(tri_x, Prints("grade-2"), layers) == ["stock", "minilab", "grade-2", "negative"]


def test_split_toning_tints_silver_and_leaves_white_and_black() -> None:
    code = greys(0.0, 0.25, 0.7, 1.0)
    toned = Toning(shadows=1, shadows_hue=240, highlights=1, highlights_hue=40)(code)
    assert toned[1, 2] > toned[1, 0] + 0.01
    assert toned[2, 0] > toned[2, 2] + 0.01
    assert (toned[[0, 3]] - code[[0, 3]]).abs().max() < 0.005
    assert not Toning()


@pytest.mark.parametrize("hue", [0, 60, 120, 240, 330])
def test_split_toning_keeps_the_luminance_of_greys(hue: int) -> None:
    code = greys(0.03, 0.1, 0.25, MID_CODE, 0.7)
    lightness = [to_cielab(c)[:, 0] for c in (Toning(1, hue, 1, hue)(code), code)]
    assert lightness[0] == pytest.approx(lightness[1], abs=0.5)


def test_one_light_for_black_and_white_paper() -> None:
    code = printed("kodak_tri_x_400", ramp(9), PrintSettings(lights=(1, 0, 0)))
    assert torch.equal(code[:, 0], code[:, 2])
    assert (code[1:-1] > printed("kodak_tri_x_400", ramp(9))[1:-1]).all()


PAPER_BREAKS = {
    "rows": (lambda d: d["mixing"][0].__setitem__(0, 2.0), "a row of 'mixing' does not sum to 1"),
    "falling": (lambda d: d["curve"]["slope"][0].__setitem__(0, -1.0), "'curve' of a paper has to rise"),
    "shape": (lambda d: d.update(exposure=[[1.0]]), "'exposure' has shape"),
    "light": (lambda d: d.update(base_light=[0.9, 0.9, 0.0]), "'base_light' one not above 0"),
    "missing": (lambda d: d.pop("absorption"), "'absorption' is missing"),
    "grey": (lambda d: d.update(mixing=[[1 / 3] * 3] * 3), "'mixing' makes layers alike"),
    "dyes": (lambda d: d.update(absorption=[[0.0] * 3] * 3), "'absorption' makes layers alike"),
    "ends": (lambda d: d.update(free_ends="yes"), "'free_ends' is 'yes'"),
}


@pytest.mark.parametrize("what", list(PAPER_BREAKS))
def test_a_wrong_paper_is_told_what_is_wrong(what: str) -> None:
    data = paper_numbers("kodak_2383")
    Paper.from_dict(data)
    change, message = PAPER_BREAKS[what]
    change(data)
    with pytest.raises(StockFileError, match=message):
        Paper.from_dict(data)


def test_a_paper_denser_than_any_is_black() -> None:
    data = paper_numbers("kodak_portra_endura")
    data["curve"]["base"] = [400.0] * 3
    film = Film.from_dict(film_numbers("kodak_gold_200")).develop()
    view, _ = view_of(film, Prints("minilab"), "mine", Paper.from_dict(data), PrintSettings())
    code = view(film(greys(0.0, 1.0)))
    assert code == pytest.approx(8 / 255, abs=1e-3)


def test_a_wrong_minilab_character_is_told() -> None:
    with pytest.raises(StockFileError, match="'minilab' has 'cold'; allowed: warmth, mint, pastel, contrast"):
        ScanCharacter.from_dict({"cold": 1})


def test_the_minilab_takes_black_and_white_too() -> None:
    film = Film.from_dict(film_numbers("kodak_tri_x_400"))
    view = scan_minilab(film.develop(), AS_MADE)
    code = view(film.develop()(torch.full((1, 3), MID_GREY).double()))
    assert float(code) == pytest.approx(MID_CODE, abs=1e-4)
