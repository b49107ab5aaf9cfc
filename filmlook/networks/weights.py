"""Weight files, those of strangers too: read without running anything in them (see `archive`), written as safetensors."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from filmlook.errors import StockFileError
from filmlook.files import atomic
from filmlook.networks.archive import MAX_BYTES, MAX_INDEX_BYTES, BoundedFile, WeightsError, escaped, read_archive
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.paths import BUILT_IN

_Network = TypeVar("_Network", bound=nn.Module)
_LISTED = 3  # tensors named in a message

_ZIP = b"PK\x03\x04"
_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # torch.serialization.MAGIC_NUMBER
_LEGACY_TAR = (b"sys_info\0", b"pickle\0", b"tensors\0", b"storages\0")  # the members of PyTorch's tar files of 2016

_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def load_digitalfilm(path: Path) -> tuple[DigitalFilm, dict[str, str]]:
    """The network of a weight file, float32 and in eval mode, without gradients; and the file's metadata.

    Leaves torch's random numbers as they are.

    Raises:
        StockFileError: as `read_tensors`; or the tensors are not those of a DigitalFilm: missing, unexpected, of another shape,
            not of floating point, not finite, or a variance below zero.
    """
    tensors, metadata = read_tensors(path)
    network = _empty(DigitalFilm)
    with _naming(path):
        network.load_state_dict(_checked(tensors, network.state_dict()))
    return network.eval().requires_grad_(False), metadata


def load_built_in(kind: type[_Network], name: str) -> _Network:
    """A network that comes with Film Look, float32 and in eval mode, without gradients: `models/networks/<name>.safetensors`.

    Leaves torch's random numbers as they are.

    Raises:
        StockFileError: as `read_tensors`; or the tensors are not this version's.
    """
    path = BUILT_IN / "networks" / f"{name}.safetensors"
    tensors, _ = read_tensors(path)
    network = _empty(kind)
    try:
        network.load_state_dict({name: t.float() for name, t in tensors.items()})
    except RuntimeError:
        raise StockFileError(f"{path}: not the weights of this version") from None
    return network.eval().requires_grad_(False)


def _empty(kind: type[_Network]) -> _Network:
    """A network without weights: they need no memory before they are read, and draw nothing from the generator a host has
    seeded."""
    with torch.device("meta"):
        network = kind()
    return network.to_empty(device="cpu")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, contiguous and on the CPU, and its metadata, which only safetensors has.

    Takes safetensors; what `torch.save` wrote of a state dict, bare or as `model_state_dict` or `state_dict` of a checkpoint;
    TorchScript. A prefix `module.` that all names share, from `DataParallel`, is taken off.

    Raises:
        StockFileError: the file cannot be read, is of another kind, damaged or too large, or asks for more than tensors.
    """
    with _naming(path):
        _check_file(path)
        with BoundedFile(io.FileIO(path)) as file:
            head = file.read(512)
            if head.startswith(_ZIP):
                return read_archive(file), {}
        if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < MAX_BYTES:
            return _read_safetensors(path, int.from_bytes(head[:8], "little"))
        if not head:
            raise WeightsError("the file is empty")
        if _LEGACY_MAGIC in head[:32] or (head[257:262] == b"ustar" and head.startswith(_LEGACY_TAR)):
            raise WeightsError(
                "in PyTorch's format from before 1.6; save it again with a current PyTorch, or convert it to safetensors"
            )
        raise WeightsError("neither safetensors nor a PyTorch file")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes safetensors; a file of that name is replaced once the new one is complete.

    Raises:
        StockFileError: the file cannot be written, or a tensor or the metadata is of a kind safetensors do not hold.
    """
    # Copies: safetensors refuses tensors that share memory or are not contiguous.
    copies = {k: t.detach().cpu().clone(memory_format=torch.contiguous_format) for k, t in tensors.items()}
    try:
        atomic.write_bytes(path, _sorted_header(safetensors.torch.save(copies, dict(metadata) or None)))
    except OSError as error:
        raise StockFileError(f"{path}: cannot be written: {error.strerror}") from None
    except (safetensors.SafetensorError, TypeError, ValueError, KeyError) as error:
        raise StockFileError(f"{path}: cannot be written as safetensors: {escaped(str(error))}") from error


def _sorted_header(data: bytes) -> bytes:
    """Safetensors whose header is in order: the library writes the metadata in another order each time."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # numbers begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + data[start:]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes every error one of ours that names the file."""
    try:
        yield
    except WeightsError as error:
        raise StockFileError(f"{path}: {error}") from None
    except OSError as error:
        raise StockFileError(f"{path}: cannot be read: {error.strerror or escaped(str(error))}") from None
    except Exception as error:  # whatever zipfile, safetensors or the machine trips over in a stranger's bytes
        raise StockFileError(f"{path}: damaged: {escaped(str(error) or type(error).__name__)}") from error


def _check_file(path: Path) -> None:
    """Refuses what is too large or no regular file; a pipe would have us wait for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise WeightsError("not a file")
    if status.st_size > MAX_BYTES:
        raise WeightsError(f"{status.st_size} bytes; allowed: {MAX_BYTES}")


# Checking the tensors of a DigitalFilm.


def _checked(tensors: Mapping[str, Tensor], network: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a DigitalFilm, float32, from a file's tensors. `network`: one with the right shapes."""
    counters = {name: torch.zeros_like(t) for name, t in network.items() if name.endswith(".num_batches_tracked")}
    expected = {name: tuple(t.shape) for name, t in network.items() if name not in counters}
    given = {name: t for name, t in tensors.items() if name not in counters}
    _refuse("missing of DigitalFilm's tensors", (name for name in expected if name not in given))
    _refuse("not among DigitalFilm's tensors", (escaped(name) for name in given if name not in expected))
    shapes = {name: tuple(given[name].shape) for name in expected}
    _refuse("wrong shape", (f"{k} {shapes[k]} instead of {v}" for k, v in expected.items() if shapes[k] != v))
    other = (f"{name} {given[name].dtype}" for name in expected if given[name].dtype not in _FLOATS)
    _refuse(f"wrong type; allowed: {', '.join(map(str, _FLOATS))}", other)
    state = {name: given[name].to(torch.float32) for name in expected}
    _refuse("numbers that are not finite", (name for name, t in state.items() if not torch.isfinite(t).all()))
    variances = (name for name, t in state.items() if name.endswith(".running_var") and (t < 0).any())
    _refuse("a variance below zero", variances)
    return {**state, **counters}


def _refuse(what: str, names: Iterable[str]) -> None:
    """Raises if there are any names."""
    if found := list(names):
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise WeightsError(f"{what}: {', '.join(found[:_LISTED])}{more}")


# Safetensors.


def _read_safetensors(path: Path, header_bytes: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    if header_bytes > MAX_INDEX_BYTES:
        raise WeightsError(f"a header of {header_bytes} bytes; allowed: {MAX_INDEX_BYTES}")
    with safetensors.safe_open(str(path), framework="pt") as file:
        # Copies: tensors mapped from the file keep it open, and change when it does.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (it is not a dict)
        return tensors, dict(file.metadata() or {})
