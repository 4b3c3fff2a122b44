"""Single flipped bits in what is kept: stages, checkpoints, records. Told, or without effect; never other numbers."""

import random
from collections.abc import Callable
from pathlib import Path

from robustness.tally import Tally
from robustness.world import CHECKPOINT, Failed, call, copy_of, stage_folder

A_STAGE = "flipped bit in a stage"  # names in the table
A_CHECKPOINT = "flipped bit in a checkpoint"
A_RECORD = "flipped bit in a run's records and the cache's digests"


def flip(
    what: str,
    template: Path,
    files: Callable[[Path], list[Path]],
    read: Callable[[Path], object],
    times: int,
    seed: int,
) -> Tally:
    """Flip one bit, read in this process, mend it, and so on.

    Args:
        files: those to damage; each is as likely as another, so that small ones are not forgotten.
        read: gives all that a user gets of them; raises a `SrnetError` for what is damaged.
    """
    from srnet_core.errors import SrnetError

    rng, tally = random.Random(seed), Tally(what)
    with copy_of(template) as folder:
        chosen, good = files(folder), read(folder)
        for _ in range(times):
            path = rng.choice(chosen)
            before = path.read_bytes()
            at, bit = rng.randrange(len(before)), rng.randrange(8)
            with tally.trial(f"{path.relative_to(folder)}, byte {at}, bit {bit}"):
                damaged = bytearray(before)
                damaged[at] ^= 1 << bit
                path.write_bytes(damaged)
                try:
                    if read(folder) != good:
                        raise Failed("other values, and not a word")
                except SrnetError:
                    tally.told += 1
                finally:
                    path.write_bytes(before)
    return tally


def flip_stage(template: Path, times: int, seed: int) -> Tally:
    """In the files of a stage; read as training and evaluation read it."""

    def files(folder: Path) -> list[Path]:
        return sorted(
            p
            for p in stage_folder(folder).rglob("*")
            if p.is_file() and not p.name.startswith(".") and p.stat().st_size
        )

    def read(folder: Path) -> object:
        from srnet_core.stages.store import Stage

        stage = Stage.open(stage_folder(folder))
        arrays = {name: stage.read(name).tobytes() for name in ("pose_2d", "pose_3d")}
        rest = (stage.clips, stage.cameras, stage.skeleton, stage.body_size)
        manifest = {k: v for k, v in stage.manifest.items() if k not in ("files",)}
        return arrays, repr(rest), repr(manifest)

    return flip(A_STAGE, template, files, read, times, seed)


def flip_checkpoint(template: Path, times: int, seed: int) -> Tally:
    """In a checkpoint; read with all that a resumed run takes from it."""

    def read(folder: Path) -> object:
        from srnet_core.checkpoint import load_checkpoint
        from srnet_core.errors import CheckpointError

        checkpoint = load_checkpoint(folder / CHECKPOINT)
        for sentence in checkpoint.inferred:  # commands show these; the weights are whole
            if "altered or damaged" in sentence:
                raise CheckpointError(sentence)
        weights = {name: t.numpy().tobytes() for name, t in checkpoint.model.state_dict().items()}
        told = (checkpoint.epoch, checkpoint.lr, checkpoint.metrics, checkpoint.record, checkpoint.inferred)
        return weights, repr(told), _plain(checkpoint.optimizer_state), _plain(checkpoint.random_state)

    return flip(A_CHECKPOINT, template, lambda folder: [folder / CHECKPOINT], read, times, seed)


def _plain(value: object) -> object:
    """Arrays and tensors as bytes, so that values can be compared."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "numpy"):
        return value.numpy().tobytes()
    return value.tobytes() if hasattr(value, "tobytes") else repr(value)


def flip_records(template: Path, good: object, result: Callable[[Path], object], times: int, seed: int) -> Tally:
    """In the records beside data and runs; the commands that read them must go on, or say what is wrong."""
    rng, tally = random.Random(seed), Tally(A_RECORD)
    for _ in range(times):
        with copy_of(template) as folder:
            (folder / "metrics_before").write_text("")
            names = [*(folder / "checkpoint" / "run").glob("*.json*"), *(folder / "cache").glob("*.json")]
            path = rng.choice(sorted(p for p in names if p.stat().st_size))
            damaged = bytearray(path.read_bytes())
            at, bit = rng.randrange(len(damaged)), rng.randrange(8)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            with tally.trial(f"{path.relative_to(folder)}, byte {at}, bit {bit}"):
                ran = call(folder, "train", "--resume", CHECKPOINT, "--epochs", "5")
                if not ran.typed:
                    raise Failed(f"exit {ran.code}, {ran.text[-400:]}")
                if ran.code:
                    tally.told += 1
                elif result(folder) != good:
                    raise Failed("exit 0, and other weights than without the damage")
    return tally
