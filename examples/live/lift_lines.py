"""Lift a file of any 2D pose tool line by line, as a live program would: python lift_lines.py FILE WIDTHxHEIGHT"""

import json
import subprocess
import sys

import srnet_core as srnet

if len(sys.argv) != 3:
    sys.exit(__doc__)
path, size = sys.argv[1:]
keypoints = srnet.read_keypoints(path).only(0)
command = [sys.executable, "-m", "srnet_cli.app", "lift", "--stream"]
command += ["--layout", keypoints.layout.name, "--image-size", size, "--fps", str(keypoints.fps or 30)]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lifting:
    joints = json.loads(lifting.stdout.readline())["joints"]
    for number, points in enumerate(keypoints.tracks[0].points.tolist()):
        lifting.stdin.write(json.dumps({"frame": number, "keypoints": points}) + "\n")
        lifting.stdin.flush()
        answer = json.loads(lifting.stdout.readline())
        if answer.get("joints_m"):
            print(number, dict(zip(joints, answer["joints_m"]))["RWrist"])
    lifting.stdin.close()
