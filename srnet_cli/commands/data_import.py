"""srnet data import: motion capture and data sets become the two files that srnet prepares and trains on."""

from srnet_cli.commands import data_import_datasets as sets
from srnet_cli.commands import data_import_mocap

EXAMPLES = (
    "srnet data import mocap --help",
    "srnet data import h36m --help",
)
HELP = "Import motion capture or a published data set: make the files data_3d_NAME.npz and data_2d_NAME_gt.npz of it."
COMMANDS = {
    "mocap": data_import_mocap,
    "h36m": sets.H36M,
    "humaneva": sets.HUMANEVA,
    "mpi-inf-3dhp": sets.MPI_INF_3DHP,
    "3dpw": sets.THREEDPW,
}
