"""The structure: imports go one way, the core neither prints nor knows the command line, and nothing runs at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import srnet_core

CORE = Path(srnet_core.__file__).parent
# a module may import from its own layer and from those before it
LAYERS = [
    {"errors"},
    {"lookup", "files", "device", "toml_file", "markdown"},
    {"geometry"},
    {"skeletons"},
    {"layouts"},
    {"body_parts"},
    {"config"},
    {"clip", "batch", "motion"},
    {"body"},
    {"readers"},
    {"mappings", "virtual_cameras"},
    {"mocap", "keypoints"},
    {"synthetic"},
    {"datasets"},
    {"protocols"},
    {"normalization"},
    {"stages"},
    {"augment"},
    {"sampling"},
    {"layers"},
    {"models"},
    {"checkpoint"},
    {"engine"},
    {"inference"},
    {"evaluation"},
    {"training"},
    {"export", "visualization"},
    {"speed"},
    {"presets"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted(p for p in CORE.rglob("*.py") if p != CORE / "__init__.py")


def layer_of(path: Path) -> str:
    """The layer of a module: its own where it has one, else that of its package."""
    return layer_named([part.removesuffix(".py") for part in path.relative_to(CORE).parts])


def layer_named(parts: list[str]) -> str:
    return next((name for name in (".".join(parts[:2]),) if name in RANK), parts[0])


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_imports_go_one_way(path):
    own = layer_of(path)
    for name in imported(path):
        parts = name.split(".")
        if (
            parts[0] == "srnet_core"
            and len(parts) > 1
            and parts[1] in RANK
            and not path.is_relative_to(CORE / parts[1])
        ):
            assert RANK[layer_named(parts[1:])] <= RANK[own], f"{path.name} in {own} imports {name}"
        assert parts[0] not in ("typer", "rich", "srnet_cli"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_the_core_never_prints(path):
    calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    assert not [
        c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id in ("print", "input", "eval", "exec")
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(CORE)))
def test_every_module_has_its_place_and_says_what_it_is(path):
    assert layer_of(path) in RANK, f"{layer_of(path)} is not in the order of imports"
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)) or not text.strip()


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("statement", ["import srnet_core", "import srnet_cli.app", "import srnet_core.stages.key"])
def test_torch_waits_until_it_is_needed(statement):
    assert "torch" not in loaded_by(statement)


def test_preparing_data_needs_no_torch():
    plugins = ("base", "proj", "weak_proj", "lcn", "ray")
    statement = "import srnet_core.stages.prepare, " + ", ".join(f"srnet_core.normalization.{p}" for p in plugins)
    assert "torch" not in loaded_by(statement)


def test_public_names_exist():
    for name in srnet_core.__all__:
        assert getattr(srnet_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        srnet_core.nothing  # noqa: B018
