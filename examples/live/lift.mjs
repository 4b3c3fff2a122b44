// Lift the 17 joints frame by frame in JavaScript: node lift.mjs model.stream.onnx about.json frames.json
// (srnet export CHECKPOINT --output model.stream.onnx; about.json is that of `srnet serve`; frames: {width, height, points})
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { StreamLifter } from "../../srnet_core/serving/page/lift.js";

const [model, about, frames] = process.argv.slice(2).map((name) => readFileSync(name));
const modules = process.env.NODE_MODULES ?? `${process.cwd()}/node_modules`;
const ort = createRequire(`${modules}/`)("onnxruntime-web");
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
const lifter = new StreamLifter(ort, session, JSON.parse(about));
const { width, height, points } = JSON.parse(frames);
for (const frame of points) {
  const pose_m = await lifter.push(frame, width, height); // null while the network looks ahead
  if (pose_m) console.log(JSON.stringify(pose_m));
}
