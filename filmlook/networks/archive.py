"""PyTorch's archives, those of strangers too: tensors read without running anything in them.

An archive, from `torch.save` and from `torch.jit.save` alike, is a zip of

    <name>/data.pkl      objects, pickled; a tensor names the record, the offset, the size and the strides of its numbers
    <name>/data/<key>    the numbers of a storage, nothing else
    <name>/byteorder     "little" or "big"; absent before PyTorch 2.1, then little

and records not looked at here, a TorchScript's code among them. The pickle is not unpickled but interpreted, by `_Machine`: a
pickle may name a few things and build lists, dicts, tuples and the two records `_Storage` and `_Tensor`, and can call nothing.
That is also why Python's own `pickle.Unpickler` is not used: with any `find_class` it grows its memo to the index a file asks
for (`LONG_BINPUT 0xffffffff`: 64 GB), and hashes any key (nested tuples: for ever).
"""

from __future__ import annotations

import io
import math
import pickletools
import re
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

MAX_BYTES = 256 * 2**20  # of a file, and of what it unpacks to; DigitalFilm is 3 MB, 10 MB with its optimizer
# Of headers, directories and pickles, of which a byte may become a hundred in memory; usual: 30 kB.
MAX_INDEX_BYTES = 4 * 2**20
_MAX_OBJECTS = 100_000  # visited in a TorchScript, where a few objects that hold each other would make endless names
MAX_NAME = 200  # characters
_MAX_DIMENSIONS = 8
_MAX_ARGUMENTS = 8

_STATE_DICTS = ("model_state_dict", "state_dict")
_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}


class WeightsError(Exception):
    """What is wrong with a file, before its path is put in front."""


def escaped(text: str) -> str:
    """A stranger's text as part of one line."""
    plain = text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= MAX_NAME else plain[:MAX_NAME] + "..."


class _Global(NamedTuple):
    """A class or function a pickle names; only a name."""

    name: str


class _Object:
    """A TorchScript module: its attributes, of whatever class it says it is."""

    __slots__ = ("attributes",)

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}


class _Storage(NamedTuple):
    """Where the numbers of tensors lie: the record `data/<key>`, `length` of them."""

    dtype: torch.dtype
    key: str
    length: int


class _Tensor(NamedTuple):
    """A tensor not read yet. It lies inside its storage and has no more elements than that."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.size) * _item_bytes(self.storage.dtype)


class BoundedFile(io.BufferedReader):
    """A file that reads at most `limit` bytes at once: the directory of a hostile zip is as long as the file."""

    limit = MAX_INDEX_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self.limit if size is None or size < 0 else size
        if wanted > self.limit:
            raise WeightsError(f"a zip with a directory of {wanted} bytes; allowed: {self.limit}")
        return super().read(wanted)


class _Archive:
    """The records of a PyTorch zip, by their names without `<name>/`."""

    def __init__(self, file: BoundedFile) -> None:
        self._zip = zipfile.ZipFile(file)
        file.limit = MAX_BYTES
        unpacked = sum(info.file_size for info in self._zip.infolist())
        if unpacked > MAX_BYTES:
            raise WeightsError(f"unpacks to {unpacked} bytes; allowed: {MAX_BYTES}")
        roots = [name[: -len("data.pkl")] for name in self._zip.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if not roots:
            raise WeightsError("a zip without a data.pkl, so not a PyTorch file")
        self._root = roots[0]
        self._storages: dict[str, bytearray] = {}

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """A whole record; a missing one is empty. No more is unpacked than the directory says, which is within limits."""
        try:
            info = self._zip.getinfo(self._root + name)
        except KeyError:
            return b""
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile unpacks others without bounds
            raise WeightsError(f"{escaped(name)} is packed as PyTorch packs nothing (method {info.compress_type})")
        if info.file_size > limit:
            raise WeightsError(f"{escaped(name)} has {info.file_size} bytes; allowed: {limit}")
        with self._zip.open(info) as record:
            return record.read(info.file_size)

    def tensor(self, wanted: _Tensor) -> Tensor:
        """A copy of the tensor, contiguous."""
        dtype, key, count = wanted.storage
        if key not in self._storages:
            self._storages[key] = bytearray(self.read(f"data/{key}"))
        numbers, expected = self._storages[key], count * _item_bytes(dtype)
        if len(numbers) != expected:
            raise WeightsError(f"damaged: the record data/{escaped(key)} has {len(numbers)} bytes instead of {expected}")
        flat = torch.frombuffer(numbers, dtype=dtype) if count else torch.empty(0, dtype=dtype)
        view = flat.as_strided(wanted.size, wanted.stride, wanted.offset)
        return view.clone(memory_format=torch.contiguous_format)


def _item_bytes(dtype: torch.dtype) -> int:
    return torch.empty(0, dtype=dtype).element_size()  # dtype.itemsize came with PyTorch 2.1


def read_archive(file: BoundedFile) -> dict[str, Tensor]:
    """The tensors of an archive by name, contiguous and on the CPU.

    Raises:
        WeightsError: the archive is too large, asks for more than tensors, or is damaged in a way this finds.
        Exception: of various kinds, for other damage.
    """
    archive = _Archive(file)
    order = archive.read("byteorder", MAX_NAME) or b"little"
    if order != b"little":
        raise WeightsError(f"numbers stored {escaped(order.decode('latin-1'))} endian; allowed: little")
    root = _Machine().run(archive.read("data.pkl", MAX_INDEX_BYTES))
    found = _attributes(root) if isinstance(root, _Object) else _state_dict(root)
    if not found:
        raise WeightsError(f"no tensors found; allowed: a state dict, or a dict that holds one as {' or '.join(_STATE_DICTS)}")
    if all(name.startswith("module.") for name in found):
        found = {name[len("module.") :]: tensor for name, tensor in found.items()}
    # Many tensors may share one storage, and each becomes a copy.
    total = sum(tensor.size_bytes for tensor in found.values())
    if total > MAX_BYTES:
        raise WeightsError(f"tensors of {total} bytes; allowed: {MAX_BYTES}")
    return {name: archive.tensor(tensor) for name, tensor in found.items()}


def _state_dict(root: Any) -> dict[str, _Tensor]:
    """The tensors of a state dict, or of the one inside a checkpoint."""
    if not isinstance(root, dict):
        return {}
    inner = [root[key] for key in _STATE_DICTS if isinstance(root.get(key), dict)]
    return {name: value for name, value in (inner or [root])[0].items() if isinstance(value, _Tensor)}


def _attributes(root: _Object) -> dict[str, _Tensor]:
    """The tensors of a TorchScript module and its children, by dotted names."""
    found: dict[str, _Tensor] = {}
    visited, open_objects = 0, [("", root)]
    while open_objects:
        prefix, parent = open_objects.pop()
        visited += 1 + len(parent.attributes)
        longest = len(prefix) + max(map(len, parent.attributes), default=0)
        if visited > _MAX_OBJECTS or longest > MAX_NAME:
            raise WeightsError(f"modules without end; allowed: {_MAX_OBJECTS} attributes, names of {MAX_NAME} characters")
        for name, value in parent.attributes.items():
            if isinstance(value, _Object):
                open_objects.append((f"{prefix}{name}.", value))
            elif isinstance(value, _Tensor):
                found[prefix + name] = value
    return found


# The pickle inside.


def _rebuild_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, hooks: Any = None
) -> _Tensor:
    """A tensor's description, checked. A seventh argument would say that the numbers are negated or conjugated: not taken."""
    if not (isinstance(storage, _Storage) and isinstance(size, tuple) and isinstance(stride, tuple)):
        raise WeightsError("damaged: a tensor without storage, size or strides")
    if len(size) != len(stride) or len(size) > _MAX_DIMENSIONS or not all(map(_is_count, (offset, *size, *stride))):
        raise WeightsError("damaged: a tensor whose offset, size and strides make no sense")
    end = offset if 0 in size else offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # The second: a stride of 0 would make any number of elements of one.
    if end > storage.length or math.prod(n or 1 for n in size) > max(storage.length, 1):
        raise WeightsError(
            f"damaged: a tensor {size} with strides {stride} at {offset} reaches outside its {storage.length} numbers"
        )
    return _Tensor(storage, offset, size, stride)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_BYTES


_BUILDERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": lambda tensor, requires_grad, hooks: tensor,
    "collections.OrderedDict": lambda: {},
    "torch.Size": lambda sizes: sizes,
    "torch.device": lambda *_: None,
    **{f"torch.jit._pickle.build_{kind}list": lambda items: items for kind in ("int", "tensor", "double", "bool")},
    "torch.jit._pickle.restore_type_tag": lambda value, tag: value,
}
"""What a pickle may "call": ours, each of which only hands on its arguments or a new value."""


def _named(name: str) -> _Global:
    if len(name) > MAX_NAME:
        raise WeightsError(f"damaged: asks for {escaped(name)}; allowed: names of {MAX_NAME} characters")
    if name not in _BUILDERS and name not in _DTYPES and not name.startswith("__torch__."):
        raise WeightsError(f"asks for {escaped(name)}, which is not a tensor; refused")
    return _Global(name)


class _Machine:
    """Interprets a pickle. Its values are numbers, strings, lists, tuples, dicts and the classes above, none of which run code.

    Dicts keep only what has a string as key: optimizer states by number are of no use here, and tuples may hash for ever.
    Nothing recurses, and no step copies what earlier ones have built, lest a short pickle repeat that: time and memory are in
    proportion to its length. The opcodes are described in `pickletools`, and lead to methods by `_ACTIONS`.
    """

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self, pickled: bytes) -> Any:
        """The object a pickle makes.

        Raises:
            WeightsError: the pickle asks for what is not a tensor, or is damaged in a way this finds.
            Exception: of various kinds, for other damage.
        """
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "STOP":
                return self.pop()
            if opcode.name in _LITERALS:
                self.push(argument)
            elif opcode.name in _ACTIONS:
                _ACTIONS[opcode.name](self, argument)
            else:
                raise WeightsError(f"its pickle uses {opcode.name}, which a file of tensors has no need of; refused")
        raise WeightsError("damaged: its pickle does not end")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        return self._stack.pop()

    def ignore(self, _: Any) -> None:
        pass

    def mark(self, _: Any) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marked.pop()
        return items

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def memoize(self, _: Any) -> None:
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        self.push(self._memo[index])

    def tuple_of(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def update(self, items: list[Any]) -> None:
        pairs = zip(items[::2], items[1::2], strict=True)
        self._top(dict).update((key, value) for key, value in pairs if type(key) is str)

    def _top(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise WeightsError(f"damaged: its pickle treats as a {kind.__name__} what is none")
        return self._stack[-1]

    def global_(self, name: str) -> None:
        self.push(_named(name.replace(" ", ".", 1)))

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not type(name) is type(module) is str:
            raise WeightsError("damaged: its pickle asks for something without a name")
        self.push(_named(f"{module}.{name}"))

    def reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Global) or function.name not in _BUILDERS:
            raise WeightsError("damaged: its pickle calls what is no function")
        if type(arguments) is not tuple or len(arguments) > _MAX_ARGUMENTS:
            raise WeightsError(f"damaged: its pickle calls {function.name} with what it does not take")
        self.push(_BUILDERS[function.name](*arguments))

    def new_object(self, _: Any) -> None:
        arguments, kind = self.pop(), self.pop()
        if not isinstance(kind, _Global) or not kind.name.startswith("__torch__.") or arguments != ():
            raise WeightsError("damaged: its pickle makes an object of what is no class")
        self.push(_Object())

    def build(self, _: Any) -> None:
        """A module's attributes. Those of a state dict, the versions of its modules, are of no use here."""
        state = self.pop()
        target = self._stack[-1]
        if type(state) is not dict or type(target) not in (_Object, dict):
            raise WeightsError("damaged: its pickle gives attributes to what has none")
        if type(target) is _Object:
            target.attributes = state

    def persistent_id(self, _: Any) -> None:
        """A storage: ("storage", its type, the key of its record, the device it was on, how many numbers it holds)."""
        what, kind, key, _device, count = self.pop()
        dtype = _DTYPES.get(kind.name) if isinstance(kind, _Global) else None
        if what != "storage" or dtype is None or type(key) is not str or not _is_count(count):
            raise WeightsError("damaged: its pickle refers to a storage in no known way")
        self.push(_Storage(dtype, key, count))


_LITERALS = (
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _Machine.ignore,
    "FRAME": _Machine.ignore,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": _Machine.mark,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "EMPTY_TUPLE": lambda machine, _: machine.tuple_of(0),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "SETITEM": lambda machine, _: machine.update([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.update(machine.since_mark()),
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new_object,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
}
"""The opcodes that `torch.save` and TorchScript write, with any protocol from 2; no OBJ, INST, EXT or NEWOBJ_EX."""
