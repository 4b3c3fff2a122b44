"""What every folder of plug-ins promises: its table is complete, lazy and right."""

import importlib
import pkgutil
import sys

import pytest
from support.plugins import every

from srnet_core import lookup

FOLDERS = ("models", "datasets", "normalization", "protocols", "skeletons", "export")
EVERY_PLUGIN = [(folder, name) for folder in FOLDERS for name in every(folder)]


def folder_of(name):
    return importlib.import_module(f"srnet_core.{name}")


def modules_of(folder):
    """The public modules of a folder, imported."""
    found = [m.name for m in pkgutil.iter_modules(folder_of(folder).__path__) if not m.name.startswith("_")]
    return [importlib.import_module(f"srnet_core.{folder}.{name}") for name in found]


@pytest.mark.parametrize(("folder", "name"), EVERY_PLUGIN, ids="/".join)
def test_it_is_what_its_folder_asks_for(folder, name):
    plugin = lookup.load(folder, name)
    assert not folder_of(folder).PLUGINS.objection(plugin)
    assert lookup.load(folder, name) is plugin
    assert lookup.load(folder, name.replace("_", "-")) is plugin


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_plugin_of_the_folder_is_missing_in_its_table(folder):
    table = folder_of(folder).PLUGINS
    listed = [lookup.load(folder, name) for name in table.built_in]
    for module in modules_of(folder):
        for value in (module, *vars(module).values()):
            if not table.objection(value):
                assert any(value is plugin for plugin in listed), f"{module.__name__} is not in PLUGINS"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_built_in_plugin_is_the_file_of_its_name(folder):
    for name, place in folder_of(folder).PLUGINS.built_in.items():
        module = place.partition(":")[0]
        assert module == f"srnet_core.{folder}.{name}"
        importlib.import_module(module)
        assert sys.modules[module].__doc__


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_sorted_and_unknown_ones_list_them(folder):
    names = lookup.names(folder)
    assert names == sorted(set(names)) and names
    with pytest.raises(lookup.UnknownNameError, match="Choices: " + ", ".join(names)):
        lookup.load(folder, "no_such_plugin")
    with pytest.raises(lookup.UnknownNameError, match=f"Did you mean '{names[-1]}'"):
        lookup.load(folder, f"{names[-1]}x")
