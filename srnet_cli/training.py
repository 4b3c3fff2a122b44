"""Earlier name of `srnet_cli.commands.train`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.train import *  # noqa: F403
from srnet_cli.interrupts import *  # noqa: F403
from srnet_cli.run_place import *  # noqa: F403
from srnet_cli.train_display import *  # noqa: F403
from srnet_cli.train_run import *  # noqa: F403
