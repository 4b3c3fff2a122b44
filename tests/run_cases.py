"""Runs the attack scripts of a folder of cases: `python tests/run_cases.py FOLDER [NUMBER ...]`.

Each script makes a small data set, damages something or puts the program into odd surroundings, and ends with a line
HOLDS or FAILS. The scripts of `NO_VERDICT` print figures only, and are read here.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 900
NO_VERDICT = {
    "04": lambda text: "still running" not in text,
    "06": lambda text: "untyped or hung: 0" in text,
    "12": lambda text: "TIMEOUT" not in text and "unexpected" not in text,
    "29": lambda text: "NOT TYPED" not in text,
}


def _superuser_owns_python() -> bool:
    """Whether other users cannot read the standard library: what they import late then fails, whoever wrote it."""
    return any(not folder.stat().st_mode & 0o001 for folder in Path(os.__file__).resolve().parents)


NOT_RUN = {"19": "its second round waits for a stage to be made that its first round has made already"}
if _superuser_owns_python():
    NOT_RUN["28"] = "it becomes another user, and other users cannot read the files of this Python"


def run_script(script: Path, timeout_s: float = TIMEOUT_S) -> tuple[bool, str]:
    """Whether a script holds, and what it printed."""
    paths = [str(ROOT), str(ROOT / "tests" / "support" / "moved"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        try:
            ran = subprocess.run(
                [sys.executable, script],
                cwd=folder,
                env={**environment, "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired as late:
            return False, f"{(late.stdout or b'').decode(errors='replace')}\nstill running after {timeout_s:.0f} s"
    text = ran.stdout.decode(errors="replace")
    verdict = NO_VERDICT.get(script.name[:2])
    last = text.strip().splitlines()[-1:] or [""]
    return ran.returncode == 0 and (verdict(text) if verdict else last[0].startswith("HOLDS")), text


def main(arguments: list[str]) -> int:
    """Run the scripts whose numbers are given, or all. Returns how many do not hold."""
    folder, numbers = Path(arguments[0]) / "attack", arguments[1:]
    scripts = [s for s in sorted(folder.glob("*.py")) if re.match(r"\d\d_", s.name)]
    failed = 0
    for script in scripts:
        number = script.name[:2]
        if numbers and number not in numbers:
            continue
        if number in NOT_RUN and not numbers:
            print(f"left out  {script.name}: {NOT_RUN[number]}", flush=True)
            continue
        started = time.monotonic()
        holds, text = run_script(script)
        failed += not holds
        print(f"{'holds' if holds else 'FAILS':8}  {script.name}, {time.monotonic() - started:.0f} s", flush=True)
        if not holds:
            print("\n".join(f"    {line}" for line in text.strip().splitlines()[-20:]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
