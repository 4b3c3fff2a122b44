"""srnet demo: every command's work in one go, on data the project makes itself, with a comparison at the end."""

import shlex
import time
from pathlib import Path
from typing import Annotated

from srnet_cli.commands.export import export_network
from srnet_cli.commands.prepare import show_prepared
from srnet_cli.commands.visualize import Network, Selection, draw
from srnet_cli.console import command, headline, prose, remark, say
from srnet_cli.inputs import open_checkpoint, prepare_stage
from srnet_cli.options import CacheDir, Device, SetOption, option
from srnet_cli.run_configuration import preset_path
from srnet_cli.run_place import Place
from srnet_cli.tables import metric_table
from srnet_cli.train_run import train_and_show
from srnet_cli.wording import SYNTHETIC, bytes_text, seconds_text
from srnet_core.config import DataConfig, RunConfig, merge, read_toml, replace, with_settings

EXAMPLES = (
    "srnet demo",
    "srnet demo --minutes 0.5 --output output/short-demo",
)
_PRESET = "demo"
_FEW_STEPS = 400  # about one epoch
_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"  # in a clone; an installed wheel has none


def main(
    minutes: Annotated[
        float,
        option(
            "--minutes",
            help="Longest training time of the first model; the second trains for as many steps",
            metavar="MINUTES",
            min=0.05,
        ),
    ] = 1.5,
    output: Annotated[
        Path, option("--output", "-o", help="Folder for everything the demo writes", metavar="FOLDER")
    ] = Path("output/demo"),
    cache_dir: CacheDir = "cache",
    device: Device = "auto",
    set_: SetOption = None,
) -> None:
    """Try everything on synthetic data: prepare, train two models, compare, export, visualize; lift real keypoints."""
    from srnet_core.files import require_folder

    require_folder(output)
    demonstrate(minutes=minutes, output=output, cache_dir=cache_dir, device=device, settings=set_ or [])


def _readable(path: Path) -> str:
    """A path as seen from the current folder, where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def demonstrate(*, minutes: float, output: Path, cache_dir: str, device: str, settings: list[str]) -> None:
    """Prepare, train SRNet and the fully connected baseline for the same epochs, compare, export, visualize."""
    from srnet_core.evaluation.run import evaluate_mean_pose
    from srnet_core.export import NetworkFormat, get_format

    started = time.monotonic()
    preset = preset_path(_PRESET)
    base = RunConfig(data=DataConfig(dataset="synthetic", cache_dir=cache_dir))
    config = merge(base, read_toml(preset), where=preset)
    config = with_settings(replace(config, train=replace(config.train, minutes=minutes, device=device)), settings)

    prose(
        f"The first network trains for {seconds_text(60 * minutes)} at most, the second for as many steps. "
        "Everything else takes about a minute on an idle machine, and several times as long on a busy one."
    )
    headline("1  Prepare: the motion of seven invented people, seen by four cameras")
    prepared = prepare_stage(config.data)
    show_prepared(prepared)

    results, checkpoints = {"always the mean pose": evaluate_mean_pose(prepared.stage)}, {}
    steps = None  # the second network trains for as many steps as the first had time for
    for number, name in enumerate(("srnet", "fc"), start=2):
        if steps is None:
            headline(f"{number}  Train {name}, {seconds_text(60 * minutes)} at most")
            train = config.train
        else:
            headline(f"{number}  Train {name} for as many steps")
            train = replace(config.train, minutes=0.0)
        run = replace(config, model=replace(config.model, name=name), train=train)
        place = Place(f"demo_{name}", output, output / "best", replace=True)
        finished = train_and_show(run, place, prepared=prepared, table=False, last_step=steps)
        steps = finished.steps
        results[name], checkpoints[name] = finished.report, finished.path

    headline("4  Compare on subjects that were not trained on")
    means = {name: report.mean for name, report in results.items()}
    caption = f"Action-wise means. Both networks trained on the same windows for {steps:,} steps. {SYNTHETIC}."
    metric_table("Test subjects S9 and S11 (SYNTHETIC)", "method", {}, means, caption=caption)
    if steps is not None and steps < _FEW_STEPS:
        todo = "Give more --minutes; on a CPU that other programs use too, OMP_NUM_THREADS=1 srnet demo is often faster"
        remark(f"{steps:,} steps are too few to tell which network is better. {todo}")
    headline("5  Export SRNet to ONNX")
    checkpoint = open_checkpoint(checkpoints["srnet"], {}, {})
    onnx = get_format("onnx")
    assert isinstance(onnx, NetworkFormat)
    export_network(checkpoint, checkpoints["srnet"], output / "demo_srnet.onnx", onnx)

    headline("6  Visualize")
    shown = {"srnet": Network(checkpoints["srnet"], checkpoint, prepared)}
    page = draw(shown, Selection(action="Walking"), output=output / "demo.html", device=device)
    pages = [page]
    if _EXAMPLE.is_file():
        headline("7  Lift keypoints of a real person, with a network that comes with the package")
        pages.append(_lift_example(output / "lifted.html", device))
    _what_next(pages, checkpoints["srnet"], time.monotonic() - started)


def _lift_example(page: Path, device: str) -> Path:
    """A page of the person of the example, who balances on one leg."""
    from srnet_core.inference.lifter import Lifter
    from srnet_core.keypoints import read_keypoints
    from srnet_core.lifting.lift import lift
    from srnet_core.lifting.writing import write_people
    from srnet_core.weights import best_network

    keypoints = read_keypoints(_EXAMPLE).only(0).mend_swaps()
    name = best_network(keypoints.frame_count)
    people = lift(keypoints, Lifter.open(name, device=device), model=name)
    (written,) = write_people(people, page)
    say(f"{written}  {bytes_text(written.stat().st_size)}, {int(people.people[0].lifted.sum())} frames with {name}")
    return written


def _what_next(pages: list[Path], checkpoint: Path, seconds: float) -> None:
    headline(f"Done in {seconds_text(seconds)}. What to do next")
    for page in pages:
        say(f"  open {page} in a browser")
    if _EXAMPLE.is_file():
        say(f"  {command(f'lift {shlex.quote(_readable(_EXAMPLE))} -o pose.bvh')}")
    which = shlex.quote(str(checkpoint))
    for arguments in (
        f"eval {which} --by joint",
        f"visualize {which} --action Sitting",
        "train --arch 3,3,3 --epochs 5",
        "prepare --protocol cross-action --train-action Discussion",
    ):
        say(f"  {command(arguments)}")
    prose("Put data_3d_h36m.npz and data_2d_h36m_gt.npz into data/ and the same commands use Human3.6M.")
