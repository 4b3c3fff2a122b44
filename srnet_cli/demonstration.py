"""Earlier name of `srnet_cli.commands.demo`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.demo import *  # noqa: F403
