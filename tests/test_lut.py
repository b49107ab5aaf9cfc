"""Look-up tables: interpolation against a slow reference, files there and back, and every fault of a .cube file."""

from __future__ import annotations

import itertools
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from filmlook.errors import FilmLookError, StockFileError
from filmlook.files import lut as lut_module
from filmlook.files import picture
from filmlook.files.interpolation import Triple
from filmlook.files.lut import Lut, bake, read_cube, read_hald, read_lut, write_cube, write_hald

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

SAMPLE = """\
TITLE "A sample"
# a comment
LUT_3D_SIZE 2

DOMAIN_MIN 0 0 0
DOMAIN_MAX 1 1 1
0 0 0
1 0 0
0 1 0
1 1 0
0 0 1
1 0 1
0 1 1
1 1 1
"""


def identity(display: Tensor) -> Tensor:
    return display


def film(display: Tensor) -> Tensor:
    """A colour map with curves and crosstalk, neutral for neutrals."""
    mean = display.mean(1, keepdim=True)
    return (mean + 1.3 * (display - mean)).clamp(0, 1) ** 1.4 * 0.9 + 0.05


def pixels(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32))


def random_lut(size: int) -> Lut:
    return Lut(pixels(size, size, size, 3))


def slow_tetrahedral(table: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """One pixel in float64, the six tetrahedra written out by sorting."""
    last = table.shape[0] - 1
    position = np.clip(rgb, 0, 1) * last
    cell = np.minimum(np.floor(position).astype(int), last - 1)
    fraction = position - cell
    corner = cell.copy()
    value = table[corner[2], corner[1], corner[0]].astype(np.float64)
    for axis in np.argsort(-fraction, kind="stable"):
        before = table[corner[2], corner[1], corner[0]].astype(np.float64)
        corner[axis] += 1
        value += fraction[axis] * (table[corner[2], corner[1], corner[0]] - before)
    return value


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [2, 17, 33])
def test_tetrahedral_agrees_with_a_slow_reference(size: int, device: str) -> None:
    lut, x = random_lut(size), pixels(2, 3, 9, 11)
    fast = lut.to(device)(x.to(device)).cpu().permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()
    table = lut.table.double().numpy()
    slow = [slow_tetrahedral(table, rgb) for rgb in x.permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()]
    assert np.abs(fast - slow).max() < 4e-6  # float32 positions in a table of noise


@pytest.mark.parametrize("size", [2, 3, 17, 33, 64, 65])
def test_identity(size: int) -> None:
    x = pixels(1, 3, 64, 64)
    assert (bake(identity, size)(x) - x).abs().max() < 1e-6


@pytest.mark.parametrize("size", [2, 5, 17, 33, 65, 129])
def test_samples_are_kept_to_the_bit(size: int) -> None:
    lut = random_lut(size)
    grid = bake(identity, size).table.reshape(1, -1, 1, 3).permute(0, 3, 1, 2)
    assert torch.equal(lut(grid).permute(0, 2, 3, 1).reshape(-1, 3), lut.table.reshape(-1, 3))


@pytest.mark.parametrize("size", [4, 9, 64, 100])
def test_samples_whose_step_is_no_binary_fraction(size: int) -> None:
    lut = random_lut(size)
    assert (bake(lut, size).table - lut.table).abs().max() < 2e-5  # a position off by one part in 2^24 of 99


def test_neutrals_of_a_neutral_lut_stay_neutral_to_the_bit() -> None:
    grey = torch.linspace(0, 1, 1001).expand(1, 3, 1, -1).contiguous()
    r, g, b = bake(film, 33)(grey)[0]
    assert torch.equal(r, g)
    assert torch.equal(g, b)
    assert (r.diff() > 0).all()


def test_equal_fractions_take_any_way() -> None:
    lut = random_lut(2)
    values = torch.tensor([0.0, 0.25, 0.5, 1.0])
    x = torch.cartesian_prod(values, values, values).T.reshape(1, 3, 1, -1).contiguous()
    slow = [slow_tetrahedral(lut.table.numpy(), rgb) for rgb in x[0, :, 0].T.double().numpy()]
    assert np.allclose(lut(x)[0, :, 0].T.numpy(), slow, atol=1e-6)


def test_curves() -> None:
    lut = Lut(torch.tensor([[0.0, 1.0, 0.5], [0.2, 0.5, 0.5], [1.0, 0.0, 0.7]]))
    x = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1.0, 2.0]]).expand(3, -1).reshape(1, 3, 1, -1)
    expected = [[0, 0.1, 0.2, 0.6, 1, 1], [1, 0.75, 0.5, 0.25, 0, 0], [0.5, 0.5, 0.5, 0.6, 0.7, 0.7]]
    assert torch.allclose(lut(x)[0, :, 0], torch.tensor(expected), atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 5, 5, 3), (5, 3)])
def test_domain_scales_each_channel_and_clips(shape: tuple[int, ...]) -> None:
    table = pixels(*shape)
    low, high = (-0.5, 0.0, 0.25), (1.5, 0.5, 1.0)
    x = pixels(1, 3, 16, 16)
    moved = x * (torch.tensor(high) - torch.tensor(low)).view(3, 1, 1) + torch.tensor(low).view(3, 1, 1)
    assert torch.allclose(Lut(table, low, high)(moved), Lut(table)(x), atol=2e-6)
    assert torch.equal(Lut(table)(x * 6 - 3), Lut(table)((x * 6 - 3).clamp(0, 1)))


def test_values_are_not_clipped() -> None:
    assert (Lut(torch.full((2, 3), -2.0))(pixels(1, 3, 4, 4)) == -2).all()


@pytest.mark.parametrize("lut", [random_lut(3), Lut(pixels(9, 3))], ids=["3D", "1D"])
def test_nan_and_infinity(lut: Lut) -> None:
    x = pixels(1, 3, 4, 4)
    x[0, :, 0, 0] = torch.nan
    x[0, 0, 1, 1], x[0, 0, 2, 2] = torch.inf, -torch.inf
    y = lut(x)
    assert y[0, :, 0, 0].isnan().all()
    assert torch.equal(y[0, :, 1:], lut(x.nan_to_num(0, 1, 0))[0, :, 1:])


@pytest.mark.parametrize("lut", [random_lut(33), Lut(pixels(256, 3))], ids=["3D", "1D"])
def test_a_pixel_does_not_depend_on_its_neighbours(lut: Lut) -> None:
    x = pixels(2, 3, 61, 127)
    whole = lut(x)
    assert torch.equal(lut(x[1:, :, 13:50, 5:98]), whole[1:, :, 13:50, 5:98])
    assert torch.equal(lut(x[:1, :, :1, :1]), whole[:1, :, :1, :1])
    assert torch.equal(lut(x.contiguous(memory_format=torch.channels_last)), whole)


def test_input_is_not_changed() -> None:
    x = pixels(1, 3, 8, 8)
    before = x.clone()
    random_lut(3)(x), Lut(pixels(9, 3))(x)
    assert torch.equal(x, before)


def test_empty_picture() -> None:
    assert random_lut(3)(torch.empty(0, 3, 4, 0)).shape == (0, 3, 4, 0)


@pytest.mark.parametrize("x", [torch.zeros(3, 4, 4), torch.zeros(1, 4, 2, 2), torch.zeros(1, 3, 2, 2).double()])
def test_only_batches_of_float_pictures(x: Tensor) -> None:
    with pytest.raises(FilmLookError, match="B, 3, H, W float32"):
        random_lut(2)(x)


@pytest.mark.parametrize("table", [torch.zeros(1, 3), torch.zeros(2, 2, 3, 3), torch.zeros(4), torch.tensor(0.0)])
def test_shape_of_a_table(table: Tensor) -> None:
    with pytest.raises(FilmLookError, match="a table is float32"):
        Lut(table)


def test_table_must_be_finite_and_its_domain_not_empty() -> None:
    with pytest.raises(FilmLookError, match="NaN"):
        bake(lambda x: x / 0, 2)
    with pytest.raises(FilmLookError, match="domain"):
        Lut(torch.zeros(2, 3), domain_max=(1, 0, 1))


def test_bake_refuses_sizes_and_shapes() -> None:
    with pytest.raises(FilmLookError, match="2 to 256"):
        bake(identity, 257)
    with pytest.raises(FilmLookError, match="must be the same"):
        bake(lambda x: x[:, :1], 2)


def test_bake_approximates_a_smooth_map() -> None:
    x = pixels(1, 3, 64, 64)
    assert (bake(film, 33)(x) - film(x)).abs().mean() < 1e-3


# --- .cube files


def write(folder: Path, text: str | bytes, name: str = "sample.cube") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_sample(tmp_path: Path) -> None:
    lut = read_lut(write(tmp_path, SAMPLE, "UPPER.CUBE"))
    assert lut.title == "A sample"
    assert lut.table[1, 0, 0].tolist() == [0, 0, 1]  # [blue][green][red]
    assert torch.equal(lut.table, bake(identity, 2).table)


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE.replace("\n", "\r\n"),
        SAMPLE.replace("\n", "\r"),
        "\ufeff" + SAMPLE,
        SAMPLE.lower(),
        SAMPLE.replace("\n", " \t \n"),
        SAMPLE.replace(" ", "\t"),
        SAMPLE.replace("1 1 0", "1.0e0 +10E-1 -.0"),
        SAMPLE.replace("1 1 0\n", "1 1 0\n\n  # half\n"),
        SAMPLE.rstrip(),
        SAMPLE.replace("DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1", "LUT_3D_INPUT_RANGE 0.0 1.0"),
        SAMPLE.replace("LUT_3D_SIZE 2", "LUT_3D_INPUT_RANGE 0 1\nLUT_3D_SIZE 2"),
        SAMPLE.replace('TITLE "A sample"\n', "").encode("utf-8-sig"),
        SAMPLE.replace("comment", "Kommentär").encode("latin-1"),
        SAMPLE.replace("SIZE 2", "SIZE 2 # samples").replace("1 0 1", "1 0 1# magenta"),
        SAMPLE + "\x1a",
        SAMPLE.rstrip() + "\x1a\n1 2 3 4 after the end",
        SAMPLE.replace("LUT_3D", 'TITLE "again # 2"\nLUT_3D'),
        SAMPLE.replace("DOMAIN_MIN", "DOMAIN_MIN 5 5 5\nDOMAIN_MAX 9 9 9\nDOMAIN_MIN", 1),
        SAMPLE.replace("a comment", "a comment " + "x " * 100_000),
    ],
)
def test_dialects(tmp_path: Path, text: str | bytes) -> None:
    lut = read_cube(write(tmp_path, text))
    assert torch.equal(lut.table, bake(identity, 2).table)
    assert (lut.domain_min, lut.domain_max) == ((0, 0, 0), (1, 1, 1))


def test_domains(tmp_path: Path) -> None:
    text = SAMPLE.replace("MIN 0 0 0", "MIN -1 -.5 0").replace("MAX 1 1 1", "MAX 2 2e0 2.5")
    lut = read_cube(write(tmp_path, text))
    assert (lut.domain_min, lut.domain_max) == ((-1, -0.5, 0), (2, 2, 2.5))
    lut = read_cube(write(tmp_path, "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -.5 1.5\n0 0 0\n1 1 1"))
    assert (lut.domain_min, lut.domain_max) == ((-0.5,) * 3, (1.5,) * 3)
    assert lut(torch.full((1, 3, 1, 1), 0.5)).flatten().tolist() == [0.5] * 3


def test_the_last_title_holds_and_a_hash_is_part_of_it(tmp_path: Path) -> None:
    text = SAMPLE.replace("LUT_3D", 'TITLE "again # 2"  # a comment\nLUT_3D')
    assert read_cube(write(tmp_path, text)).title == "again # 2"


def test_video_range(tmp_path: Path) -> None:
    """What goes in is squeezed into 64 to 940 of 1023, what comes out is stretched from there."""
    x = pixels(1, 3, 16, 16)
    black, white = 64 / 1023, 940 / 1023
    identity_cube = SAMPLE.replace("SIZE 2", "SIZE 2\nLUT_IN_VIDEO_RANGE\nlut_out_video_range")
    assert torch.allclose(read_cube(write(tmp_path, identity_cube))(x), x, atol=1e-6)
    into = read_cube(write(tmp_path, SAMPLE.replace("SIZE 2", "SIZE 2\nLUT_IN_VIDEO_RANGE")))
    assert torch.allclose(into(x), black + (white - black) * x, atol=1e-6)
    out_of = read_cube(write(tmp_path, SAMPLE.replace("SIZE 2", "SIZE 2\nLUT_OUT_VIDEO_RANGE")))
    assert torch.allclose(out_of(x), (x - black) / (white - black), atol=1e-6)


def test_of_shaper_and_cube_the_first_takes_video_and_the_last_gives_it(tmp_path: Path) -> None:
    cube = SAMPLE[SAMPLE.index("0 0 0\n1 0 0") :]
    head = "LUT_1D_SIZE 2\nLUT_3D_SIZE 2\nLUT_IN_VIDEO_RANGE\nLUT_OUT_VIDEO_RANGE\n0 0 0\n1 1 1\n"
    x = pixels(1, 3, 8, 8)
    assert torch.allclose(read_cube(write(tmp_path, head + cube))(x), x, atol=1e-6)


def test_shaper_comes_before_the_cube(tmp_path: Path) -> None:
    """As in Resolve's description: the shaper inverts, the cube inverts again. The shaper's input is 0..2."""
    levels = ("1", "0.5", "0")
    cube = "\n".join(f"{r} {g} {b}" for b, g, r in itertools.product(levels, levels, levels))
    head = "LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 3\nLUT_3D_INPUT_RANGE 0 1\n"
    path = write(tmp_path, head + "1 1 1\n.5 .5 .5\n0 0 0\n" + cube)
    x = pixels(1, 3, 8, 8)
    assert torch.allclose(read_cube(path)(x), x / 2, atol=1e-6)
    path.write_text(path.read_text().replace("LUT_1D_INPUT_RANGE 0 2", "DOMAIN_MAX 2 2 2"))
    assert torch.allclose(read_cube(path)(x), x / 2, atol=1e-6)
    with pytest.raises(FilmLookError, match="bake"):
        write_cube(tmp_path / "shaped.cube", read_cube(path))


@pytest.mark.parametrize("size", [17, 33, 65])
def test_cube_there_and_back(tmp_path: Path, size: int) -> None:
    lut = bake(film, size)
    write_cube(tmp_path / "a.cube", Lut(lut.table, (-0.1, 0, 0), (1, 1, 1.25), 'My "film"\n#1'))
    back = read_cube(tmp_path / "a.cube")
    assert (back.table - lut.table).abs().max() < 1e-7
    assert (back.domain_min, back.domain_max, back.title) == ((-0.1, 0, 0), (1, 1, 1.25), "My 'film' #1")
    assert [p.name for p in tmp_path.iterdir()] == ["a.cube"]


def test_curves_there_and_back(tmp_path: Path) -> None:
    lut = Lut(pixels(4096, 3))
    write_cube(tmp_path / "a.cube", lut)
    assert (read_cube(tmp_path / "a.cube").table - lut.table).abs().max() < 1e-7
    assert "DOMAIN" not in (tmp_path / "a.cube").read_text()


def test_reading_is_fast(tmp_path: Path) -> None:
    write_cube(tmp_path / "a.cube", bake(film, 65))
    start = time.process_time()
    read_cube(tmp_path / "a.cube")
    assert time.process_time() - start < 0.5  # measured .07 s; line by line in Python it would be 1 s


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("0 1 1\n1 1 1\n", "0 1 1\n", 13, "expected 8 rows, found 7"),
        ("0 0 1\n", "0 0 1\n.5 .5 .5\n.5 .5 .5\n", 15, "expected 8 rows, found 10"),
        ("1 0 1", "1 0", 12, "expected three finite numbers; the line is '1 0'"),
        ("1 0 1", "1 0 1 1", 12, "expected three finite numbers"),
        ("1 0 1", "1 zero 1", 12, "expected three finite numbers; the line is '1 zero 1'"),
        ("1 0 1", "1 nan 1", 12, "expected three finite numbers; the line is '1 nan 1'"),
        ("1 0 1", "1 -inf 1", 12, "expected three finite numbers"),
        ("1 0 1", "1 1e39 1", 12, "expected three finite numbers"),
        ("1 0 1", "1 1_0 1", 12, "expected three finite numbers"),
        ("1 0 1", "1 ٣ 1", 12, "expected three finite numbers"),
        ("1 0 1", "1,0,1", 12, "expected three finite numbers"),
        ("1 0 1", "1 0x1 1", 12, "expected three finite numbers"),
        ("1 0 1", "DOMAIN_MIN 0 0 0", 12, "expected three finite numbers"),
        ("1 1 1\n0 0 0", "1 1 1\nnan 0 0", 7, "expected three finite numbers"),
        ("LUT_3D_SIZE 2\n", "", 6, "no LUT_1D_SIZE or LUT_3D_SIZE before the first row"),
        ("SIZE 2", "SIZE 1", 3, "LUT_3D_SIZE is out of range; allowed: 2 to 129; the line is 'LUT_3D_SIZE 1'"),
        ("SIZE 2", "SIZE 130", 3, "LUT_3D_SIZE is out of range; allowed: 2 to 129"),
        ("SIZE 2", "SIZE 2.5", 3, "LUT_3D_SIZE is out of range"),
        ("SIZE 2", "SIZE 1e9", 3, "LUT_3D_SIZE is out of range"),
        ("SIZE 2", "SIZE two", 3, "expected 1 finite number(s) after LUT_3D_SIZE"),
        ("SIZE 2", "SIZE", 3, "expected 1 finite number(s) after LUT_3D_SIZE"),
        ("3D_SIZE 2", "1D_SIZE 65537", 3, "LUT_1D_SIZE is out of range; allowed: 2 to 65536"),
        ("SIZE 2", "SIZE 2\nLUT_3D_SIZE 2", 4, "LUT_3D_SIZE for the second time, after line 3"),
        ("SIZE 2", "SIZE 2\nLUT_1D_SIZE 3", 15, "expected 11 rows, found 8"),
        ("SIZE 2", "SIZE 2\nLUT_4D_SIZE 2", 4, "unknown keyword; allowed: TITLE, LUT_1D_SIZE"),
        ("SIZE 2", "SIZE 2\nLUT_IN_VIDEO_RANGE 1", 4, "expected 0 finite number(s) after LUT_IN_VIDEO_RANGE"),
        ("SIZE 2", "SIZE 2" + 1001 * '\nTITLE "a"', 1002, "1000 keywords before the first row"),
        ("1 0 1", "1 0 " + " " * 5000 + "1", 12, "expected three finite numbers"),
        ("MIN 0 0 0", "MIN 0 0", 5, "expected 3 finite number(s) after DOMAIN_MIN; the line is 'DOMAIN_MIN 0 0'"),
        ("MAX 1 1 1", "MAX 1 nan 1", 6, "expected 3 finite number(s) after DOMAIN_MAX"),
        ("MAX 1 1 1", "MAX 1 0 1", 6, "the domain is empty; allowed: minimum below maximum; the line is 'DOMAIN_MAX"),
        ("DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1", "DOMAIN_MIN 1 0 0", 5, "the domain is empty"),
        ("DOMAIN_MIN 0 0 0", "LUT_3D_INPUT_RANGE 1 1", 5, "the domain is empty"),
        ("# a comment", "Dear friend,\nhere is", 2, "not a .cube file, or an unknown keyword"),
        ("# a comment", "<html>", 2, "not a .cube file: no LUT_1D_SIZE"),
        ("0 1 0", "0 1 0" + "9" * 200_000 + "x", 9, "expected three finite numbers; the line is '0 1 0999"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    path = write(tmp_path, SAMPLE.replace(old, new, 1))
    with pytest.raises(StockFileError) as caught:
        read_cube(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        (SAMPLE.encode("utf-16"), "binary data"),
        (SAMPLE.replace("0 1 0", "0 1\0 0").encode(), "binary data"),
        (bytes(range(1, 256)), "not a .cube file"),
        (b"\n# only a comment\n", "the file ends before the first row"),
        (b"LUT_3D_SIZE 33\n", "the file ends before the first row"),
    ],
)
def test_not_a_cube_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(StockFileError, match=r"sample\.cube.*" + message):
        read_cube(write(tmp_path, content))


def test_files_that_cannot_be_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StockFileError, match=r"none\.cube: cannot be read: No such file"):
        read_cube(tmp_path / "none.cube")
    with pytest.raises(StockFileError, match="cannot be read"):
        read_cube(tmp_path)
    with pytest.raises(StockFileError, match=r"a\.xyz: \.xyz is no kind of LUT; allowed: \.cube, \.png"):
        read_lut(tmp_path / "a.xyz")
    path = write(tmp_path, SAMPLE)
    for folder in (tmp_path / "none", path):
        with pytest.raises(StockFileError, match="cannot be written"):
            write_cube(folder / "a.cube", random_lut(2))
    monkeypatch.setattr(lut_module, "MAX_BYTES", 50)
    with pytest.raises(StockFileError, match=r"sample\.cube: the file has .* MB; allowed: up to"):
        read_cube(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, SAMPLE)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savetxt", full)
    with pytest.raises(StockFileError, match="No space left"):
        write_cube(path, random_lut(2))
    assert path.read_text() == SAMPLE
    assert list(tmp_path.iterdir()) == [path]


# --- HaldCLUT


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
@pytest.mark.parametrize("level", [2, 5, 8])
def test_hald_there_and_back(tmp_path: Path, level: int, suffix: str) -> None:
    lut = bake(film, level * level)
    write_hald(tmp_path / f"film{suffix}", lut, level)
    back = read_lut(tmp_path / f"film{suffix}")
    assert back.title == "film"
    assert (back.table - lut.table).abs().max() < 0.51 / 65535
    assert [p.name for p in tmp_path.iterdir()] == [f"film{suffix}"]


def test_hald_is_512_wide_and_runs_red_first(tmp_path: Path) -> None:
    write_hald(tmp_path / "identity.png", bake(identity, 17))
    raw = picture.read(tmp_path / "identity.png").pixels
    assert raw.shape == (512, 512, 3)
    assert raw.dtype == np.uint16
    assert raw[0, 1].tolist() == [round(65535 / 63), 0, 0]
    assert raw[0, 64].tolist() == [0, round(65535 / 63), 0]
    assert raw[8, 0].tolist() == [0, 0, round(65535 / 63)]


def test_hald_of_eight_bits_with_alpha(tmp_path: Path) -> None:
    codes = (bake(identity, 16).table.reshape(64, 64, 3) * 255).round().numpy().astype(np.uint8)
    opaque = np.concatenate([codes, np.full((64, 64, 1), 255, np.uint8)], -1)
    picture.write(tmp_path / "hald.png", picture.Picture(pixels=opaque), overwrite=True)
    x = pixels(1, 3, 16, 16)
    assert (read_hald(tmp_path / "hald.png")(x) - x).abs().max() < 0.51 / 255


@pytest.mark.parametrize(("width", "height"), [(64, 27), (63, 63), (1, 1), (9, 9)])
def test_pictures_that_are_no_hald(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "photo.png"
    picture.write(path, picture.Picture(pixels=np.zeros((height, width, 3), np.uint8)), overwrite=True)
    with pytest.raises(StockFileError, match=rf"photo\.png: {width} x {height} pixels are no HaldCLUT"):
        read_hald(path)


def test_broken_hald(tmp_path: Path) -> None:
    with pytest.raises(FilmLookError, match=r"text\.png"):
        read_lut(write(tmp_path, "hello", "text.png"))
    with pytest.raises(FilmLookError, match=r"a\.jpg"):
        write_hald(tmp_path / "a.jpg", random_lut(2))
    with pytest.raises(FilmLookError, match="level 17"):
        write_hald(tmp_path / "a.png", random_lut(2), 17)


def test_a_picture_larger_than_any_hald_is_not_decoded(tmp_path: Path) -> None:
    Image.new("L", (12000, 12000)).save(tmp_path / "huge.png")
    before = time.process_time()
    with pytest.raises(FilmLookError, match=r"huge\.png"):
        read_lut(tmp_path / "huge.png")
    assert time.process_time() - before < 0.5  # 5 s to decode


# --- bounds


@pytest.mark.parametrize("line", ["\n", "#\n", "0 0 0\n"])
def test_lines_without_end_are_not_read_to_the_end(tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lut_module, "MOST_LINES", 1000)
    path = write(tmp_path, "LUT_3D_SIZE 2\n" + line * 10_000)
    with pytest.raises(StockFileError, match=r"sample\.cube: the file has more than 1000 lines"):
        read_cube(path)


def test_a_line_without_end_is_not_held(tmp_path: Path) -> None:
    path = write(tmp_path, "DOMAIN_MIN " + "0 " * 5_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(StockFileError, match=r"sample\.cube, line 1: expected 3 finite"):
            read_cube(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("row", [0, 12_345, 35_936])
def test_the_line_of_a_fault_is_found_in_a_large_table(tmp_path: Path, row: int) -> None:
    rows = ["0.5 0.5 0.5"] * 33**3
    rows[row] = "0.5 half 0.5"
    with pytest.raises(StockFileError, match=rf", line {row + 2}: expected three finite numbers; the line is '0.5 half"):
        read_cube(write(tmp_path, "LUT_3D_SIZE 33\n" + "\n".join(rows)))


# --- kinds that OpenColorIO reads

THREE_DL = "0 256 512 767 1023\n" + "\n".join(
    f"{round(4095 * (r / 4) ** 2)} {round(4095 * g / 4)} {round(4095 * b / 8)}"
    for r, g, b in itertools.product(range(5), repeat=3)
)
SPI1D = "Version 1\nFrom 0.0 1.0\nLength 3\nComponents 1\n{\n0.0\n0.25\n1.0\n}\n"
SPI3D = "SPILUT 1.0\n3 3\n2 2 2\n" + "".join(
    f"{r} {g} {b} {r * 0.9} {g * 0.8} {0.5 * b + 0.5 * r}\n" for r in (0, 1) for g in (0, 1) for b in (0, 1)
)
CSP = "CSPLUTV100\n1D\n\n2\n0 1\n0 1\n2\n0 1\n0 1\n2\n0 1\n0 1\n\n3\n0 0 0\n0.2 0.5 0.7\n1 1 1\n"
CLF = """<?xml version="1.0" encoding="UTF-8"?>
<ProcessList id="a" compCLFversion="3.0"><LUT1D id="b" inBitDepth="32f" outBitDepth="32f"><Array dim="3 1">
0.0
0.25
1.0
</Array></LUT1D></ProcessList>
"""


@pytest.mark.parametrize(
    ("name", "text", "code", "expected"),
    [
        ("a.3dl", THREE_DL, (0.5, 0.5, 0.5), (0.25, 0.5, 0.25)),
        ("a.spi1d", SPI1D, (0.5, 0.25, 1.0), (0.25, 0.125, 1.0)),
        ("a.spi3d", SPI3D, (0.5, 0.5, 1.0), (0.45, 0.4, 0.75)),
        ("a.csp", CSP, (0.5, 0.5, 0.5), (0.2, 0.5, 0.7)),
        ("a.clf", CLF, (0.5, 0.25, 1.0), (0.25, 0.125, 1.0)),
    ],
)
def test_kinds_that_opencolorio_reads(tmp_path: Path, name: str, text: str, code: Triple, expected: Triple) -> None:
    pytest.importorskip("PyOpenColorIO")
    (tmp_path / name).write_text(text)
    got = read_lut(tmp_path / name)(torch.tensor(code).view(1, 3, 1, 1)).flatten()
    assert torch.allclose(got, torch.tensor(expected), atol=1e-3)


def test_a_damaged_file_of_opencolorios_kinds_is_named(tmp_path: Path) -> None:
    pytest.importorskip("PyOpenColorIO")
    for name in ("a.3dl", "a.clf", "a.spi1d"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(StockFileError, match=rf"{name}: not a LUT that OpenColorIO reads") as caught:
            read_lut(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_without_opencolorio_its_kinds_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    (tmp_path / "a.csp").write_text(CSP)
    with pytest.raises(StockFileError, match=r"a\.csp: .*pip install \"filmlook\[ocio\]\""):
        read_lut(tmp_path / "a.csp")
