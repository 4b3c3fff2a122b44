"""srnet chart: charts for papers and slides, as PNG, SVG or PDF."""

from srnet_cli.commands import chart_curves, chart_errors, chart_model, chart_poses, chart_skeleton

HELP = "Draw charts for papers and slides: curves, errors, networks, skeletons, poses."
EXAMPLES = ("srnet chart curves first second -o curves.svg", "srnet chart model --arch 3,3,3 -o model.pdf")
COMMANDS = {
    "curves": chart_curves,
    "errors": chart_errors,
    "model": chart_model,
    "skeleton": chart_skeleton,
    "poses": chart_poses,
}
