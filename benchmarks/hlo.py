"""What the instructions of a compiled program are: their kind of work, and their operations."""

import collections
import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping

from jaxsign.train import traces

PRODUCTS, CONVOLUTIONS, OTHERS = "matrix products", "convolutions", "others"
ATTENTION, NORMS, RANDOM = "attention (softmax)", "norms", "dropout, random numbers"
OPTIMIZER, COPIES, IDLE = "optimizer", "copies, layout", "idle"
KINDS = (
    PRODUCTS, CONVOLUTIONS, ATTENTION, NORMS, RANDOM, OPTIMIZER, COPIES, OTHERS, IDLE,
)  # fmt: skip

_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (\([^=]*?\)|\S+) ([\w\-]+)\((.*)$")
_SHAPE = re.compile(r"\w+\[([\d,]*)\]")
_CALLED = re.compile(r"\b(?:calls|body|to_apply)=%?([\w.\-]+)")
_OPERAND = re.compile(r"%([\w.\-]+)")
_DIMS = re.compile(r"lhs_contracting_dims=\{([\d,]*)\}")
_LABELS = re.compile(r"dim_labels=\w+_(\w+)->")
# These move numbers or make none.
_MOVING = frozenset(
    "bitcast bitcast-convert broadcast concatenate convert copy copy-done copy-start dynamic-slice "
    "dynamic-update-slice gather iota pad reshape reverse slice transpose".split()
)
_NOTHING = frozenset("constant get-tuple-element parameter tuple".split())
# By the path of an instruction, in this order; `attend`, `depthwise` and `optimizer` are scopes.
_BY_PATH = {
    RANDOM: re.compile(r"threefry|random_|dropout|droppath|/drop/|/(xor|shift_\w+)$", re.I),
    OPTIMIZER: re.compile(r"/optimizer/"),
    NORMS: re.compile(r"/\w*norm\w*/", re.I),
    CONVOLUTIONS: re.compile(r"/\w*depthwise/"),
    ATTENTION: re.compile(r"/attend/"),
}


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of a program.

    Attributes:
      shape: of its result, the first one of a tuple.
      elements: of all its results.
      called: computations that it is made of.
      rest: operands and all else.
    """

    name: str
    opcode: str
    shape: tuple[int, ...]
    elements: int
    called: tuple[str, ...]
    rest: str


class Program:
    """A compiled program.

    Args:
      text: as XLA prints it.
    """

    def __init__(self, text: str):
        self._inside: dict[str, list[Instruction]] = {}
        current: list[Instruction] = []
        for line in text.splitlines():
            if begin := _COMPUTATION.match(line):
                current = self._inside.setdefault(begin[1], [])
            elif found := _INSTRUCTION.match(line):
                current.append(_instruction(*found.groups()))
        self._paths = traces.paths(text)
        self._named = {one.name: one for of in self._inside.values() for one in of}

    def path(self, name: str) -> str:
        """Of an instruction; "" for one that the compiler added."""
        return self._paths.get(name, "")

    @functools.cache  # noqa: B019 - a program lives as long as the process
    def kind(self, name: str) -> str:
        """One of `KINDS`.

        A fused instruction with a product is one; else it is what most of the numbers that it
        computes are.
        """
        if name not in self._named:
            return OTHERS
        parts = [one for one in self._parts(self._named[name]) if one.opcode not in _NOTHING]
        opcodes = {one.opcode for one in parts}
        for opcode, kind in (("dot", PRODUCTS), ("convolution", CONVOLUTIONS)):
            if opcode in opcodes:
                return kind
        votes = collections.Counter[str]()
        for one in parts:
            if one.opcode not in _MOVING:
                votes[self._by_path(one)] += one.elements
        return votes.most_common(1)[0][0] if votes else COPIES

    @functools.cache  # noqa: B019
    def operations(self, name: str) -> float:
        """Floating-point operations of the products and convolutions in an instruction."""
        if name not in self._named:
            return 0.0
        return sum(_operations(one, self._named) for one in self._parts(self._named[name]))

    def _by_path(self, one: Instruction) -> str:
        if one.opcode.startswith("rng"):
            return RANDOM
        path = self.path(one.name)
        return next((kind for kind, words in _BY_PATH.items() if words.search(path)), OTHERS)

    def _parts(self, one: Instruction) -> Iterator[Instruction]:
        if one.opcode in ("fusion", "call"):
            for called in one.called:
                for inner in self._inside[called]:
                    yield from self._parts(inner)
        else:
            yield one


def _instruction(name: str, kind: str, opcode: str, rest: str) -> Instruction:
    shapes = [tuple(int(n) for n in dims.split(",") if n) for dims in _SHAPE.findall(kind)]
    return Instruction(
        name=name,
        opcode=opcode,
        shape=shapes[0] if shapes else (),
        elements=sum(math.prod(shape) for shape in shapes),
        called=tuple(_CALLED.findall(rest)),
        rest=rest,
    )


def _operations(one: Instruction, named: Mapping[str, Instruction]) -> float:
    """Of a product 2 m k n; of a convolution as many a result as a kernel has numbers."""
    operands = [named[word].shape for word in _OPERAND.findall(one.rest)[:2] if word in named]
    dims, labels = _DIMS.search(one.rest), _LABELS.search(one.rest)
    if one.opcode == "dot" and dims and operands:
        each = math.prod(operands[0][int(n)] for n in dims[1].split(",") if n)
    elif one.opcode == "convolution" and labels and len(operands) == 2:
        kernel = operands[1]
        each = math.prod(kernel) // kernel[labels[1].index("o")]
    else:
        return 0.0
    return 2.0 * one.elements * each
