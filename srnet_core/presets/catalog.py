"""The presets there are: settings of one run, and experiments of many runs."""

from dataclasses import dataclass
from pathlib import Path

from srnet_core.lookup import choose
from srnet_core.sweep.definition import Sweep, read_sweep
from srnet_core.toml_file import read_toml_file

_FOLDER = Path(__file__).parent
EXPERIMENTS = _FOLDER / "experiments"


@dataclass(frozen=True)
class Preset:
    """A preset that comes with srnet.

    Attributes:
        experiment: whether it is a sweep; otherwise it holds the settings of one run.
        about: what it is, one sentence.
    """

    name: str
    path: Path
    experiment: bool
    about: str

    def read_sweep(self, settings: list[str] | None = None) -> Sweep:
        """The cells of an experiment.

        Args:
            settings: `section.key=value` pairs that override its fixed ones.

        Raises:
            UserMistake: a setting that cannot be used.
        """
        return read_sweep(self.path, settings or [])


def presets() -> list[Preset]:
    """All presets: experiments first, then settings, each by name."""
    experiments = [Preset(p.stem, p, True, _about(p)) for p in _files(EXPERIMENTS)]
    settings = [Preset(p.stem, p, False, _first_sentence(p)) for p in _files(_FOLDER)]
    return experiments + settings


def _files(folder: Path) -> list[Path]:
    """The presets of a folder by their names: `augment` before `augment-ray`, which the ending would put last."""
    return sorted(folder.glob("*.toml"), key=lambda path: path.stem)


def find_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest.
    """
    known = {preset.name: preset for preset in presets()}
    return known[choose("preset", name, known, where="NAME")]


def _about(path: Path) -> str:
    """What the file of an experiment says that it is; its cells are made only when they are asked for."""
    return str(read_toml_file(path, what="file of a sweep", todo="Install srnet again").get("about", ""))


def _first_sentence(path: Path) -> str:
    """What the comment at the top of a file of settings says first."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    text = " ".join(lines)
    for end in (": ", ". ", "; "):
        text = text.partition(end)[0]
    return text.rstrip(".")
