"""Stages at a URL: written manifest last, read chunk by chunk, on a local server that speaks S3 and in a folder."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from srnet_core.config import DataConfig, replace
from srnet_core.errors import ConfigError, StageError
from srnet_core.files import LOCAL_CACHE
from srnet_core.stages.key import holds_stage
from srnet_core.stages.place import is_remote, local_folder
from srnet_core.stages.prepare import prepare
from srnet_core.stages.remote import RemoteStages

BUCKET = "srnet-stages"


@pytest.fixture(scope="module")
def server():
    """The address of a server that speaks S3, on this machine."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'srnet[remote]'")
    pytest.importorskip("moto.server", reason="moto[server] is not installed: no S3 server to test against")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/", timeout=1):
                break
            time.sleep(0.1)
        urllib.request.urlopen(urllib.request.Request(f"{address}/{BUCKET}", method="PUT"), timeout=10).close()
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(params=["file", "s3"])
def url(request, tmp_path, monkeypatch) -> str:
    """A URL with nothing at it, and a folder of this machine for what is fetched."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'srnet[remote]'")
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "machine"))
    if request.param == "file":
        return (tmp_path / "store").as_uri()
    address = request.getfixturevalue("server")
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def config(small_data, url) -> DataConfig:
    return DataConfig(dataset="small", data_dir=str(small_data), cache_dir=url, subjects_test=("C",))


def other_machine(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "other machine"))


def test_another_machine_reads_what_one_has_made(config, tmp_path, monkeypatch):
    made = prepare(config)
    assert not made.cached and prepare(config).cached and made.config.cache_dir == config.cache_dir
    other_machine(monkeypatch, tmp_path)
    assert not holds_stage(config.cache_dir, made.stage.manifest["key"])
    found = prepare(config)
    assert found.cached and found.stage.folder != made.stage.folder
    assert found.stage.manifest["sequences"] == made.stage.manifest["sequences"]
    folder = found.stage.folder
    assert not list(folder.rglob("c")), "no chunk is fetched before it is read"
    np.testing.assert_array_equal(found.stage.read("pose_2d", 3, 50), made.stage.read("pose_2d", 3, 50))
    assert [p.parent.name for p in folder.rglob("c")] == ["pose_2d"]
    for name in made.stage.manifest["arrays"]:
        np.testing.assert_array_equal(found.stage.read(name), made.stage.read(name))
    found.stage.verify()
    assert holds_stage(config.cache_dir, made.stage.manifest["key"])


def test_another_protocol_copies_no_frames_again(config, tmp_path, monkeypatch):
    prepare(config)
    put, sent = RemoteStages._put, []
    monkeypatch.setattr(
        RemoteStages, "_put", lambda self, place, content: (sent.append(place), put(self, place, content))
    )
    prepare(replace(config, subjects_test=("B",)))
    assert sent == []
    other_machine(monkeypatch, tmp_path)
    assert not prepare(replace(config, subjects_test=("A",))).cached, "made of the frames that are there"
    assert sent == []


def test_the_manifest_is_written_last_and_only_once(config, monkeypatch):
    put, put_if_absent, order = RemoteStages._put, RemoteStages._put_if_absent, []
    monkeypatch.setattr(
        RemoteStages, "_put", lambda self, place, content: (order.append(place), put(self, place, content))
    )

    def last(self, place, content, *, replace):
        order.append(place)
        put_if_absent(self, place, content, replace=replace)
        put_if_absent(self, place, b"{}", replace=False)  # whoever is later changes nothing

    monkeypatch.setattr(RemoteStages, "_put_if_absent", last)
    stage = prepare(config).stage
    manifests = [place for place in order if place.endswith("manifest.json")]
    assert manifests == [f"{stage.folder.name}/manifest.json"] and order[-1] == manifests[0]
    order.clear()
    prepare(replace(config, subjects_test=("A",), subjects_train=("B",)))
    assert len(order) <= 2 and order[-1].endswith("manifest.json"), "the frames are there"
    shutil.rmtree(local_folder(config.cache_dir))
    assert prepare(config).stage.manifest == stage.manifest


def test_a_changed_object_is_told_and_force_mends_it(config, tmp_path, monkeypatch):
    stage = prepare(config).stage
    entry = stage.manifest["files"]["pose_3d/c/0/0/0"]
    store = RemoteStages(config.cache_dir)
    store._put(f"objects/{entry['sha256']}", b"x" * entry["bytes"])
    other_machine(monkeypatch, tmp_path)
    found = prepare(config).stage
    with pytest.raises(StageError, match="have changed.*--force"):
        found.read("pose_3d")
    prepare(config, force=True)
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "third machine"))
    prepare(config).stage.verify()


def test_training_from_a_url(config, tmp_path, monkeypatch, capsys):
    from srnet_cli.app import run

    monkeypatch.chdir(tmp_path)
    train = ["train", "--dataset", "small", "--data-dir", config.data_dir, "--cache-dir", config.cache_dir]
    train += ["--subjects-test", "C", "--channels", "40", "--epochs", "1", "--arch", "3", "--device", "cpu"]
    assert run([*train, "--name", "a"]) == 0
    other_machine(monkeypatch, tmp_path)
    assert run([*train, "--name", "b"]) == 0
    assert run(["eval", "b", "--by", "rareness", "--cache-dir", config.cache_dir, "--data-dir", config.data_dir]) == 0
    capsys.readouterr()


_CHILD = """
import sys
from srnet_core.config import DataConfig
from srnet_core.stages.remote import RemoteStages
from srnet_core.stages.prepare import prepare
import time
for name in ("_put", "_put_if_absent"):
    def slow(self, *args, done=getattr(RemoteStages, name), **more):
        time.sleep(0.01)
        done(self, *args, **more)
    setattr(RemoteStages, name, slow)
print("begins", flush=True)
prepare(DataConfig(dataset="small", data_dir=sys.argv[1], cache_dir=sys.argv[2], subjects_test=("C",)))
"""


def killed(config: DataConfig, after_s: float) -> bool:
    """Prepare in a process that is killed some time after it began; whether it was still running."""
    command = [sys.executable, "-c", _CHILD, config.data_dir, config.cache_dir]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    time.sleep(after_s)
    running = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return running


def test_kills_leave_nothing_that_looks_whole(config, tmp_path, monkeypatch):
    """SRNET_KILLS=30 for the full count; each kill hits another moment."""
    count, hit = int(os.environ.get("SRNET_KILLS", "1")), 0
    rng = np.random.default_rng(3)
    for number in range(count):
        address = f"{config.cache_dir}/{number}"
        monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / f"machine {number}"))
        hit += killed(replace(config, cache_dir=address), float(rng.uniform(0.02, 0.6)))
        monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / f"reader {number}"))
        prepared = prepare(replace(config, cache_dir=address))
        prepared.stage.verify()  # what is there is whole, and what is not there was made
        monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / f"second reader {number}"))
        again = prepare(replace(config, cache_dir=address))
        assert again.cached
        again.stage.verify()
    assert count < 10 or hit > count // 3, "most kills came too late to hit anything"


def test_urls_and_folders():
    assert is_remote("s3://a/b") and is_remote("gs://a") and is_remote("file:///a") and not is_remote("cache")
    assert local_folder("cache") == Path("cache") and local_folder("s3://a/b") == local_folder("s3://a/b/")
    with pytest.raises(ConfigError, match="ftp://.*s3://"):
        is_remote("ftp://a/b")
