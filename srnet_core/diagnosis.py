"""What is installed on this machine, what it can compute with, and which files srnet finds: for a report of a problem.

Nothing here changes anything, and nothing needs a network.
"""

import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import torch
from packaging.requirements import Requirement

from srnet_core import __version__, datasets, weights
from srnet_core.device import choose_device
from srnet_core.engine.kernels import choices_here, forced_form, processor
from srnet_core.engine.products import FORMS
from srnet_core.speed.clock import usable_cores
from srnet_core.stages.manifest import MANIFEST

PACKAGE = "srnet"
EXTRAS = {
    "viz": "pictures and animations",
    "charts": "charts as PNG, SVG and PDF",
    "data": "several people, smoothing, archives of Human3.6M",
    "video": "keypoints of videos by MediaPipe, in an environment of its own: docs/lift.md",
    "rtmlib": "the detector rtmlib",
    "parquet": "poses as Parquet tables",
    "rerun": "recordings for the Rerun viewer",
    "onnx": "ONNX files, srnet serve",
    "sweep": "sweeps on several machines",
    "track": "TensorBoard",
    "remote": "stages in object stores",
}
"""What each extra is for; those that only developers need are left out."""
_MODULES = {"pillow": "PIL", "rerun-sdk": "rerun", "nvidia-ml-py": "pynvml"}  # others have the name of their package
_IMPORT_TIMEOUT_S = 120.0
# imports the modules that it is given, each on a line of its own: "name", then " ok" or what is wrong
_IMPORT_EACH = """
import importlib, os, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in sys.argv[1:]:
    print(name, end="", file=out, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f" {type(error).__name__}: {' '.join(str(error).split())[:300]}", file=out, flush=True)
    else:
        print(" ok", file=out, flush=True)
"""
_PRODUCT, _ROUNDS = 1024, 5  # a matrix product that fits in the caches, and how often it is timed


@dataclass(frozen=True)
class Package:
    """A package that srnet needs or can use.

    Attributes:
        requirement: name and versions, e.g. "pillow>=11".
        version: the installed one; `None` if there is none.
        fits: whether it is one of the versions.
        problem: why it cannot be imported; empty if it can, or if that was not tried.
    """

    requirement: str
    version: str | None
    fits: bool
    problem: str = ""

    @property
    def works(self) -> bool:
        """Whether it is there, is one of the versions, and can be imported as far as that is known."""
        return self.fits and not self.problem


def needed() -> list[Package]:
    """The packages that srnet cannot do without; none if srnet runs from a folder without being installed."""
    return [_package(requirement) for requirement in _requirements() if not _extra_of(requirement)]


def optional() -> dict[str, list[Package]]:
    """The packages of each extra, in the order of `EXTRAS`; those that do not exist for this Python are left out.

    An extra that the installed version of srnet does not know is left out as well.
    """
    requirements, known = list(_requirements()), _known_extras()
    return {name: [_package(r) for r in requirements if _belongs(r, name)] for name in EXTRAS if name in known}


def _known_extras() -> list[str]:
    try:
        return metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []


def _requirements() -> Iterator[Requirement]:
    try:
        texts = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        texts = []
    for text in texts:
        yield Requirement(text)


def _extra_of(requirement: Requirement) -> bool:
    """Whether it belongs to an extra, and not to srnet itself."""
    return requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and _extra_of(requirement) and marker.evaluate({"extra": extra})


def _package(requirement: Requirement) -> Package:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        version = None
    fits = version is not None and requirement.specifier.contains(version, prereleases=True)
    return Package(f"{requirement.name}{requirement.specifier}", version, fits)


def tried(groups: Mapping[str, Sequence[Package]]) -> dict[str, list[Package]]:
    """Groups of packages, the installed ones imported once in a process of its own, with what is wrong if they fail.

    An installed package may be unusable: too old for another one, or without a library of the system.
    """
    installed = [_module_of(p.requirement) for packages in groups.values() for p in packages if p.version is not None]
    problems = _import_problems(installed)
    return {
        group: [replace(p, problem=problems.get(_module_of(p.requirement), "")) for p in packages]
        for group, packages in groups.items()
    }


def _module_of(requirement: str) -> str:
    name = Requirement(requirement).name.lower()
    return _MODULES.get(name, name.replace("-", "_"))


def _import_problems(modules: Sequence[str]) -> dict[str, str]:
    """What is wrong with each module that cannot be imported. One that ends the process does not hide the others."""
    problems: dict[str, str] = {}
    left = list(dict.fromkeys(modules))
    while left:
        command = [sys.executable, "-c", _IMPORT_EACH, *left]
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_IMPORT_TIMEOUT_S)
            text, how = ran.stdout, f"ends the program with code {ran.returncode}"
        except subprocess.TimeoutExpired as error:
            text, how = error.stdout or b"", f"takes more than {_IMPORT_TIMEOUT_S:.0f} s"
        answers = _answers(text.decode("utf-8", "replace"))
        problems |= {name: said for name, said in answers.items() if said and said != "ok"}
        left = [name for name in left if name not in answers]
        if left:  # the first of them was being imported when the process ended
            problems[left.pop(0)] = how
    return problems


def _answers(text: str) -> Mapping[str, str]:
    lines = [line.partition(" ") for line in text.splitlines()]
    return {name: said for name, _, said in lines if said}


def system() -> dict[str, str]:
    """Versions and machine, each in a few words."""
    built_for = torch.version.cuda or torch.version.hip
    return {
        "srnet": f"{__version__}, {Path(__file__).parent}",
        "python": f"{platform.python_version()}, {sys.executable}",
        "system": platform.platform(),
        "processor": f"{processor()}, {usable_cores()} cores, {torch.backends.cpu.get_cpu_capability()}",
        "torch": f"{torch.__version__}, built for {f'CUDA {built_for}' if built_for else 'CPU only'}",
        "device": _device_text(),
        "kernels": _kernels_text(),
    }


def _kernels_text() -> str:
    """How matrix products are computed on the CPU, in a few words."""
    if (forced := forced_form()) is not None:
        return f"{forced} for all products, as SRNET_KERNELS says"
    counts = Counter(choice.form for choice in choices_here().values())
    told = ", ".join(f"{form} {count}" for form, count in counts.most_common())
    measured = f"fastest form of the products measured so far: {told}" if told else "not measured yet"
    return f"{measured}; SRNET_KERNELS forces one of {', '.join(FORMS)}"


def _device_text() -> str:
    device = choose_device("auto")
    if device.type == "cpu":
        return "cpu"
    memory = torch.cuda.get_device_properties(device).total_memory / 2**30
    return f"{torch.cuda.get_device_name(device)}, {memory:.0f} GiB"


def product_speed_gflops() -> float:
    """Speed of a float32 matrix product on the device that commands use, with torch's threads: the best of a few."""
    device = choose_device("auto")
    matrix = torch.randn(_PRODUCT, _PRODUCT, device=device)
    best_s = min(_timed(matrix, device) for _ in range(_ROUNDS + 1))
    return 2 * _PRODUCT**3 / best_s / 1e9


def _timed(matrix: torch.Tensor, device: torch.device) -> float:
    began = time.perf_counter()
    _ = matrix @ matrix
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def found(data_dir: Path, cache_dir: Path, checkpoint_dir: Path) -> dict[str, str]:
    """What lies in the folders that commands use, and the networks that come with the package."""
    names = datasets.available(data_dir)
    stages = len(list(cache_dir.glob(f"*/{MANIFEST}")))
    files = len(list(checkpoint_dir.glob("*.bin")))
    return {
        "data": _folder_text(data_dir, ", ".join(names) or "no data set"),
        "cache": _folder_text(cache_dir, _count(stages, "stage"), writes=True),
        "checkpoints": _folder_text(checkpoint_dir, _count(files, "file"), writes=True),
        "networks": ", ".join(name for name in weights.NAMES if weights.weights_file(name).is_file()),
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _folder_text(folder: Path, holds: str, *, writes: bool = False) -> str:
    if not folder.exists():
        return f"{folder}/: does not exist" + (" yet" if writes else "")
    readable = os.access(folder, os.R_OK | os.X_OK)
    text = f"{folder}/: {holds}" if readable else f"{folder}/: cannot be read"
    return text if not writes or os.access(folder, os.W_OK) else f"{text}, cannot be written to"
