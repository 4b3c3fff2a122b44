// The scene, as `page.py` embedded it: JSON; arrays are base64 of little-endian integers, in units of `step`.

function decodeArray({ data, dtype, step, shape }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const Kind = { int16: Int16Array, int32: Int32Array }[dtype];
  const values = Float32Array.from(new Kind(bytes.buffer), (v) => v * step);
  if (values.length !== shape.reduce((a, b) => a * b, 1)) throw new Error("damaged scene data");
  return values;
}

function readScene(text) {
  const scene = JSON.parse(text);
  scene.keypoints = decodeArray(scene.keypoints_px);
  scene.floor = decodeArray(scene.floor_m);
  for (const pose of scene.poses) {
    pose.points = decodeArray(pose.points_m);
    pose.errors = pose.errors_mm ? decodeArray(pose.errors_mm) : null;
    pose.expected = pose.expected_errors_mm ? decodeArray(pose.expected_errors_mm) : null;
  }
  scene.truth = scene.poses.find((pose) => pose.is_reference) || null;
  scene.person = personBox(scene);
  scene.bones = scene.parents.flatMap((parent, child) => (parent < 0 ? [] : [[parent, child]]));
  return scene;
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function argmax(values) {
  return values.reduce((best, v, i) => (v > values[best] ? i : best), 0);
}

// Distance in mm between the same joint of two poses in one frame.
function jointErrorMm(scene, pose, frame, joint) {
  const at = (frame * scene.joints.length + joint) * 3;
  const d = (k) => pose.points[at + k] - scene.truth.points[at + k];
  return 1000 * Math.hypot(d(0), d(1), d(2));
}

// The part of the image that contains the person in all frames, with a margin: [x, y, width, height].
function personBox(scene) {
  const xs = scene.keypoints.filter((_, i) => i % 2 === 0), ys = scene.keypoints.filter((_, i) => i % 2 === 1);
  const low = (values) => values.reduce((a, b) => Math.min(a, b)), high = (values) => values.reduce((a, b) => Math.max(a, b));
  const room = 0.12 * Math.max(high(xs) - low(xs), high(ys) - low(ys), 10);
  return [low(xs) - room, low(ys) - room, high(xs) - low(xs) + 2 * room, high(ys) - low(ys) + 2 * room];
}
