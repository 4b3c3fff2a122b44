"""Earlier name of `srnet_cli.commands.groups`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.groups import *  # noqa: F403
