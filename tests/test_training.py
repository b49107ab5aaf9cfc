"""Training: data that is refused by name, runs that resume, networks that learn, and the ways from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from filmlook import FilmLookError, Look, load_stock
from filmlook.cli import main
from filmlook.engine.colour_only import colour_of
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import read_tensors
from filmlook.training.data import Crops, pairs, photographs, random_shifts, shifted, split, whole
from filmlook.training.film import calibrate, colour_loss, fresh_network
from filmlook.training.loop import Run
from filmlook.training.recipe import Recipe

CPU = torch.device("cpu")
TINY = ["--steps", "4", "--batch", "2", "--height", "16", "--width", "24", "--check-every", "2", "--device", "cpu"]


def photograph(number: int, height: int = 40, width: int = 56) -> Image.Image:
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(0, 256, (4, 5, 3), np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.normal(0, 6, (height, width, 3))
    return Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(10):
        photograph(i).save(folder / f"{'city' if i < 5 else 'forest'}_{i:02}.png")
    return folder


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    film = colour_of(Look(stock="fujifilm_c200"))
    for i in range(20, 25):
        code = torch.from_numpy(np.asarray(photograph(i)).copy()).movedim(2, 0)[None] / 255
        Image.fromarray((film(code)[0].movedim(0, 2).numpy() * 255).round().astype(np.uint8)).save(folder / f"scan_{i}.png")
    return folder


# --- data


def test_pairs_are_aligned_and_whole(photos: Path, tmp_path: Path) -> None:
    after = tmp_path / "after"
    after.mkdir()
    for path in photos.iterdir():
        Image.open(path).point(lambda v: 255 - v).save(after / path.name)
    examples = pairs([photos], [after])
    assert len(examples) == 10
    for _, before, film in whole(examples):
        assert torch.allclose(before, 1 - film, atol=1e-6)
    crops = Crops(examples, batch=4, size=(16, 24), seed=5)
    before, film = crops(3)
    assert before.shape == (4, 3, 16, 24)
    assert torch.allclose(before, 1 - film, atol=1e-5)  # turned, mirrored and resized alike
    assert not torch.equal(crops(3)[0], crops(4)[0])
    again = Crops(examples, batch=4, size=(16, 24), seed=5)
    assert torch.equal(again(3)[0], before)
    assert not torch.equal(Crops(examples, batch=4, size=(16, 24), seed=6)(3)[0], before)


def test_a_stock_makes_the_film_side(photos: Path) -> None:
    film = colour_of(Look(stock="kodak_portra_400"))
    examples = photographs([photos], film)
    before, after = Crops(examples, batch=3, size=(16, 16), seed=0)(0)
    assert torch.allclose(film(before), after, atol=1e-5)
    moved, same = Crops(examples, batch=3, size=(16, 16), seed=0, stops=1, balance=0.2)(0)
    assert torch.equal(same, after)  # only the photograph is shifted
    assert float((moved - before).abs().max()) > 0.05


def test_the_split_is_stratified_seeded_and_complete(photos: Path) -> None:
    examples = photographs([photos], None)
    learnt, held_out = split(examples, seed=1)
    assert (len(learnt), len(held_out)) == (8, 2)
    assert {e.source for e in held_out} == {"photos/city", "photos/forest"}
    assert {e.name for e in learnt} | {e.name for e in held_out} == {e.name for e in examples}
    assert split(examples, seed=1)[1] == held_out
    assert any(split(examples, seed=s)[1] != held_out for s in range(2, 6))


def test_a_list_names_the_held_out(photos: Path, tmp_path: Path) -> None:
    examples, names = photographs([photos], None), tmp_path / "held-out.txt"
    names.write_text("city_03.png\nforest_07\n", encoding="utf-8-sig")
    assert [e.name for e in split(examples, 0, names)[1]] == ["city_03", "forest_07"]
    names.write_text("city_33\n")
    with pytest.raises(FilmLookError, match=r"held-out\.txt: 'city_33' is not among the pictures"):
        split(examples, 0, names)


def test_shifts_act_on_light_and_clip() -> None:
    code = torch.tensor([0.0, 0.4663, 1.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    up = shifted(code, torch.tensor([[1.0, 0.0, 0.0]]))
    assert torch.equal(up[..., 0], torch.zeros(1, 3, 1))
    assert torch.equal(up[..., 2], torch.ones(1, 3, 1))
    back = shifted(up, torch.tensor([[-1.0, 0.0, 0.0]]))
    assert torch.allclose(back[..., 1], code[..., 1], atol=1e-5)
    assert float(back[0, 0, 0, 2]) < 0.9  # what was clipped is lost
    shifts = random_shifts(500, 1.5, 0.3, torch.Generator().manual_seed(0))
    assert torch.allclose(shifts.abs().amax(0), torch.tensor([1.5, 0.3, 0.3]), rtol=0.02)


# --- learning


def test_a_network_learns_one_batch() -> None:
    torch.manual_seed(0)
    network = fresh_network().eval()
    source = torch.rand(4, 3, 16, 16)
    target = colour_of(Look(stock="kodak_gold_200"))(source)
    calibrate(network, [source])
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    first = colour_loss(network(source), target).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = colour_loss(network(source), target)
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 5


def test_calibrated_normalisations_leave_unit_variance() -> None:
    torch.manual_seed(0)
    network = DigitalFilm().eval()
    batches = [torch.rand(4, 3, 20, 20) for _ in range(3)]
    calibrate(network, batches)
    seen: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    with torch.no_grad():
        network(torch.cat(batches))
    assert not network.training
    assert set(seen) == {f"bn{i}" for i in range(1, 8)}
    assert all(0.5 < float(seen[f"bn{i}"].std()) < 1.5 for i in (1, 2))
    assert all(abs(float(out.mean())) < 0.2 for out in seen.values())
    calibrate(network, [torch.rand(1, 3, 20, 20)])  # one picture has no variance behind the first attention
    assert network(torch.rand(1, 3, 20, 20)).isfinite().all()


def _weights(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def _run(folder: Path, stop_at: int | None = None, resume: bool = False) -> list[Tensor]:
    torch.manual_seed(4)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.3), nn.Tanh(), nn.Conv2d(4, 3, 1))
    run = Run(network, Recipe(steps=9, check_every=3), folder, what="test", data="", device=CPU, resume=resume)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        x = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(step))
        return x, 1 - x

    run.train(batch, nn.functional.mse_loss, lambda _: {"psnr": 1.0, "mean_de00": 2.0})
    return _weights(network)


@pytest.mark.slow
@pytest.mark.long
def test_resumed_equals_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    through = _run(tmp_path / "through")
    monkeypatch.setattr("filmlook.training.loop._SAVE_SECONDS", 0)  # so that it stops between two checks
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "stopped", stop_at=7)
    resumed = _run(tmp_path / "stopped", resume=True)
    assert all(torch.equal(a, b) for a, b in zip(through, resumed, strict=True))
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("through", "stopped")]
    assert logs[0] == logs[1]
    assert len(logs[0].splitlines()) == 4
    assert Image.open(tmp_path / "through" / "curve.png").size[0] > 800


def test_a_checkpoint_of_another_recipe_or_torn_is_refused(tmp_path: Path) -> None:
    _run(tmp_path)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.3), nn.Tanh(), nn.Conv2d(4, 3, 1))
    for recipe, data in ((Recipe(steps=8, check_every=3), ""), (Recipe(steps=9, check_every=3), "other photographs")):
        with pytest.raises(FilmLookError, match="another recipe or other data"):
            Run(network, recipe, tmp_path, what="test", data=data, device=CPU, resume=True)
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-50])
    with pytest.raises(FilmLookError, match=r"checkpoint\.safetensors: "):
        Run(network, Recipe(steps=9, check_every=3), tmp_path, what="test", data="", device=CPU, resume=True)


# --- the command


@pytest.mark.slow
@pytest.mark.long
def test_train_film_writes_a_stock_with_its_facts_and_a_report(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "my_film.safetensors"
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"steps": 6, "seed": 3}')
    words = ["train", "film", "--photos", str(photos), "--stock", "kodak_gold_200", "--label", "My film", "-o", str(out)]
    assert main([*words, *TINY[2:], "--recipe", str(recipe)]) == 0
    stock = load_stock(str(out))
    assert (stock.label, stock.kind, stock.iso) == ("My film", "network", 200)
    facts = json.loads(read_tensors(out)[1]["training"])
    assert (facts["steps"], facts["seed"], facts["batch"], facts["learnt_from"]) == (6, 3, 2, 8)
    assert facts["taught_by"] == "kodak_gold_200"
    report = json.loads((tmp_path / "my_film.training" / "report.json").read_text())
    assert len(report["pictures"]) == 2
    assert abs(stock.fit["mean_de00"] - report["overall"]["mean_de00"]) < 1e-3
    assert (tmp_path / "my_film.training" / "curve.png").is_file()
    assert list((tmp_path / "my_film.training" / "sheets").glob("*.png"))
    made = [stock.colour.network.state_dict()[k] for k in ("conv1.weight", "bn7.running_var")]
    again = tmp_path / "again.safetensors"
    assert main([*words[:-1], str(again), *TINY[2:], "--recipe", str(recipe), "--half"]) == 0
    halved = load_stock(str(again)).colour.network.state_dict()
    assert torch.equal(halved["conv1.weight"], made[0].half().float())
    assert again.stat().st_size < 0.6 * out.stat().st_size
    assert main([*words, *TINY[2:]]) == 1  # exists


@pytest.mark.slow
@pytest.mark.long
def test_the_two_step_way(photos: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scanned.safetensors"
    simulated = ["--photos", str(photos), "--stock", "kodak_gold_200", *TINY]
    assert main(["train", "two-step", "--scans", str(scans), "-o", str(out), *simulated]) == 0
    folder = tmp_path / "scanned.training"
    assert sorted(p.name for p in (folder / "labels").iterdir()) == sorted(p.name for p in scans.iterdir())
    facts = json.loads(read_tensors(out)[1]["training"])
    assert (facts["start"], facts["steps"], facts["learnt_from"]) == ("pretrained.safetensors", 2, 4)
    # The same, step by step.
    generator, labels = tmp_path / "g.safetensors", tmp_path / "labels"
    assert main(["train", "generator", "-o", str(generator), *simulated]) == 0
    assert main(["train", "label", "--generator", str(generator), "--scans", str(scans), "-o", str(labels)]) == 0
    assert main(["train", "film", "-o", str(tmp_path / "pre.safetensors"), *simulated]) == 0
    tune = ["--before", str(labels), "--after", str(scans), "--start", str(tmp_path / "pre.safetensors")]
    tiny = [*TINY, "--steps", "2", "--rate", "0.002"]
    assert main(["train", "film", "-o", str(tmp_path / "tuned.safetensors"), *tune, *tiny]) == 0
    assert [a.read_bytes() for a in sorted(labels.iterdir())] == [b.read_bytes() for b in sorted((folder / "labels").iterdir())]
    both = [read_tensors(p)[0] for p in (out, tmp_path / "tuned.safetensors")]
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[0])
    assert "scans labelled" in capsys.readouterr().out
    # Pictures that are there stay.
    label = ["train", "label", "--generator", str(generator), "--scans", str(scans), "-o"]
    originals = {path: path.read_bytes() for path in [*scans.iterdir(), *labels.iterdir()]}
    assert main([*label, str(labels)]) == 1
    assert main([*label, str(scans), "--overwrite"]) == 1
    told = capsys.readouterr().err
    assert "exists" in told
    assert "the folder of the scans; their labels go into another" in told
    assert all(path.read_bytes() == data for path, data in originals.items())
    assert main([*label, str(labels), "--overwrite"]) == 0


def _unpaired(photos: Path, other: Path) -> list[str]:
    other.mkdir()
    photograph(0).save(other / "city_00.png")
    return ["--before", str(photos), "--after", str(other)]


def _unlike(photos: Path, other: Path) -> list[str]:
    other.mkdir()
    for path in photos.iterdir():
        photograph(0, 40, 55).save(other / path.name)
    return ["--before", str(photos), "--after", str(other)]


def _empty(photos: Path, other: Path) -> list[str]:
    other.mkdir()
    return ["--photos", str(other), "--stock", "kodak_gold_200"]


def _broken_start(photos: Path, other: Path) -> list[str]:
    other.write_bytes(b"PK\x03\x04 torn")
    return ["--photos", str(photos), "--stock", "kodak_gold_200", "--start", str(other)]


def _broken_picture(photos: Path, other: Path) -> list[str]:
    (photos / "city_00.png").write_bytes(b"\x89PNG torn")
    return ["--photos", str(photos), "--stock", "kodak_gold_200"]


def _twice(photos: Path, other: Path) -> list[str]:
    photograph(0).save(photos / "city_00.jpg")
    return ["--photos", str(photos), "--stock", "kodak_gold_200"]


def _tiny(photos: Path, other: Path) -> list[str]:
    for path in photos.iterdir():
        photograph(0, 8, 300).save(path)
    return ["--photos", str(photos), "--stock", "kodak_gold_200"]


def _begun(photos: Path, other: Path) -> list[str]:
    folder = other.with_name("out.training")
    folder.mkdir()
    (folder / "checkpoint.safetensors").touch()
    return ["--photos", str(photos), "--stock", "kodak_gold_200"]


def _recipe_with(text: str):
    def words(photos: Path, other: Path) -> list[str]:
        other.write_text(text)
        return ["--photos", str(photos), "--stock", "kodak_gold_200", "--recipe", str(other)]

    return words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (_unpaired, "no partner for"),
        (_unlike, "55 x 40 pixels, but"),
        (_empty, "a folder without pictures"),
        (_broken_start, "other: damaged"),
        (_broken_picture, "city_00.png: "),
        (_twice, "city_00.jpg and city_00.png have one name"),
        (_tiny, "300 x 8 pixels are too few"),
        (_begun, "out.training: of a run that was begun; --resume goes on"),
        (lambda photos, other: ["--before", str(photos), "--after", str(photos), "--stock", "neutral"], "name either"),
        (_recipe_with('{"stepz": 3}'), "unknown key 'stepz'; allowed: steps, batch"),
        (_recipe_with('{"batch": 0}'), "batch is 0; allowed: a whole number from 1 to 1024"),
        (_recipe_with("[1]"), "a recipe is a table of"),
        (lambda photos, other: ["--photos", str(photos)], "a --stock that makes their film sides"),
        (lambda photos, other: [], "name either --before and --after, or --photos and --stock"),
        (lambda photos, other: ["--photos", str(photos), "--stock", "kodak_gold"], "stock is 'kodak_gold'"),
        (lambda photos, other: ["--photos", str(other), "--stock", "kodak_gold_200"], "other: not a folder"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    photos: Path, tmp_path: Path, words, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words(photos, tmp_path / "other")
    assert main(["train", "film", "-o", str(tmp_path / "out.safetensors"), *given, *TINY]) in (1, 2)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("filmlook: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("device", ["meta", "hpu", "nonsense"])
def test_a_device_that_cannot_train_is_refused(photos: Path, tmp_path: Path, device: str, capsys) -> None:
    words = ["train", "film", "--photos", str(photos), "--stock", "kodak_gold_200", "-o", str(tmp_path / "out.safetensors")]
    assert main([*words, *TINY, "--device", device]) == 2
    assert f"device '{device}' cannot be used" in capsys.readouterr().err
