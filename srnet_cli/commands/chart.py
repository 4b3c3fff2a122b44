"""srnet chart: charts for papers and slides, as PNG, SVG or PDF."""

from srnet_cli.commands import chart_curves, chart_errors

HELP = "Draw charts for papers and slides: curves of runs, errors of results."
EXAMPLES = ("srnet chart curves first second -o curves.svg", "srnet chart errors srnet.json fc.json -o errors.pdf")
COMMANDS = {"curves": chart_curves, "errors": chart_errors}
