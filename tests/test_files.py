"""Writing and locking: nothing is half-written, replaced by mistake, left behind, or taken from its holder."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from srnet_core import files
from srnet_core.errors import ConfigError, FileSystemWarning, SrnetError
from srnet_core.files import atomic_write, remove_abandoned, require_folder, require_output, try_lock, write_json

posix_only = pytest.mark.skipif(os.name != "posix", reason="devices, pipes and links of POSIX systems")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"after")
        raise RuntimeError
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["file"]


@posix_only
def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    write_json("/dev/null", {"a": 1})
    assert stat.S_ISCHR(os.lstat("/dev/null").st_mode)
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    require_output(link)
    write_json(link, {"a": 1})
    assert link.is_symlink()


@posix_only
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    require_output(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_json(pipe, {"a": 1})
    reader.join(10)
    assert read == ['{\n "a": 1\n}\n'] and stat.S_ISFIFO(os.lstat(pipe).st_mode)


@posix_only
def test_a_pipe_that_nobody_reads_is_an_error_and_no_endless_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_PIPE_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SrnetError, match="no program reads"):
        write_json(tmp_path / "pipe", {})


@posix_only
@pytest.mark.parametrize("there", [True, False])
def test_behind_a_link_the_target_is_replaced(tmp_path, there):
    (tmp_path / "disk").mkdir()
    if there:
        (tmp_path / "disk" / "file").write_text("before")
    (tmp_path / "link").symlink_to("disk/file")
    require_output(tmp_path / "link")
    write_json(tmp_path / "link", 1)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk" / "file").read_text() == "1\n"


@posix_only
def test_standard_output_that_was_redirected_to_a_file_is_not_cut(tmp_path):
    program = (
        "import sys; from srnet_core.files import write_json; print('first', flush=True); "
        "write_json('/dev/stdout', 2); print('third')"
    )
    with open(tmp_path / "out.txt", "w") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out.txt").read_text() == "first\n2\nthird\n"


@pytest.mark.parametrize("check", [require_output, require_folder])
def test_a_path_with_nul_is_a_mistake(tmp_path, check):
    with pytest.raises(ConfigError, match="NUL"):
        check(tmp_path / "a\0b")


def test_a_name_that_leaves_no_room_for_a_temporary_mark_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_json(path, 1)
    assert os.listdir(tmp_path) == [path.name]


def test_what_killed_saves_left_is_swept(tmp_path):
    own, others, young = (
        tmp_path / ".file.tmp-0123abcd",
        tmp_path / ".other.tmp-0123abcd",
        tmp_path / ".new.tmp-0123abcd",
    )
    foreign = tmp_path / ".file.tmp-something"
    for path in (own, others, young, foreign):
        path.write_bytes(b"x")
    os.utime(others, (1, 1))
    write_json(tmp_path / "file", 1)
    assert sorted(os.listdir(tmp_path)) == sorted(["file", young.name, foreign.name])


@posix_only
def test_a_temporary_file_that_is_being_written_is_not_swept(tmp_path):
    with atomic_write(tmp_path / "file") as first:
        first.write(b"first")
        write_json(tmp_path / "file", "second")
        assert len(os.listdir(tmp_path)) == 2
    assert (tmp_path / "file").read_bytes() == b"first" and os.listdir(tmp_path) == ["file"]


@posix_only
def test_a_file_swept_before_it_was_locked_is_begun_again(tmp_path, monkeypatch):
    real, calls = files._lock_open_file, []

    def swept_first(handle):
        calls.append(handle)
        if len(calls) == 1:
            for path in tmp_path.glob(".file.tmp-*"):
                path.unlink()
        return real(handle)

    monkeypatch.setattr(files, "_lock_open_file", swept_first)
    write_json(tmp_path / "file", 1)
    assert (tmp_path / "file").read_text() == "1\n" and len(calls) == 2


def test_a_lock_is_held_once(tmp_path):
    lock = try_lock(tmp_path / "lock")
    assert lock is not None and try_lock(tmp_path / "lock") is None
    lock.release()
    again = try_lock(tmp_path / "lock")
    assert again is not None
    again.release()


@posix_only
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_in_the_file_system_a_file_is_the_lock_and_that_is_said(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.warns(FileSystemWarning, match="no locks"):
        lock = try_lock(tmp_path / "lock")
    assert lock is not None and try_lock(tmp_path / "lock") is None
    lock.release()
    with pytest.warns(FileSystemWarning):
        again = try_lock(tmp_path / "lock")
    again.release()
    write_json(tmp_path / "file", 1)
    assert (tmp_path / "file").read_text() == "1\n"


@pytest.fixture
def abandoned(tmp_path) -> Path:
    folder = tmp_path / "stage.tmp-1"
    folder.mkdir()
    return folder


def test_an_abandoned_folder_is_removed(tmp_path, abandoned):
    (abandoned / ".writer").touch()
    remove_abandoned([abandoned])
    assert not os.listdir(tmp_path)


def test_a_folder_without_a_lock_file_is_given_a_minute(tmp_path, abandoned):
    remove_abandoned([abandoned])
    assert abandoned.exists()
    os.utime(abandoned, (time.time() - 120,) * 2)
    remove_abandoned([abandoned])
    assert not os.listdir(tmp_path)


def test_a_folder_that_is_held_stays(abandoned):
    lock = try_lock(abandoned / ".writer")
    os.utime(abandoned, (1, 1))
    remove_abandoned([abandoned])
    assert abandoned.exists()
    lock.release()


@posix_only
def test_a_folder_taken_away_while_it_was_being_locked_is_not_locked(tmp_path, abandoned, monkeypatch):
    """The process was stopped between opening the lock file and locking it, and another one removed the folder."""
    import fcntl

    real = fcntl.flock

    def late(*arguments):
        monkeypatch.setattr(fcntl, "flock", real)
        remove_abandoned([abandoned])
        return real(*arguments)

    monkeypatch.setattr(fcntl, "flock", late)
    assert try_lock(abandoned / ".writer") is None


def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.symlink_to(two)
    two.symlink_to(one)
    with pytest.raises(ConfigError, match="lead in a circle"):
        require_output(one)
    assert one.is_symlink()


def test_a_folder_that_is_a_link_to_nothing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for folder in (tmp_path / "link", tmp_path / "link" / "below"):
        with pytest.raises(ConfigError, match="a link to nothing"):
            require_folder(folder)


def test_a_file_that_is_read_is_not_replaced_by_what_is_made_of_it(tmp_path):
    source, other, link = tmp_path / "in.npz", tmp_path / "other.npz", tmp_path / "link.npz"
    source.write_bytes(b"x")
    other.write_bytes(b"y")
    link.symlink_to(source)
    require_output(other, read=[source])
    require_output(tmp_path / "new.npz", read=[source, tmp_path / "missing"])
    for path in (source, link, tmp_path / "." / "in.npz"):
        with pytest.raises(ConfigError, match="the file that is read"):
            require_output(path, read=[other, source])
