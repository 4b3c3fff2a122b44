"""srnet data: what is in a file of keypoints or motion capture, what is wrong with it, and how it becomes a data set."""

from srnet_cli.commands import data_check, data_convert, data_import, data_info, data_list, data_mapping, data_plot

EXAMPLES = (
    "srnet data list --formats",
    "srnet data import mocap --help",
)
HELP = "Look at, check, convert and import 2D keypoints, motion capture and data sets of any known format."
COMMANDS = {
    "list": data_list,
    "info": data_info,
    "check": data_check,
    "plot": data_plot,
    "convert": data_convert,
    "import": data_import,
    "mapping": data_mapping,
}
