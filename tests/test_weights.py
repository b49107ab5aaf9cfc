"""Weight files: every kind there and back, and refusals of those that are damaged, too large, or more than tensors."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from filmlook.errors import StockFileError
from filmlook.networks import archive as archives
from filmlook.networks import weights
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import load_digitalfilm, read_tensors, write_tensors

Tensors = dict[str, Tensor]
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class _Scriptable(nn.Module):
    """DigitalFilm's tensors in a module that `torch.jit.script` takes: the original looks its layers up by name."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for name, child in network.named_children():
            setattr(self, name, child)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip1(self.conv1(x))


@pytest.fixture(autouse=True)
def _no_torch_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a weight file was handed to torch")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(torch.jit, "load", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)


@pytest.fixture(scope="module")
def network() -> DigitalFilm:
    torch.manual_seed(7)
    network = DigitalFilm()
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 8, 8))  # so that the running statistics are not zeros and ones
    return network.eval()


@pytest.fixture
def state(network: DigitalFilm) -> Tensors:
    return network.state_dict()


def adam_state(network: nn.Module) -> dict[str, Any]:
    optimizer = torch.optim.Adam(network.parameters())
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


def prefixed(state: Tensors) -> Tensors:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def checkpoint(state: Tensors) -> dict[str, Any]:
    optimizer = adam_state(nn.Conv2d(3, 4, 3))
    return {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": optimizer, "loss": [0.5, 1e-3], "best": None}


WRITERS: dict[str, Callable[[DigitalFilm, Path], object]] = {
    "safetensors": lambda n, f: write_tensors(f, n.state_dict(), {"stock": "a"}),
    "bare": lambda n, f: torch.save(n.state_dict(), f),
    "checkpoint": lambda n, f: torch.save(checkpoint(n.state_dict()), f),
    "protocol 4": lambda n, f: torch.save(checkpoint(n.state_dict()), f, pickle_protocol=4),
    "state_dict": lambda n, f: torch.save({"state_dict": n.state_dict(), "arch": "DigitalFilm"}, f),
    "parallel": lambda n, f: torch.save({"model_state_dict": prefixed(n.state_dict())}, f),
    "parameters": lambda n, f: torch.save({**n.state_dict(), **dict(n.named_parameters())}, f),
    "channels last": lambda n, f: torch.save(
        {k: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for k, t in n.state_dict().items()}, f
    ),
    "traced": lambda n, f: torch.jit.trace(n, torch.rand(1, 3, 8, 8)).save(str(f)),
    "scripted": lambda n, f: torch.jit.script(_Scriptable(n)).save(str(f)),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_network_comes_back(tmp_path: Path, network: DigitalFilm, kind: str) -> None:
    path = tmp_path / "weights.bin"
    WRITERS[kind](network, path)
    tensors, _ = read_tensors(path)
    generator = torch.get_rng_state()
    loaded, metadata = load_digitalfilm(path)
    assert torch.equal(torch.get_rng_state(), generator)
    state, picture = network.state_dict(), torch.rand(1, 3, 12, 9)
    assert all(torch.equal(tensors[name], tensor) and tensors[name].is_contiguous() for name, tensor in state.items())
    assert metadata == ({"stock": "a"} if kind == "safetensors" else {})
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    with torch.no_grad():
        assert torch.equal(loaded(picture), network(picture))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("write", [torch.save, lambda tensors, path: write_tensors(path, tensors, {})])
def test_other_floats_become_float32(tmp_path: Path, state: Tensors, dtype: torch.dtype, write: Callable[..., None]) -> None:
    path = tmp_path / "weights.bin"
    kept = {name: tensor.to(dtype) for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    write(kept, path)
    loaded = load_digitalfilm(path)[0].state_dict()
    assert all(torch.equal(loaded[name], tensor.float()) for name, tensor in kept.items())


@pytest.mark.parametrize("name", ["kodak_gold_200", "fuji_color_200"])
def test_reference_weights_round_trip(tmp_path: Path, reference: Path, name: str) -> None:
    network, metadata = load_digitalfilm(reference / "digitalfilm" / f"{name}.safetensors")
    expected, _ = read_tensors(reference / "digitalfilm" / f"{name}.safetensors")
    torch.save({"model_state_dict": expected, "optimizer_state_dict": adam_state(nn.Conv2d(3, 4, 3))}, tmp_path / "saved")
    network.load_state_dict(expected)  # the counters too
    torch.jit.trace(network, torch.rand(1, 3, 8, 8)).save(str(tmp_path / "traced"))
    write_tensors(tmp_path / "written", expected, metadata)
    for kind in ("saved", "traced", "written"):
        tensors, _ = read_tensors(tmp_path / kind)
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[key], tensor) for key, tensor in expected.items())


def test_written_bytes_are_reproducible(tmp_path: Path, state: Tensors) -> None:
    path, facts = tmp_path / "weights.safetensors", dict.fromkeys("qwertzuiop", "ö")
    written = []
    for order in (1, -1):
        write_tensors(path, dict(list(state.items())[::order]), dict(list(facts.items())[::order]))
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert read_tensors(path)[1] == facts
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_where_nothing_can_be_written(tmp_path: Path, state: Tensors) -> None:
    with pytest.raises(StockFileError, match=r"cannot be written: No such file"):
        write_tensors(tmp_path / "no" / "such.safetensors", state, {})


def refusal(path: Path, load: Callable[[Path], object] = load_digitalfilm) -> str:
    """The message with which a file is refused, without its path."""
    with pytest.raises(StockFileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 600
    return message[len(f"{path}: ") :]


BAD_STATES: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "missing": (lambda s: {k: t for k, t in s.items() if not k.startswith("bn7")}, "bn7.bias, bn7.running_mean and 1 more"),
    "unexpected": (lambda s: {**s, "conv9.weight": torch.ones(1)}, "not among DigitalFilm's tensors: conv9.weight"),
    "shape": (lambda s: {**s, "skip1.bias": torch.ones(4)}, "wrong shape: skip1.bias (4,) instead of (3,)"),
    "integers": (lambda s: {**s, "skip1.bias": torch.ones(3).long()}, "torch.float64: skip1.bias torch.int64"),
    "NaN": (lambda s: {**s, "skip1.bias": torch.full((3,), torch.nan)}, "numbers that are not finite: skip1.bias"),
    "too large": (lambda s: {**s, "skip1.bias": torch.full((3,), 1e300, dtype=torch.float64)}, "not finite: skip1.bias"),
    "variance": (lambda s: {**s, "bn2.running_var": -torch.ones(64)}, "a variance below zero: bn2.running_var"),
}


@pytest.mark.parametrize("kind", BAD_STATES)
def test_not_a_digitalfilm(tmp_path: Path, state: Tensors, kind: str) -> None:
    path = tmp_path / "weights.bin"
    change, message = BAD_STATES[kind]
    write_tensors(path, change(state), {})
    assert message in refusal(path)
    torch.save(change(state), path)
    assert message in refusal(path)


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


BAD_FILES: dict[str, tuple[Callable[[DigitalFilm, Path], object], str]] = {
    "missing": (lambda n, f: None, "cannot be read: No such file"),
    "folder": (lambda n, f: f.mkdir(), "not a file"),
    "empty": (lambda n, f: f.write_bytes(b""), "the file is empty"),
    "text": (lambda n, f: f.write_text("weights!{}"), "neither safetensors nor a PyTorch file"),
    "pickle": (lambda n, f: f.write_bytes(pickle.dumps({"conv1.weight": 1})), "neither safetensors nor a PyTorch file"),
    "before 1.6": (lambda n, f: torch.save(n.state_dict(), f, _use_new_zipfile_serialization=False), "before 1.6"),
    "cut zip": (lambda n, f: (WRITERS["bare"](n, f), cut(f, 9999)), "damaged: File is not a zip file"),
    "cut safetensors": (lambda n, f: (WRITERS["safetensors"](n, f), cut(f, 99999)), "damaged: "),
    "cut header": (lambda n, f: (WRITERS["safetensors"](n, f), cut(f, 999)), "damaged: "),
    "long header": (lambda n, f: f.write_bytes(struct.pack("<Q", 10**8) + b"{}"), "a header of 100000000 bytes"),
    "large": (lambda n, f: (f.touch(), os.truncate(f, weights.MAX_BYTES + 1)), "268435457 bytes; allowed: 268435456"),
    "a number": (lambda n, f: torch.save(3, f), "no tensors found"),
    "network": (lambda n, f: torch.save(n, f), "asks for filmlook.networks.digitalfilm.DigitalFilm, which is not a tensor"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_not_a_weight_file(tmp_path: Path, network: DigitalFilm, kind: str) -> None:
    path = tmp_path / "weights.bin"
    write, message = BAD_FILES[kind]
    write(network, path)
    assert message in refusal(path)


def test_a_tar_of_2016(tmp_path: Path) -> None:
    path = tmp_path / "weights.tar"
    path.write_bytes(b"sys_info".ljust(257, b"\0") + b"ustar\0" + bytes(249))
    assert "before 1.6" in refusal(path)


def archive(path: Path, pickled: bytes, **records: bytes) -> Path:
    """A zip as PyTorch's, with one storage of four float32 and further records."""
    with zipfile.ZipFile(path, "w") as file:
        for name, data in {"data.pkl": b"\x80\x02" + pickled + b".", "data/0": bytes(16), **records}.items():
            file.writestr(f"archive/{name}", data)
    return path


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def named(name: str) -> bytes:
    module, _, leaf = name.rpartition(".")
    return f"c{module}\n{leaf}\n".encode()


def tensor(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 4, key: str = "0") -> bytes:
    storage = b"(" + text("storage") + named("torch.FloatStorage") + text(key) + text("cpu") + number(count) + b"tQ"
    shape, steps = (b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (size, stride))
    return named("torch._utils._rebuild_tensor_v2") + b"(" + storage + number(offset) + shape + steps + b"\x89NtR"


def entry(value: bytes) -> bytes:
    return b"}" + text("a") + value + b"s"


MODULE = named("__torch__.Net") + b")\x81"
WHOLE = tensor((4,), (1,))
GOOD_PICKLES = {
    "strided": entry(tensor((2,), (2,), 1)),
    "parameter": entry(named("torch._utils._rebuild_parameter") + b"(" + WHOLE + b"\x89}tR"),
    "module": MODULE + entry(WHOLE) + b"b",
    "attributes Python would obey": MODULE + b"}" + text("__class__") + b"Ns" + text("a") + WHOLE + b"sb",
    "a key Python would hash for ever": b"}" + b")" + b"q\x00h\x00\x86" * 90 + b"Ns" + text("a") + WHOLE + b"s",
    "a memo Python would need 64 GB for": b"}r\xff\xff\xff\xff" + text("a") + WHOLE + b"s",
    "deep lists": b"}" + text("b") + b"]" * 100_000 + b"a" * 99_999 + b"s" + text("a") + WHOLE + b"s",
}


@pytest.mark.parametrize("kind", GOOD_PICKLES)
def test_pickles_by_hand(tmp_path: Path, kind: str) -> None:
    stored = torch.arange(1.0, 5.0)
    path = archive(tmp_path / "weights.pt", GOOD_PICKLES[kind], **{"data/0": stored.numpy().tobytes()})
    tensors, metadata = read_tensors(path)
    assert metadata == {}
    assert tensors.keys() == {"a"}
    assert torch.equal(tensors["a"], stored[1::2] if kind == "strided" else stored)


NO_TENSOR = "which is not a tensor; refused"
BAD_PICKLES: dict[str, tuple[bytes, str]] = {
    "os.system": (named("os.system") + b"(" + text("touch pwned") + b"tR", f"asks for os.system, {NO_TENSOR}"),
    "eval": (named("builtins.eval") + b"(" + text("1") + b"tR", f"asks for builtins.eval, {NO_TENSOR}"),
    "eval by stack": (text("builtins") + text("eval") + b"\x93", f"asks for builtins.eval, {NO_TENSOR}"),
    "torch.load": (named("torch.load"), f"asks for torch.load, {NO_TENSOR}"),
    "getattr": (b"c__torch__\na\n" + named("builtins.getattr"), f"asks for builtins.getattr, {NO_TENSOR}"),
    "several lines": (b"X\x01\0\0\0\n" + text("\nb") + b"\x93", f"asks for \\n.\\nb, {NO_TENSOR}"),
    "no name": (b"NN\x93", "something without a name"),
    "long name": (text("__torch__") + text("a" * 999) + b"\x93", "names of 200 characters"),
    "INST": (b"(ios\nsystem\n", "uses INST"),
    "OBJ": (b"(" + named("__torch__.Net") + b"o", "uses OBJ"),
    "EXT1": (b"\x82\x01", "uses EXT1"),
    "NEWOBJ_EX": (named("__torch__.Net") + b")}\x92", "uses NEWOBJ_EX"),
    "call a class": (named("__torch__.Net") + b")R", "calls what is no function"),
    "call a storage": (named("torch.FloatStorage") + b")R", "calls what is no function"),
    "call an object": (MODULE + b")R", "calls what is no function"),
    "call with much": (named("torch.device") + b"(" + b"N" * 9 + b"tR", "torch.device with what it does not take"),
    "call with little": (named("torch._utils._rebuild_tensor_v2") + b")R", "damaged: "),
    "new function": (named("torch.Size") + b")\x81", "an object of what is no class"),
    "build a class": (named("__torch__.Net") + entry(b"N") + b"b", "gives attributes to what has none"),
    "build a function": (named("torch.Size") + entry(b"N") + b"b", "gives attributes to what has none"),
    "build a tensor": (WHOLE + entry(b"N") + b"b", "gives attributes to what has none"),
    "build with slots": (MODULE + b"N}\x86b", "gives attributes to what has none"),
    "append to a module": (MODULE + b"Na", "treats as a list what is none"),
    "items of a module": (MODULE + text("a") + b"Ns", "treats as a dict what is none"),
    "another persistent id": (text("whole") + b"Q", "refers to a storage in no known way"),
    "offset": (entry(tensor((4,), (1,), 1)), "reaches outside its 4 numbers"),
    "stride": (entry(tensor((2, 2), (3, 1))), "reaches outside its 4 numbers"),
    "negative stride": (entry(tensor((2,), (-1,), 1)), "make no sense"),
    "negative size": (entry(tensor((-2,), (1,))), "make no sense"),
    "no stride": (entry(tensor((2, 2), (1,))), "make no sense"),
    "repeated": (entry(tensor((10**8,), (0,))), "reaches outside its 4 numbers"),
    "large and empty": (entry(tensor((0, 10**8, 10**8), (0, 0, 0))), "reaches outside its 4 numbers"),
    "short record": (entry(tensor((5,), (1,), count=5)), "data/0 has 16 bytes instead of 20"),
    "long record": (entry(tensor((3,), (1,), count=3)), "data/0 has 16 bytes instead of 12"),
    "no record": (entry(tensor((4,), (1,), key="../0")), "data/../0 has 0 bytes instead of 16"),
    "endless modules": (MODULE + b"q\0" + entry(b"h\0") + b"b", "modules without end"),
    "no tensors": (b"}", "no tensors found"),
    "no end": (text("a") + b"X\xff\0\0\0", "damaged: "),
    "no mark": (b"t", "damaged: "),
    "no memo": (b"h\x07", "damaged: "),
    "odd items": (b"}(" + text("a") + b"u", "damaged: "),
    "no opcode": (b"\xfe", "damaged: "),
    "long": (b"N" * 2**22, "data.pkl has 4194307 bytes; allowed: 4194304"),
}


@pytest.mark.parametrize("kind", BAD_PICKLES)
def test_a_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    pickled, message = BAD_PICKLES[kind]
    assert message in refusal(archive(Path("weights.pt"), pickled), read_tensors)
    assert os.listdir() == ["weights.pt"]


class _Command:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def test_a_command_in_a_checkpoint_is_not_run(tmp_path: Path, state: Tensors) -> None:
    path, touched = tmp_path / "weights.pt", tmp_path / "touched"
    torch.save({"model_state_dict": state, "epoch": _Command(f"echo > {touched}")}, path)
    assert refusal(path) == f"asks for {os.system.__module__}.system, {NO_TENSOR}"
    assert not touched.exists()


def test_modules_that_multiply_end(tmp_path: Path) -> None:
    """Sixty modules, each twice in the next: 2^60 names."""
    doubling = b"q\0}" + b"".join(text(name) + b"h\0s" for name in "ab")
    pickled = MODULE + b"".join(doubling + b"q\1" + MODULE + b"h\1b" for _ in range(60))
    assert "modules without end" in refusal(archive(tmp_path / "weights.pt", pickled), read_tensors)


def test_copies_of_a_storage_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = b"}" + b"".join(text(f"{i}") + WHOLE + b"s" for i in range(400))
    path = archive(tmp_path / "weights.pt", pickled)
    assert len(read_tensors(path)[0]) == 400
    monkeypatch.setattr(archives._Tensor, "size_bytes", 2**20)
    assert refusal(path, read_tensors) == f"tensors of {400 * 2**20} bytes; allowed: {weights.MAX_BYTES}"


def test_big_endian(tmp_path: Path) -> None:
    path = archive(tmp_path / "weights.pt", entry(WHOLE), byteorder=b"big")
    assert refusal(path, read_tensors) == "numbers stored big endian; allowed: little"


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as file:
        file.writestr("data.pkl", b"N.")
    assert "a zip without a data.pkl" in refusal(tmp_path / "weights.pt")


def declare(path: Path, unpacked: int) -> None:
    """Changes the size to which the first record of a zip says it unpacks, in the directory at the end."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, unpacked)
    path.write_bytes(data)


def test_a_zip_bomb_by_its_own_account(tmp_path: Path) -> None:
    path = archive(tmp_path / "weights.pt", entry(WHOLE))
    declare(path, 2**30)
    assert f"allowed: {weights.MAX_BYTES}" in refusal(path, read_tensors)


def test_a_zip_bomb_that_denies_it(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(2**24))
    declare(path, 100)
    assert "damaged: " in refusal(path, read_tensors)


def test_a_packing_without_bounds(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("archive/data.pkl", b"N.")
    assert "packed as PyTorch packs nothing" in refusal(path, read_tensors)


def test_a_long_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.BoundedFile, "limit", 600)
    path = archive(tmp_path / "weights.pt", entry(WHOLE), **{f"{i}": b"" for i in range(20)})
    assert "a zip with a directory of" in refusal(path, read_tensors)


def test_any_damage_is_one_line(tmp_path: Path, state: Tensors) -> None:
    """Bytes of the pickle and the directory changed at random: read all the same, or refused."""
    path, random = tmp_path / "weights.pt", torch.Generator().manual_seed(3)
    data = archive(path, MODULE + b"q\0" + entry(WHOLE) + b"b", byteorder=b"little").read_bytes()
    for _ in range(300):
        damaged = bytearray(data)
        place, value = (int(torch.randint(n, (), generator=random)) for n in (len(data), 256))
        damaged[place] = value
        path.write_bytes(damaged)
        try:
            read_tensors(path)
        except StockFileError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 (most, but not all, are refused)
