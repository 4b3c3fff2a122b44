"""srnet doctor: the report, as text and as JSON, and its exit code."""

import json

from srnet_core import diagnosis
from srnet_core.diagnosis import Package


def test_the_report(srnet):
    ran = srnet("doctor").ok()
    for part in ("srnet", "python", "torch", "GFLOP/s", "data/: does not exist", "srnet-open-27", "Extras"):
        assert part in ran.out


def test_the_report_as_json(srnet):
    report = json.loads(srnet("doctor", "--json", "-").ok().out)
    assert set(report) == {"system", "found", "packages", "extras"}
    assert {"srnet", "torch", "device", "speed"} <= set(report["system"])


def test_a_package_that_does_not_fit_is_told(srnet, monkeypatch):
    needed = [Package("numpy>=2", "2.4.6", True), Package("zarr>=3.1", "2.18", False), Package("h5py>=3", None, False)]
    extras = {"viz": [Package("pillow>=11", None, False)]}
    monkeypatch.setattr(diagnosis, "needed", lambda: needed)
    monkeypatch.setattr(diagnosis, "optional", lambda: extras)
    ran = srnet("doctor")
    assert ran.code == 1
    assert "srnet needs zarr>=3.1, and version 2.18 is installed" in ran.err
    assert "pip install 'h5py>=3'" in ran.err and "numpy" not in ran.err
    assert "pip install 'srnet[viz]' gets pillow>=11" in ran.out
