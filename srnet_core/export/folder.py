"""A folder as model hubs keep them: config.json, model.safetensors and a card, README.md. srnet reads it back."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import srnet_core
from srnet_core.checkpoint import Checkpoint
from srnet_core.checkpoint.folder import CONFIG, RECORD, WEIGHTS, record_of_weights
from srnet_core.export import CheckpointFormat, WrittenNetwork
from srnet_core.export.safetensors import export_safetensors
from srnet_core.files import atomic_write, write_json

CARD = "README.md"


def export_folder(checkpoint: Checkpoint, folder: str | Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """Write the three files. Other files of the folder stay as they are, e.g. its `.git`.

    Raises:
        SrnetError: the weights read back do not give the same poses.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)  # a folder with new weights and an old configuration would be refused
    written = export_safetensors(checkpoint, folder / WEIGHTS)
    with atomic_write(folder / CARD) as file:
        file.write(_card(checkpoint, folder.name, metadata).encode())
    write_json(folder / CONFIG, _config(folder, metadata))
    return replace(written, path=folder)


def _config(folder: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    return {
        "model_type": "srnet",
        "library_name": "srnet",
        "srnet_version": srnet_core.__version__,
        **{key.removeprefix("srnet."): value for key, value in sorted(metadata.items()) if key != "srnet.model"},
        RECORD: record_of_weights(folder / WEIGHTS),
    }


def _card(checkpoint: Checkpoint, name: str, metadata: Mapping[str, str]) -> str:
    record, config = checkpoint.record, checkpoint.model_config
    widths = ", ".join(map(str, config.filter_widths))
    rows = {
        "network": f"`{config.name}`, filter widths {widths}, {config.channels} channels",
        "parameters": f"{checkpoint.model.num_parameters:,}",
        "receptive field": f"{checkpoint.model.receptive_field} frames{', causal' if config.causal else ''}",
        "frame rate of the training data": metadata["srnet.fps"],
        "trained on": metadata["srnet.trained_on"],
        "normalization": f"`{metadata['srnet.normalization']}`: {metadata['srnet.encode']}",
        "joints": f"{metadata['srnet.skeleton']}: {', '.join(checkpoint.skeleton.joint_names)}",
        "output": metadata["srnet.output"],
        "unit": metadata["srnet.output_unit"],
        "origin": metadata["srnet.root"],
    }
    table = "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows.items())
    errors = {key: value for key, value in record.metrics.items() if key.endswith("_mm")}
    measured = "\n".join(f"| {_cell(key)} | {value:.1f} |" for key, value in errors.items())
    results = f"\n## Errors of the last epoch\n\n| | mm |\n|---|---:|\n{measured}\n" if errors else ""
    return f"""---
library_name: srnet
tags:
- pose-estimation
- 3d-human-pose
- srnet
---

# {_cell(name)}

A network that lifts 2D human keypoints to 3D poses, written by srnet {srnet_core.__version__}.

```python
import srnet_core as srnet
lifter = srnet.Lifter.from_checkpoint("{_cell(name)}")
poses_m = lifter(keypoints_px, image_size=(width, height))  # (frames, joints, 2) pixels -> (frames, joints, 3) metres
```

| | |
|---|---|
{table}
{results}
The licence is for the owner of the weights to state, with regard to that of the training data.
"""


def _cell(text: object) -> str:
    return " ".join(str(text).replace("|", "/").split())


def write(checkpoint: Checkpoint, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `CheckpointFormat`."""
    return export_folder(checkpoint, path, metadata)


FORMAT = CheckpointFormat(("",), write)
