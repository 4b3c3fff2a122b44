"""srnet cache: the prepared stages: which there are, whether they are whole, and removing them."""

from srnet_cli.commands import cache_clean, cache_list, cache_verify

HELP = "See, verify and remove prepared stages."
EXAMPLES = ("srnet cache list", "srnet cache clean --older-than 30")
COMMANDS = {"list": cache_list, "verify": cache_verify, "clean": cache_clean}
