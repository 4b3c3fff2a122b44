"""One of the processes of a run that evaluates in parts: trains on a small data set, and counts the clips it reads."""

import json
import sys
from pathlib import Path

from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from srnet_core.evaluation import predict
from srnet_core.evaluation.parted import Parts
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.stages.prepare import prepare
from srnet_core.training.distributed import process_group
from srnet_core.training.run import Finished, RunFiles, TrainingRun


def files(folder):
    return RunFiles("run", folder / "checkpoint", folder / "best")


def main(data_dir, folder, replicas):
    read, given = [], predict._predict_batch

    def counted(network, stage, batch, *more):
        read.extend(map(str, batch))
        return given(network, stage, batch, *more)

    predict._predict_batch = counted
    data = DataConfig(dataset="small", data_dir=str(data_dir), cache_dir=str(folder / "cache"), subjects_test=("C",))
    train = TrainConfig(epochs=2, batch_size=64, test_every=1, device="cpu", validation=("B",))
    model = ModelConfig(filter_widths=(3, 3), channels=40)
    prepared = prepare(data)
    run = TrainingRun(RunConfig(prepared.config, model, train), prepared, files(folder), replicas=replicas)
    reports = [event.report.to_dict() for event in run if isinstance(event, Finished)]
    in_training = len(read)
    best = load_checkpoint(files(folder).best).model  # written before the others may go on
    reports.append(finish(evaluate_steps(best, prepared.stage, parts=Parts(replicas))).to_dict())
    return {"reports": reports, "read": read, "in_training": in_training}


if __name__ == "__main__":
    with process_group("cpu") as replicas:
        folder = Path(sys.argv[2])
        found = main(Path(sys.argv[1]), folder, replicas)
        (folder / f"{0 if replicas is None else replicas.rank}.json").write_text(json.dumps(found))
