"""Tables of Qualisys, Motive and Nexus: the spellings that mean the same, gaps, units, and what is refused."""

import tracemalloc

import numpy as np
import pytest
from motion_making import BVH_NAMES, moving
from tables_making import DEVICES, motive, nexus, qualisys, qualisys_skeleton

from srnet_core.datasets.mocap import MocapConfig, import_mocap
from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap.body import bodies_of, read_motions
from srnet_core.mocap.files import describe, read_motion, recognize, split_people
from srnet_core.motion import to_z_up
from srnet_core.readers._csv import rows_of
from srnet_core.skeletons.h36m17 import JOINTS

FRAMES = 6
POINTS = moving(FRAMES)  # metres, z up
MM = POINTS * 1000
GAPS = POINTS.copy()
GAPS[2, 3] = GAPS[3, :2] = GAPS[4, -1] = np.nan
BONES = [joint for joint in JOINTS if joint in BVH_NAMES]  # the names of joints that skeletons of programs have
AT_BONES = [JOINTS.index(joint) for joint in BONES]
HUMANIK = [BVH_NAMES[joint] for joint in BONES]
OPTITRACK = {
    **{"Hips": "Hip", "Spine": "Ab", "Neck": "Neck", "Head": "Head"},
    **{
        f"{side}{theirs}": f"{side[0]}{own}"
        for side in ("Left", "Right")
        for theirs, own in (
            ("UpLeg", "Thigh"),
            ("Leg", "Shin"),
            ("Foot", "Foot"),
            ("Arm", "UArm"),
            ("ForeArm", "FArm"),
            ("Hand", "Hand"),
        )
    },
}


def y_up(points):
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def written(tmp_path, text):
    path = tmp_path / "table"  # the ending tells nothing
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


WHOLE = {
    "qualisys": qualisys(MM, JOINTS),
    "motive": motive([("Marker", JOINTS, POINTS)]),
    "nexus": nexus(MM, JOINTS, before=DEVICES),
}


def in_metres(motion):
    return motion.positions * motion.metres_per_unit


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("qualisys", WHOLE["qualisys"]),
        ("qualisys", qualisys(MM, JOINTS, version=True)),
        ("qualisys", qualisys(MM, JOINTS, columns=True)),
        ("qualisys", qualisys(MM, JOINTS, columns=True, frame_and_time=False)),
        ("qualisys", qualisys(MM, JOINTS, frame_and_time=False)),
        ("qualisys", qualisys(MM, JOINTS, frame_and_time=False, tail="\t")),
        ("qualisys", qualisys(MM, JOINTS, tail="\t")),
        ("qualisys", qualisys(MM, JOINTS, rate="50,000000").replace(".", ",")),
        ("qualisys", qualisys(MM, JOINTS, rate="EXT")),
        ("qualisys", qualisys(MM, JOINTS, form="{:.9e}")),
        ("qualisys", WHOLE["qualisys"].replace("\t", ";").replace(".", ",")),
        ("qualisys", "\n".join("\t".join(f'"{c}"' for c in x.split("\t")) for x in WHOLE["qualisys"].splitlines())),
        ("motive", WHOLE["motive"]),
        ("motive", motive([("Marker", JOINTS, POINTS)], parents=True, timecode=True)),
        ("motive", motive([("Marker", JOINTS, MM)], units="Millimeters")),
        ("motive", motive([("Marker", JOINTS, POINTS * 100)], units="Centimeters")),
        ("motive", motive([("Rigid Body", JOINTS, POINTS)])),
        ("motive", motive([("Rigid Body Marker", JOINTS, POINTS)])),
        ("motive", motive([("Rigid Body Marker", JOINTS, POINTS + 1), ("Marker", JOINTS, POINTS)])),
        ("motive", WHOLE["motive"].replace(",", ";").replace(".", ",")),
        ("motive", WHOLE["motive"].replace("\n\n", "\n" + "," * 50 + "\n")),
        ("nexus", WHOLE["nexus"]),
        ("nexus", nexus(MM, JOINTS)),
        ("nexus", nexus(MM, JOINTS, separator="\t", before=DEVICES)),
        ("nexus", nexus(POINTS, JOINTS, units="m", form="{:.6f}")),
        ("nexus", nexus(MM, JOINTS).replace("Trajectories\n50\n", "Trajectories,,,\n50,,,\n")),
        ("nexus", nexus(MM, JOINTS, before=DEVICES, separator=";").replace(".", ",")),
        ("nexus", nexus(MM, JOINTS) + DEVICES),
        ("nexus", nexus(MM, JOINTS).rstrip("\n")),
    ],
)
@pytest.mark.parametrize("change", ["as it is", "CRLF", "CR", "BOM", "UTF-16"])
def test_spellings_that_mean_the_same(tmp_path, kind, text, change):
    changed = {
        "as it is": text,
        "CRLF": text.replace("\n", "\r\n"),
        "CR": text.replace("\n", "\r"),
        "BOM": "\ufeff" + text,
        "UTF-16": text.encode("utf-16"),
    }[change]
    path = written(tmp_path, changed)
    assert recognize(path) == kind
    motion = read_motion(path)
    assert motion.names == tuple(JOINTS) and motion.fps == pytest.approx(50)
    np.testing.assert_allclose(in_metres(motion), POINTS, atol=2e-6)
    assert not any("check" in note for note in motion.notes)


@pytest.mark.parametrize(
    "text",
    [
        qualisys(GAPS * 1000, JOINTS),
        qualisys(GAPS * 1000, JOINTS, frame_and_time=False),
        qualisys(GAPS * 1000, JOINTS, frame_and_time=False, tail="\t"),
        qualisys(np.nan_to_num(GAPS) * 1000, JOINTS),
        motive([("Marker", JOINTS, GAPS)]),
        nexus(GAPS * 1000, JOINTS),
        nexus(GAPS * 1000, JOINTS).replace(",,,\n", "\n"),  # blank cells at the end of a row left out
    ],
)
def test_markers_that_were_not_seen_are_missing(tmp_path, text):
    motion = read_motion(written(tmp_path, text))
    np.testing.assert_allclose(in_metres(motion), GAPS, atol=2e-6)
    assert describe(tmp_path / "table")["missing_share"] == round(4 / (FRAMES * 17), 4)


@pytest.mark.parametrize("word", ["", "NULL", "nan"])
def test_a_table_that_begins_with_a_missing_marker(tmp_path, word):
    points = POINTS.copy()
    points[0, :2] = np.nan
    lines = qualisys(points * 1000, JOINTS, frame_and_time=False).splitlines()
    lines = ["\t".join(cell or word for cell in line.split("\t")) for line in lines]
    motion = read_motion(written(tmp_path, "\n".join(lines) + "\n"))
    np.testing.assert_allclose(in_metres(motion), points, atol=2e-6)


@pytest.mark.parametrize("kind", WHOLE)
def test_frames_that_are_left_out_are_missing(tmp_path, kind):
    lines = WHOLE[kind].rstrip("\n").splitlines()
    motion = read_motion(written(tmp_path, "\n".join([*lines[:-4], *lines[-2:]]) + "\n"))
    assert np.flatnonzero(np.isnan(motion.positions[:, 0, 0])).tolist() == [2, 3]
    np.testing.assert_allclose(in_metres(motion)[4:], POINTS[4:], atol=2e-6)
    assert any("leaves out are missing: 2 of 6" in note for note in motion.notes)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_row_that_is_cut_short_is_left_out(tmp_path, kind):
    text = WHOLE[kind].rstrip("\n")
    motion = read_motion(written(tmp_path, text[: text.rindex(text[-1:]) - 30]))
    assert motion.frames == FRAMES - 1 and "The last row is cut short and was left out." in motion.notes
    np.testing.assert_allclose(in_metres(motion), POINTS[:-1], atol=2e-6)


@pytest.mark.parametrize("kind", WHOLE)
def test_mistakes_are_told_with_their_line(tmp_path, kind):
    lines = WHOLE[kind].rstrip("\n").splitlines()
    mark = "\t" if kind == "qualisys" else ","
    cells = lines[-2].split(mark)
    wrong = mark.join([*cells[:5], "walking", *cells[6:]])
    with pytest.raises(BadFileError, match=f"row {len(lines) - 1}: 'walking' is not a number"):
        read_motion(written(tmp_path, "\n".join([*lines[:-2], wrong, lines[-1]])))
    no_number = mark.join(["", *cells[1:]])
    with pytest.raises(BadFileError, match=f"line {len(lines) - 1} has no frame number"):
        read_motion(written(tmp_path, "\n".join([*lines[:-2], no_number, lines[-1]])))
    with pytest.raises(BadFileError, match=r"has a header but no frames|has no frames"):
        read_motion(written(tmp_path, "\n".join(lines[:-FRAMES]) + "\n"))


def test_rates_that_contradict_the_times(tmp_path):
    motion = read_motion(written(tmp_path, qualisys(MM, JOINTS, rate="100", columns=True)))
    assert any("says 100 frames per second, the times of the rows 50" in note for note in motion.notes)
    every_other = motive([("Marker", JOINTS, POINTS)], rate=50, exported=25, step=2)
    motion = read_motion(written(tmp_path, every_other))
    assert motion.fps == 25 and motion.frames == FRAMES and not motion.notes


def test_counts_that_contradict_the_rows(tmp_path):
    text = WHOLE["qualisys"].replace("NO_OF_FRAMES\t6", "NO_OF_FRAMES\t60").replace("MARKERS\t17", "MARKERS\t18")
    notes = read_motion(written(tmp_path, text)).notes
    assert notes == ("The header says 60 frames; there are 6.", "The header says 18 markers; there are 17.")
    text = WHOLE["motive"].replace("Total Exported Frames,6", "Total Exported Frames,7")
    assert "The header says 7 frames; there are 6." in read_motion(written(tmp_path, text)).notes


def two_people(kind, **options):
    both = np.concatenate([POINTS, POINTS + np.array([1, 0, 0])], axis=1)
    names = [f"{person}:{joint}" for person in ("Anna", "Ben") for joint in JOINTS]
    if kind == "motive":
        return motive([("Marker", names, both)], **options)
    return {"qualisys": qualisys, "nexus": nexus}[kind](both * 1000, names, **options)


@pytest.mark.parametrize("kind", WHOLE)
def test_several_subjects(tmp_path, kind):
    people = split_people(read_motion(written(tmp_path, two_people(kind))))
    assert list(people) == ["Anna", "Ben"]
    np.testing.assert_allclose(in_metres(people["Ben"]) - in_metres(people["Anna"]), POINTS * 0 + [1, 0, 0], atol=2e-6)


def test_people_of_qualisys_before_an_underscore(tmp_path):
    both = np.concatenate([MM, MM + np.array([1000, 0, 0])], axis=1)
    for people, split in ((("Anna", "Ben"), ["Anna", "Ben"]), (("L", "R"), [""])):
        names = [f"{person}_{joint}" for person in people for joint in JOINTS]
        motion = read_motion(written(tmp_path, qualisys(both, names)))
        assert list(split_people(motion)) == split
        assert any("several people: Anna, Ben" in note for note in motion.notes) == (split != [""])


def test_markers_without_a_label_are_left_out(tmp_path):
    more = np.concatenate([POINTS, POINTS[:, :2]], axis=1)
    for text in (
        motive([("Marker", [*JOINTS, "Unlabeled 1189", "Unlabeled 2000"], more)]),
        nexus(more * 1000, [*JOINTS, "*11", "Anna:*12"]),
    ):
        motion = read_motion(written(tmp_path, text))
        assert motion.names == tuple(JOINTS) and "Markers without a label are left out: 2." in motion.notes


def skeleton_texts():
    points = y_up(POINTS[:, AT_BONES])
    own = [OPTITRACK[name] for name in HUMANIK]
    return {
        "Qualisys": qualisys_skeleton(points * 1000, HUMANIK),
        "Motive": motive([("Bone", [f"Skeleton 001:{name}" for name in own], points)]),
        "Motive, its names of joints": motive([("Bone", [f"Anna:{name}" for name in HUMANIK], points)]),
        "Motive, bones and markers": motive(
            [("Marker", ["Anna:a", "Anna:b"], points[:, :2]), ("Bone", [f"Anna:{name}" for name in own], points)]
        ),
    }


@pytest.mark.parametrize("which", skeleton_texts())
def test_joints_of_skeletons(tmp_path, which):
    """The head of a skeleton is the base of the skull: its top is found as in skeletons with bones."""
    motion = read_motion(written(tmp_path, skeleton_texts()[which]))
    assert len(motion.names) == len(HUMANIK)
    poses = to_z_up(propose_mapping(motion).apply(in_metres(motion)), "y")
    for joint in BONES:
        if joint not in ("Hip", "Spine"):  # which are taken from the other joints
            np.testing.assert_allclose(poses[:, JOINTS.index(joint)], POINTS[:, JOINTS.index(joint)], atol=3e-6)
    head, skull, neck = (poses[:, JOINTS.index(joint), 2] for joint in ("Head", "Neck/Nose", "Thorax"))
    np.testing.assert_allclose(head, 2 * skull - neck, atol=3e-6)
    if "markers" in which:
        assert motion.notes == ("Of the file the bones are taken; it also has markers.",)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_data_set_of_a_table(tmp_path, kind):
    long = y_up(moving(40))
    text = {
        "qualisys": qualisys(long * 1000, JOINTS),
        "motive": motive([("Marker", JOINTS, long)]),
        "nexus": nexus(long * 1000, JOINTS, before=DEVICES),
    }[kind]
    folder = tmp_path / "Anna"
    folder.mkdir()
    (folder / "walk.csv").write_text(text)
    report = import_mocap(tmp_path, tmp_path / "data", MocapConfig(name="tables", centre=False))
    (file,) = report.manifest["files"]
    assert (file["format"], file["unit"], file["up"]) == (kind, "m" if kind == "motive" else "mm", "y")
    with np.load(report.paths[0], allow_pickle=True) as archive:
        taken = archive["positions_3d"].item()["Anna"]["walk"]
    np.testing.assert_allclose(taken, moving(40), atol=2e-5)


def test_all_that_reads_files_reads_these(tmp_path):
    for kind, text in WHOLE.items():
        path = written(tmp_path, text)
        (motion,) = read_motions(path).values()
        (body,) = bodies_of("", motion)
        assert (body.motion.format, body.mapping, body.up) == (kind, "h36m17", "z")
        np.testing.assert_allclose(body.poses_m, POINTS, atol=2e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE["qualisys"].replace("DATA_INCLUDED\t3D", "DATA_INCLUDED\t2D"), "what each camera saw.*Export 3D"),
        (WHOLE["qualisys"].replace("DATA_INCLUDED\t3D", "DATA_INCLUDED\t6D"), "rigid bodies.*Export 3D"),
        (qualisys_skeleton(MM, JOINTS, reference="LOCAL"), "axes of their parents.*global"),
        (qualisys(MM, JOINTS[:-2]), "rows of 53 cells for 15 markers"),
        ("NO_OF_FRAMES\t3\nFREQUENCY\t50\n1\t2\t3\n", "names no markers and no segments"),
        (motive([("Bone", HUMANIK, POINTS[:, AT_BONES])], space="Local"), "in the axes of what they belong to.*Global"),
        (motive([("Marker", ["Unlabeled 1", "Unlabeled 2"], POINTS[:, :2])]), "names no bones and no markers"),
        ("Format Version,1.23,Take Name,t\n,,a\n", "no row that begins with Frame.*header information"),
        ("Format Version,1.23,Take Name,t\n\nFrame,Time,X,Y,Z\n0,0,1,2,3\n", "no rows of types"),
        (DEVICES, "no section Trajectories, but Devices, Model Outputs.*Export the trajectories"),
        (DEVICES + "Trajectories\n100\n", "cut short"),
        (DEVICES + "Trajectories\n100\n,,\nFrame,Sub Frame,X,Y,Z\n", "names no markers"),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    with pytest.raises(BadFileError, match=words) as error:
        read_motion(written(tmp_path, text))
    assert "\n" not in str(error.value)


def test_tables_of_absurd_size_are_refused(tmp_path):
    names = "\t".join(f"m{i}" for i in range(20_000))
    with pytest.raises(HostileFileError, match="names 20000 points"):
        read_motion(written(tmp_path, f"NO_OF_FRAMES\t1\nMARKER_NAMES\t{names}\n1\t2\t3\n"))
    with pytest.raises(HostileFileError, match="columns"):
        read_motion(written(tmp_path, "Trajectories\n1\n,,a\nFrame,Sub Frame,X,Y,Z\n" + "," * 60_000))


@pytest.mark.parametrize("row", ["12," * 1_500_000, '"\n",' * 1_100_000], ids=["a line", "quoted cells"])
@pytest.mark.parametrize("start", ["Trajectories\n1\n,,a\nFrame,Sub Frame,X,Y,Z\n", "a_x,a_y,b_x,b_y\n"])
def test_rows_of_absurd_length_are_refused_before_their_cells_take_memory(tmp_path, start, row):
    path = written(tmp_path, start + row)
    tracemalloc.start()
    try:
        with pytest.raises(HostileFileError, match="row of more than"):
            read_motion(path) if start[0] == "T" else list(rows_of(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120 << 20


@pytest.mark.parametrize(("prefix", "left_out"), [("x_", ()), ("Anna:", ("HeadTop",)), ("", ("HeadL", "HeadR"))])
def test_marker_sets_of_the_waist(tmp_path, prefix, left_out):
    """Markers on the skin of the standing person, beside the joints as far as they lie apart."""
    beside = {
        "HeadTop": ("Head", (0, 0, 0)),
        "HeadL": ("Neck/Nose", (0.08, 0, 0.04)),
        "HeadR": ("Neck/Nose", (-0.08, 0, 0.04)),
        "HeadFront": ("Neck/Nose", (0, -0.1, 0.04)),
        "Chest": ("Thorax", (0, -0.1, -0.05)),
        "SpineTop": ("Thorax", (0, 0.08, 0.05)),
        "WaistLFront": ("LHip", (0.03, -0.1, 0.08)),
        "WaistRFront": ("RHip", (-0.03, -0.1, 0.08)),
        "WaistLBack": ("LHip", (-0.05, 0.1, 0.1)),
        "WaistRBack": ("RHip", (0.05, 0.1, 0.1)),
        **{f"{s}ShoulderTop": (f"{s}Shoulder", (0, 0, 0.05)) for s in "LR"},
        **{f"{s}ElbowOut": (f"{s}Elbow", (0.03 if s == "L" else -0.03, 0, 0)) for s in "LR"},
        **{f"{s}WristOut": (f"{s}Wrist", (0.03, 0, 0)) for s in "LR"},
        **{f"{s}WristIn": (f"{s}Wrist", (-0.03, 0, 0)) for s in "LR"},
        **{f"{s}KneeOut": (f"{s}Knee", (0.05 if s == "L" else -0.05, 0, 0)) for s in "LR"},
        **{f"{s}AnkleOut": (f"{s}Foot", (0.04 if s == "L" else -0.04, 0, 0)) for s in "LR"},
    }
    names = [name for name in beside if name not in left_out]
    points = np.stack([POINTS[:, JOINTS.index(beside[name][0])] + beside[name][1] for name in names], axis=1)
    path = written(tmp_path, qualisys(points * 1000, [prefix + name for name in names]))
    (body,) = bodies_of("", read_motion(path))
    assert (body.mapping, body.unit, body.up) == ("waist_markers", "mm", "z")
    off = np.linalg.norm(body.poses_m - POINTS, axis=-1).max(0)
    assert not {joint: value for joint, value in zip(JOINTS, off) if value > 0.13}
    assert off[[JOINTS.index(joint) for joint in ("LHip", "RHip", "LKnee", "RKnee", "LWrist", "RWrist")]].max() < 0.06
