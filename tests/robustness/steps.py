"""The commands under trial: how each starts, and what must hold after it ended in whatever way."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustness.world import (
    CHECKPOINT,
    DATA,
    TINY,
    Failed,
    call,
    json_values,
    make_data,
    must_work,
    require_clean,
    stage_content,
    weights,
)

_TRAIN = ("train", *DATA, *TINY, "--name", "run", "--epochs", "3")
_RESUME = ("train", "--resume", CHECKPOINT, "--epochs", "5")


@dataclass(frozen=True)
class Step:
    """One command of the walk from data to pictures.

    Attributes:
        name: as in the table.
        arguments: of the command line.
        template: the folder it starts in.
        again: what a user types after it was stopped, by what the folder holds; nothing when all is done.
        result: what it made, in a form that two runs can be compared by.
        seconds: how long an undisturbed run takes.
        good: the result of an undisturbed run.
    """

    name: str
    arguments: tuple[str, ...]
    template: Path
    again: Callable[[Path], tuple[str, ...]]
    result: Callable[[Path], object]
    seconds: float
    good: object

    def require_recovery(self, folder: Path) -> None:
        """Check that the user's next command gives what an undisturbed run gives, and that nothing is left behind.

        Raises:
            Failed: it does not.
        """
        again = self.again(folder)
        if again:
            must_work(folder, *again)
        if self.result(folder) != self.good:
            raise Failed("the result afterwards is not that of an undisturbed run")
        require_clean(folder)


def make_steps(folder: Path, *, skip: tuple[str, ...] = ()) -> list[Step]:
    """All steps, with their templates below a folder; without the exports and pictures of some kinds."""
    data = folder / "data_only"
    data.mkdir(parents=True)
    make_data(data)
    prepared = folder / "prepared"
    shutil.copytree(data, prepared)
    must_work(prepared, "prepare", *DATA)
    trained = folder / "trained"
    shutil.copytree(prepared, trained)
    must_work(trained, *_TRAIN)

    prepare = ("prepare", *DATA)
    beside = (*prepare, "--protocol", "cross-camera", "--train-camera", "0")  # shares the files of the other's frames
    steps = [
        _step("prepare", prepare, data, stage_content),
        _step("prepare beside another", beside, prepared, _second_content),
        _step("train", _TRAIN, prepared, _weights, again=lambda folder: _rest_of(folder, 3)),
        _step("resume", _RESUME, trained, _weights, again=lambda folder: _rest_of(folder, 5)),
        _step("eval", ("eval", CHECKPOINT, "--json", "e.json"), trained, lambda f: _numbers(f / "e.json")),
    ]
    for ending in (e for e in ("onnx", "npz", "csv") if e not in skip):
        name = f"out.{ending}"
        export = ("export", CHECKPOINT, "--format", ending, "--output", name)
        steps.append(_step(f"export {ending}", export, trained, _bytes_of(name)))
    if "html" in skip:
        return steps
    draw = ("visualize", CHECKPOINT, "--output", "page.html", "--no-pictures")
    steps.append(_step("visualize", draw, trained, _bytes_of("page.html")))
    return steps


def _step(name, arguments, template, result, again=None) -> Step:
    with tempfile.TemporaryDirectory(prefix="robustness-") as scratch:
        folder = Path(scratch) / "world"
        shutil.copytree(template, folder)
        ran = call(folder, *arguments)
        if ran.code:
            raise Failed(f"{name} does not work undisturbed: exit {ran.code}, {ran.text[-500:]}")
        good = result(folder)
    return Step(name, arguments, template, again or (lambda _: arguments), result, ran.seconds, good)


def _rest_of(folder: Path, epochs: int) -> tuple[str, ...]:
    """Resume what was saved, if epochs are left; train anew if nothing was saved."""
    path = folder / CHECKPOINT
    if not path.exists():
        return _TRAIN
    if weights(path)["epoch"] == str(epochs).encode():
        return ()
    return ("train", "--resume", CHECKPOINT, "--epochs", str(epochs))


def _second_content(folder: Path) -> object:
    return stage_content(folder), stage_content(folder, "cross_camera")


def _weights(folder: Path) -> object:
    return weights(folder / CHECKPOINT)


def _bytes_of(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        path = folder / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    return read


def _numbers(path: Path) -> object:
    return json_values(path) if path.exists() else None
