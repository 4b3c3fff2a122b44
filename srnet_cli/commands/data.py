"""srnet data: what is in files of keypoints and motion capture, what is wrong with them, how they become data sets."""

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
