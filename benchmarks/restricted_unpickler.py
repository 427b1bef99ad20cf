"""Reads plain data out of a pickle, and runs nothing.

A pickle is a program for a small stack machine. The standard machine can import and call anything, so this
is one of our own that knows only the instructions that build data: it contains no import of what a file
names and no call of what a file brings. Names are compared with a short list and become inert markers.

Admitted are None, booleans, numbers, strings, bytes, lists, tuples, dictionaries, numpy scalars (which
become Python numbers) and the record classes of AnalogNAS-Bench (which become :class:`Record`).

Notation::

    stack   values not yet part of another
    marks   depths of the stack at which a group of values begins
    memo    values that later instructions refer to by number
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.errors import TableDamaged


@dataclass(slots=True)
class Record:
    """An instance of a record class: its class's name and its attributes, without behaviour."""

    kind: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost. Memory is bounded by both: an instruction makes at most one value.

    Args:
        size: bytes of the file.
        instructions: the largest table has 2.2 million.
    """

    size: int = 8 * 2**20
    instructions: int = 3_000_000


@dataclass(frozen=True, slots=True)
class _RecordClass:
    name: str


@dataclass(frozen=True, slots=True)
class _ScalarFunction:
    """Stands for numpy's function that makes a scalar of a data type and bytes."""


@dataclass(frozen=True, slots=True)
class _TypeClass:
    """Stands for ``numpy.dtype``."""


@dataclass(slots=True)
class _Type:
    """A numpy data type: a letter of :mod:`struct` and the byte order that a later instruction sets."""

    letter: str
    order: str = "="

    def number(self, raw: bytes) -> object:
        """The Python number whose bytes these are."""
        form = self.order + self.letter
        if len(raw) != struct.calcsize(form):
            raise TableDamaged(
                f"a numpy scalar of {len(raw)} bytes where its type has {struct.calcsize(form)}"
            )
        return struct.unpack(form, raw)[0]


_NAMES: dict[tuple[str, str], object] = {
    ("analognasbench.data", "Architecture"): _RecordClass("Architecture"),
    ("analognasbench.data", "DriftMeasurement"): _RecordClass("DriftMeasurement"),
    ("numpy", "dtype"): _TypeClass(),
    ("numpy.core.multiarray", "scalar"): _ScalarFunction(),
    ("numpy._core.multiarray", "scalar"): _ScalarFunction(),
}
_LETTERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "b1": "?"}
_ORDERS = {"<": "<", ">": ">", "=": "=", "|": "="}


def load(data: bytes, limits: Limits | None = None) -> object:
    """The plain value that a pickle of protocol 2 to 5 describes (bytes from 3 on: before, they are a call).

    >>> load(bytes.fromhex("80047d94284b014b02752e"))
    {1: 2}

    Raises:
        TableDamaged: for anything else, with the place where reading stopped.
    """
    limits = limits or Limits()
    if len(data) > limits.size:
        raise TableDamaged(f"the file has {len(data)} bytes, more than the {limits.size} admitted")
    machine = _Machine(data)
    try:
        return machine.run(limits.instructions)
    except TableDamaged as error:
        raise TableDamaged(f"{error} (byte {machine.position})") from None
    except (IndexError, KeyError, UnicodeDecodeError):
        raise TableDamaged(f"the file is malformed at byte {machine.position}") from None


class _Machine:
    """The stack machine; one method an instruction."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self, instructions: int) -> object:
        """Follows the file to its STOP."""
        for _ in range(instructions):
            code = self.take(1)
            if code == b".":
                if len(self.stack) != 1 or self.marks:
                    raise TableDamaged("the file ends with values left over")
                return self.stack.pop()
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise TableDamaged(f"instruction 0x{code.hex()} may not stand in a table")
            instruction(self)
        raise TableDamaged(f"the file has more than the {instructions} instructions admitted")

    def take(self, count: int) -> bytes:
        """The next bytes of the file."""
        end = self.position + count
        if end > len(self.data):
            raise TableDamaged("the file is cut off")
        raw = self.data[self.position : end]
        self.position = end
        return raw

    def integer(self, size: int, *, signed: bool = False) -> int:
        """The next ``size`` bytes as a little-endian number."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> str:
        """The text up to the next line end."""
        end = self.data.find(b"\n", self.position, self.position + 256)
        if end < 0:
            raise TableDamaged("the file is cut off in a name")
        text = self.take(end - self.position).decode("ascii")
        self.take(1)
        return text

    def group(self) -> list[object]:
        """Takes the values since the last mark off the stack."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def push(self, value: object) -> None:
        self.stack.append(value)

    # instructions whose work is more than one line
    def protocol(self) -> None:
        if not 2 <= self.integer(1) <= 5:
            raise TableDamaged("the pickle's protocol is not 2 to 5")

    def frame(self) -> None:
        """A frame only says how many bytes to read at once; they are all here."""
        self.take(8)

    def text(self, size: int) -> None:
        self.push(self.take(self.integer(size)).decode("utf-8"))

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise TableDamaged("a tuple of values that are not there")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(values)

    def append(self, values: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TableDamaged("values appended to something that is no list")
        target.extend(values)

    def set_items(self, values: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(values) % 2:
            raise TableDamaged("items set in something that is no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_plain_key(key)] = value

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def name(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TableDamaged("a name that is no text")
        if (module, name) not in _NAMES:
            raise TableDamaged(f"the file names {module[:80]}.{name[:80]}, which may not stand in a table")
        self.push(_NAMES[module, name])

    def stack_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def new_record(self) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        if not isinstance(cls, _RecordClass) or arguments != ():
            raise TableDamaged("an object that is no record")
        self.push(Record(cls.name))

    def reduce(self) -> None:
        """Where the standard machine would call a function: only numpy's scalars and types, made by hand."""
        arguments, function = self.stack.pop(), self.stack.pop()
        match function, arguments:
            case _ScalarFunction(), (_Type() as kind, bytes() as raw):
                self.push(kind.number(raw))
            case _TypeClass(), (str() as code, bool(), bool()) if code in _LETTERS:
                self.push(_Type(_LETTERS[code]))
            case _:
                raise TableDamaged("a call of something that is neither a number nor a numpy type")

    def build(self) -> None:
        """Sets the attributes of the record, or the byte order of the type, on top of the stack."""
        state, target = self.stack.pop(), self.stack[-1]
        match target, state:
            case Record(), dict() if all(type(key) is str for key in state):
                target.fields = state
            case _Type(), (3, str() as order, None, None, None, -1, -1, 0) if order in _ORDERS:
                target.order = _ORDERS[order]
            case _:
                raise TableDamaged("attributes for something that is no record")


def _plain_key(key: object) -> object:
    """A dictionary's key: text, a number or a flat tuple of them, so that hashing it stays cheap."""
    if type(key) in (str, int, float) or (
        type(key) is tuple and len(key) <= 32 and all(type(part) in (str, int, float) for part in key)
    ):
        return key
    raise TableDamaged("a dictionary's key is neither text nor a number nor a tuple of them")


# The instructions by their code, grouped as the standard library's ``pickletools`` does.
_INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _Machine.protocol,
    b"\x95": _Machine.frame,
    # constants and numbers
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.integer(1)),
    b"M": lambda m: m.push(m.integer(2)),
    b"J": lambda m: m.push(m.integer(4, signed=True)),
    b"\x8a": lambda m: m.push(m.integer(m.integer(1), signed=True)),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    # text and bytes, behind a length of 1, 4 or 8 bytes
    b"\x8c": lambda m: m.text(1),
    b"X": lambda m: m.text(4),
    b"\x8d": lambda m: m.text(8),
    b"C": lambda m: m.push(m.take(m.integer(1))),
    b"B": lambda m: m.push(m.take(m.integer(4))),
    b"\x8e": lambda m: m.push(m.take(m.integer(8))),
    # containers
    b"(": lambda m: m.marks.append(len(m.stack)),
    b")": lambda m: m.push(()),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"t": lambda m: m.push(tuple(m.group())),
    b"]": lambda m: m.push([]),
    b"a": lambda m: m.append([m.stack.pop()]),
    b"e": lambda m: m.append(m.group()),
    b"}": lambda m: m.push({}),
    b"s": _Machine.set_item,
    b"u": lambda m: m.set_items(m.group()),
    # memo
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"q": lambda m: m.remember(m.integer(1)),
    b"r": lambda m: m.remember(m.integer(4)),
    b"h": lambda m: m.push(m.memo[m.integer(1)]),
    b"j": lambda m: m.push(m.memo[m.integer(4)]),
    # names, records, numpy's scalars
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": _Machine.stack_name,
    b"\x81": _Machine.new_record,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
}
