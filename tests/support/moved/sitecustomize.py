"""Modules of the command line under the names they had before there was one file per command.

Python imports a module of this name at its start when its folder is on PYTHONPATH. `tests/run_cases.py` puts it there
for scripts that were written against the earlier names.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys

MOVED = {
    "srnet_cli.preparing": "srnet_cli.commands.prepare",
    "srnet_cli.training": "srnet_cli.commands.train",
    "srnet_cli.evaluation": "srnet_cli.commands.evaluate",
    "srnet_cli.exporting": "srnet_cli.commands.export",
    "srnet_cli.drawing": "srnet_cli.commands.visualize",
    "srnet_cli.grouping": "srnet_cli.commands.groups",
    "srnet_cli.benching": "srnet_cli.commands.bench",
    "srnet_cli.demonstration": "srnet_cli.commands.demo",
}


class _Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec):
        return importlib.import_module(MOVED[spec.name])

    def exec_module(self, module):
        """Nothing to do: the module was imported under its present name."""


sys.meta_path.insert(0, _Moved())
