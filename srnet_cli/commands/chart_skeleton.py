"""srnet chart skeleton: joints with numbers and names on a body."""

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.inputs import skeleton_of
from srnet_cli.options import CacheDir, DataDir, Keypoints, SkeletonDataset, SkeletonName
from srnet_core.config import DataConfig, ModelConfig
from srnet_core.errors import ConfigError

EXAMPLES = ("srnet chart skeleton -o h36m17.svg", "srnet chart skeleton --dataset synthetic -o skeleton.png")


def main(
    output: Output,
    skeleton: SkeletonName = None,
    dataset: SkeletonDataset = None,
    data_dir: DataDir = "data",
    keypoints: Keypoints = "gt",
    cache_dir: CacheDir = "cache",
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw a skeleton: left, right and middle in colours, with the number and the name of each joint."""
    from srnet_core.skeletons import get_skeleton
    from srnet_core.visualization.skeleton_chart import write_skeleton_chart

    charts.require_chart_file(output)
    if skeleton and dataset:
        raise ConfigError("--skeleton and --dataset both name a skeleton: give one of them")
    if dataset is not None:
        chosen = skeleton_of(DataConfig(dataset=dataset, data_dir=data_dir, keypoints=keypoints, cache_dir=cache_dir))
    else:
        chosen = get_skeleton((skeleton or ModelConfig().skeleton).replace("-", "_"))
    charts.tell(write_skeleton_chart(chosen, output, width_in=charts.width_in(width), dark=dark))
