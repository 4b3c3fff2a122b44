"""Earlier name of `srnet_cli.commands.bench`, kept for programs written for srnet 0.1.0"""

from srnet_cli.commands.bench import *  # noqa: F403
