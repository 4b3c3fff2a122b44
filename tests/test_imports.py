"""The structure: imports go one way, the core neither prints nor knows the command line, and nothing runs at import."""

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import srnet_core

CORE = Path(srnet_core.__file__).parent
# a module may import from its own layer and from those before it
LAYERS = [
    {"errors"},
    {"lookup", "files", "device", "toml_file", "markdown", "statistics", "text_table", "video"},
    {"geometry"},
    {"skeletons"},
    {"layouts"},
    {"body_parts"},
    {"config"},
    {"clip", "batch", "motion", "articulation", "take_names"},
    {"body"},
    {"readers", "writers"},
    {"mappings", "calibration_files", "virtual_cameras"},
    {"mocap", "keypoints"},
    {"detectors"},
    {"synthetic"},
    {"datasets"},
    {"protocols", "data_check"},
    {"normalization"},
    {"stages"},
    {"augment"},
    {"sampling"},
    {"layers"},
    {"models"},
    {"checkpoint"},
    {"weights"},
    {"engine"},
    {"inference"},
    {"evaluation"},
    {"training"},
    {"sweep", "runs"},
    {"export", "visualization"},
    {"lifting"},
    {"live"},
    {"serving"},
    {"speed"},
    {"diagnosis"},
    {"presets"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
ROOT = CORE.parent
NOT_FOR_THE_CORE = ("typer", "rich", "srnet_cli")
NEVER_CALLED = ("print", "input", "eval", "exec")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    """srnet_core/geometry/__init__.py -> "srnet_core.geometry"."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def in_words(path: Path) -> str:
    return str(path.relative_to(ROOT))


CORE_FILES = sorted(CORE.rglob("*.py"))
MODULES = {module_name(path): path for path in CORE_FILES}
# the package itself collects names of all layers, lazily
LAYERED = [path for path in CORE_FILES if path != CORE / "__init__.py"]


def layer_of(path: Path) -> str:
    """The layer of a module: its own where it has one, else that of its package."""
    return layer_named([part.removesuffix(".py") for part in path.relative_to(CORE).parts])


def layer_named(parts: list[str]) -> str:
    return next((name for name in (".".join(parts[:2]),) if name in RANK), parts[0])


def imports_of(node: ast.AST) -> Iterator[str]:
    """Full names of what one statement imports; of `from a import b` both a and a.b, as b may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        assert node.level == 0, "relative imports are not used here"
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imported(path: Path) -> frozenset[str]:
    """What a file imports, wherever in the file it does so."""
    return frozenset(name for node in ast.walk(parsed(path)) for name in imports_of(node))


def imported_on_import(path: Path) -> set[str]:
    """The modules of srnet_core that importing a file imports: none of those inside functions or for type checks."""
    found: set[str] = set()
    pending: list[ast.AST] = list(parsed(path).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ImportFrom):
            whole, *names = imports_of(node)
            modules = {name for name in names if name in MODULES}
            found |= modules if len(modules) == len(names) else modules | {whole}
        elif isinstance(node, ast.Import):
            found |= set(imports_of(node))
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            pending += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return found & MODULES.keys()


def test_imports_go_one_way():
    wrong = [
        f"{in_words(path)} imports {name}"
        for path in LAYERED
        for name in sorted(imported(path))
        if name.startswith("srnet_core.") and RANK.get(name.split(".")[1], -1) > RANK[layer_of(path)]
    ]
    assert not wrong


def test_no_circle_of_modules():
    graph = {name: imported_on_import(path) - {name} for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > len(MODULES)  # imports were found at all
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def private_parent(name: str) -> str | None:
    """The package of a private module: srnet_core.readers for srnet_core.readers._npy and what is in it."""
    parts = name.split(".")
    for length in range(2, len(parts) + 1):
        if parts[length - 1].startswith("_") and ".".join(parts[:length]) in MODULES:
            return ".".join(parts[: length - 1])
    return None


def package_served(path: Path) -> str:
    """The package whose private modules a file may import: its own, or for a test the one that it mirrors."""
    parts = path.relative_to(ROOT).parts[:-1]
    return ".".join(("srnet_core", *parts[1:]) if parts[0] == "tests" else parts)


def test_private_modules_stay_inside_their_package():
    files = [
        path for folder in ("srnet_core", "srnet_cli", "benchmarks", "tests") for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    wrong, seen = [], 0
    for path in files:
        for name in sorted(imported(path)):
            if (parent := private_parent(name)) is not None:
                seen += 1
                if not f"{package_served(path)}.".startswith(f"{parent}."):
                    wrong.append(f"{in_words(path)} imports {name}")
    assert seen and not wrong


def test_the_core_knows_no_command_line():
    wrong = [
        f"{in_words(path)} imports {name}"
        for path in CORE_FILES
        for name in sorted(imported(path))
        if name.split(".")[0] in NOT_FOR_THE_CORE
    ]
    assert not wrong


def test_the_core_never_prints():
    wrong = [
        f"{in_words(path)}:{node.lineno} calls {node.func.id}"
        for path in CORE_FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NEVER_CALLED
    ]
    assert not wrong


def test_every_module_has_its_layer():
    assert not [in_words(path) for path in LAYERED if layer_of(path) not in RANK]


def test_every_module_says_what_it_is():
    assert not [in_words(path) for path in CORE_FILES if parsed(path).body and not ast.get_docstring(parsed(path))]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


EVERY_COMMAND = "import srnet_cli.app, typer.main; list(typer.main.get_command(srnet_cli.app.app).commands.values())"


@pytest.mark.parametrize("statement", ["import srnet_core", EVERY_COMMAND, "import srnet_core.stages.key"])
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


def test_files_of_tests_have_different_names():
    """pytest refuses to collect two of one name, which shows only where the whole suite is run."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert not [name for name, count in Counter(names).items() if count > 1]
