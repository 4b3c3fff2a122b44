"""Which form of a matrix product is fastest here: measured once, and kept.

`Kernels.form` gives the form for a product. The first time that a machine asks for products of about this shape, the
forms of `engine/products.py` are timed on random numbers; the result is kept in the user's cache folder, one small file
per machine. A file that is damaged, or of another machine or other versions, is not used, and replaced.

Choices depend on times: two machines may choose differently, and so may one machine after its file is deleted. A
training run keeps its choices in its checkpoints, so that a resumed run computes exactly what an uninterrupted one
does.

The environment variable `SRNET_KERNELS` can force one form for all products: mm, numpy, linear or convolution; auto,
the default, measures.
"""

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from srnet_core.engine.few_rows import FEW_ROWS
from srnet_core.engine.low_precision import PRECISIONS
from srnet_core.engine.openblas import NumPyThreads
from srnet_core.engine.products import FORMS, MM, Form
from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write, user_cache_folder
from srnet_core.lookup import choose

VARIABLE, AUTO = "SRNET_KERNELS", "auto"
_EVERYTHING = "all products"
FOLDER = "kernels"

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, CONSTANT = "forward", "input gradient", "weight gradient", "inference"
KINDS = (FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, CONSTANT)
"""What a product is for, which decides how its matrices lie in memory: a times b for weights W (O, K) that change,
gradient times W, gradient transposed times input and added up, and input times weights (K, O) that never change."""

_ROWS = (1, 2, 4, 16, 64, 128, 256, 512)  # numbers of rows that are measured; others take the nearest
# numbers of channels, likewise: of keypoints, a group at one tap, a group at all taps; some libraries need far longer
# for numbers that are not multiples of a vector
_VECTOR = 16
_WHOLE_VECTORS, _OTHERS = (32, 256, 640), (24, 195, 585)
_WORTH = 1 << 20  # multiply-adds of a product; smaller ones cost mostly the call, and torch's own is the cheapest
_WORTH_CONSTANT = 1 << 16  # where preparations are made once
_WORTH_LOW = 1 << 10  # numbers of a weight; for smaller ones the conversion takes longer than the product
_CHANNELS = 1024  # of a network; the distance between rows
_ROUNDS = 3
_HOPELESS = 1.3  # a form that is so many times slower than another at first is not measured further
_GAIN = 1.03  # another form than torch's own must be so many times faster
_SECONDS = 0.8  # of computing in one process; then torch's own form is used where nothing is known yet
_BUFFERS_BYTES = 32 << 20  # weights measured in turn, so that few rows find them where a network would
_MOST_BYTES = 1 << 20  # of a file


class Question(NamedTuple):
    """Products of about this shape: (rows, inner) times (inner, outer), each the nearest number that is measured."""

    kind: str
    rows: int
    inner: int
    outer: int
    dtype: str
    threads: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.rows} x {self.inner} x {self.outer}, {self.dtype}, {self.threads} threads"


@dataclass(frozen=True)
class Choice:
    """The fastest form, and its speed in 10^9 operations per second when it was measured."""

    form: str
    gflops: float


class Kernels:
    """The forms of products, each chosen once and then kept.

    Args:
        forced: the name of a form for all products that it can compute; `None` to choose by measuring.
        known: earlier choices; those that cannot be used any more are made again.
        ask: who answers a question that is not known; by default this machine is measured.
        precision: one of `low_precision.PRECISIONS`, for inference.

    Raises:
        ConfigError: this processor cannot compute with that precision.
        UnknownNameError: there is no such precision.
    """

    def __init__(
        self,
        forced: str | None = None,
        known: Mapping[str, Choice] | None = None,
        ask: "Callable[[Question], Choice] | None" = None,
        precision: str = "fp32",
    ):
        self.forced, self.precision = forced, choose("precision", precision, PRECISIONS, where="precision")
        self._low = PRECISIONS[precision]
        if self._low is not None and not self._low.usable(torch.float32):
            raise ConfigError(
                f"this processor has no instructions for {precision} products", where="precision", todo="Use fp32"
            )
        self._known = dict(known or {})
        self._ask = ask or measured
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._lock = RLock()
        self.used: dict[str, Choice] = {}

    def form(self, kind: str, rows: int, inner: int, outer: int, dtype: torch.dtype) -> Form:
        """The form for products of (rows, inner) by (inner, outer) with as many threads as torch uses now."""
        key = kind, rows, inner, outer, dtype, torch.get_num_threads()
        found = self._forms.get(key)
        if found is None:
            with self._lock:  # one thread measures, the others wait
                found = self._forms[key] = self._form(*key)
        return found

    @property
    def long_blocks(self) -> bool:
        """Whether products are fastest with many rows, whatever was measured."""
        return self._low is not None

    def speed(self, kind: str, rows: int, inner: int, outer: int, dtype: torch.dtype) -> float:
        """Speed of `form` in 10^9 operations per second; 0 where nothing was measured."""
        question = _question(kind, rows, inner, outer, dtype, torch.get_num_threads())
        self.form(kind, rows, inner, outer, dtype)
        choice = self.used.get(str(question))
        return choice.gflops if choice is not None else 0.0

    def _form(self, kind: str, rows: int, inner: int, outer: int, dtype: torch.dtype, threads: int) -> Form:
        if self._low is not None and kind == CONSTANT and rows > FEW_ROWS and self._low.usable(dtype):
            return self._low if inner * outer >= _WORTH_LOW else MM
        if self.forced is not None:
            form = FORMS[self.forced]
            return form if form.usable(dtype) else MM
        least = _WORTH_CONSTANT if kind == CONSTANT else _WORTH
        if rows * inner * outer < least or not dtype.is_floating_point or dtype.itemsize < 4:
            return MM
        question = _question(kind, rows, inner, outer, dtype, threads)
        choice = self._known.get(str(question))
        if choice is None or not _can_use(choice.form, dtype):
            choice = self._ask(question)
        self.used[str(question)] = choice
        return FORMS[choice.form]

    def remember(self, stored: Mapping[str, Mapping[str, str]]) -> None:
        """Continue with what a run has used; see `to_store`. Choices of another machine are not used here.

        A form that `SRNET_KERNELS` forces stays forced.
        """
        of_machine = dict(stored.get(machine(), {}))
        everything = of_machine.pop(_EVERYTHING, None)
        with self._lock:
            if self.forced is None and everything in FORMS:
                self.forced = everything
            self._known |= {question: Choice(form, 0.0) for question, form in of_machine.items() if form in FORMS}
            self._forms.clear()

    def to_store(self) -> dict[str, dict[str, str]]:
        """What was used, as plain values: {machine: {products: form}}; empty where nothing was chosen."""
        used = {question: choice.form for question, choice in sorted(self.used.items())}
        if self.forced is not None:
            used = {_EVERYTHING: self.forced}
        return {machine(): used} if used else {}

    def answer(self, question: Question) -> Choice:
        """As `form`, for a question of another `Kernels`."""
        self.form(*question[:4], getattr(torch, question.dtype))
        return self.used.get(str(question), Choice(MM.name, 0.0))

    def __reduce__(self) -> tuple[Any, ...]:
        return default_kernels, (self.precision,)  # a copy on another machine chooses for itself


def forced_form() -> str | None:
    """The form that `SRNET_KERNELS` asks for; `None` if forms are to be measured.

    Raises:
        UnknownNameError: there is no such form.
    """
    asked = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    name = choose("kernel", asked, [AUTO, *FORMS], where=VARIABLE)
    return None if name == AUTO else name


def default_kernels(precision: str = "fp32") -> Kernels:
    """The kernels of this machine, as `SRNET_KERNELS` asks for.

    Args:
        precision: see `Kernels`.

    Raises:
        UnknownNameError: `SRNET_KERNELS` names a form that does not exist.
        ConfigError: this processor cannot compute with that precision.
    """
    forced = forced_form()
    if precision != "fp32":
        return Kernels(forced, ask=lambda question: _of_this_machine().answer(question), precision=precision)
    return _of_this_machine() if forced is None else Kernels(forced)


def kernels_of_run() -> Kernels:
    """Kernels of one training run, which tell what the run has used.

    Raises:
        UnknownNameError: `SRNET_KERNELS` names a form that does not exist.
    """
    return Kernels(forced_form(), ask=lambda question: _of_this_machine().answer(question))


def choices_here() -> dict[str, Choice]:
    """The choices of this machine so far, those of earlier processes included; none if a form is forced."""
    if forced_form() is not None:
        return {}
    return kept_choices() | _of_this_machine().used


@cache
def machine() -> str:
    """What choices depend on: processor and versions of the libraries, in one line."""
    return ", ".join(
        (
            processor(),
            torch.backends.cpu.get_cpu_capability(),
            f"{os.cpu_count()} cores",
            f"torch {torch.__version__}",
            f"numpy {np.__version__}",
        )
    )


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def kept_choices() -> dict[str, Choice]:
    """The choices in the file of this machine; nothing if there is none that can be used."""
    return read_choices(choices_file())


def choices_file() -> Path:
    """The file of this machine in the user's cache folder."""
    return user_cache_folder() / FOLDER / f"{hashlib.sha256(machine().encode()).hexdigest()[:16]}.json"


def read_choices(path: Path) -> dict[str, Choice]:
    """The choices of a file that this machine wrote. Damaged and foreign files count as missing."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["machine"] != machine() or stored["digest"] != _digest(stored["choices"]):
            return {}
        found = {str(q): Choice(str(c["form"]), float(c["gflops"])) for q, c in stored["choices"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {q: c for q, c in found.items() if c.form in FORMS and math.isfinite(c.gflops) and c.gflops >= 0}


def write_choices(path: Path, choices: Mapping[str, Choice]) -> None:
    """Write choices with what they depend on; where the folder cannot be written to, nothing is kept."""
    table = {question: {"form": c.form, "gflops": c.gflops} for question, c in sorted(choices.items())}
    with suppress(OSError), atomic_write(path, "w") as file:
        json.dump({"machine": machine(), "digest": _digest(table), "choices": table}, file, indent=1)
        file.write("\n")


def _digest(table: Any) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def measured(question: Question) -> Choice:
    """Time the forms that can compute such a product; the fastest one."""
    dtype = getattr(torch, question.dtype)
    case = _case(question, dtype)
    usable = [form for form in FORMS.values() if form.usable(dtype)]
    with torch.inference_mode(), NumPyThreads(question.threads):
        seconds = _seconds({form.name: case.calls(form) for form in usable}, _clock(question.threads))
    best = min(seconds, key=lambda name: seconds[name])
    if seconds[best] * _GAIN > seconds[MM.name]:
        best = MM.name
    operations = 2 * question.rows * question.inner * question.outer
    return Choice(best, round(operations / max(seconds[best], 1e-9) / 1e9, 1))


@cache
def _of_this_machine() -> Kernels:
    return Kernels(None, kept_choices(), _Measurements())


class _Measurements:
    """Measures for as long as is allowed, and adds what is found to the file of this machine."""

    def __init__(self) -> None:
        self._left = _SECONDS

    def __call__(self, question: Question) -> Choice:
        if self._left <= 0:
            return Choice(MM.name, 0.0)
        started = time.process_time()  # which does not count the waiting for other programs
        choice = measured(question)
        self._left -= time.process_time() - started
        path = choices_file()
        write_choices(path, {**read_choices(path), str(question): choice})
        return choice


def _can_use(name: str, dtype: torch.dtype) -> bool:
    return name in FORMS and FORMS[name].usable(dtype)


def _question(kind: str, rows: int, inner: int, outer: int, dtype: torch.dtype, threads: int) -> Question:
    of_weight = kind == WEIGHT_GRADIENT  # where the sum runs over the rows of a batch
    shape = (_width(rows), _nearest(_ROWS, inner)) if of_weight else (_nearest(_ROWS, rows), _width(inner))
    return Question(kind, *shape, _width(outer), str(dtype).removeprefix("torch."), threads)


def _width(size: int) -> int:
    return _nearest(_OTHERS if size % _VECTOR else _WHOLE_VECTORS, size)


def _nearest(sizes: tuple[int, ...], size: int) -> int:
    return min(sizes, key=lambda n: abs(math.log(n / max(size, 1))))


class _Case:
    """Matrices as they lie in memory where products of a kind are made."""

    def __init__(self, pairs: Sequence[tuple[Tensor, Tensor]], out: Tensor, add: bool, constant: bool):
        self._pairs, self._out, self._add, self._constant = pairs, out, add, constant
        self._touched = torch.zeros_like(pairs[0][0])

    def calls(self, form: Form) -> Iterator[Callable[[], object]]:
        """The same product with one pair of matrices after the other, endlessly."""
        made = [self._call(form, a, b) for a, b in self._pairs]
        while True:
            yield from made

    def _call(self, form: Form, a: Tensor, b: Tensor) -> Callable[[], object]:
        if self._constant:
            return form.operation(a, form.prepare(b), self._out)
        multiply = form.add if self._add else form.multiply

        def call() -> None:
            # products of a step alternate with passes by torch's own threads, which a library may have to wait for
            self._touched.mul_(0.5)
            multiply(a, b, self._out)

        return call


def _case(question: Question, dtype: torch.dtype) -> _Case:
    kind, rows, inner, outer = question[:4]
    like = torch.empty(0, dtype=dtype)
    columns = max(_CHANNELS, outer)  # the outputs of a group are a slice of all channels
    if kind == FORWARD:
        a, b, out = _filled(like, rows, inner), _filled(like, outer, inner).t(), like.new_empty(rows, columns)
        return _Case([(a, b)], out[:, :outer], add=False, constant=False)
    if kind == INPUT_GRADIENT:
        a, b = _filled(like, rows, max(_CHANNELS, inner))[:, :inner], _filled(like, inner, outer)
        return _Case([(a, b)], like.new_empty(rows, outer), add=False, constant=False)
    if kind == WEIGHT_GRADIENT:  # (outputs, rows of the batch) times (rows of the batch, inputs)
        a, b = _filled(like, inner, max(_CHANNELS, rows))[:, :rows].t(), _filled(like, inner, outer)
        return _Case([(a, b)], like.new_zeros(rows, outer), add=True, constant=False)
    count = max(1, min(8, _BUFFERS_BYTES // (inner * outer * like.element_size()))) if rows <= FEW_ROWS else 1
    a = _filled(like, rows, inner)
    pairs = [(a, _filled(like, inner, outer)) for _ in range(count)]
    return _Case(pairs, like.new_empty(rows, columns)[:, :outer], add=False, constant=True)


def _filled(like: Tensor, *shape: int) -> Tensor:
    """Ordinary numbers; the time does not depend on which. The random state of torch must not change."""
    return torch.linspace(-1, 1, math.prod(shape), dtype=like.dtype).view(shape)


def _clock(threads: int) -> Callable[[], float]:
    """Processor time of this thread where it computes alone: other programs then do not count."""
    return time.thread_time if threads == 1 else time.perf_counter


def _seconds(work: Mapping[str, Iterator[Callable[[], object]]], clock: Callable[[], float]) -> dict[str, float]:
    """The shortest time of a call, by form. Forms that begin far slower than another are not tried again."""

    def timed(name: str) -> float:
        call = next(work[name])
        started = clock()
        call()
        return clock() - started

    for name in work:
        timed(name)
    seconds = {name: timed(name) for name in work}
    for _ in range(_ROUNDS):
        best = min(seconds.values())
        for name in work:
            if seconds[name] <= _HOPELESS * best or name == MM.name:
                seconds[name] = min(seconds[name], timed(name))
    return seconds
