// The panels and the charts: creation, fitting to the window, and painting after a change.

const $ = (id) => document.getElementById(id);
const clips = JSON.parse($("scene").textContent).clips;
const state = { clip: 0, frame: 0, overlay: false, closeUp: false, trails: false, tint: "", tintAsked: null, eye: "home", angle: "", marks: [], hot: -1, orbit: { ...HOME } };
let scene = readScene(clips[0]), rated = [], worst = 0;
let panels = [], charts = [];
let colors = {}, stale = false;
const NARROWEST = 200; // pixels of a panel

function readColors() {
  colors = pageColors();
  for (const chart of charts) chart.base = null;
  redraw();
}

// Names of methods are shown unchanged; the project's own names start with a capital letter.
function heading(name) {
  return ["prediction", "lifted", "ground truth", "input, 2D"].includes(name) ? name[0].toUpperCase() + name.slice(1) : name;
}

// The part of a name from which on the methods differ, e.g. "…add" and "…mul": narrow places show its beginning only.
function shortName(name) {
  const names = scene.poses.filter((pose) => pose !== scene.truth).map((pose) => pose.name);
  if (names.length < 2 || !names.includes(name)) return heading(name);
  let same = 0;
  while (names.every((one) => same < one.length && one[same] === names[0][same])) same++;
  const start = names[0].slice(0, same).search(/[^_\-. ]*$/);
  return start > 1 ? `…${name.slice(start)}` : heading(name);
}

function addPanel(name, pose) {
  const label = pose ? `3D view of ${name}. Drag to turn, or use the keys A, D, E and C` : "2D keypoints, the input";
  const canvas = element("canvas", { role: "img", "aria-label": label });
  if (pose) canvas.tabIndex = 0;
  if (pose) canvas.className = "view";
  const number = element("output"), top = element("header", {}, element("h2", { title: name }, shortName(name)), number);
  const box = element("section", { class: `panel ${pose ? "" : "flat"}`, "aria-label": name }, top, canvas);
  const panel = { name, box, canvas, number, pose, ctx: canvas.getContext("2d"), size: null, points: [] };
  panels.push(panel);
  $("panels").append(box);
  fitCanvas(canvas, (size) => (panel.size = size));
  return panel;
}

// A chart of some series over the frames, in a canvas that stays when another clip is opened.
function addChart(id, series, marked) {
  const canvas = $(id);
  const chart = { canvas, ctx: canvas.getContext("2d"), size: null, base: null, series, marked };
  chart.top = niceCeiling(Math.max(1, ...series.map(({ values }) => largest(values))));
  charts.push(chart);
  fitCanvas(canvas, (size) => Object.assign(chart, { size, base: null }));
  const legend = series.length < 2 ? [] : series.map((one) => element("span", {}, seriesKey(one), one.name));
  $(id === "chart" ? "series" : "angle-series").replaceChildren(...legend);
}

function seriesOf(poses, values) {
  return poses.map((pose, i) => ({ name: heading(pose.name), values: values(pose), color: `series-${i % SERIES}`, dash: DASHES[i % SERIES] }));
}

function seriesKey({ color, dash }) {
  const space = document.querySelector("svg").namespaceURI;
  const svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "path");
  line.setAttribute("d", "M0 2h20");
  line.setAttribute("stroke", `var(--${color})`);
  line.setAttribute("stroke-width", "2");
  line.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(line);
  return svg;
}

// One observer for all canvases: after a change of sizes everything is painted once, and in the same frame, because a
// resized canvas is blank.
const fitting = new Map();
const sizes = new ResizeObserver((entries) => fitAll(entries.map(({ target }) => target)));

function fitCanvas(canvas, store) {
  fitting.set(canvas, store);
  sizes.observe(canvas);
}

function fitAll(canvases) {
  let fitted = false;
  for (const canvas of canvases) {
    const { width, height } = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (!width || !height || !fitting.has(canvas)) continue;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    fitting.get(canvas)({ width, height, ratio });
    fitted = true;
  }
  if (fitted) {
    nameAll();
    paint();
  }
}

// Names are shown in full where there is room, beside the mean error or without it.
function nameAll() {
  for (const { box, name } of panels) {
    const head = box.querySelector("h2"), isCut = () => head.scrollWidth > head.clientWidth;
    box.classList.remove("tight");
    head.textContent = heading(name);
    if (isCut()) box.classList.add("tight");
    if (isCut()) head.textContent = shortName(name);
  }
}

// Zooming the page changes the pixel ratio, but not always the size.
window.addEventListener("resize", () => {
  arrangePanels();
  fitAll([...fitting.keys()]);
});

function forget(gone) {
  for (const canvas of [...fitting.keys()].filter(gone)) {
    fitting.delete(canvas);
    sizes.unobserve(canvas);
  }
}

function arrangePanels() {
  for (const panel of panels) panel.box.hidden = state.overlay && scene.poses.length > 1 && panel.pose === scene.truth;
  const shown = panels.filter((panel) => !panel.box.hidden), views = shown.filter((panel) => panel.pose);
  const narrow = $("panels").clientWidth < NARROWEST * shown.length; // then two rows show larger figures
  const columns = shown.length <= (narrow ? 2 : 4) ? shown.length : Math.ceil(shown.length / 2);
  const shares = shown.length === 2 ? "minmax(0,1fr) minmax(0,1.7fr)" : `repeat(${columns},minmax(0,1fr))`;
  $("panels").style.setProperty("--columns", shares);
  for (const panel of views) panel.box.classList.toggle("wide", views.length % 2 === 1 && panel === views.at(-1));
}

function redraw() {
  if (stale) return;
  stale = true;
  requestAnimationFrame(paint);
}

function paint() {
  stale = false;
  if (state.eye === "follow") state.orbit.azimuth = ((scene.heading[state.frame] + 540) % 360) - 180;
  for (const panel of panels) {
    if (panel.box.hidden || !panel.size) continue;
    const { ctx, size, pose } = panel;
    ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    ctx.clearRect(0, 0, size.width, size.height);
    panel.points = pose ? drawView(ctx, size, scene, pose, state, colors) : drawInput(ctx, size, scene, state, colors);
  }
  for (const chart of charts) if (chart.size) paintChart(chart);
  if (joints.size && !$("joints-box").hidden) paintBody();
}

function paintChart(chart) {
  const { ctx, size, canvas, series } = chart, scale = chartScale(size, scene.frames, chart.top);
  if (!chart.base) {
    chart.base = element("canvas", { width: canvas.width, height: canvas.height });
    const base = chart.base.getContext("2d");
    base.scale(size.ratio, size.ratio);
    drawChartBase(base, size, series, scale, scene, state.marks, colors);
  }
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(chart.base, 0, 0);
  ctx.scale(size.ratio, size.ratio);
  drawPlayhead(ctx, size, series, scale, colors, state.frame, chart.marked);
}
