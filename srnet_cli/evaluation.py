"""Earlier name of `srnet_cli.commands.evaluate`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.evaluate import *  # noqa: F403
