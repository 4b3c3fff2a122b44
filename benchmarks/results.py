"""The numbers of docs/results.md: SRNet and fc, one frame and 27, under all three protocols.

    python -m benchmarks.results --data-dir FOLDER [--output output/results] [--only srnet-333-cross_subject ...]

Every run is one `srnet train` command, printed before it starts; what has finished is not run again, so an
interrupted table goes on where it was. At the end the table is written to OUTPUT/results.md.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SHARED = [
    "--channels",
    "512",
    "--batch-size",
    "256",
    "--downsample",
    "5",
    "--lr-decay",
    "0.9",
    "--test-every",
    "0",
    "--seed",
    "4321",
]
ARCHITECTURES = {"111": "1,1,1", "333": "3,3,3"}


@dataclass(frozen=True)
class Protocol:
    """Options of a protocol and its number of epochs, chosen so that all three see about as many windows."""

    title: str
    options: tuple[str, ...]
    epochs: int


PROTOCOLS = {
    "cross_subject": Protocol("cross-subject", ("--protocol", "cross-subject"), 8),
    "cross_action": Protocol(
        "cross-action (train DeepSquat)", ("--protocol", "cross-action", "--train-action", "DeepSquat"), 40
    ),
    "cross_camera": Protocol(
        "cross-camera (train camera 0)",
        ("--protocol", "cross-camera", "--train-camera", "0", "--test-camera", "1,2,3"),
        32,
    ),
}


def train_command(model: str, arch: str, protocol: Protocol, data_dir: str, folder: Path, name: str) -> list[str]:
    return [
        "srnet",
        "train",
        "--data-dir",
        data_dir,
        "--model",
        model,
        "--arch",
        arch,
        *protocol.options,
        "--epochs",
        str(protocol.epochs),
        *SHARED,
        "--name",
        name,
        "--checkpoint-dir",
        str(folder),
    ]


def run(command: list[str], log: Path) -> float:
    """Run a command of this environment, its output in a file; seconds it took."""
    print("$", shlex.join(command), flush=True)
    program = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    started = time.perf_counter()
    with open(log, "w", encoding="utf-8") as file:
        if subprocess.run(program, stdout=file, stderr=subprocess.STDOUT, check=False).returncode:
            sys.exit(f"failed; see {log}")
    return time.perf_counter() - started


def measure(model: str, arch_name: str, protocol_name: str, data_dir: str, folder: Path) -> dict:
    """Train and evaluate one model, or take what an earlier run left."""
    name = f"{model}-{arch_name}-{protocol_name}"
    record = folder / f"{name}.result.json"
    if not record.exists():
        protocol = PROTOCOLS[protocol_name]
        command = train_command(model, ARCHITECTURES[arch_name], protocol, data_dir, folder, name)
        seconds = run(command, folder / f"{name}.log")
        report = folder / f"{name}.eval.json"
        run(
            ["srnet", "eval", str(folder / f"latest_epoch_{name}.bin"), "--json", str(report)],
            folder / f"{name}.eval.log",
        )
        values = {
            "name": name,
            "command": shlex.join(command),
            "seconds": seconds,
            "report": json.loads(report.read_text()),
        }
        record.write_text(json.dumps(values, indent=1))
    return json.loads(record.read_text())


def mean_pose(protocol: Protocol, data_dir: str) -> dict:
    """The guess that needs no network, on the stage the runs of a protocol use."""
    from srnet_core.config import DataConfig
    from srnet_core.evaluation.run import evaluate_mean_pose
    from srnet_core.stages.prepare import prepare

    options = dict(zip(protocol.options[::2], protocol.options[1::2]))
    config = DataConfig(
        data_dir=data_dir,
        protocol=options["--protocol"],
        train_actions=(options["--train-action"],) if "--train-action" in options else (),
        train_cameras=(0,) if "--train-camera" in options else (),
        test_cameras=(1, 2, 3) if "--test-camera" in options else (),
        downsample=5,
    )
    return evaluate_mean_pose(prepare(config).stage).to_dict()


def table(results: dict[str, list[dict]], guesses: dict[str, dict]) -> str:
    """Markdown: a row per model, a block per protocol."""
    lines = [
        "| protocol | model | filter widths | MPJPE mm | P-MPJPE mm | N-MPJPE mm | MPJVE mm | PCK@150 % | AUC % | training |",
        "|-|-|-|-:|-:|-:|-:|-:|-:|-:|",
    ]
    for name, rows in results.items():
        title = PROTOCOLS[name].title
        lines.append(f"| {title} | always the mean pose | - | {_cells(guesses[name]['mean'])} | - |")
        for row in rows:
            model, arch, _ = row["name"].split("-")
            lines.append(
                f"| {title} | {model} | {ARCHITECTURES[arch]} | {_cells(row['report']['mean'])} | {row['seconds'] / 60:.1f} min |"
            )
    commands = "\n".join(f"{row['command']}    # {row['seconds']:.0f} s" for rows in results.values() for row in rows)
    return "\n".join(lines) + f"\n\n```sh\n{commands}\n```\n"


def _cells(mean: dict[str, float]) -> str:
    lengths = " | ".join(f"{mean[m]:.1f}" for m in ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm"))
    return f"{lengths} | {mean['mpjve_mm']:.2f} | {100 * mean['pck150']:.1f} | {100 * mean['auc']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--output", type=Path, default=Path("output/results"))
    parser.add_argument("--only", nargs="*", help="names such as srnet-333-cross_subject")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict]] = {name: [] for name in PROTOCOLS}
    for arch in ARCHITECTURES:
        for protocol in PROTOCOLS:
            for model in ("srnet", "fc"):
                if not options.only or f"{model}-{arch}-{protocol}" in options.only:
                    results[protocol].append(measure(model, arch, protocol, options.data_dir, options.output))
    guesses = {name: mean_pose(protocol, options.data_dir) for name, protocol in PROTOCOLS.items()}
    (options.output / "results.md").write_text(table(results, guesses), encoding="utf-8")
    print(table(results, guesses))
    print(f"threads: {os.environ.get('OMP_NUM_THREADS', 'all')}; written to {options.output / 'results.md'}")


if __name__ == "__main__":
    main()
