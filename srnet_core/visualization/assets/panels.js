// The panels and the chart: creation, fitting to the window, and painting after a change.

const $ = (id) => document.getElementById(id);
const scene = readScene($("scene").textContent);
const rated = scene.poses.filter((pose) => pose.errors);
const worst = rated.length ? argmax(rated[0].errors) : 0;
const state = { frame: 0, overlay: false, closeUp: false, hot: -1, orbit: { ...HOME } };
const panels = [];
const SERIES = 5;
let colors = {}, chart = null, stale = false;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "panel", "ink", "muted", "hairline", "floor", "shadow", "right", "left", "middle", "ghost", "offset"];
  for (let i = 0; i < SERIES; i++) names.push(`series-${i}`);
  colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  if (chart) chart.base = null;
  redraw();
}

// Names of methods are shown unchanged; the project's own names start with a capital letter.
function heading(name) {
  return ["prediction", "ground truth", "input, 2D"].includes(name) ? name[0].toUpperCase() + name.slice(1) : name;
}

function addPanel(name, pose) {
  const label = pose ? `3D view of ${name}. Drag to turn, or use the keys A, D, E and C` : "2D keypoints, the input";
  const canvas = element("canvas", { role: "img", "aria-label": label });
  if (pose) canvas.tabIndex = 0;
  if (pose) canvas.className = "view";
  const number = element("output"), top = element("header", {}, element("h2", {}, heading(name)), number);
  const box = element("section", { class: `panel ${pose ? "" : "flat"}`, "aria-label": name }, top, canvas);
  const panel = { box, canvas, number, pose, ctx: canvas.getContext("2d"), size: null, points: [] };
  panels.push(panel);
  $("panels").append(box);
  fitCanvas(canvas, (size) => (panel.size = size));
  return panel;
}

function addChart() {
  const canvas = $("chart");
  chart = { canvas, ctx: canvas.getContext("2d"), size: null, base: null };
  chart.top = niceCeiling(Math.max(...rated.map((pose) => pose.errors[argmax(pose.errors)])));
  $("chart-box").hidden = false;
  fitCanvas(canvas, (size) => Object.assign(chart, { size, base: null }));
  if (rated.length < 2) return;
  rated.forEach((pose, i) => $("series").append(element("span", {}, seriesKey(i), pose.name)));
}

function seriesKey(i) {
  const space = document.querySelector("svg").namespaceURI;
  const svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "path");
  line.setAttribute("d", "M0 2h20");
  line.setAttribute("stroke", `var(--series-${i % SERIES})`);
  line.setAttribute("stroke-width", "2");
  line.setAttribute("stroke-dasharray", DASHES[i % SERIES].join(" "));
  svg.append(line);
  return svg;
}

function fitCanvas(canvas, store) {
  const fit = () => {
    const { width, height } = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    store({ width, height, ratio });
    paint(); // immediately, because a resized canvas is blank
  };
  new ResizeObserver(fit).observe(canvas);
  window.addEventListener("resize", fit); // zooming the page changes the pixel ratio, but not always the size
}

function arrangePanels() {
  for (const panel of panels) panel.box.hidden = state.overlay && scene.poses.length > 1 && panel.pose === scene.truth;
  const shown = panels.filter((panel) => !panel.box.hidden), views = shown.filter((panel) => panel.pose);
  const columns = shown.length <= 4 ? shown.length : Math.ceil(shown.length / 2);
  const shares = columns === 2 ? "minmax(0,1fr) minmax(0,1.7fr)" : `repeat(${columns},minmax(0,1fr))`;
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
  for (const panel of panels) {
    if (panel.box.hidden || !panel.size) continue;
    const { ctx, size, pose } = panel;
    ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    ctx.clearRect(0, 0, size.width, size.height);
    panel.points = pose ? drawView(ctx, size, scene, pose, state, colors) : drawInput(ctx, size, scene, state, colors);
  }
  if (chart && chart.size) paintChart();
}

function paintChart() {
  const { ctx, size, canvas } = chart, scale = chartScale(size, scene.frames, chart.top);
  if (!chart.base) {
    chart.base = element("canvas", { width: canvas.width, height: canvas.height });
    const base = chart.base.getContext("2d");
    base.scale(size.ratio, size.ratio);
    drawChartBase(base, size, rated, scale, colors);
  }
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(chart.base, 0, 0);
  ctx.scale(size.ratio, size.ratio);
  drawPlayhead(ctx, size, rated, scale, colors, state.frame, worst);
}
