"""srnet doctor: what is installed, what is missing, what srnet finds: the first thing to look at, and to send along."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import CacheDir, DataDir
from srnet_cli.runs import CheckpointDir

if TYPE_CHECKING:
    from srnet_core.diagnosis import Package

_NEEDED = "needed"
EXAMPLES = ("srnet doctor", "srnet doctor --json report.json")


def main(
    json: JsonFile = None,
    data_dir: DataDir = "data",
    cache_dir: CacheDir = "cache",
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
) -> None:
    """Show versions, device, speed, data and networks found, and which extras are missing.

    Nothing is changed and nothing is sent anywhere. Add the report to a question or to a report of a problem. The exit
    code is 1 if a package that srnet needs is missing, cannot be imported or has a version that was not tested.
    """
    import typer

    from srnet_cli.console import remark
    from srnet_cli.progress import progress_bar
    from srnet_core import diagnosis

    with progress_bar() as bar:
        bar.busy("importing the packages")
        extras = diagnosis.tried({_NEEDED: diagnosis.needed(), **diagnosis.optional()})
        needed, system = extras.pop(_NEEDED), diagnosis.system()
    system["speed"] = f"{diagnosis.product_speed_gflops():,.0f} GFLOP/s in a float32 matrix product"
    found = diagnosis.found(Path(data_dir), Path(cache_dir), checkpoint_dir)
    wrong = [package for package in needed if not package.works]
    if json is not None:
        report = {"system": system, "found": found, "packages": _plain(needed), "extras": _of_extras(extras)}
        write_json_to(json, report)
    else:
        _show(system, found, extras)
    for package in wrong:
        has = f"version {package.version} is installed" if package.version else "it is not installed"
        has = f"it cannot be imported: {package.problem}" if package.problem else has
        remark(f"srnet needs {package.requirement}, and {has}. Get it with: pip install '{package.requirement}'")
    if not needed:
        remark("srnet is not installed as a package here, so that its requirements are not known")
    if wrong:
        raise typer.Exit(1)


def _show(system: dict[str, str], found: dict[str, str], extras: "dict[str, list[Package]]") -> None:
    from srnet_cli.console import facts, say
    from srnet_cli.tables import plain_table

    facts(system)
    say("")
    facts(found)
    say("")
    rows = [_row(name, packages) for name, packages in extras.items()]
    plain_table("Extras", ["extra", "for", "state"], rows, text_columns=3)


def _row(name: str, packages: "list[Package]") -> tuple[str, str, str]:
    from srnet_core.diagnosis import EXTRAS

    missing = [p for p in packages if not p.fits]
    broken = [
        f"{p.requirement.split('>')[0]} {p.version} cannot be imported: {p.problem}" for p in packages if p.problem
    ]
    if not packages:
        state = "nothing to install for this Python"
    elif broken:
        state = f"{'; '.join(broken)}. Look for what does not fit with: pip check"
    elif not missing:
        state = "installed"
    else:
        has = [f"{p.requirement} (here: {p.version})" if p.version else p.requirement for p in missing]
        state = f"pip install 'srnet[{name}]' gets {', '.join(has)}"
    return name, EXTRAS[name], state


def _plain(packages: "list[Package]") -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [asdict(package) for package in packages]


def _of_extras(extras: "dict[str, list[Package]]") -> dict[str, list[dict[str, Any]]]:
    return {name: _plain(packages) for name, packages in extras.items()}
