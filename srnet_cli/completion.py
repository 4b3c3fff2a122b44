"""Shell completion: what may follow. Nothing here imports torch, and an error only means that nothing is offered."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from srnet_core.config import DataConfig, RunConfig, sections_of, settings_of
from srnet_core.errors import SrnetError

if TYPE_CHECKING:
    from srnet_core.stages.store import StoredClip

CHECKPOINT_FOLDERS = ("checkpoint", "best_checkpoint")


def completer(what: str | Sequence[str], *, many: bool = False) -> Callable[[typer.Context, str], list[str]]:
    """A completion function as typer calls it.

    Args:
        what: the choices themselves, or a kind of name: one of "datasets", "keypoints", "actions", "subjects",
            "cameras", "devices", "presets", "checkpoints", "settings", "formats", "formats to write", "layouts",
            "mappings".
        many: the value is a list separated by commas; its last item is completed.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if many else ("", "", "")
        try:
            names = _KINDS[what](ctx) if isinstance(what, str) else what
            taken = before.split(",")
            return [f"{before}{comma}{name}" for name in names if name not in taken]
        except Exception:  # whatever it is, a shell must not show it between two keystrokes
            return []

    return complete


def preset_names() -> list[str]:
    """The presets that come with srnet."""
    from srnet_core import presets

    return sorted(p.stem for p in Path(presets.__file__).parent.glob("*.toml"))


def _typed(ctx: typer.Context, name: str) -> str:
    """The value of a data setting as far as the command line says, else its default; empty for none."""
    value = ctx.params.get(f"data__{name}")
    return value or getattr(DataConfig(), name) or ""


def _datasets(ctx: typer.Context) -> list[str]:
    from srnet_core.datasets import available

    return list(dict.fromkeys([*settings_of(DataConfig)["dataset"].names(), *available(_typed(ctx, "data_dir"))]))


def _keypoints(ctx: typer.Context) -> list[str]:
    dataset = _typed(ctx, "dataset")
    prefixes = [f"data_2d_{name}_" for name in ([dataset] if dataset else _datasets(ctx))]
    files = [p.stem for p in Path(_typed(ctx, "data_dir")).glob("data_2d_*.npz")]
    return sorted({"gt", *(f.removeprefix(p) for f in files for p in prefixes if f.startswith(p))})


def _actions(ctx: typer.Context) -> list[str]:
    """Actions of the prepared stages of the data set; without any, those of the synthetic data."""
    names = [clip.action for clip in _clips(ctx)]
    if not names and _dataset_name(ctx) in (None, "synthetic"):
        from srnet_core.synthetic.actions import ACTIONS

        names = list(ACTIONS)
    return list(dict.fromkeys(names))


def _subjects(ctx: typer.Context) -> list[str]:
    return sorted({clip.subject for clip in _clips(ctx)})


def _cameras(ctx: typer.Context) -> list[str]:
    return [str(c) for c in sorted({clip.camera for clip in _clips(ctx)})]


def _dataset_name(ctx: typer.Context) -> str | None:
    """The data set that the command will use; `None` where that stands in a checkpoint."""
    from srnet_core.datasets import resolve_name

    dataset = _typed(ctx, "dataset") or None
    if dataset is None and {"path", "paths"} & set(ctx.params):
        return None
    return resolve_name(dataset, _typed(ctx, "data_dir"), _typed(ctx, "keypoints"))


def _clips(ctx: typer.Context) -> "list[StoredClip]":
    """The clips of the data set's prepared stages, or of all stages where the data set stands in a checkpoint."""
    from srnet_core.stages.place import local_folder
    from srnet_core.stages.store import MANIFEST, Stage

    name = _dataset_name(ctx)
    clips: list[StoredClip] = []
    for manifest in sorted(local_folder(_typed(ctx, "cache_dir")).glob(f"{name or '*'}_*/{MANIFEST}")):
        try:
            stage = Stage.open(manifest.parent)
            if name is None or stage.manifest["dataset"] == name:
                clips += stage.clips
        except (SrnetError, TypeError, LookupError):  # damaged; `prepare` says so
            continue
    return clips


def _checkpoints(ctx: typer.Context) -> Iterable[str]:
    """Checkpoint files, the newest first."""
    files = [p for folder in CHECKPOINT_FOLDERS for p in Path(folder).glob("*.bin")]
    return [str(p) for p in sorted(files, key=lambda p: p.stat().st_mtime, reverse=True)]


def _devices(ctx: typer.Context) -> list[str]:
    return ["auto", "cpu", "cuda"]  # how many GPUs there are only torch knows


def _sections() -> Iterable[Any]:
    return sections_of(RunConfig)


def _settings(ctx: typer.Context) -> list[str]:
    return [f"{c.SECTION}.{name}=" for c in _sections() for name in settings_of(c)]


def _formats(ctx: typer.Context) -> list[str]:
    from srnet_core.readers.formats import FORMATS

    return ["auto", *sorted(FORMATS)]


def _formats_to_write(ctx: typer.Context) -> list[str]:
    from srnet_core.readers.formats import WRITTEN

    return sorted(WRITTEN)


def _layouts(ctx: typer.Context) -> list[str]:
    from srnet_core.layouts import layout_names

    return layout_names()


def _mappings(ctx: typer.Context) -> list[str]:
    from srnet_core import mappings

    return mappings.names()


_KINDS: dict[str, Callable[[typer.Context], Iterable[str]]] = {
    "datasets": _datasets,
    "keypoints": _keypoints,
    "actions": _actions,
    "subjects": _subjects,
    "cameras": _cameras,
    "devices": _devices,
    "presets": lambda _: preset_names(),
    "checkpoints": _checkpoints,
    "settings": _settings,
    "formats": _formats,
    "formats to write": _formats_to_write,
    "layouts": _layouts,
    "mappings": _mappings,
}
