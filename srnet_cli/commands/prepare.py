"""srnet prepare: a data set becomes a cached stage."""

from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import next_steps, remark, say
from srnet_cli.inputs import prepare_stage
from srnet_cli.options import DATA, option, shared
from srnet_cli.tables import plain_table
from srnet_cli.wording import bytes_text, data_text, options_text, seconds_text
from srnet_core.config import DataConfig

if TYPE_CHECKING:
    from srnet_core.stages.prepare import Prepared

EXAMPLES = (
    "srnet prepare",
    "srnet prepare --protocol cross-action --train-action Discussion",
)


@shared(data=DATA)
def main(
    data: dict,
    force: Annotated[bool, option("--force", help="Prepare again even if the stage exists")] = False,
) -> None:
    """Prepare a data set: read it, split it, normalize it, store it as a stage.

    Each protocol and normalization has a stage of its own; those of one normalization share their frames. train, eval,
    export and visualize prepare what is missing.
    """
    show_prepared(prepare_stage(DataConfig(**data), force=force))
    next_steps(f"train {options_text(data)}".rstrip())


def show_prepared(prepared: "Prepared") -> None:
    """A table of the stage: what is in each split, and where it is stored."""
    stage, manifest = prepared.stage, prepared.stage.manifest
    rows = []
    for side in ("train", "test"):
        clips = stage.split(side)
        subjects, actions, cameras = ({getattr(s, f): None for s in clips} for f in ("subject", "action", "camera"))
        names = [_listed(subjects, 8), _listed(actions, 3), _listed(cameras, 8)]
        counts = [len(clips), manifest["frames"][side]]
        rows.append([side, *names, *(f"{count:,}" for count in counts)])
    plain_table(
        data_text(stage),
        ["split", "subjects", "actions", "cameras", "clips", "frames"],
        rows,
        caption="A frame counts once per camera. Every frame is the centre of one window.",
        text_columns=4,
    )
    for note in (*manifest.get("split_rule", ()), *manifest["notes"]):
        remark(note)
    if not manifest["frames"]["train"]:
        protocol = manifest["config"]["protocol"].replace("_", "-")
        remark(f"protocol {protocol} has no training split: this stage is for eval, compare and export, not for train")
    word = "cached" if prepared.cached else "written"
    say(f"{word}: {stage.folder}")
    shared = f" ({bytes_text(stage.shared_bytes)} shared with other stages)" if stage.shared_bytes else ""
    say(f"{bytes_text(stage.bytes)}{shared}, key {manifest['key']}, {seconds_text(prepared.seconds)}")


def _listed(names, limit: int) -> str:
    """All names if they are few, else their number and the first ones."""
    names = [str(n) for n in names]
    return ", ".join(names) if len(names) <= limit else f"{len(names)}: {', '.join(names[: limit - 1])} ..."
