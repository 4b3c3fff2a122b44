"""Earlier name of `srnet_cli.commands.visualize`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.visualize import *  # noqa: F403
