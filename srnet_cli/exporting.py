"""Earlier name of `srnet_cli.commands.export`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.export import *  # noqa: F403
