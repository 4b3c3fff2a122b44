"""Tables as Qualisys Track Manager, Motive and Nexus write them, of points given as (T, M, 3)."""

import numpy as np


def _cell(value: float, form: str) -> str:
    return "" if np.isnan(value) else form.format(value)


def qualisys(points, names, *, rate="50", frame_and_time=True, columns=False, tail="", version=False, form="{:.3f}"):
    """Markers; `tail` stands at the end of each row, `columns` says whether a row of column names stands above them."""
    before = ["Frame", "Time"] if frame_and_time else []
    lines = [
        *(["FILE_VERSION\t2.0.0"] if version else []),
        f"NO_OF_FRAMES\t{len(points)}",
        "NO_OF_CAMERAS\t12",
        f"NO_OF_MARKERS\t{len(names)}",
        f"FREQUENCY\t{rate}",
        "NO_OF_ANALOG\t0",
        "ANALOG_FREQUENCY\t0",
        "DESCRIPTION\t--",
        "TIME_STAMP\t2024-05-02, 10:11:12.345\t1234.5",
        "EVENT\tjump\t4\t0.06",
        "EVENT\tland\t5\t0.08",
        "DATA_INCLUDED\t3D",
        "MARKER_NAMES\t" + "\t".join(names),
        "TRAJECTORY_TYPES\t" + "\t".join(["Measured"] * len(names)),
        *(["\t".join([*before, *(f"{name} {axis}" for name in names for axis in "XYZ")])] if columns else []),
    ]
    for i, frame in enumerate(points):
        start = [str(i + 1), f"{i / 50:.5f}"] if frame_and_time else []
        lines.append("\t".join([*start, *(_cell(value, form) for value in frame.ravel())]) + tail)
    return "\n".join(lines) + "\n"


def qualisys_skeleton(points, names, *, reference="GLOBAL", scale="1.00000"):
    lines = [
        f"NO_OF_FRAMES\t{len(points)}",
        "NO_OF_CAMERAS\t12",
        "FREQUENCY\t50",
        "TIME_STAMP\t2024-05-02, 10:11:12.345\t1234.5",
        f"REFERENCE\t{reference}",
        f"SCALE\t{scale}",
        "SOLVER\tsports",
        "Frame\tTime\t" + "\t".join(f"{name}\tX\tY\tZ\tQX\tQY\tQZ\tQW" for name in names),
    ]
    for i, frame in enumerate(points):
        segments = [["", *(_cell(value, "{:.3f}") for value in point), "0", "0", "0", "1"] for point in frame]
        lines.append("\t".join([str(i + 1), f"{i / 50:.5f}", *(cell for one in segments for cell in one)]))
    return "\n".join(lines) + "\n"


# what Motive writes for each kind: (component, axes)
_BODY = [("Rotation", "X"), ("Rotation", "Y"), ("Rotation", "Z"), ("Rotation", "W")]
_POSITION = [("Position", "X"), ("Position", "Y"), ("Position", "Z")]
_QUALITY = {"Marker": [], "Bone": [], "Rigid Body": [("Mean Marker Error", "")], "Rigid Body Marker": [("Quality", "")]}


def motive(groups, *, rate=50, units="Meters", space="Global", parents=False, timecode=False, exported=None, step=1):
    """`groups`: [(type, names, points)], one behind the other; all of the same number of frames."""
    frames = len(groups[0][2])
    label = [""] * (3 if timecode else 2)
    types, names, ids, above, parts, axes = ([*label] for _ in range(6))
    types[1], names[1], ids[1], above[1] = "Type", "Name", "ID", "Parent"
    axes = ["Frame", "Time (Seconds)", "TimeCode"][: len(label)]
    rows = [[str(i * step), f"{i * step / rate:.6f}", "10:11:12:13.00"][: len(label)] for i in range(frames)]
    for kind, group_names, points in groups:
        for at, name in enumerate(group_names):
            whole = kind in ("Bone", "Rigid Body")
            columns = [*(_BODY if whole else []), *_POSITION, *_QUALITY.get(kind, [])]
            for part, axis in columns:
                types.append(kind)
                names.append(f'"{name}"' if "," in name else name)
                ids.append(f'"{at:032X}"')
                above.append("Root")
                parts.append(part)
                axes.append(axis)
            for i in range(frames):
                turn = ["0.0", "0.0", "0.0", "1.0"] if whole else []
                more = ["0.001"] * (len(columns) - len(turn) - 3)
                rows[i] += [*turn, *(_cell(value, "{:.6f}") for value in points[i, at]), *more]
    first = f"Format Version,1.23,Take Name,Take 1,Take Notes,,Capture Frame Rate,{rate:.6f},"
    first += f"Export Frame Rate,{exported or rate:.6f},Total Frames in Take,{frames},Total Exported Frames,{frames},"
    first += f"Rotation Type,Quaternion,Length Units,{units},Coordinate Space,{space}"
    head = [types, names, ids, *([above] if parents else []), parts, axes]
    return "\n".join([first, "", *(",".join(row) for row in [*head, *rows])]) + "\n"


DEVICES = """Devices
1000
,,Plate - Force,,,Plate - Moment,,
Frame,Sub Frame,Fx,Fy,Fz,Mx,My,Mz
,,N,N,N,mm.N,mm.N,mm.N
1,0,1.5,2,-700,1,2,3
1,1,1.5,2,-701,1,2,3

Model Outputs
50
,,Anna:LAnkleAngles,,
Frame,Sub Frame,X,Y,Z
,,deg,deg,deg
1,0,1.5,2,3

"""


def nexus(points, names, *, rate="50", units="mm", before="", separator=",", form="{:.3f}"):
    s = separator
    lines = [
        "Trajectories",
        rate,
        s + s + (s * 3).join(names) + s + s,
        f"Frame{s}Sub Frame{s}" + s.join(["X", "Y", "Z"] * len(names)),
        s + s + s.join([units] * (3 * len(names))),
    ]
    for i, frame in enumerate(points):
        lines.append(s.join([str(1 + i), "0", *(_cell(value, form) for value in frame.ravel())]))
    return before.replace(",", s) + "\n".join(lines) + "\n\n"


def mvnx(points, names, *, rate="50", rest=None, prefix=""):
    """A recording of Xsens MVN; `rest`: (M, 3), the frame of the type tpose; `prefix`: of the names of elements."""
    p = prefix

    def frame(kind, at, places):
        text = " ".join("nan" if np.isnan(value) else f"{value:.6f}" for value in places.ravel())
        return (
            f'<{p}frame time="{at * 20}" index="{at}" type="{kind}"><{p}orientation>1 0 0 0</{p}orientation>'
            f"<{p}position>{text}</{p}position><{p}velocity>0 0 0</{p}velocity></{p}frame>"
        )

    about = f'xmlns{":" + p[:-1] if p else ""}="http://www.xsens.com/mvn/mvnx"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<{p}mvnx {about} version="4"><{p}mvn version="2022"/>',
            f'<{p}subject label="Anna" frameRate="{rate}" segmentCount="{len(names)}"><{p}segments>',
            *(
                f'<{p}segment label="{name}" id="{at}"><{p}points><{p}point label="p"><{p}pos_b>0 0 0</{p}pos_b>'
                f"</{p}point></{p}points></{p}segment>"
                for at, name in enumerate(names, 1)
            ),
            f"</{p}segments><{p}frames>",
            *([] if rest is None else [frame("identity", 0, rest * 0), frame("tpose", 0, rest)]),
            *(frame("normal", at, places) for at, places in enumerate(points)),
            f"</{p}frames></{p}subject></{p}mvnx>",
            "",
        ]
    )
