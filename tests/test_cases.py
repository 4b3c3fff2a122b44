"""Attack scripts from the folder of reference data; `make cases` runs the long ones as well."""

import pytest
from run_cases import run_script

QUICK = ("03_digests_json",)


@pytest.mark.parametrize("name", QUICK)
def test_the_attack_fails(shared_dir, name):
    script = shared_dir / "cases" / "attack" / f"{name}.py"
    if not script.is_file():
        pytest.skip(f"{name} is not among the cases of this reference folder")
    holds, text = run_script(script, timeout_s=300)
    assert holds, text
