"""Where the files of a run are written, and what can be refused before its data are prepared."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.checkpoints import BEST_FOLDER, run_name
from srnet_core.config import RunConfig, replace
from srnet_core.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from srnet_core.training.run import RunFiles


@dataclass(frozen=True)
class Place:
    """Where the files of a run are written; without a name one is made from the options."""

    name: str | None = None
    checkpoint_dir: Path = Path("checkpoint")
    best_dir: Path = BEST_FOLDER
    replace: bool = False


def resumed_place(path: Path, best_dir: Path) -> Place:
    """The place of the run that wrote a checkpoint.

    Raises:
        CheckpointError: it is the best epoch, and a run resumes from its last; or its name holds no name of a run.
    """
    if path.name.startswith("model_best_"):
        todo = "Resume from its latest_epoch_ file, or start a new run from it with --finetune"
        raise CheckpointError("this is the best epoch of a run, not its last", where=path, todo=todo)
    from srnet_core.training.naming import require_name

    name = run_name(path)
    if not name.strip(". "):  # the run's folder would be that of the checkpoints, or the one above it
        raise CheckpointError("the file has no name of a run", where=path, todo="Rename it: latest_epoch_NAME.bin")
    require_name(name)
    return Place(name, path.parent, best_dir, replace=True)


def files_of(config: RunConfig, place: Place) -> "RunFiles":
    """The files of a run. A name made from the options avoids existing runs; a name that was given must be free."""
    from srnet_core.training.naming import RunFiles, claim_name, default_name, require_name

    if place.name is None:
        name = claim_name(default_name(config), place.checkpoint_dir, place.best_dir)
        return RunFiles(name, place.checkpoint_dir, place.best_dir)
    require_name(place.name)
    files = RunFiles(place.name, place.checkpoint_dir, place.best_dir)
    there = [f for f in (files.latest, files.best) if f.exists()]
    if there and not place.replace:
        todo = f"Continue it: --resume {files.latest}; replace it: --force; or choose another name"
        raise ConfigError(f"a run of that name exists ({there[0]})", where="--name", todo=todo)
    return files


@contextmanager
def given_back(files: "RunFiles"):
    """Frees the name of a run that is refused: its empty folders are removed."""
    try:
        yield
    except BaseException:
        for folder in (files.folder, files.checkpoint_dir):
            with suppress(OSError):
                folder.rmdir()
        raise


def refuse_early(config: RunConfig, place: Place) -> None:
    """Refuse before preparing, which may take minutes, what can be refused without the data."""
    import torch

    from srnet_core.body_parts import part_indices
    from srnet_core.checkpoint import require_whole_poses
    from srnet_core.device import choose_device
    from srnet_core.engine.acceleration import choose_acceleration
    from srnet_core.files import require_folder
    from srnet_core.lookup import names
    from srnet_core.models import build_model, get_model
    from srnet_core.protocols import require_training
    from srnet_core.skeletons import get_skeleton

    require_training(config.data)
    choose_acceleration(config.train, choose_device(config.train.device))
    require_folder(place.checkpoint_dir)
    if config.train.validation:
        require_folder(place.best_dir)
    if config.model.skeleton in names("skeletons"):
        model = config.model
        if model.body_parts and _on_synthetic(config):
            part_indices(model.body_parts, get_skeleton(model.skeleton).joint_names, where="--groups")
        if get_model(model.name).takes_groups and not _on_synthetic(config):
            # whether groups fit is known with the data's skeleton
            model = replace(model, groups=1, divisions=(), body_parts=())
        with torch.device("meta"):  # shapes only: no memory, no random numbers
            network = build_model(model)
            if not model.predicts_root:
                require_whole_poses(network)
    if place.name is not None:
        files_of(config, place)


def _on_synthetic(config: RunConfig) -> bool:
    """Whether the data are the synthetic ones, whose skeleton is the default one."""
    from srnet_core.datasets import resolve_name

    return resolve_name(config.data.dataset, config.data.data_dir, config.data.keypoints) == "synthetic"
