// Runs a file of clips through an ONNX file in onnxruntime-web: node run_web.mjs MODULES MODEL CLIP.json POSES.json
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const [modules, model, clip, poses] = process.argv.slice(2);
const ort = createRequire(`${modules}/`)("onnxruntime-web");
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
const { batches, receptive_field: field, states: shapes } = JSON.parse(readFileSync(clip));
const results = [];
for (const { dims, values } of batches) {
  const [batch, frames, joints] = dims;
  if (!shapes) {
    const out = await session.run({ keypoints: new ort.Tensor("float32", Float32Array.from(values), dims) });
    results.push({ dims: out.poses.dims, values: Array.from(out.poses.data) });
    continue;
  }
  let states = shapes.map((shape) => new ort.Tensor("float32", new Float32Array(batch * shape[0] * shape[1]), [batch, ...shape]));
  const found = [];
  for (let frame = 0; frame < frames; frame++) { // batch is 1 here, so a frame is a piece of the values
    const piece = Float32Array.from(values.slice(frame * joints * 2, (frame + 1) * joints * 2));
    const given = { keypoints: new ort.Tensor("float32", piece, [1, 1, joints, 2]) };
    states.forEach((state, i) => (given[`state_${i}`] = state));
    const out = await session.run(given);
    states = shapes.map((_, i) => out[`next_state_${i}`]);
    if (frame >= field - 1) found.push(...out.poses.data);
  }
  results.push({ dims: [1, frames - field + 1, joints, 3], values: found });
}
writeFileSync(poses, JSON.stringify(results));
