// The clips, as `page.py` embedded them: JSON; arrays are base64 of little-endian integers, in units of `step`.

function decodeArray({ data, dtype, step, shape }) {
  const text = atob(data), bytes = new Uint8Array(text.length); // loops: callbacks take seconds for long clips
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const Kind = { int16: Int16Array, int32: Int32Array }[dtype];
  const counts = new Kind(bytes.buffer), values = new Float32Array(counts.length);
  for (let i = 0; i < counts.length; i++) values[i] = counts[i] * step;
  if (values.length !== shape.reduce((a, b) => a * b, 1)) throw new Error("damaged scene data");
  return values;
}

// A clip is decoded when it is first opened: a page may hold many.
function readScene(clip) {
  if (clip.bones) return clip;
  clip.means_mm = clip.means_mm || {}; // clips that earlier versions wrote beside a run have neither of these
  clip.stage.depth_m = clip.stage.depth_m || 0;
  clip.keypoints = decodeArray(clip.keypoints_px);
  clip.floor = decodeArray(clip.floor_m);
  for (const pose of clip.poses) {
    pose.points = decodeArray(pose.points_m);
    pose.errors = pose.errors_mm ? decodeArray(pose.errors_mm) : null;
    pose.expected = pose.expected_errors_mm ? decodeArray(pose.expected_errors_mm) : null;
  }
  clip.truth = clip.poses.find((pose) => pose.is_reference) || null;
  clip.person = personBox(clip.keypoints);
  clip.ends = clip.joints.map((_, j) => j).filter((j) => !clip.parents.includes(j));
  clip.feet = feetOf(clip);
  clip.heading = headings(clip);
  clip.bones = clip.parents.flatMap((parent, child) => (parent < 0 ? [] : [[parent, child]]));
  return clip;
}

function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function largest(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

// Distance in mm between the same joint of two poses in one frame.
function jointErrorMm(scene, pose, frame, joint) {
  const at = (frame * scene.joints.length + joint) * 3;
  const d = (k) => pose.points[at + k] - scene.truth.points[at + k];
  return 1000 * Math.hypot(d(0), d(1), d(2));
}

// Means over the clip of the distances of each joint, computed once.
function meanJointErrorsMm(scene, pose) {
  if (!pose.jointMeans) {
    pose.jointMeans = scene.joints.map((_, j) => {
      let sum = 0;
      for (let frame = 0; frame < scene.frames; frame++) sum += jointErrorMm(scene, pose, frame, j);
      return sum / scene.frames;
    });
  }
  return pose.jointMeans;
}

// The part of the image that contains the person in all frames, with a margin: [x, y, width, height].
function personBox(keypoints) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (let i = 0; i < keypoints.length; i++) {
    if (keypoints[i] < low[i % 2]) low[i % 2] = keypoints[i];
    if (keypoints[i] > high[i % 2]) high[i % 2] = keypoints[i];
  }
  const room = 0.12 * Math.max(high[0] - low[0], high[1] - low[1], 10);
  return [low[0] - room, low[1] - room, high[0] - low[0] + 2 * room, high[1] - low[1] + 2 * room];
}

// The poses that can be compared with a truth.
function comparedPoses(clip) {
  return clip.truth ? clip.poses.filter((pose) => pose !== clip.truth) : [];
}

function leadPose(clip) {
  return clip.truth || clip.poses[0];
}

// The ends of limbs that are, on average, near the floor.
function feetOf(clip) {
  const count = clip.joints.length, { points } = leadPose(clip);
  const height = (j) => {
    let sum = 0;
    for (let frame = 0; frame < clip.frames; frame++) sum += points[(frame * count + j) * 3 + 2];
    return sum / clip.frames;
  };
  return clip.ends.filter((j) => clip.sides[j] !== "middle" && height(j) < 0.2 * clip.stage.height_m);
}

// Where the person faces, in degrees about the vertical, smoothed: from the first two joints that are left and right.
function headings(clip) {
  const left = clip.sides.indexOf("left"), right = clip.sides.indexOf("right"), count = clip.joints.length;
  const { points } = leadPose(clip), angles = new Float32Array(clip.frames), keep = Math.exp(-3 / clip.fps);
  if (left < 0 || right < 0) return angles;
  for (let frame = 0; frame < clip.frames; frame++) {
    const [l, r] = [left, right].map((j) => (frame * count + j) * 3);
    const angle = (Math.atan2(points[l + 1] - points[r + 1], points[l] - points[r]) * 180) / Math.PI;
    const before = frame ? angles[frame - 1] : angle;
    const change = ((((angle - before) % 360) + 540) % 360) - 180;
    angles[frame] = before + (1 - keep) * change;
  }
  return angles;
}

// Degrees between the directions from joint a to b and from c to d.
function angleDeg(pose, count, frame, [a, b, c, d]) {
  const at = (j) => (frame * count + j) * 3, { points } = pose;
  let dot = 0, first = 0, second = 0;
  for (let k = 0; k < 3; k++) {
    const u = points[at(b) + k] - points[at(a) + k], v = points[at(d) + k] - points[at(c) + k];
    dot += u * v;
    first += u * u;
    second += v * v;
  }
  const size = Math.sqrt(first * second);
  return size ? (Math.acos(Math.max(-1, Math.min(1, dot / size))) * 180) / Math.PI : 0;
}

function anglesDeg(clip, pose, angle) {
  return Float32Array.from({ length: clip.frames }, (_, frame) => angleDeg(pose, clip.joints.length, frame, angle.joints));
}
