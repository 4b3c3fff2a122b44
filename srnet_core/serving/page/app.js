// The live page: a source of keypoints, the network, the drawing. Sources: webcam and video by MediaPipe, a file of lines,
// and lines that other programs send to the server.
import { StreamLifter, relayout } from "./lift.js";
import { PoseView, drawSeen } from "./draw.js";

const at = (id) => document.getElementById(id);
const video = at("video");
const say = (text) => (at("status").textContent = text);
const about = await (await fetch("about.json")).json();
const has = (name) => about.bundle.includes(name);
const view = new PoseView(at("pose"), about);
let running = 0; // number of the source that runs; each start ends the one before
let lifter = null;
let detector = null;
const times = []; // when the last poses were drawn, in ms
window.srnet = { poses: 0, pose: null, took_ms: {} }; // for tests, and for the curious

at("model").textContent = `${about.model}, ${about.receptive_field === 1 ? "frame by frame" : `${about.receptive_field} frames`}`;

function script(name) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = `bundle/${name}`;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${name} cannot be loaded`));
    document.head.append(element);
  });
}

async function openNetwork() {
  if (lifter || !has("ort.wasm.min.js")) return;
  await script("ort.wasm.min.js");
  ort.env.wasm.wasmPaths = new URL("bundle/", location.href).href;
  ort.env.wasm.numThreads = 1; // a frame is too short to be worth waking others
  const model = await (await fetch("model.onnx")).arrayBuffer();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  lifter = new StreamLifter(ort, session, about);
}

async function openDetector() {
  if (detector) return;
  await script("pose.js");
  detector = new Pose({ locateFile: (name) => `bundle/${name}` });
  detector.setOptions({ modelComplexity: 0, smoothLandmarks: true });
  detector.onResults((results) => (detector.found = results.poseLandmarks ?? null));
  await detector.initialize();
}

/** Do a part of the work of one picture, and note how long it took. */
async function timed(part, work) {
  const began = performance.now();
  const result = await work();
  (window.srnet.took_ms[part] ??= []).push(performance.now() - began);
  if (window.srnet.took_ms[part].length > 100) window.srnet.took_ms[part].shift();
  return result;
}

function show(points, width, height, pose, picture = null) {
  if (points) drawSeen(at("seen"), about, points, width, height, picture);
  if (!pose) return;
  view.draw(pose);
  window.srnet.poses += 1;
  window.srnet.pose = pose;
  times.push(performance.now());
  while (times.length > 60) times.shift();
  const seconds = (times.at(-1) - times[0]) / 1000;
  const rate = (times.length - 1) / seconds;
  if (seconds > 0) at("rate").textContent = `${rate.toFixed(rate < 10 ? 1 : 0)} poses a second`;
}

function begin(text) {
  running += 1;
  at("stop").disabled = false;
  lifter?.reset();
  times.length = 0;
  say(text);
  return running;
}

function end(text) {
  running += 1;
  at("stop").disabled = true;
  video.srcObject?.getTracks().forEach((track) => track.stop());
  if (video.src) URL.revokeObjectURL(video.src);
  video.pause();
  video.srcObject = null;
  video.removeAttribute("src");
  say(text);
}

async function liftVideo(mine, live) {
  const picture = document.createElement("canvas"); // what the detector sees: the video goes on while it works
  let last = -1;
  while (mine === running && !video.ended) {
    // a detector slower than the camera would otherwise never give way to clicks, drawing and decoding
    await new Promise((resolve) => setTimeout(resolve));
    if (video.currentTime === last || video.readyState < 2) continue;
    last = video.currentTime;
    if (!live) video.pause(); // a file waits, so that no frame is left out
    const { videoWidth: width, videoHeight: height } = video;
    Object.assign(picture, { width, height }).getContext("2d").drawImage(video, 0, 0);
    await timed("detector", () => detector.send({ image: picture }));
    if (mine !== running) return;
    if (!live) await nextFrame();
    if (!detector.found) {
      drawSeen(at("seen"), about, null, width, height, picture);
      say("Nobody is seen");
      lifter.reset();
      continue;
    }
    say(live ? "Lifting the webcam" : "Lifting the video");
    const points = relayout(about.detector_matrix, detector.found.map(({ x, y }) => [x * width, y * height]));
    const pose = await timed("network", () => lifter.push(points, width, height));
    await timed("drawing", () => show(points, width, height, pose, picture));
  }
  if (mine === running) end("The video has ended");
}

const FILE_FPS = 30; // browsers do not tell the frame rate of a file

/** Go on by one frame; past the last one the video is played to its end. */
function nextFrame() {
  if (video.currentTime + 1 / FILE_FPS >= video.duration) return video.play();
  return new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.currentTime += 1 / FILE_FPS;
  });
}

/** Lines hold keypoints without a picture: the panel of the input is there for videos only. */
function showInput(shown) {
  at("input").hidden = !shown;
  document.querySelector("main").classList.toggle("alone", !shown);
}

async function fromVideo(open, live) {
  showInput(true);
  const mine = begin("Loading the detector");
  try {
    await Promise.all([openDetector(), openNetwork()]);
    if (mine !== running) return;
    await open();
    await video.play();
    await liftVideo(mine, live);
  } catch (error) {
    end(`${live ? "The webcam" : "The video"} cannot be used: ${error.message}`);
  }
}

/** Lines of a file are lifted by the server, with layouts and gaps as `srnet lift --stream` does. */
async function fromLines(file) {
  const mine = begin(`Lifting ${file.name}`);
  const headers = { "Content-Type": "application/x-ndjson" };
  await fetch("start", { method: "POST", headers, body: "" });
  const lines = (await file.text()).split("\n").filter((line) => line.trim());
  for (const line of lines) {
    if (mine !== running) return;
    const answers = (await (await fetch("lift", { method: "POST", headers, body: line })).text()).trim();
    for (const answer of answers ? answers.split("\n").map((text) => JSON.parse(text)) : []) {
      if (answer.error) say(answer.error);
    }
  }
  if (mine === running) end(`${lines.length} lines of ${file.name} were lifted`);
}

at("webcam").addEventListener("click", () =>
  fromVideo(async () => {
    const size = { width: { ideal: 640 }, height: { ideal: 480 } };
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: size });
  }, true));
at("video-file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) fromVideo(async () => (video.src = URL.createObjectURL(file)), false);
  target.value = "";
});
at("lines-file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) fromLines(file);
  target.value = "";
});
at("stop").addEventListener("click", () => end("Stopped"));

// poses of lines, of a file above or sent by other programs
const events = new EventSource("events");
events.onmessage = ({ data }) => {
  const answer = JSON.parse(data);
  if (answer.joints_m && !video.srcObject && !video.src) showInput(false);
  if (answer.joints_m) show(null, 1, 1, answer.joints_m);
  if (answer.error) say(`Line ${answer.line}: ${answer.error}`);
};

view.draw(null);
await new Promise((resolve) => (events.onopen = events.onerror = resolve)); // lines sent before would not be seen
if (has("pose.js") && has("ort.wasm.min.js")) say("Ready: choose a source");
else {
  at("webcam").disabled = at("video-file").disabled = true;
  at("video-label").classList.add("off");
  showInput(false);
  say("Ready for lines of keypoints. For a webcam or a video, start srnet serve with --bundle");
}
