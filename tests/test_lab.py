"""The lab: undoes shifts of exposure and cast, leaves good pictures alone, and holds still over batches and films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from filmlook import ExposureLock, Look, develop
from filmlook.cli import main
from filmlook.engine.pixels import Pixels, unpack
from filmlook.film.scene_light import scene_light
from filmlook.networks.minilab import MINILAB_PX, Minilab, corrections, load_minilab, telling
from filmlook.networks.weights import read_tensors
from filmlook.training.collages import Collages, grounds
from filmlook.training.data import photographs, shifted, split
from filmlook.training.minilab import Trials, correction_loss, grey_edge, grey_world, median_luminance, sample
from filmlook.training.recipe import Recipe

PLAIN = {"stock": "neutral", "halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0}


def code(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.copy()).movedim(2, 0) / 255


@pytest.fixture(scope="module")
def coffee() -> Tensor:
    return code(skimage.data.coffee())


def stops(picture: Tensor) -> Tensor:
    """Log2 of the mean light of each channel."""
    return scene_light(picture.clone()).mean((1, 2)).log2()


def test_it_is_small() -> None:
    assert sum(p.numel() for p in Minilab().parameters()) <= 200_000
    assert 64 <= MINILAB_PX <= 128


def test_off_by_default_and_then_not_even_asked(coffee: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Tensor) -> Tensor:
        raise AssertionError("the lab was asked")

    monkeypatch.setattr("filmlook.engine.metering.corrections", refuse)
    dark = shifted(coffee[None], torch.tensor([[-1.0, 0.0, 0.0]]))[0]
    assert float((develop(dark, Look(**PLAIN)) - dark).abs().max()) < 1e-5
    with pytest.raises(AssertionError, match="the lab was asked"):
        develop(dark, Look(lab=0.1, **PLAIN))


@pytest.mark.parametrize("name", ["neutral", "kodak_gold_200", "kodak_tri_x_400", "kodak_gold_200_network"])
def test_it_brings_an_underexposed_bluish_picture_back(coffee: Tensor, name: str) -> None:
    dark = shifted(coffee[None], torch.tensor([[-1.2, -0.25, 0.25]]))[0]
    texture = {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0, "stock": name}
    wanted, left, corrected = (
        stops(develop(picture, Look(lab=lab, **texture))) for picture, lab in ((coffee, 0), (dark, 0), (dark, 1))
    )
    assert float((corrected - wanted).abs().mean()) < 0.5 * float((left - wanted).abs().mean())


def test_half_the_lab_is_half_the_correction(coffee: Tensor) -> None:
    dark = shifted(coffee[None], torch.tensor([[-1.0, 0.0, 0.0]]))[0]
    none, half, whole = (stops(develop(dark, Look(lab=x, **PLAIN))) for x in (0, 0.5, 1))
    assert torch.allclose(half - none, (whole - none) / 2, atol=0.06)  # what clips is not quite linear


def test_it_does_not_depend_on_resolution(coffee: Tensor) -> None:
    large = torch.nn.functional.interpolate(coffee[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
    small, big = corrections(torch.stack([sample(coffee), sample(large)]))
    assert float((small - big).abs().max()) < 0.1


def test_a_batch_is_corrected_alike_and_a_film_as_its_first_frame(coffee: Tensor) -> None:
    dark = shifted(coffee[None], torch.tensor([[-1.0, 0.0, 0.0]]))[0]
    look, lock = Look(lab=1, **PLAIN), ExposureLock()
    batch = develop(torch.stack([coffee, dark]), look)
    gains = [stops(out) - stops(source) for out, source in zip(batch, (coffee, dark), strict=True)]
    assert float((gains[0] - (stops(develop(coffee, look)) - stops(coffee))).mean()) > 0.2  # lifted along with its fellow
    swapped = develop(torch.stack([dark, coffee]), look)
    assert torch.allclose(batch[0], swapped[1], atol=1e-6)
    first = develop(dark, look, lock=lock)
    assert torch.equal(first, develop(dark, look))
    assert not torch.equal(develop(coffee, look, lock=lock), develop(coffee, look))
    assert torch.equal(develop(dark, look, lock=lock), first)


def test_black_and_white_frames_decide_nothing(coffee: Tensor) -> None:
    look = Look(lab=1, **PLAIN)
    for level in (0.0, 1.0):
        flat, lock = torch.full_like(coffee, level), ExposureLock()
        assert torch.equal(develop(flat, look, lock=lock), develop(flat, Look(**PLAIN)))
        dark = shifted(coffee[None], torch.tensor([[-1.0, 0.0, 0.0]]))[0]
        assert torch.equal(develop(dark, look, lock=lock), develop(dark, look))
        batch = develop(torch.stack([flat, dark]), look)
        assert torch.allclose(batch[1], develop(dark, look), atol=1e-6)


def test_it_is_trained_on_what_it_gets(coffee: Tensor) -> None:
    (source, out), *_ = unpack(coffee)[0]
    assert torch.equal(Pixels(source, out, torch.device("cpu")).sample(MINILAB_PX), sample(coffee))


def test_frames_on_the_command_line_share_the_first_ones_correction(coffee: Tensor, tmp_path: Path) -> None:
    dark = shifted(coffee[None], torch.tensor([[-1.0, 0.0, 0.0]]))[0]
    for i, picture in enumerate((dark, coffee)):
        pixels = (picture.movedim(0, 2).numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    words = ["develop", str(tmp_path / "*.png"), "--lab", "1", "--stock", "neutral", "--halation", "0", "--grain", "0"]
    assert main([*words, "-o", str(tmp_path / "film"), "--frames"]) == 0
    assert main([*words, "-o", str(tmp_path / "single")]) == 0
    film, single = (np.asarray(Image.open(tmp_path / d / "1.png")).mean() for d in ("film", "single"))
    assert film > single + 10


def blank(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor((red, green, blue), dtype=torch.float32).view(3, 1, 1).expand(3, 256, 256).clone()


def disc() -> Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256), indexing="ij")
    return torch.hypot(x, y) < 0.6


def toned(picture: Tensor, dark: tuple[float, float, float], light: tuple[float, float, float]) -> Tensor:
    """A photograph in the tones between two colours, in 8 bits."""
    ends = [torch.tensor(end, dtype=torch.float32).view(3, 1, 1) for end in (dark, light)]
    return (torch.lerp(*ends, picture.mean(0, keepdim=True)) * 255).round() / 255


def page() -> Tensor:
    """Lines of black marks on white paper, and a red one."""
    paper = blank(1, 1, 1)
    for row in range(20, 240, 12):
        paper[:, row : row + 4, 24:230] = (torch.rand(206, generator=torch.Generator().manual_seed(row)) > 0.5).float()
    paper[1:, 8:14, 24:100] = 0.1
    return paper


def drawing() -> Tensor:
    """Flat colours in black lines: sky, grass, a house and a sun."""
    made = blank(0.55, 0.75, 0.95)
    for colour, rows, columns in (
        ((0.4, 0.7, 0.3), (160, 256), (0, 256)),
        ((0.95, 0.9, 0.8), (100, 200), (60, 160)),
        ((0.8, 0.3, 0.25), (70, 100), (50, 170)),
        ((0.95, 0.85, 0.3), (20, 50), (200, 230)),
        ((0.9, 0.7, 0.6), (150, 220), (185, 205)),
    ):
        made[:, rows[0] - 2 : rows[1] + 2, max(0, columns[0] - 2) : columns[1] + 2] = 0.05
        made[:, slice(*rows), slice(*columns)] = torch.tensor(colour).view(3, 1, 1)
    return made


def test_pictures_that_tell_nothing_are_left_alone(coffee: Tensor) -> None:
    noise = 0.01 * torch.randn((3, 256, 256), generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(0, 1, 256).expand(3, 256, 256).clone()
    left = {
        "white": blank(1, 1, 1), "paper": blank(0.95, 0.95, 0.95), "black": blank(0, 0, 0), "dark": blank(0.03, 0.03, 0.03),
        "grey": blank(0.5, 0.5, 0.5), "dark grey": blank(0.2, 0.2, 0.2), "noisy grey": blank(0.5, 0.5, 0.5) + noise,
        "red": blank(0.7, 0.2, 0.1), "blue": blank(0.1, 0.3, 0.8), "ramp": ramp,
        "black and white": coffee.mean(0).expand(3, -1, -1),
        "sepia": toned(coffee, (0.12, 0.08, 0.05), (1.0, 0.95, 0.84)),
        "cyanotype": toned(coffee, (0.02, 0.1, 0.25), (0.9, 0.96, 1.0)),
    }  # fmt: skip
    moved = corrections(torch.stack([sample(p) for p in left.values()])).abs().amax(1)
    assert not {name: float(m) for name, m in zip(left, moved, strict=True) if m > 0.1}


def test_white_and_black_grounds_pages_and_drawings_stay(coffee: Tensor) -> None:
    product = torch.nn.functional.interpolate(coffee[None], size=(256, 256), mode="bilinear")[0]
    pictures = {
        "on white": torch.where(disc(), product, blank(1, 1, 1)),
        "on black": torch.where(disc(), product, blank(0, 0, 0)),
        "page": page(),
        "drawing": drawing(),
    }
    moved = corrections(torch.stack([sample(p) for p in pictures.values()]))
    assert not {name: m.tolist() for name, m in zip(pictures, moved, strict=True) if m.abs().max() > 0.3}
    assert moved[[0, 2], 1].abs().max() <= 0.1  # white paper does not turn grey


def test_colour_photographs_tell_something_and_one_hue_does_not(coffee: Tensor) -> None:
    photos = [coffee, code(skimage.data.astronaut()), code(skimage.data.chelsea()), code(skimage.data.rocket())]
    assert telling(torch.stack([sample(p) for p in photos])).min() == 1
    random = torch.Generator().manual_seed(0)
    assert telling(grounds(1, random)).shape == (1,)
    assert telling(sample(toned(coffee, (0, 0, 0), (1, 0.9, 0.7)))[None]).max() < 0.5


def test_it_undoes_most_of_a_shift_on_pictures_it_never_saw() -> None:
    photos = [skimage.data.coffee(), skimage.data.astronaut(), skimage.data.chelsea()]
    samples = torch.stack([sample(code(p)) for p in photos])
    exposures, casts = [], []
    for shift in ((-1.4, 0.0, 0.0), (-0.9, 0.0, 0.0), (1.4, 0.0, 0.0), (0.0, 0.5, -0.5), (0.0, -0.5, 0.5), (-1.0, 0.35, -0.35)):
        wanted = torch.tensor(shift)
        made = load_minilab()(shifted(samples, wanted.expand(len(samples), 3)))
        undone = 1 - (made + wanted).abs() / wanted.abs()
        exposures += [undone[:, 0]] if shift[0] else []
        casts += [undone[:, 1:].flatten()] if shift[1] else []
    assert float(torch.cat(exposures).median()) >= 0.65
    assert float(torch.cat(casts).median()) >= 0.5


@pytest.mark.slow
@pytest.mark.long
def test_figures_on_photographs_it_never_saw(reference: Path) -> None:
    trials = Trials(photographs([reference / "photos"], None), seed=0)
    lab = trials.errors(load_minilab())
    assert lab.stops_undone >= 0.65
    assert lab.balance_undone >= 0.5
    assert lab.moved <= 0.15
    assert lab.tinted <= 0.1
    for rule in (grey_world, grey_edge, median_luminance):
        usual = rule(trials.untouched).median(0).values  # the rule's best constant, for these very pictures
        errors = trials.errors(lambda samples, rule=rule, usual=usual: rule(samples) - usual)
        assert lab.stops_undone > errors.stops_undone
        assert lab.balance_undone > errors.balance_undone


# --- training


def test_the_same_step_gives_the_same_batch_and_what_is_bare_wants_nothing(photos: Path) -> None:
    batch = Collages(photographs([photos], None), Recipe(batch=96), 1.5, 0.5)
    source, target = batch(3)
    assert all(torch.equal(*two) for two in zip((source, target), batch(3), strict=True))
    assert not torch.equal(source, batch(4)[0])
    assert source.shape == (96, 3, MINILAB_PX, MINILAB_PX)
    assert torch.equal(source, source.clamp(0, 1))
    assert (source > 0.999).all(1).flatten(1).float().mean(1).max() > 0.3  # some lie on white
    assert 0 < int((target == 0).all(1).sum()) < 48
    assert (target.abs().amax(0) <= torch.tensor([1.5, 0.5, 0.5])).all()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, image in enumerate((skimage.data.coffee(), skimage.data.astronaut(), skimage.data.chelsea())):
        for j in range(2):
            Image.fromarray(image[:: 2 + j, :: 2 + j]).save(folder / f"p{i}_{j}.png")
    return folder


@pytest.mark.slow
@pytest.mark.long
def test_it_learns_one_batch(photos: Path) -> None:
    source, target = Collages(photographs([photos], None), Recipe(batch=16), 1.5, 0.5)(0)
    assert (target == 0).all(1).any()  # some are to be left alone
    torch.manual_seed(0)
    lab = Minilab().eval()
    lab.calibrate(source)
    optimizer = torch.optim.Adam(lab.parameters(), 3e-3)
    first = correction_loss(lab(source), target).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = correction_loss(lab(source), target)
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 5


def test_the_rules_beside_it_undo_what_does_not_clip() -> None:
    dim = torch.rand((1, 3, MINILAB_PX, MINILAB_PX), generator=torch.Generator().manual_seed(0)) * 0.3 + 0.2
    shift = torch.tensor([[0.5, -0.1, 0.2]])
    undone = grey_world(shifted(dim, shift)) - grey_world(dim)
    assert torch.allclose(undone, -shift, atol=1e-4)
    undone = grey_edge(shifted(dim, shift)) - grey_edge(dim)
    assert torch.allclose(undone, -shift, atol=1e-2)
    assert torch.allclose(median_luminance(shifted(dim, shift * torch.tensor([1.0, 0, 0]))) - median_luminance(dim),
                          torch.tensor([[-0.5, 0, 0]]), atol=1e-3)  # fmt: skip


def test_train_lab(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "lab.safetensors"
    words = ["train", "lab", "--photos", str(photos), "-o", str(out), "--steps", "4", "--batch", "4", "--check-every", "2"]
    assert main([*words, "--device", "cpu"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in table[1:5]] == ["lab", "grey world", "grey edge", "median luminance"]
    tensors, metadata = read_tensors(out)
    facts = json.loads(metadata["training"])
    assert set(facts["errors"]) == {"lab", "grey world", "grey edge", "median luminance"}
    lab = Minilab()
    lab.load_state_dict(tensors)
    trials = Trials(split(photographs([photos], None), 0)[1], 0)
    assert abs(trials.errors(lab.eval()).stops - facts["errors"]["lab"]["stops"]) < 1e-6
    assert (tmp_path / "lab.training" / "curve.png").is_file()
