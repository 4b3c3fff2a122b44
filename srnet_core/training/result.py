"""The result of a finished run, `result.json` in its folder. A run without this file is not finished.

The file is written last and carries a digest of its content, so that whoever finds it may rely on it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError
from srnet_core.files import without_nan, write_json

SCHEMA = 1
_DIGEST = "digest"
_MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class RunResult:
    """What a finished run leaves beside its checkpoint.

    Attributes:
        config: the settings of the run, as `config.to_dict` gives them.
        stage_key: of the stage it was trained and tested on.
        checkpoint: name of the file of the result: the best epoch where validation data chose one, else the last.
        epochs, steps: epochs and training steps done.
        seconds: time of the last session; less than that of the whole run if it was resumed.
        parameters: number of weights of the network.
        validation_mpjpe_mm: the lowest error on the clips held out; `None` without validation.
        device, threads: what it was computed on, and with how many threads.
        srnet_version, torch_version: of the programs that computed it.
        report: the test report, as `Report.to_dict` gives it.
    """

    config: Mapping[str, Any]
    stage_key: str
    checkpoint: str
    epochs: int
    steps: int
    seconds: float
    parameters: int
    validation_mpjpe_mm: float | None
    device: str
    threads: int
    srnet_version: str
    torch_version: str
    report: Mapping[str, Any]


def write_result(path: Path, result: RunResult) -> None:
    """Write the file of a result, atomically."""
    values = without_nan({"schema": SCHEMA, **asdict(result)})
    write_json(path, {**values, _DIGEST: _digest_of(values)})


def read_result(path: Path) -> RunResult | None:
    """The result in a file; `None` if there is no such file.

    Raises:
        BadFileError: the file is damaged, altered, or of another version of srnet.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError
        values = json.loads(content)
        digest = values.pop(_DIGEST)
        schema = values.pop("schema")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadFileError("is not the result of a run", where=path) from None
    names = {f.name for f in fields(RunResult)}
    if schema != SCHEMA or not names <= values.keys():
        raise BadFileError("was written by another version of srnet", where=path)
    if digest != _digest_of({"schema": schema, **values}):
        raise BadFileError("was altered or damaged", where=path)
    return RunResult(**{name: values[name] for name in names})


def _digest_of(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
