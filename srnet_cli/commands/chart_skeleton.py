"""srnet chart skeleton: joints with numbers and names on a body."""

from typing import Annotated

import typer

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.completion import completer
from srnet_cli.inputs import skeleton_of
from srnet_cli.options import CacheDir, DataDir, Keypoints, SkeletonDataset, SkeletonName
from srnet_core.config import DataConfig, ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import names

EXAMPLES = ("srnet chart skeleton h36m32", "srnet chart skeleton --dataset synthetic -o skeleton.png")


def main(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of a skeleton, as --skeleton", metavar="[NAME]", autocompletion=completer(names("skeletons"))
        ),
    ] = None,
    output: Output = None,
    skeleton: SkeletonName = None,
    dataset: SkeletonDataset = None,
    data_dir: DataDir = "data",
    keypoints: Keypoints = "gt",
    cache_dir: CacheDir = "cache",
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw a skeleton: left, right and middle in colours, with the number and the name of each joint.

    Without a name it is that of Human3.6M.
    """
    from srnet_core.skeletons import get_skeleton
    from srnet_core.visualization.skeleton_chart import write_skeleton_chart

    if sum(given is not None for given in (name, skeleton, dataset)) > 1:
        raise ConfigError("NAME, --skeleton and --dataset all name a skeleton: give one of them")
    if output is not None:
        charts.chart_file(output)
    if dataset is not None:
        chosen = skeleton_of(DataConfig(dataset=dataset, data_dir=data_dir, keypoints=keypoints, cache_dir=cache_dir))
    else:
        _refuse_layout(name or skeleton)
        chosen = get_skeleton((name or skeleton or ModelConfig().skeleton).replace("-", "_"))
    output = charts.chart_file(output, "skeleton", chosen.name)
    charts.tell(write_skeleton_chart(chosen, output, width_in=charts.width_in(width), dark=dark))


def _refuse_layout(name: str | None) -> None:
    """Tell that the joints of a 2D detector are no skeleton of 3D poses, though both have names."""
    from srnet_core.layouts import layout_names

    if name is not None and name not in names("skeletons") and name in layout_names():
        what = f"{name} is an order of 2D keypoints, and this chart draws skeletons of 3D poses"
        raise ConfigError(what, where="NAME", todo=f"Choices: {', '.join(names('skeletons'))}")
