"""Keypoint files that are damaged, of another kind, or made to do harm: one line, in bounded time and memory."""

import contextlib
import json
import os
import pickle
import tracemalloc
import warnings

import h5py
import numpy as np
import pytest
from keypoint_files import (
    WRITERS,
    dlc_csv,
    dlc_h5_table,
    one,
    openpose,
    person,
    sleap_h5,
    trc_pixels,
    write_openpose,
    zip_bomb,
)

from srnet_core.errors import AmbiguousError, BadFileError, HostileFileError, InputFileMissing, UnknownNameError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.readers import text as texts
from srnet_core.readers.formats import FORMATS, load_format

MOST_BYTES = 400 << 20


@pytest.fixture(autouse=True)
def bounded():
    """Every case here stays within a memory that any machine has."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_BYTES


def refused(path, kind=BadFileError, match=None):
    for function in (read_keypoints, describe):
        with pytest.raises(kind, match=match) as caught:
            function(path)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_every_format_in_the_table_is_there():
    for name in FORMATS:
        assert callable(load_format(name).sniff)


def test_nothing_there(tmp_path):
    refused(tmp_path / "no.json", InputFileMissing)
    refused(tmp_path / "a\0b", BadFileError)


def test_an_unknown_format_lists_those_there_are(tmp_path):
    path = dlc_csv(tmp_path / "a")
    with pytest.raises(UnknownNameError, match="openpose"):
        read_keypoints(path, format="openpos")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"\xff\xd8\xff\xe0" + bytes(50),
        b"%PDF-1.7",
        b"PK\x03\x04" + bytes(60),
        bytes(1000),
        b"hello world\n" * 10,
        b"\x00\x00\x00\x18ftypmp42" + bytes(40),
        b"<!DOCTYPE html>",
        b"{}",
        b"[]",
        b"7",
        b'"text"',
        b"[1, 2, 3]",
        b'{"a": 1}',
        b"a,b\n1,2\n",
        b"\x80\x04K\x01.",
        b"\x1f\x8b" + bytes(20),
    ],
)
@pytest.mark.parametrize("name", ["x", "x.json", "video_000000000000_keypoints.json", "data.npz", "t.trc"])
def test_other_kinds_of_files(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("kind", WRITERS)
def test_cut_short(tmp_path, kind):
    path = WRITERS[kind][0](tmp_path / "a")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    whole = files[-1].read_bytes()
    kinds_that_may_end_anywhere = ("csv", "dlc csv", "dlc labels", "yolo", "trc", "mediapipe long", "mediapipe wide")
    for share in (0.3, 0.7, 0.98):
        files[-1].write_bytes(whole[: int(len(whole) * share)])
        if kind.startswith(kinds_that_may_end_anywhere):
            try:
                read_keypoints(path)
            except BadFileError as error:
                assert "\n" not in str(error)
        else:
            refused(path)


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "plain"])
def test_a_reader_that_is_forced_on_another_file(tmp_path, format):
    for kind in ("alphapose coco17", "dlc h5 table", "npz", "csv named", "yolo", "openpose body25"):
        path = WRITERS[kind][0](tmp_path / kind)
        if WRITERS[kind][1] == format:
            continue
        with contextlib.suppress(BadFileError, AmbiguousError):
            read_keypoints(path, format=format)


def test_special_files_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe")
    refused("/dev/zero")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "000.json")
    refused(tmp_path / "folder")


def test_folders_with_nothing_in_them(tmp_path):
    refused(tmp_path, match="without files")
    (tmp_path / "cam01").mkdir()
    refused(tmp_path, match="cam01")


def test_json_nested_deep(tmp_path):
    path = tmp_path / "a.json"
    for text in ("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000):
        path.write_text(text)
        refused(path)


def test_json_of_brackets(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" + "[],{}," * 2_000_000 + "0]")
    refused(path, HostileFileError, "lists and objects")


def test_json_of_too_many_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("srnet_core.readers.text._MOST_VALUES", 1000)
    path = WRITERS["alphapose halpe26"][0](tmp_path / "a")
    refused(path, HostileFileError, "values")


def test_numbers_of_thousands_of_digits(tmp_path):
    folder = tmp_path / "a"
    write_openpose(folder, one(person("body25")))
    file = folder / "video_000000000003_keypoints.json"
    whole = file.read_text()
    number = whole[whole.index("2d") + 6 : whole.index(",", whole.index("2d"))]
    for value in ("9" * 10_000, "9" * 400, "1e999", '"x"', "[1]", "{}"):
        file.write_text(whole.replace(number, value, 1))
        try:
            read_keypoints(folder)
        except BadFileError as error:
            assert "\n" not in str(error) and len(str(error)) < 400


def test_nan_and_null_are_missing_joints(tmp_path):
    folder = openpose("body25")(tmp_path / "a")
    file = folder / "video_000000000003_keypoints.json"
    frame = json.loads(file.read_text())
    points = frame["people"][0]["pose_keypoints_2d"]
    points[0], points[3], points[6] = float("nan"), None, float("inf")
    file.write_text(json.dumps(frame))
    track = read_keypoints(folder).tracks[0]
    assert track.missing[3, :4].tolist() == [True, True, True, False]
    assert track.confidence[3, 0] == 0


def test_hundreds_of_thousands_of_people(tmp_path):
    folder = tmp_path / "a"
    write_openpose(folder, one(person("body25")))
    people = ",".join(['{"pose_keypoints_2d":[]}'] * 100_000)
    (folder / "video_000000000003_keypoints.json").write_text(f'{{"people":[{people}]}}')
    refused(folder, HostileFileError, "100000 people")
    people = ",".join(['{"image_id":"1.jpg","idx":1,"keypoints":[1,1,1,2,2,1]}'] * 20_000)
    (tmp_path / "b.json").write_text(f"[{people}]")
    refused(tmp_path / "b.json", HostileFileError, "people in one frame")


def test_huge_frame_numbers(tmp_path):
    folder = write_openpose(
        tmp_path / "a", one(person("body25", 40)), numbers=[*range(39), 1_000_000_000], name="v_{:d}.json"
    )
    found = read_keypoints(folder)
    assert (found.frame_count, found.tracks[0].present.sum()) == (39, 39)
    assert any("1000000000" in note for note in found.notes)
    folder = write_openpose(tmp_path / "b", one(person("body25", 3)), numbers=[1, 2, 10**30], name="v_{:d}.json")
    assert read_keypoints(folder).frame_count == 3
    path = tmp_path / "c.json"
    points = person("coco17")[0]
    for number in (10**9, 2**62, -5, 10**30, 1.5, "a", None):
        frames = [{"frame_id": n, "instances": []} for n in (0, number)]
        frames[0]["instances"] = [{"keypoints": points[:, :2].tolist(), "keypoint_scores": [0.5] * 17}]
        path.write_text(json.dumps(frames))
        try:
            assert read_keypoints(path).frame_count <= 2
        except BadFileError as error:
            assert "frame" in str(error)


def test_zip_bomb(tmp_path):
    refused(zip_bomb(tmp_path / "a.npz"), HostileFileError)


class _Call:
    def __reduce__(self):
        return (os.system, ("touch ran",))


@pytest.mark.parametrize("name", ["positions_2d", "keypoints"])
def test_pickles_that_call_something(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    array = np.empty((), object)
    array[()] = _Call()
    np.savez(tmp_path / "a.npz", **{name: array, "boxes": np.zeros(3)})
    refused(tmp_path / "a.npz", HostileFileError, "nothing of it was run")
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    refused(tmp_path / "a.npy", HostileFileError)
    path = dlc_h5_table(tmp_path / "b")
    with h5py.File(path, "r+") as file:
        file["df_with_missing"].attrs["non_index_axes"] = np.bytes_(pickle.dumps(_Call(), 0))
    refused(path, HostileFileError)
    assert not (tmp_path / "ran").exists()


def test_formulas_in_tables(tmp_path):
    path = dlc_csv(tmp_path / "a")
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    for formula in ("=1+1", "\"=cmd|' /C calc'!A0\"", "+SUM(A1)", "@x"):
        lines[5] = ",".join([cells[0], formula, *cells[2:]])
        path.write_text("\n".join(lines))
        refused(path, match="row 6")


def test_tables_with_absurd_rows(tmp_path):
    path = tmp_path / "a.csv"
    names = ",".join(f"j{i}_x,j{i}_y" for i in range(40_000))
    path.write_text(names + "\n" + "1," * 80_000 + "\n")
    refused(path)
    path.write_text("frame,joint,x,y\n" + "".join(f"{i},j{i},1,1\n" for i in range(3000)))
    refused(path)


# HDF5


def _sleap(tmp_path):
    return sleap_h5(tmp_path / "a")


def test_links_to_other_files(tmp_path):
    path = _sleap(tmp_path)
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["tracks"] = np.zeros((1, 2, 17, 5))
    with h5py.File(path, "r+") as file:
        del file["tracks"]
        file["tracks"] = h5py.ExternalLink("secret.h5", "/tracks")
    refused(path, HostileFileError, "secret.h5")


def test_soft_links(tmp_path):
    path = _sleap(tmp_path)
    with h5py.File(path, "r+") as file:
        file["other"] = file["tracks"][()]
        del file["tracks"]
        file["tracks"] = h5py.SoftLink("/other")
    refused(path, HostileFileError, "link")


def test_virtual_and_external_data(tmp_path):
    path = _sleap(tmp_path)
    with h5py.File(path, "r+") as file:
        shape = file["tracks"].shape
        del file["tracks"]
        layout = h5py.VirtualLayout(shape=shape, dtype="f8")
        layout[:] = h5py.VirtualSource("secret.h5", "tracks", shape=shape)
        file.create_virtual_dataset("tracks", layout)
    refused(path, HostileFileError, "other files")
    path.unlink()
    path = _sleap(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["tracks"]
        file.create_dataset("tracks", shape, "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    refused(path, HostileFileError, "other files")


def test_huge_shapes_and_chunks(tmp_path):
    for shape, chunks in (((10**5, 2, 17, 10**6), (1, 2, 17, 100)), ((1, 2, 17, 2 * 10**7), (1, 2, 17, 10**6))):
        path = _sleap(tmp_path)
        with h5py.File(path, "r+") as file:
            del file["tracks"]
            file.create_dataset("tracks", shape, "f8", chunks=chunks, compression="gzip")
        refused(path, HostileFileError, "declares")
        path.unlink()
    path = _sleap(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["tracks"]
        file.create_dataset(
            "tracks", (2, 2, 17, 12), "f8", chunks=(2, 2, 17, 10**7), maxshape=(2, 2, 17, None), compression="gzip"
        )
    refused(path, HostileFileError, "chunks")


def test_filters_that_are_plug_ins(tmp_path):
    path = _sleap(tmp_path)
    content = path.read_bytes()
    with h5py.File(path, "r+") as file:
        del file["tracks"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((2, 2, 17, 12))
        plist.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        space = h5py.h5s.create_simple((2, 2, 17, 12))
        h5py.h5d.create(file.id, b"tracks", h5py.h5t.NATIVE_DOUBLE, space, plist)
    assert path.read_bytes() != content
    refused(path, BadFileError, "filter 32001")


def test_sizes_that_do_not_fit_each_other(tmp_path):
    path = _sleap(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["node_names"]
        file["node_names"] = np.array([b"a", b"b"])
    refused(path, BadFileError, "nodes")


# Text


def test_trc_files_that_contradict_themselves(tmp_path):
    path = trc_pixels(tmp_path / "a")
    whole = path.read_text()
    lines = whole.splitlines()
    for changed in (
        lines[:3],
        lines[:5],
        [*lines[:7], "x\t1\t2"],
        [*lines[:7], "1\t0.1"],
        [*lines[:5], *[line.replace(".", "..", 1) for line in lines[5:]]],
        [*lines[:3], "Frame#\tTime"],
        [*lines[:5], "nan" + lines[6]],
        [*lines[:5], "9" * 400 + lines[6]],
    ):
        path.write_text("\n".join(changed))
        refused(path)


def test_text_that_is_not_utf8(tmp_path):
    path = dlc_csv(tmp_path / "a")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"DLC_resnet50_x", b"DLC_caf\xe9"))
    assert read_keypoints(path).frame_count == 12
    path.write_bytes(b"\xff\xfe" + content[:1001])
    refused(path)
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(content.decode().encode(encoding))
        assert read_keypoints(path).frame_count == 12


@pytest.mark.parametrize("dtype", ["c8", "S3", "?"])
def test_tables_of_deeplabcut_that_hold_no_numbers(tmp_path, dtype):
    path = WRITERS["dlc h5 fixed"][0](tmp_path / "a")
    with h5py.File(path, "r+") as file:
        values = next(v for v in _datasets(file) if v.name.endswith("block0_values"))
        name, shape = values.name, values.shape
        del file[name]
        file[name] = np.full(shape, 1).astype(dtype)
    refused(path, match="something else than numbers")


def _datasets(file):
    found = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize(
    "extra", [np.ones(1, "c8"), np.ones(2, "c8"), np.array(["a", "b"]), np.array([np.nan, 5]), np.ones(0)]
)
def test_frame_rates_and_sizes_that_are_no_numbers(tmp_path, extra):
    """They count as unknown."""
    np.savez(tmp_path / "a.npz", keypoints=person("coco17")[..., :2], fps=extra, size=extra)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_keypoints(tmp_path / "a.npz")
    assert found.fps is None and found.image_size is None


def test_nan_of_any_bit_pattern_in_an_npz_of_videopose3d(tmp_path):
    """Converting it to 64 bits must not warn."""
    points = person("coco17")[..., :2].astype("f4")
    points.view(np.uint32)[0, 0] = 0x7F800001  # a signalling NaN
    np.savez(tmp_path / "a.npz", positions_2d={"S1": {"Walk": [points]}}, metadata={"layout_name": "coco"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_keypoints(tmp_path / "a.npz").tracks[0].missing[0, 0]


@pytest.mark.parametrize(
    "person, around",
    [
        ({"image_id": 7, "keypoints": [1.0, 2.0, 0.5] * 17}, "[{}]"),
        ({"image_id": "7.jpg", "idx": 1, "keypoints": [1.0, 2.0, 0.5] * 17}, "[{}]"),
        ({"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25}, '{{"version": 1.3, "people": [{}]}}'),
    ],
)
def test_a_crowd_in_one_frame_is_refused_by_its_beginning(tmp_path, monkeypatch, person, around):
    """A million people are half a gigabyte of JSON, which takes long to parse."""
    monkeypatch.setattr(texts, "_CROWDS_FROM", 1 << 20)
    path = tmp_path / "a.json"
    path.write_text(around.format(", ".join([json.dumps(person)] * 10_000)))
    monkeypatch.setattr(texts.json, "loads", None)
    with pytest.raises(HostileFileError, match="lists more than 1000 people in one frame"):
        describe(path)


def test_large_files_of_many_frames_are_no_crowd(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "_CROWDS_FROM", 1 << 16)
    frame = {"people": [{"pose_keypoints_2d": [value + 0.5 for value in range(75)]}] * 2}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([frame] * 1500))
    assert (describe(path)["frames"], describe(path)["people"]) == (1500, 2)
    path.write_text(json.dumps([{"frame": i} | frame["people"][0] for i in range(1500)]))  # a person per frame
    assert len(texts.parse_json(path.read_bytes(), path)) == 1500
