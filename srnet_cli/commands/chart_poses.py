"""srnet chart poses: a contact sheet of a data set: one pose of each of several clips."""

from typing import Annotated

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.inputs import prepare_stage
from srnet_cli.options import DATA, option, shared
from srnet_cli.wording import data_text
from srnet_core.config import DataConfig

EXAMPLES = (
    "srnet chart poses",
    "srnet chart poses --dataset synthetic --split train --count 40 -o poses.svg --width page",
)
_SPLITS = ("train", "test")


@shared(data=DATA)
def main(
    data: dict,
    output: Output = None,
    count: Annotated[int, option("--count", help="Number of poses", metavar="N", min=1)] = 15,
    split: Annotated[str, option("--split", help="train or test", metavar="NAME", completes=_SPLITS)] = "test",
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw poses of a data set: those in the middle of clips, of as many actions and subjects as possible.

    All have the same scale and are seen at an angle from the camera. The stage is prepared if it is missing.
    """
    from srnet_core.lookup import choose
    from srnet_core.visualization.poses_chart import chosen_poses, write_poses_chart

    choose("split", split, _SPLITS, where="--split")
    if output is not None:
        charts.chart_file(output)
    stage = prepare_stage(DataConfig(**data)).stage
    output = charts.chart_file(output, "poses", stage.manifest["dataset"], split)
    poses = chosen_poses(stage, split, count)
    title = f"{data_text(stage).partition(',')[0]}, {split}"
    write_poses_chart(poses, stage.skeleton, output, title=title, width_in=charts.width_in(width), dark=dark)
    charts.tell(output)
