// The page of runs: asks what has changed, draws the chosen run, and its test clip.

const $ = (id) => document.getElementById(id);
const EVERY_MS = 1500;
const BOARDS = {
  error: { unit: " mm", digits: 1, series: [["train_mpjpe_mm", "train"], ["train_eval_mpjpe_mm", "train, evaluated"], ["validation_mpjpe_mm", "validation"], ["test_mpjpe_mm", "test"]] },
  loss: { unit: "", digits: 4, series: [["loss", "loss"]] },
  lr: { unit: "", digits: 6, series: [["lr", "learning rate"]] },
  speed: { unit: "", digits: 0, series: [["windows_per_second", "windows per second"]] },
};
const view = { frame: 0, orbit: { ...HOME }, overlay: true, trails: false, hot: -1 };
let colors = {}, listed = [], training = "", chosen = "", run = null, clip = null, seen = {}, hover = null, playing = false, began = 0;

function readColors() {
  colors = pageColors();
  paint();
}

function fit(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  canvas.size = width && height ? { width, height, ratio } : null;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
}

// What to draw

function seriesOf(board) {
  return board.series.map(([key, name], i) => ({
    name, color: `series-${i}`, dash: DASHES[i],
    points: run ? run.curves.filter((epoch) => key in epoch).map((epoch) => [epoch.epoch, epoch[key]]) : [],
  }));
}

function readout(board, series) {
  const numbers = series.flatMap(({ name, points }) => {
    const point = hover === null ? points.at(-1) : points.find(([epoch]) => epoch === hover);
    if (!point) return [];
    const number = point[1].toLocaleString("en", { minimumFractionDigits: Math.min(board.digits, 1), maximumFractionDigits: board.digits });
    return [`${board.series.length > 1 ? `${name} ` : ""}${number}`];
  });
  return numbers.length ? numbers.join(", ") + board.unit : "";
}

function paintBoards() {
  for (const [id, board] of Object.entries(BOARDS)) {
    const canvas = $(id);
    if (!canvas.size) continue;
    const series = seriesOf(board), many = series.filter(({ points }) => points.length);
    canvas.scale = drawCurves(canvas.getContext("2d"), canvas.size, series, colors, hover, board.series.length > 1);
    const text = readout(board, series);
    $(`read-${id}`).textContent = text;
    $(`read-${id}`).classList.toggle("long", text.length > 24);
    canvas.setAttribute("aria-label", `${board.series.map(([, name]) => name).join(", ")} by epoch; ${hover === null ? "last" : `epoch ${hover}`}: ${text || "nothing yet"}`);
    if (id === "error") $("error-series").replaceChildren(...many.map(({ name, color, dash }) => element("span", {}, key(color, dash), name)));
  }
}

function key(color, dash) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "path");
  for (const [name, value] of [["d", "M0 2h20"], ["stroke", `var(--${color})`], ["stroke-width", "2"], ["stroke-dasharray", dash.join(" ")]]) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}

function paintClip() {
  const canvas = $("clip"), { size } = canvas, ctx = canvas.getContext("2d");
  if (!size) return;
  ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  $("clip-error").replaceChildren();
  if (!clip) return;
  const pose = clip.poses.find((one) => one !== clip.truth), room = { ...size, height: size.height - 44 };
  view.frame = Math.min(view.frame, clip.frames - 1);
  drawView(ctx, room, clip, pose, view, colors);
  if (pose.errors) $("clip-error").append(element("b", {}, pose.errors[view.frame].toFixed(1)), " mm");
}

function paint() {
  paintBoards();
  paintClip();
}

// What has changed

async function ask(path) {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : null;
}

function timeText(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function tell(now, folder) {
  const parts = [];
  if (now.run) {
    parts.push(`${now.run}: epoch ${now.epoch} of ${now.epochs}, step ${now.step} of ${now.steps}`);
    if (now.loss !== null && now.loss !== undefined) parts.push(`loss ${now.loss.toFixed(4)}`);
    if (now.windows_per_second) parts.push(`${Math.round(now.windows_per_second).toLocaleString("en")} windows/s`);
    if (now.seconds_left) parts.push(`about ${timeText(now.seconds_left)} left`);
  }
  $("now").textContent = parts.join(", ");
  if (!chosen) $("subtitle").textContent = listed.length ? "" : `There are no runs in ${folder}/ yet`;
}

function listRuns() {
  const asked = $("search").value.toLowerCase();
  const rows = listed.map((one) => {
    const of = one.epochs ? `/${one.epochs}` : "", mm = one.test_mm === null ? "" : `${one.test_mm.toFixed(1)} mm`;
    const state = one.name === training ? "in training" : ["finished", "ended early"].includes(one.state) ? one.state : `${one.state}, changed ${timeText(one.age_s)} ago`;
    const button = element("button", { type: "button" }, element("span", { class: "row" }, element("span", { class: "label" }, one.name), element("span", { class: "mm" }, mm)), element("span", { class: "state" }, `epoch ${one.epoch}${of}, ${state}`));
    if (one.name === chosen) button.setAttribute("aria-current", "true");
    button.onclick = () => choose(one.name);
    const row = element("li", {}, button);
    row.hidden = !one.name.toLowerCase().includes(asked);
    return row;
  });
  const focused = document.activeElement && $("runs").contains(document.activeElement) ? [...$("runs").children].findIndex((row) => row.contains(document.activeElement)) : -1;
  $("runs").replaceChildren(...rows);
  if (focused >= 0 && rows[focused]) rows[focused].firstChild.focus();
}

async function choose(name) {
  chosen = name;
  run = clip = null;
  seen = {};
  hover = null;
  location.hash = `run=${encodeURIComponent(name)}`;
  await refresh();
}

async function refresh() {
  const data = await ask("/runs.json");
  if (!data) return;
  listed = data.runs;
  training = data.now.run || "";
  const asked = decodeURIComponent((location.hash.match(/run=([^&]*)/) || ["", ""])[1]);
  if (!chosen || !listed.some(({ name }) => name === chosen)) {
    chosen = listed.some(({ name }) => name === asked) ? asked : data.now.run || (listed[0] || { name: "" }).name;
  }
  listRuns();
  tell(data.now, data.folder);
  const one = listed.find(({ name }) => name === chosen);
  if (!one) return;
  const address = encodeURIComponent(chosen);
  if (seen.run !== one.changed_s) {
    run = await ask(`/run/${address}`);
    seen.run = one.changed_s;
    showRun();
  }
  if (one.clip_s && seen.clip !== one.clip_s) {
    const found = await ask(`/clip/${address}`);
    clip = found && readable(found);
    seen.clip = one.clip_s;
    showClip();
  }
  if (!one.clip_s) {
    clip = null;
    showClip();
  }
  paint();
}

// The clip, or nothing where another version of srnet wrote what this page cannot draw.
function readable(found) {
  try {
    return readScene(found);
  } catch {
    return null;
  }
}

function showRun() {
  if (!run) return;
  $("title").textContent = document.title = run.name;
  const result = run.result_mm ? `, result ${run.result_mm.toFixed(1)} mm (action-wise mean)` : "";
  $("subtitle").textContent = [run.model, run.data].filter(Boolean).join(" · ") + result;
  $("badge").hidden = !run.synthetic;
}

function showClip() {
  $("clip-title").textContent = clip ? `Test clip, epoch ${clip.epoch}` : "Test clip";
  $("watched").hidden = !clip;
  $("no-clip").hidden = Boolean(clip);
  if (!clip) return;
  const [mean_mm] = Object.values(clip.means_mm);
  $("clip-said").textContent = `${clip.title}; grey: ground truth${mean_mm === undefined ? "" : `; mean ${mean_mm.toFixed(1)} mm`}`;
}

// Pointer and keys

for (const id of Object.keys(BOARDS)) {
  $(id).onpointermove = ({ offsetX, target }) => {
    hover = target.scale ? Math.min(target.scale.last, Math.max(target.scale.first, target.scale.epoch(offsetX))) : null;
    paintBoards();
  };
  $(id).onpointerleave = () => {
    hover = null;
    paintBoards();
  };
}
$("clip").onpointerdown = ({ target, pointerId }) => target.setPointerCapture(pointerId);
$("clip").onpointermove = ({ buttons, movementX, movementY }) => {
  if (!buttons) return;
  turn(-movementX * 0.4, movementY * 0.3);
};
$("clip").onkeydown = ({ key: pressed }) => {
  const step = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, 4], ArrowDown: [0, -4] }[pressed];
  if (step) turn(...step);
};
function turn(azimuth, elevation) {
  view.orbit.azimuth += azimuth;
  view.orbit.elevation = Math.min(85, Math.max(-5, view.orbit.elevation + elevation));
  paintClip();
}
$("search").oninput = listRuns;
$("play").onclick = () => play(!playing);

function play(on) {
  playing = on;
  began = performance.now() - (clip ? (1000 * view.frame) / clip.fps : 0);
  $("play").textContent = on ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(on));
  if (on) requestAnimationFrame(advance);
}

function advance(now) {
  if (!playing) return;
  if (clip) {
    view.frame = Math.floor(((now - began) / 1000) * clip.fps) % clip.frames;
    if (view.frame < 0) view.frame = 0;
    paintClip();
  }
  requestAnimationFrame(advance);
}

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(target);
  paint();
});
for (const canvas of document.querySelectorAll("canvas")) observer.observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);
readColors();

async function follow() {
  try {
    await refresh();
  } catch {
    $("now").textContent = "The server has ended";
  }
  setTimeout(follow, EVERY_MS);
}
follow();
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
