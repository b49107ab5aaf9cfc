"""Networks as stocks: the function of the original, taken apart, and everything that happens around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from filmlook import ExposureLock, Look, StockFileError, develop, list_stocks, load_stock
from filmlook.cli import main
from filmlook.film.scene_light import display_code, scene_light
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import load_digitalfilm, write_tensors

PLAIN = {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0}


def lively_network(seed: int = 3) -> DigitalFilm:
    """Random weights whose statistics, taps and offset all matter."""
    torch.manual_seed(seed)
    network = DigitalFilm().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.02, 0.2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -0.3, 0.3)
    with torch.no_grad():
        network.skip1.weight.mul_(0.15)
        network.skip1.bias.fill_(0.5)
    return network


@pytest.fixture
def stock_path(tmp_path: Path) -> Path:
    path = tmp_path / "lively.safetensors"
    write_tensors(path, lively_network().state_dict(), {})
    return path


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """A picture `3,H,W` in [0, 1] with broad and fine structure."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 5, 6), generator=random)
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)[0]
    return (0.8 * smooth + 0.2 * torch.rand((3, height, width), generator=random)).clamp(0, 1)


def test_it_is_the_original_architecture() -> None:
    network = DigitalFilm()
    assert sum(p.numel() for p in network.parameters()) == 791_721
    shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    assert shapes["conv4.weight"] == (256, 128, 3, 3)
    assert shapes["ca5.fc.2.weight"] == (128, 8, 1, 1)
    assert shapes["skip2.weight"] == (3, 64, 1, 1)
    assert len(shapes) == 7 * 7 + 2 + 6 * 2 + 4


@pytest.mark.parametrize("name", ["kodak_gold_200", "fuji_color_200"])
def test_the_original_weights_give_the_original_output(reference: Path, name: str) -> None:
    folder = reference / "digitalfilm"
    network, _ = load_digitalfilm(folder / f"{name}.safetensors")
    look = Look(stock=str(folder / f"{name}.safetensors"), context="exact", **PLAIN)
    expected = np.load(folder / f"{name}_expected.npz")
    for key in expected.files:
        code = torch.from_numpy(np.asarray(Image.open(folder / f"{key}.png").convert("RGB")).copy()).movedim(2, 0) / 255
        with torch.no_grad():
            assert np.abs(network(code[None])[0].numpy() - expected[key]).max() <= 1e-4
        for tile in (None, 64):
            assert np.abs(develop(code, look, tile=tile, device="cpu").numpy() - expected[key].clip(0, 1)).max() <= 1e-4


@pytest.mark.parametrize("size", [(7, 5), (131, 203), (353, 718), (1, 40)])
def test_taken_apart_it_is_the_same_function(stock_path: Path, size: tuple[int, int]) -> None:
    code = picture(*size)
    with torch.no_grad():
        whole = lively_network()(code[None])[0]
    assert float(((whole > 0) & (whole < 1)).float().mean()) > 0.1
    before = code.clone()
    parts = develop(code, Look(stock=str(stock_path), context="exact", **PLAIN), device="cpu")
    assert torch.equal(code, before)  # what lies beyond the picture is blackened in a copy
    assert float((parts - whole.clamp(0, 1)).abs().max()) <= 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_it_is_the_same_on_a_gpu(stock_path: Path) -> None:
    code, look = picture(131, 203), Look(stock=str(stock_path), context="exact", **PLAIN)
    assert float((develop(code, look, device="cuda") - develop(code, look, device="cpu")).abs().max()) <= 1e-4


def test_tiles_and_batches_are_equal_to_the_bit(stock_path: Path) -> None:
    codes = torch.stack([picture(400, 500, seed) for seed in (0, 1)])
    for context in ("thumbnail", "exact"):
        look = Look(stock=str(stock_path), context=context)
        batch = develop(codes, look, device="cpu")
        for tile in (None, 64, 4096):
            assert torch.equal(batch[1], develop(codes[1], look, tile=tile, device="cpu"))


def test_the_thumbnail_stands_for_the_picture(stock_path: Path) -> None:
    code = picture(600, 800)
    with torch.no_grad():
        smooth = nn.functional.avg_pool2d(code[None], 9, 1, 4)[0]
    near, exact = (
        develop(smooth, Look(stock=str(stock_path), context=c, **PLAIN), device="cpu") for c in ("thumbnail", "exact")
    )
    assert 0 < float((near - exact).abs().max()) < 0.03
    small = picture(200, 300)  # no larger than a thumbnail
    near, exact = (
        develop(small, Look(stock=str(stock_path), context=c, **PLAIN), device="cpu") for c in ("thumbnail", "exact")
    )
    assert float((near - exact).abs().max()) < 1e-6


def test_a_lock_keeps_the_first_pictures_context(stock_path: Path) -> None:
    look, lock = Look(stock=str(stock_path), **PLAIN), ExposureLock()
    first, second = picture(60, 80, 0) * 0.3, picture(60, 80, 1) * 0.6 + 0.4
    develop(first, look, lock=lock, device="cpu")
    locked, free = develop(second, look, lock=lock, device="cpu"), develop(second, look, device="cpu")
    inside = (locked > 0) & (locked < 1) & (free > 0) & (free < 1)
    shift = (locked - free)[inside]
    assert float(shift.abs().max()) > 1e-4
    per_channel = [(locked - free)[c][inside[c]] for c in range(3)]
    assert all(float(d.max() - d.min()) < 1e-5 for d in per_channel if len(d))  # one offset for the whole picture
    other = Look(stock=str(stock_path), exposure=0.5, **PLAIN)
    first_alone = ExposureLock.of(first)  # another look is judged by the first picture too: it may move
    assert torch.equal(develop(second, other, lock=lock, device="cpu"), develop(second, other, lock=first_alone, device="cpu"))


def test_exposure_acts_before_the_network(stock_path: Path) -> None:
    code = picture(90, 120)
    exposed = display_code(scene_light(code.clone()) * 2).clamp(0, 1)
    one = develop(code, Look(stock=str(stock_path), exposure=1, context="exact", **PLAIN), device="cpu")
    other = develop(exposed, Look(stock=str(stock_path), context="exact", **PLAIN), device="cpu")
    assert float((one - other).abs().max()) < 2e-4


def test_strength_halation_grain_and_print_work_around_it() -> None:
    name = "kodak_gold_200_network"
    code = picture(120, 160)
    plain = develop(code, Look(stock=name, **PLAIN), device="cpu")
    half = develop(code, Look(stock=name, strength=0.5, **PLAIN), device="cpu")
    assert float((half - (plain + code) / 2).abs().max()) < 1e-5
    grey = torch.full((3, 120, 160), 0.5)
    assert float(develop(grey, Look(stock=name, halation=0, sharpness=0, grain=2), device="cpu")[1, 3:-3, 3:-3].std()) > 0.001
    lamp = torch.full((3, 200, 200), 0.05)
    lamp[:, 98:102, 98:102] = 1
    glow = develop(lamp, Look(stock=name, sharpness=0, grain=0, halation=8, highlights=4), device="cpu")
    none = develop(lamp, Look(stock=name, sharpness=0, grain=0, halation=0), device="cpu")
    halo = (glow - none)[:, 100, 102]
    assert float(halo[0]) > max(0.004, 2 * float(halo[2]))
    assert float((develop(code, Look(stock=name, light_red=1, **PLAIN), device="cpu") - plain)[0].mean()) > 0.02
    faded = develop(code, Look(stock=name, black=2, **PLAIN), device="cpu")
    assert float(faded.amin()) > float(plain.amin())


def test_a_dropped_file_appears_by_name(
    stock_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "home" / "stocks"
    folder.mkdir(parents=True)
    state = lively_network().state_dict()
    torch.save({"model_state_dict": state, "epoch": 3}, folder / "kodark_gold_200.pt")
    (folder / "torn.pt").write_bytes((folder / "kodark_gold_200.pt").read_bytes()[:5000])
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    assert {"kodark_gold_200", "torn"} <= set(list_stocks())
    stock = load_stock("kodark_gold_200")
    assert (stock.kind, stock.label, stock.layers) == ("network", "kodark_gold_200", 3)
    code = picture(40, 50)
    same = develop(code, Look(stock=str(stock_path)), device="cpu")
    assert torch.equal(develop(code, Look(stock="kodark_gold_200"), device="cpu"), same)
    with pytest.raises(StockFileError, match=r"torn\.pt: "):
        load_stock("torn")
    assert main(["stocks"]) == 1
    told = capsys.readouterr()
    assert "torn.pt: " in told.err
    assert len(told.out.splitlines()) == len(list_stocks())  # the header, and all but one


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_import_weights(stock_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "android_film.pt"
    traced = torch.jit.trace(lively_network(), torch.rand(1, 3, 20, 32))
    traced.save(str(checkpoint))
    assert main(["import-weights", str(checkpoint), "--label", "My film", "--like", "kodak_tri_x_400"]) == 0
    out = tmp_path / "android_film.safetensors"
    assert "791721 parameters" in capsys.readouterr().out
    stock = load_stock(str(out))
    assert (stock.label, stock.kind, stock.granularity) == ("My film", "network", (17.0, 17.0, 17.0))
    assert all(
        torch.equal(a, b)
        for a, b in zip(stock.colour.network.state_dict().values(), lively_network().state_dict().values(), strict=True)
    )
    assert main(["import-weights", str(checkpoint)]) == 1
    assert "exists; --overwrite" in capsys.readouterr().err
    assert main(["import-weights", str(checkpoint), str(tmp_path / "film.pt")]) == 2
    assert main(["import-weights", str(tmp_path / "nothing.pt"), str(out), "--overwrite"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert load_stock(str(out)).label == "My film"


def test_a_networks_lut_holds_its_colour_without_its_neighbours(tmp_path: Path) -> None:
    name = "kodak_gold_200_network"
    assert main(["export-lut", "--stock", name, "-o", str(tmp_path / "n.cube")]) == 0
    flat = torch.tensor([0.7, 0.4, 0.3])[:, None, None].expand(3, 64, 64)
    through_lut = develop(flat, Look(stock=str(tmp_path / "n.cube"), **PLAIN), device="cpu")[:, 30, 30]
    through_network = develop(flat, Look(stock=name, **PLAIN), device="cpu")[:, 30, 30]
    assert float((through_lut - through_network).abs().max()) < 0.03
