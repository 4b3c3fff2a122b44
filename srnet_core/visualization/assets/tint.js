// Limbs and joints in colours that are numbers: the error that is expected of each joint, or the true one, in mm.

const TINTS = { expected: "expected error", error: "error" };

// The colours of the scale from nothing to its top, and beyond that the last one.
function tintColor(share, colors) {
  const at = 2 * Math.min(1, Math.max(0, share));
  return at < 1 ? blend(colors["tint-0"], colors["tint-1"], at) : blend(colors["tint-1"], colors["tint-2"], at - 1);
}

// What this clip can be coloured by, beside the sides of the body.
function tintsOf(scene) {
  const there = { expected: scene.poses.some((pose) => pose.expected), error: comparedPoses(scene).length > 0 };
  return Object.keys(TINTS).filter((name) => there[name]);
}

// The top of the scale in mm, and whether some numbers of the clip are beyond it.
function tintScale(scene, kind) {
  if (kind === "expected") return { top: scene.expected_scale.top_mm, beyond: scene.expected_scale.beyond };
  const means = comparedPoses(scene).flatMap((pose) => meanJointErrorsMm(scene, pose));
  return { top: niceCeiling(1.5 * Math.max(10, ...means)), beyond: true };
}

// A function from joint to colour in the present frame; `null` for poses that have no such numbers.
function jointTint(scene, pose, { tint, frame }, colors) {
  const { top } = tintScale(scene, tint), first = frame * scene.joints.length;
  if (tint === "expected") return pose.expected && ((j) => tintColor(pose.expected[first + j] / top, colors));
  if (pose === scene.truth) return null;
  return (j) => tintColor(jointErrorMm(scene, pose, frame, j) / top, colors);
}
