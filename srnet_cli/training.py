"""Earlier name of `srnet_cli.commands.train`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.train import *  # noqa: F403
