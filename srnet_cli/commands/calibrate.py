"""srnet calibrate: how far off a network may be, learned from people that it was not trained on."""

import shlex
from typing import Annotated

from srnet_cli.checkpoints import find_checkpoint
from srnet_cli.console import next_steps, remark, say
from srnet_cli.inputs import open_checkpoint
from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, NewestCheckpoint, option, shared
from srnet_cli.progress import progress_bar
from srnet_cli.run_configuration import data_config_of
from srnet_cli.tables import plain_table

EXAMPLES = (
    "srnet calibrate checkpoint/latest_epoch_first.bin",
    "srnet calibrate first --dataset mine --data-dir DIR",
)


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    data: dict,
    published: dict,
    path: NewestCheckpoint = None,
    noise: Annotated[
        float,
        option(
            "--noise-mm",
            help="Noise on the keypoints of every second pass, at the person's distance, as detectors have it",
            metavar="MM",
        ),
    ] = 20.0,
    device: Device = "auto",
) -> None:
    """Measure how far off a network may be, so that srnet lift --uncertainty can tell for each joint and frame.

    The people of the test split are lifted, those whom the network was trained on are left out. What is learned is
    written beside the checkpoint. Errors on the same people cannot be reported as a test of it any more.
    """
    from srnet_core import datasets
    from srnet_core.errors import ConfigError
    from srnet_core.evaluation.calibrate import calibrate, left_out, measure_clips, reliability
    from srnet_core.inference.calibration import calibration_file, write_calibration
    from srnet_core.inference.lifter import Lifter
    from srnet_core.protocols import split_clips
    from srnet_core.stages.checked import check_or_refuse, read_dataset
    from srnet_core.stages.prepare import frames_apart

    if not 0 <= noise <= 1000:
        raise ConfigError(f"must lie in [0, 1000], not {noise:g}", where="--noise-mm")
    path = find_checkpoint(path)
    checkpoint = open_checkpoint(path, data, published)
    config = data_config_of(checkpoint, data)
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    paths = datasets.locate(name, config.data_dir, config.keypoints, config.cache_dir)
    dataset = read_dataset(config, name, paths)
    check_or_refuse(dataset, config, paths[0])
    clips = left_out(checkpoint, dataset, split_clips(dataset, config).test)
    lifter = Lifter(checkpoint, device=device)
    with progress_bar() as bar:
        measured = list(
            measure_clips(
                lifter,
                dataset,
                clips,
                every=frames_apart(dataset.fps, config),
                noise_m=(0.0, noise / 1000) if noise else (0.0,),
                progress=lambda done, total: bar.update("measuring", done, total),
            )
        )
    people = sorted({clip.person for clip in measured})
    calibration = calibrate(lifter, measured, about=f"{name}: {', '.join(people)}")
    target = calibration_file(path)
    write_calibration(target, calibration)
    found = reliability(calibration, measured)
    rows = [[f"{n}", f"{said:.1f}", f"{true:.1f}"] for n, (said, true) in enumerate(found.deciles_mm, start=1)]
    who = "1 person" if len(people) == 1 else f"{len(people)} people"
    plain_table(
        f"{path.name}, calibrated on {who}, {calibration.frames:,} frames",
        ["tenth of the joints", "expected error mm", "true error mm"],
        rows,
        caption=f"On the people it was fitted on; {found.coverage:.1%} of the errors keep below the bound of 90 %.",
    )
    if len(people) == 1:
        remark("one person says little about others: the bound may hold for fewer than 90 % of their joints")
    say(str(target))
    next_steps(f"lift KEYPOINTS --checkpoint {shlex.quote(str(path))} --uncertainty -o page.html")
