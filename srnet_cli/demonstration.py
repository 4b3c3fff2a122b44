"""The demo: every command's work in one go, on data the project makes itself, with a comparison at the end."""

import time
from pathlib import Path

from srnet_cli.console import metric_table, prose, say, seconds_text, step
from srnet_cli.drawing import draw
from srnet_cli.exporting import export_network
from srnet_cli.steps import SYNTHETIC, open_checkpoint, prepare_stage, show_prepared
from srnet_cli.training import Place, preset_path, train_and_show
from srnet_core.config import DataConfig, RunConfig, merge, read_toml, replace

PRESET = "demo"


def demonstrate(*, minutes: float, output: Path, cache_dir: str, device: str) -> None:
    """Prepare, train SRNet and the fully connected baseline for the same epochs, compare, export, draw."""
    from srnet_core.evaluation.run import evaluate_mean_pose

    started = time.monotonic()
    preset = preset_path(PRESET)
    config = merge(
        RunConfig(data=DataConfig(dataset="synthetic", cache_dir=cache_dir)), read_toml(preset), where=preset
    )
    config = replace(config, train=replace(config.train, minutes=minutes, device=device))

    step("1  Prepare: motion of seven made-up people, seen by four cameras")
    prepared = prepare_stage(config.data)
    show_prepared(prepared)

    results, checkpoints = {"always the mean pose": evaluate_mean_pose(prepared.stage)}, {}
    for number, name in enumerate(("srnet", "fc"), start=2):
        step(f"{number}  Train {name}, {seconds_text(60 * minutes)} at most")
        run = replace(config, model=replace(config.model, name=name))
        place = Place(f"demo_{name}", output, output / "best", replace=True)
        finished = train_and_show(run, place, prepared=prepared, table=False)
        results[name], checkpoints[name] = finished.report, finished.path

    step("4  Compare on people the networks have never seen")
    metric_table("Test subjects S9 and S11 (SYNTHETIC)", "method", {}, {n: r.mean for n, r in results.items()},
                 caption=f"Action-wise means. Both networks were to see the same windows, within the time given. {SYNTHETIC}.")  # fmt: skip
    step("5  Export SRNet to ONNX")
    checkpoint = open_checkpoint(checkpoints["srnet"], {}, {})
    export_network(checkpoint, checkpoints["srnet"], output / "demo_srnet.onnx")

    step("6  Draw")
    page = draw(
        checkpoint, checkpoints["srnet"], prepared, action="Walking", output=output / "demo.html", device=device
    )
    _what_next(page, checkpoints["srnet"], time.monotonic() - started)


def _what_next(page: Path, checkpoint: Path, seconds: float) -> None:
    step(f"Done in {seconds_text(seconds)}. What to do next")
    say(f"  open {page} in a browser")
    say(f"  srnet eval {checkpoint} --by joint")
    say(f"  srnet visualize {checkpoint} --action Sitting")
    say("  srnet train --arch 3,3,3 --epochs 5")
    say("  srnet prepare --protocol cross-action --train-action Discussion")
    prose("Put data_3d_h36m.npz and data_2d_h36m_gt.npz into data/ and the same commands use Human3.6M.")
