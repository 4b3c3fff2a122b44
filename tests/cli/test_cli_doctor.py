"""srnet doctor: the report, as text and as JSON, and its exit code."""

import json

from srnet_core import diagnosis
from srnet_core.diagnosis import Package


def test_the_report(srnet, monkeypatch):
    monkeypatch.setattr(diagnosis, "_import_problems", lambda modules: {})
    ran = srnet("doctor").ok()
    for part in ("srnet", "python", "torch", "GFLOP/s", "data/: does not exist", "srnet-open-27", "Extras"):
        assert part in ran.out


def test_the_report_as_json(srnet, monkeypatch):
    monkeypatch.setattr(diagnosis, "_import_problems", lambda modules: {"h5py": "OSError: no library"})
    ran = srnet("doctor", "--json", "-")
    assert ran.code == 1 and "h5py" in ran.err and "it cannot be imported: OSError: no library" in ran.err
    report = json.loads(ran.out)
    assert {p["problem"] for p in report["packages"]} == {"", "OSError: no library"}
    assert set(report) == {"system", "found", "packages", "extras"}
    assert {"srnet", "torch", "device", "speed"} <= set(report["system"])


def test_a_package_that_does_not_fit_is_told(srnet, monkeypatch):
    needed = [Package("numpy>=2", "2.4.6", True), Package("zarr>=3.1", "2.18", False), Package("h5py>=3", None, False)]
    extras = {"viz": [Package("pillow>=11", None, False)]}
    monkeypatch.setattr(diagnosis, "_import_problems", lambda modules: {})
    monkeypatch.setattr(diagnosis, "needed", lambda: needed)
    monkeypatch.setattr(diagnosis, "optional", lambda: extras)
    ran = srnet("doctor")
    assert ran.code == 1
    assert "srnet needs zarr>=3.1, and version 2.18 is installed" in ran.err
    assert "pip install 'h5py>=3'" in ran.err and "numpy" not in ran.err
    assert "pip install 'srnet[viz]' gets pillow>=11" in ran.out


def test_packages_that_are_installed_and_broken_are_told(srnet, monkeypatch, tmp_path):
    """One of them even ends the process that imports it."""
    (tmp_path / "ends_the_process.py").write_text("import os\nos._exit(7)")
    (tmp_path / "lacks_a_library.py").write_text("raise OSError('libGL.so.1: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    packages = ["json>=1", "ends-the-process>=1", "lacks-a-library>=1"]
    monkeypatch.setattr(diagnosis, "needed", lambda: [])
    monkeypatch.setattr(diagnosis, "optional", lambda: {"viz": [Package(p, "1.0", True) for p in packages]})
    out = " ".join(srnet("doctor").out.split())
    assert "ends-the-process 1.0 cannot be imported: ends the program with code 7" in out
    assert "lacks-a-library 1.0 cannot be imported: OSError: libGL.so.1: no such file" in out
    assert "json 1.0" not in out
