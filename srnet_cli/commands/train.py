"""srnet train: from data to a checkpoint and its metrics."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.advice import settings_without_effect, typed_settings
from srnet_cli.checkpoints import BEST_FOLDER, find_checkpoint
from srnet_cli.console import going_on_without_reader, prose, remark
from srnet_cli.inputs import open_checkpoint
from srnet_cli.options import AUGMENT, DATA, MODEL, PUBLISHED, RUN_PANEL, TRAIN, SetOption, option, shared
from srnet_cli.processes import shown_by_first_process, start_processes
from srnet_cli.run_configuration import start_config
from srnet_cli.run_place import Place, resumed_place
from srnet_cli.train_run import help_to_train, train_and_show
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint

EXAMPLES = (
    "srnet train --arch 3,3,3 --epochs 5 --name first",
    "srnet train --config srnet-243 --validation S8 --set train.lr=0.0005",
)
WATCH_PORT = 8070
TRACKERS = ("csv", "tensorboard")


@shared(data=DATA, model=MODEL, train=TRAIN, augment=AUGMENT)
@going_on_without_reader()  # also while the data are prepared
@shown_by_first_process()
def main(
    data: dict,
    model: dict,
    train: dict,
    augment: dict,
    preset: Annotated[
        str | None,
        option(
            "--config",
            help="Preset: a name, or a TOML file with the tables data, model, train, augment",
            metavar="NAME|FILE",
            completes="presets",
        ),
    ] = None,
    name: Annotated[
        str | None,
        option("--name", help="Name of the run and of its files", metavar="NAME", default="made from the options"),
    ] = None,
    resume: Annotated[
        Path | None,
        option(
            "--resume",
            help="Resume the run of this checkpoint; on the CPU the result is that of a run without a stop, bit by bit",
            metavar="PATH",
            completes="checkpoints",
        ),
    ] = None,
    finetune: Annotated[
        Path | None,
        option(
            "--finetune",
            help="Start a new run from the weights of this checkpoint",
            panel=RUN_PANEL,
            metavar="PATH",
            completes="checkpoints",
        ),
    ] = None,
    force: Annotated[bool, option("--force", help="With --name: replace an existing run", panel=RUN_PANEL)] = False,
    checkpoint_dir: Annotated[
        Path | None,
        option(
            "--checkpoint-dir",
            help="Folder of the last epoch's checkpoint, metrics and settings",
            panel=RUN_PANEL,
            metavar="FOLDER",
            default="checkpoint",
        ),
    ] = None,
    best_dir: Annotated[
        Path,
        option("--best-dir", help="Folder of the best epoch, with --validation", panel=RUN_PANEL, metavar="FOLDER"),
    ] = BEST_FOLDER,
    track: Annotated[
        str | None,
        option(
            "--track",
            help="Also record the epochs for other programs: csv, tensorboard (needs the extra track)",
            panel=RUN_PANEL,
            metavar="NAMES",
            default="none; metrics.jsonl is always written",
            completes=TRACKERS,
        ),
    ] = None,
    watch: Annotated[
        bool,
        option(
            "--watch",
            help="Serve a page on this machine with curves and a test clip, redrawn each epoch",
            panel=RUN_PANEL,
        ),
    ] = False,
    port: Annotated[
        int, option("--port", help="Port of that page", panel=RUN_PANEL, metavar="N", min=0, max=65535)
    ] = WATCH_PORT,
    devices: Annotated[
        int,
        option(
            "--devices",
            help="Number of processes that train together, each on its part of every batch: on a GPU of its own, or on "
            "its share of the cores",
            panel=RUN_PANEL,
            metavar="N",
            min=1,
            max=1024,
        ),
    ] = 1,
    set_: SetOption = None,
) -> None:
    """Train a model. Missing stages are prepared first.

    As published, all training subjects are trained on and the last epoch is the result.

    The test error is reported but never used to choose an epoch; --validation holds out data for that.
    """
    if devices > 1:
        start_processes(devices, "train together, each on its part of every batch")
    if resume and finetune:
        raise ConfigError("--resume continues a run, --finetune starts a new one: give one of them")
    if resume and (name or checkpoint_dir or force):
        todo = "Leave out --name, --checkpoint-dir and --force"
        raise ConfigError("a resumed run keeps its name and folder", where="--resume", todo=todo)
    if not resume and force and name is None:
        remark("--force: no effect without --name")
    trackers = _trackers(track)
    resume = find_checkpoint(resume, last_epoch=True) if resume else None
    finetune = find_checkpoint(finetune) if finetune else None
    if resume:
        place = resumed_place(resume, best_dir)
    else:
        place = Place(name, checkpoint_dir or Path("checkpoint"), best_dir, force)
    untold = {name: model[name] for name in PUBLISHED if name in model and name not in ("compat", "dropout")}
    if finetune:  # a causal network may start from one that is not
        untold.pop("causal", None)
    start = resume or finetune
    source = open_checkpoint(start, data, untold) if start else None
    if resume and source is not None and not _is_ours(source):
        place = Place(None, best_dir=best_dir)  # the file of another program is never written to
        prose(f"{resume} was written by another program: the run continues in a new file in {place.checkpoint_dir}/.")
    options = {"data": data, "model": model, "train": train, "augment": augment}
    config = start_config(source, bool(resume), preset, options, set_ or [])
    typed = typed_settings(options, set_ or [])
    for sentence in settings_without_effect(config, typed):
        remark(sentence)
    if port != WATCH_PORT and not watch:
        remark("--port: no effect without --watch")
    if best_dir != BEST_FOLDER and not config.train.validation:
        remark("--best-dir: no effect without --validation")
    resumed, tuned = (source, None) if resume else (None, source)
    from srnet_core.training.distributed import process_group

    with process_group(config.train.device) as replicas:
        if replicas is not None and not replicas.leads:
            help_to_train(config, place, replicas, resume=resumed, finetune=tuned, typed=typed)
        else:
            train_and_show(
                config,
                place,
                resume=resumed,
                finetune=tuned,
                typed=typed,
                track=trackers,
                watch_at=port if watch else None,
                replicas=replicas,
            )


def _trackers(text: str | None) -> tuple[str, ...]:
    """The trackers in a list of names; a missing extra is told before the work begins."""
    from srnet_core.errors import require_extra
    from srnet_core.lookup import choose

    names = tuple(choose("tracker", n.strip(), TRACKERS, where="--track") for n in (text or "").split(",") if n.strip())
    if "tensorboard" in names:
        require_extra("tensorboard", "track")
    return names


def _is_ours(resumed: "Checkpoint") -> bool:
    """Whether srnet wrote a checkpoint that a run can be resumed from.

    Raises:
        CheckpointError: no run can be resumed from it.
    """
    from srnet_core.training.resume import require_resumable

    require_resumable(resumed)
    return resumed.by_srnet
