"""People over time: followed, mended, filled, brought to the 17."""

from dataclasses import replace

import numpy as np
import pytest
from keypoint_files import WRITERS, figure, person, write_openpose

from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.keypoints import read_keypoints
from srnet_core.keypoints._tracking import track_people
from srnet_core.keypoints.tracks import box_sizes
from srnet_core.layouts import get_layout
from srnet_core.readers.detections import MOST_PEOPLE, Detections

linear_sum_assignment = pytest.importorskip("scipy.optimize").linear_sum_assignment
T = 40


def walkers(count: int, frames: int = T) -> list[np.ndarray]:
    """People side by side who walk with different speeds; (T, 25, 3) each."""
    return [person("body25", frames, x_px=150.0 + 160 * i, seed=i, speed_px=2.0 - i) for i in range(count)]


def shuffled(people: list[np.ndarray], seed: int = 0, leave_out=()) -> list[list[np.ndarray]]:
    """Frames with the people in changing order; (person, frame) of `leave_out` are not seen."""
    rng = np.random.default_rng(seed)
    frames = []
    for t in range(len(people[0])):
        order = rng.permutation(len(people))
        frames.append([people[i][t] for i in order if (int(i), t) not in leave_out])
    return frames


def same_people(found, people) -> bool:
    """Every track is one of the people throughout."""
    return all(
        any(np.allclose(t.points[t.present], p[t.present][..., :2], atol=1e-2) for p in people) for t in found.tracks
    )


def followed_plainly(found: Detections) -> np.ndarray:
    """The tracks as the method is described, pair by pair: an oracle for what computes many pairs at once."""
    points, last, tracks = found.points.astype(np.float64), {}, np.full(len(found.points), -1)
    sizes = np.nan_to_num(box_sizes(points))

    def cost(a: int, b: int, frame: int) -> float:
        both = ~np.isnan(points[[a, b]]).any(axis=(0, 2))
        away = frame - found.frame_index[a] - 1
        if both.sum() >= 3:
            distance = np.sqrt(((points[a] - points[b])[both] ** 2).sum(axis=-1)).mean()
        else:
            centre_a, centre_b = (np.nan_to_num(np.nanmean(points[p], axis=0)) for p in (a, b))
            distance = np.sqrt(((centre_a - centre_b) ** 2).sum())
        size = max(sizes[a], sizes[b])
        far = 1e6 if size == 0 else distance / size
        return 1e6 if far > min(0.35 + 0.03 * away, 0.9) else far

    for frame in np.unique(found.frame_index).tolist():
        now = np.flatnonzero(found.frame_index == frame)
        last = {track: at for track, at in last.items() if frame - found.frame_index[at] <= 60}
        costs = np.array([[cost(at, other, frame) for other in now] for at in last.values()])
        if last:
            for row, column in zip(*linear_sum_assignment(costs)):
                if costs[row, column] < 1e6:
                    tracks[now[column]] = list(last)[row]
        for seen in now:
            if tracks[seen] < 0:
                tracks[seen] = tracks.max() + 1
            last[int(tracks[seen])] = seen
    return tracks


@pytest.mark.filterwarnings("ignore:Mean of empty slice")  # of people without joints
@pytest.mark.parametrize("seed", range(12))
def test_crowds_are_followed_as_pair_by_pair(seed):
    """People who come, go, are lost in single frames, are listed in changing order, and whose joints are lost."""
    rng = np.random.default_rng(seed)
    count, joints = int(rng.integers(1, 10)), 17
    centres, speeds = rng.uniform(0, 900, (count, 1, 2)), rng.normal(0, 8, (count, 1, 2))
    shapes = rng.normal(0, 60, (count, joints, 2))
    away, points, frames = np.zeros(count, int), [], []
    for frame in range(int(rng.integers(1, 120))):
        frame += 75 if frame > 60 and seed % 3 == 0 else 0
        away = np.maximum(away - 1, 0)
        leave = (away == 0) & (rng.random(count) < (0.02, 0.2)[seed % 2])
        away[leave] = rng.integers(1, 80, leave.sum())
        centres += speeds
        for who in rng.permutation(np.flatnonzero(away == 0)):
            pose = centres[who] + shapes[who] + rng.normal(0, 3, (joints, 2))
            pose[rng.random(joints) < (0.15, 0.15, 0.15, 0.9)[rng.integers(4)]] = np.nan
            points.append(pose)
            frames.append(frame)
    places = np.array(points, np.float32).reshape(-1, joints, 2)
    crowd = Detections("test", "test", places, None, np.array(frames, np.int64), max(frames, default=0) + 1)
    np.testing.assert_array_equal(track_people(crowd), followed_plainly(crowd))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_people_in_changing_order(tmp_path, count):
    people = walkers(count)
    found = read_keypoints(write_openpose(tmp_path / "a", shuffled(people)))
    assert len(found.tracks) == count
    assert same_people(found, people)
    assert any("followed" in note for note in found.notes)


def test_someone_who_is_away_for_a_while(tmp_path):
    people = walkers(2)
    frames = shuffled(people, leave_out={(1, t) for t in range(10, 20)})
    found = read_keypoints(write_openpose(tmp_path / "a", frames))
    assert [int(t.present.sum()) for t in found.tracks] == [40, 30]
    assert same_people(found, people)


def test_people_who_come_late(tmp_path):
    people = walkers(3)
    frames = shuffled(people, leave_out={(2, t) for t in range(25)} | {(0, t) for t in range(30, 40)})
    found = read_keypoints(write_openpose(tmp_path / "a", frames))
    assert sorted(int(t.present.sum()) for t in found.tracks) == [15, 30, 40]
    assert same_people(found, people)


def test_the_order_of_the_files_does_not_matter_for_who_is_first(tmp_path):
    people = walkers(2)
    one_way = read_keypoints(write_openpose(tmp_path / "a", shuffled(people, 1)))
    other = read_keypoints(write_openpose(tmp_path / "b", shuffled(people, 2)))
    np.testing.assert_array_equal(one_way.tracks[0].points, other.tracks[0].points)


def test_one_person_by_position_or_name(tmp_path):
    path = WRITERS["sleap"][0](tmp_path / "a")
    assert [t.name for t in read_keypoints(path).tracks] == ["mia", "ben"]
    assert [t.name for t in read_keypoints(path, person="ben").tracks] == ["ben"]
    assert [t.name for t in read_keypoints(path, person=0).tracks] == ["mia"]
    for wrong in (2, -1, "bob"):
        with pytest.raises(UnknownNameError, match="mia, ben"):
            read_keypoints(path, person=wrong)


def test_scipy_is_asked_for_only_where_people_must_be_told_apart(tmp_path, monkeypatch):
    import srnet_core.keypoints._tracking as tracking

    def missing(module, extra):
        raise ImportError(extra)

    monkeypatch.setattr(tracking, "require_extra", missing)
    read_keypoints(write_openpose(tmp_path / "a", shuffled(walkers(1))))
    with pytest.raises(ImportError, match="data"):
        read_keypoints(write_openpose(tmp_path / "b", shuffled(walkers(2))))


def test_a_crowd(tmp_path):
    people = [person("body25", 2, x_px=30.0 * i, seed=i) for i in range(60)]
    found = read_keypoints(write_openpose(tmp_path / "a", shuffled(people)))
    assert len(found.tracks) >= 60 and MOST_PEOPLE > 60


# The 17


def test_the_17_of_coco(tmp_path):
    found = read_keypoints(WRITERS["mmpose coco"][0](tmp_path / "a"))
    mapped = found.to_h36m17()
    names = {n: i for i, n in enumerate(mapped.joint_names)}
    points, source = mapped.tracks[0], found.tracks[0]
    np.testing.assert_allclose(points.points[:, names["Hip"]], source.points[:, 11:13].mean(1), atol=1e-3)
    np.testing.assert_allclose(points.points[:, names["LFoot"]], source.points[:, 15], atol=1e-3)
    np.testing.assert_allclose(points.confidence[:, names["Hip"]], source.confidence[:, 11:13].min(1))
    np.testing.assert_allclose(points.confidence[:, names["RWrist"]], source.confidence[:, 10])
    assert mapped.layout.name == "h36m17" and mapped.to_h36m17() is mapped


def test_a_joint_made_of_a_missing_one_is_missing(tmp_path):
    points = person("coco17")
    points[3, 12, 2] = 0
    np.save(tmp_path / "a.npy", points)
    mapped = read_keypoints(tmp_path / "a.npy", layout="coco17").to_h36m17()
    lost = {mapped.joint_names[j] for j in np.flatnonzero(mapped.tracks[0].missing[3])}
    assert lost == {"Hip", "RHip", "Spine"}
    assert (mapped.tracks[0].confidence[3][mapped.tracks[0].missing[3]] == 0).all()


def test_joints_of_no_person_cannot_be_brought_to_the_17(tmp_path):
    (tmp_path / "a.csv").write_text("scorer,a,a\nbodyparts,Tail,Tail\ncoords,x,y\n0,1,2\n")
    found = read_keypoints(tmp_path / "a.csv")
    assert found.layout is None and found.joint_names == ("Tail",)
    with pytest.raises(ConfigError, match="layout="):
        found.to_h36m17()


# Swaps


def _walk(frames=T):
    layout = get_layout("halpe26")
    points = person(layout, frames)
    return layout, points


def _read(tmp_path, points, layout="halpe26"):
    np.save(tmp_path / "a.npy", points)
    return read_keypoints(tmp_path / "a.npy", layout=layout)


@pytest.mark.parametrize("kinds", [("hip", "knee", "ankle", "heel", "big_toe", "small_toe"), ("elbow", "wrist"), None])
def test_swapped_limbs_are_exchanged_back(tmp_path, kinds):
    layout, right = _walk()
    pairs = [p for p in layout.mirror_pairs if kinds is None or layout.parts[p[0]][5:] in kinds]
    wrong = right.copy()
    for left_joint, right_joint in pairs:
        wrong[15:22, [left_joint, right_joint]] = wrong[15:22, [right_joint, left_joint]]
    found = _read(tmp_path, wrong)
    mended = found.mend_swaps()
    apart = np.abs(mended.tracks[0].points - right[..., :2]).max(axis=(1, 2)) > 0.01
    assert not apart.any()
    assert mended.tracks[0].mended.nonzero()[0].tolist() == list(range(15, 22))
    assert any("7 frames" in note for note in mended.notes)
    np.testing.assert_allclose(mended.tracks[0].confidence, right[..., 2], atol=1e-6)
    assert not found.tracks[0].mended.any()


def test_a_clean_walk_is_left_alone(tmp_path):
    _, points = _walk(200)
    assert not _read(tmp_path, points).mend_swaps().tracks[0].mended.any()


def test_swaps_across_a_gap(tmp_path):
    layout, right = _walk()
    wrong = right.copy()
    left, other = layout.joints.index("left_knee"), layout.joints.index("right_knee")
    ankles = layout.joints.index("left_ankle"), layout.joints.index("right_ankle")
    for a, b in ((left, other), ankles):
        wrong[20:25, [a, b]] = wrong[20:25, [b, a]]
    wrong[18:20] = 0
    mended = _read(tmp_path, wrong).mend_swaps().tracks[0]
    np.testing.assert_allclose(mended.points[20:25, left], right[20:25, left, :2], atol=0.01)


# Gaps


def test_short_gaps_are_filled_and_marked_and_long_ones_left(tmp_path):
    _, right = _walk()
    holes = right.copy()
    holes[5:8, 9] = 0
    holes[20:31, 9] = 0
    holes[:2, 4] = 0
    found = _read(tmp_path, holes).fill_gaps(max_frames=3)
    track = found.tracks[0]
    assert np.flatnonzero(track.filled[:, 9]).tolist() == [5, 6, 7]
    assert np.flatnonzero(track.missing[:, 9]).tolist() == list(range(20, 31))
    assert track.missing[:2, 4].all()
    middle = (right[4, 9, :2] + right[8, 9, :2]) / 2
    np.testing.assert_allclose(track.points[6, 9], middle, atol=0.01)
    assert track.confidence[6, 9] == pytest.approx(min(right[4, 9, 2], right[8, 9, 2]))
    assert [(a, b) for _, a, b in found.clips()] == [(2, 20), (31, 40)]
    assert [(a, b) for _, a, b in found.clips(min_frames=10)] == [(2, 20)]


@pytest.mark.parametrize("fps", [0, -5, float("nan"), 1e9])
def test_frame_rates_that_cannot_be_are_refused_before_anything_is_read(tmp_path, fps):
    with pytest.raises(ConfigError, match="^fps: must be"):
        read_keypoints(tmp_path / "missing.npy", fps=fps)


def test_gaps_in_seconds_need_a_frame_rate(tmp_path):
    _, right = _walk()
    right[5:8, 9] = 0
    with pytest.raises(ConfigError, match="fps="):
        _read(tmp_path, right).fill_gaps(max_seconds=0.1)
    np.save(tmp_path / "a.npy", right)
    for seconds, filled in ((0.1, 3), (0.05, 0)):
        found = read_keypoints(tmp_path / "a.npy", layout="halpe26", fps=30).fill_gaps(max_seconds=seconds)
        assert found.tracks[0].filled.sum() == filled
    for wrong in ({}, {"max_frames": 1, "max_seconds": 1}):
        with pytest.raises(ConfigError):
            found.fill_gaps(**wrong)


def test_filled_joints_stay_marked_in_the_17(tmp_path):
    _, right = _walk()
    right[5, 13] = 0
    mapped = _read(tmp_path, right).fill_gaps(max_frames=2).to_h36m17()
    assert [mapped.joint_names[j] for j in np.flatnonzero(mapped.tracks[0].filled[5])] == ["LKnee"]


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": float("nan")}, {"image_size": (0, 5)}, {"image_size": 3}])
def test_rates_and_sizes_that_cannot_be(tmp_path, wrong):
    path = WRITERS["npz"][0](tmp_path / "a")
    with pytest.raises(ConfigError):
        read_keypoints(path, **wrong)


def test_the_figure_of_the_tests_looks_like_a_person():
    parts = figure()
    assert parts["head_top"][0, 1] < parts["hip"][0, 1] < parts["left_ankle"][0, 1]


def test_a_person_of_that_name_comes_before_the_position(tmp_path):
    """Notes call people by their names: "Person 1" must be the person of --person 1."""
    np.save(tmp_path / "one.npy", person("coco17", 6))
    one = read_keypoints(tmp_path / "one.npy", layout="coco17")
    keypoints = replace(one, tracks=(one.tracks[0], replace(one.tracks[0], name="2")))
    assert [track.name for track in keypoints.tracks] == ["1", "2"]
    assert keypoints.person("1").name == "1" and keypoints.person("2").name == "2"
    assert keypoints.person("0").name == "1" and keypoints.person(1).name == "2"
    with pytest.raises(UnknownNameError, match="no person 3"):
        keypoints.person("3")
