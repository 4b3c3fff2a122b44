"""What is installed and found: read from the package's own requirements, and the folders."""

import tomllib
from pathlib import Path

import pytest

from srnet_core import diagnosis

FOR_DEVELOPERS = {"bench", "test", "docs"}
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.fixture
def installed(monkeypatch):
    """Set the requirements and the versions that are installed."""

    def set_to(requires, versions):
        def version(name):
            if name not in versions:
                raise diagnosis.metadata.PackageNotFoundError(name)
            return versions[name]

        extras = {text.partition("extra == '")[2].rstrip("'") for text in requires} - {""}
        monkeypatch.setattr(diagnosis.metadata, "requires", lambda _: requires)
        monkeypatch.setattr(diagnosis.metadata, "version", version)
        monkeypatch.setattr(diagnosis, "_known_extras", lambda: sorted(extras))

    return set_to


def test_every_extra_for_users_is_told_what_for():
    extras = set(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"])
    assert set(diagnosis.EXTRAS) == extras - FOR_DEVELOPERS


def test_packages_that_are_needed(installed):
    installed(
        ["numpy>=2.1,<3", "torch>=2.6", "zarr>=3", "av>=14; extra == 'video'"], {"numpy": "2.4.6", "torch": "2.1"}
    )
    assert [(p.requirement, p.version, p.fits) for p in diagnosis.needed()] == [
        ("numpy<3,>=2.1", "2.4.6", True),
        ("torch>=2.6", "2.1", False),
        ("zarr>=3", None, False),
    ]


def test_packages_of_extras(installed):
    requires = ["numpy", "pillow>=11; extra == 'viz'", "mediapipe; python_version < '3' and extra == 'video'"]
    installed(requires, {"pillow": "11.1"})
    extras = diagnosis.optional()
    assert extras["viz"] == [diagnosis.Package("pillow>=11", "11.1", True)]
    assert extras.get("video", []) == []  # nothing of it exists for this Python


def test_what_is_found(tmp_path):
    for folder in ("data", "cache/a", "cache/b", "checkpoint"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("data/data_3d_h36m.npz", "cache/a/manifest.json", "checkpoint/one.bin"):
        (tmp_path / name).write_bytes(b"")
    found = diagnosis.found(*(tmp_path / name for name in ("data", "cache", "checkpoint")))
    assert found["data"].endswith("data/: h36m")
    assert found["cache"].endswith("cache/: 1 stage") and found["checkpoints"].endswith("checkpoint/: 1 file")
    assert "srnet-open-27" in found["networks"]
    absent = diagnosis.found(*(tmp_path / "none" / name for name in ("data", "cache", "checkpoint")))
    assert absent["data"].endswith("does not exist") and absent["cache"].endswith("does not exist yet")
