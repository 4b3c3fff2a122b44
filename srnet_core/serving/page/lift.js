// Lifting in JavaScript: pixels of the 17 joints in, metres out, with the network that `srnet export` writes as .stream.onnx.
// The same arithmetic as srnet_core/normalization; `about` is about.json of the live page.

const LEAST_SCALE = 1e-6;
const LEAST_DEPTH = 0.1;

/** points: [[x, y], ...] px -> {input: [[x, y], ...], decode: (pose) => metres}, for the normalization of the network. */
export function encode(normalization, points, width, height) {
  if (normalization === "base") {
    const input = points.map(([x, y]) => [(2 * x) / width - 1, (2 * y) / width - height / width]);
    return { input, decode: (pose) => pose };
  }
  // ray: turn the camera, in arithmetic, until it looks at the root; the focal length is the longer side of the image
  const focal = Math.max(width, height);
  const rays = points.map(([x, y]) => [(x - width / 2) / focal, (y - height / 2) / focal, 1]);
  const length = Math.hypot(...rays[0]);
  const [dx, dy, dz] = rays[0].map((value) => value / length);
  const axis = [dy, -dx, 0];
  const flat = rays.map((ray) => {
    const [x, y, z] = turned(ray, axis, dz);
    const depth = Math.max(z, LEAST_DEPTH);
    return [x / depth, y / depth];
  });
  const [rx, ry] = flat[0];
  const centred = flat.map(([x, y]) => [x - rx, y - ry]);
  const sum = centred.slice(1).reduce((total, [x, y]) => total + Math.hypot(x, y), 0);
  const scale = Math.max(sum / (points.length - 1), LEAST_SCALE);
  const back = axis.map((value) => -value);
  return {
    input: centred.map(([x, y]) => [x / scale, y / scale]),
    decode: (pose) => pose.map((joint) => turned(joint, back, dz)),
  };
}

/** The rotation with this axis (of the length of its sine) and cosine: p + v x p + v x (v x p) / (1 + cosine). */
function turned(p, v, cosine) {
  const once = cross(v, p);
  const twice = cross(v, once);
  return p.map((value, i) => value + once[i] + twice[i] / (1 + cosine));
}

function cross([a, b, c], [x, y, z]) {
  return [b * z - c * y, c * x - a * z, a * y - b * x];
}

/** Joints of a detector [[x, y], ...] -> the 17 joints, by the rows of about.detector_matrix. */
export function relayout(matrix, points) {
  return matrix.map((row) => row.reduce(([x, y], w, j) => (w ? [x + w * points[j][0], y + w * points[j][1]] : [x, y]), [0, 0]));
}

/** A stream of one person: await push(points) gives metres, or null while the network looks ahead. */
export class StreamLifter {
  constructor(ort, session, about) {
    Object.assign(this, { ort, session, about });
    this.shapes = JSON.parse(about.states ?? "[]");
    this.reset();
  }

  reset() {
    this.states = null;
    this.waiting = [];
  }

  async push(points, width, height) {
    const { about } = this;
    const { input, decode } = encode(about.normalization, points, width, height);
    const mirrored = about.mirror.map((j) => [-input[j][0], input[j][1]]);
    const frame = [...input.flat(), ...mirrored.flat()]; // a batch of two: the pose and its mirror image
    if (this.states === null) {
      this.states = this.shapes.map(([n, channels]) => this.tensor(new Float32Array(2 * n * channels), [2, n, channels]));
      const more = about.receptive_field - 1;
      if (more) await this.run(repeated(frame, more), more); // the frames before the first are taken to equal it
    }
    const poses = await this.run(frame, 1);
    this.waiting.push(decode);
    if (this.waiting.length <= about.delay_frames) return null;
    const half = poses.length / 2;
    const joints = Array.from({ length: half / 3 }, (_, j) => {
      const plain = poses.slice(3 * j, 3 * j + 3);
      const other = poses.slice(half + 3 * about.mirror[j], half + 3 * about.mirror[j] + 3);
      return [(plain[0] - other[0]) / 2, (plain[1] + other[1]) / 2, (plain[2] + other[2]) / 2];
    });
    return this.waiting.shift()(joints);
  }

  async run(values, frames) {
    const joints = this.about.mirror.length;
    const given = { keypoints: this.tensor(Float32Array.from(values), [2, frames, joints, 2]) };
    this.states.forEach((state, i) => (given[`state_${i}`] = state));
    const out = await this.session.run(given);
    this.states = this.shapes.map((_, i) => out[`next_state_${i}`]);
    return Array.from(out.poses.data);
  }

  tensor(values, dims) {
    return new this.ort.Tensor("float32", values, dims);
  }
}

function repeated(frame, times) {
  const half = frame.length / 2;
  const rows = [frame.slice(0, half), frame.slice(half)];
  return rows.flatMap((row) => Array.from({ length: times }, () => row).flat());
}
