// Playback, buttons, keys and the numbers in text.

const playback = { on: false, speed: 1, from: 0, since: 0 };

function seek(frame) {
  state.frame = Math.min(scene.frames - 1, Math.max(0, Math.round(frame) || 0));
  if (playback.on) Object.assign(playback, { from: state.frame, since: performance.now() });
  else settle();
  showFrame();
}

function play(on) {
  Object.assign(playback, { on: on && scene.frames > 1, from: state.frame, since: performance.now() });
  document.body.classList.toggle("playing", playback.on);
  $("play").setAttribute("aria-label", playback.on ? "Pause" : "Play");
  if (playback.on) requestAnimationFrame(tick);
  else settle();
}

function tick(now) {
  if (!playback.on) return;
  const elapsed = (Math.max(0, now - playback.since) / 1000) * scene.fps * playback.speed;
  const frame = Math.floor(playback.from + elapsed) % scene.frames;
  if (frame !== state.frame) {
    state.frame = frame;
    showFrame();
  }
  requestAnimationFrame(tick);
}

// Updates that are too slow, or too noisy for a screen reader, to make in every frame: address, status, table.
let settling = 0;
function settle() {
  clearTimeout(settling);
  settling = setTimeout(() => {
    try {
      history.replaceState(null, "", `#frame=${state.frame}`);
    } catch {
      // some browsers forbid this for local files; the page works without it
    }
    const errors = rated.map((pose) => `${pose.name} ${pose.errors[state.frame].toFixed(1)} mm`);
    $("status").textContent = [`Frame ${state.frame} of ${scene.frames - 1}`, ...errors].join(", ");
    fillJoints();
  }, 120);
}

function showFrame() {
  const { frame } = state, last = Math.max(scene.frames - 1, 1);
  $("frame-now").textContent = frame;
  $("seconds").textContent = `${(frame / scene.fps).toFixed(2)} s`;
  $("scrub").value = frame;
  $("scrub").style.setProperty("--played", `${(100 * frame) / last}%`);
  for (const { pose, number } of panels) if (pose && pose.errors) number.firstChild.textContent = pose.errors[frame].toFixed(1);
  if ($("joints-box").open) fillJoints();
  redraw();
  if (tip.panel) requestAnimationFrame(refreshTip);
}

function fillJoints() {
  const others = scene.poses.filter((pose) => scene.truth && pose !== scene.truth);
  if (!others.length) return;
  const errors = scene.joints.map((_, j) => others.map((pose) => jointErrorMm(scene, pose, state.frame, j)));
  const most = Math.max(1, ...errors.flat());
  const cell = (error) => element("td", {}, bar(error / most), error.toFixed(1));
  const rows = scene.joints.map((name, j) => element("tr", {}, element("th", { scope: "row" }, name), ...errors[j].map(cell)));
  const head = element("tr", {}, element("th", {}, `frame ${state.frame}`), ...others.map((pose) => element("th", { scope: "col" }, `${pose.name}, mm`)));
  $("joints").replaceChildren(head, ...rows);
}

function bar(share) {
  const made = element("i");
  made.style.width = `${Math.round(90 * share)}px`;
  return made;
}

function setOverlay(on) {
  state.overlay = on;
  $("overlay").setAttribute("aria-pressed", on);
  document.querySelector(".ghost-key").hidden = !on;
  arrangePanels();
  redraw();
}

function addCloseUp(panel) {
  const button = element("button", { type: "button", "aria-pressed": "false", title: "Show the whole image or only the person (I)" }, "Close-up");
  button.onclick = () => {
    state.closeUp = !state.closeUp;
    button.setAttribute("aria-pressed", state.closeUp);
    redraw();
  };
  panel.number.replaceWith(button);
  KEYS.i = () => button.click();
}

const KEYS = {
  " ": () => play(!playback.on),
  ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
  Home: () => seek(0),
  End: () => seek(scene.frames - 1),
  a: () => turn(-6, 0),
  d: () => turn(6, 0),
  e: () => turn(0, 5),
  c: () => turn(0, -5),
  "+": () => zoom(1.12),
  "=": () => zoom(1.12),
  "-": () => zoom(1 / 1.12),
  o: () => $("overlay").hidden || setOverlay(!state.overlay),
  w: () => $("worst").hidden || $("worst").click(),
  r: resetView,
  Escape: () => showTip(null, -1),
};

function step(frames) {
  play(false);
  seek(state.frame + frames);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
  if (event.key === " " && event.target.closest("button, summary")) return; // the space bar activates the focused element
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act(event);
}

function watchChart() {
  const canvas = $("chart");
  const go = (event) => {
    const box = canvas.getBoundingClientRect();
    seek(chartScale(chart.size, scene.frames, chart.top).frame(event.clientX - box.left));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    play(false);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && go(event));
}

function watchControls() {
  $("play").onclick = () => play(!playback.on);
  $("back").onclick = () => step(-1);
  $("next").onclick = () => step(1);
  $("scrub").oninput = (event) => (play(false), seek(+event.target.value));
  $("speed").onchange = (event) => {
    playback.speed = +event.target.value;
    seek(state.frame); // playback continues from here
  };
  $("overlay").onclick = () => setOverlay(!state.overlay);
  $("reset").onclick = resetView;
  $("worst").onclick = () => (play(false), seek(worst));
  $("joints-box").ontoggle = fillJoints;
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", () => fromAddress() >= 0 && seek(fromAddress()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);
}

function fromAddress() {
  const found = /[#&]frame=(\d{1,9})/.exec(location.hash);
  return found ? +found[1] : -1;
}

function showErrors() {
  for (const { pose, number } of panels) {
    if (!pose || !pose.errors) continue;
    const average = element("span", { class: "mean" }, ` · mean ${mean(pose.errors).toFixed(1)}`);
    number.append(element("b"), " mm", average);
  }
  $("worst").hidden = scene.frames === 1;
  $("worst").textContent = `Worst frame ${worst} · ${rated[0].errors[worst].toFixed(1)} mm`;
  if (scene.frames === 1) return;
  addChart();
  watchChart();
}

function start() {
  addCloseUp(addPanel("input, 2D", null));
  scene.poses.forEach((pose) => addPanel(pose.name, pose));
  panels.filter((panel) => panel.pose).forEach(watchDragging);
  panels.forEach(watchHovering);
  if (rated.length) showErrors();
  for (const id of ["play", "back", "next", "scrub", "worst", "speed"]) $(id).disabled = scene.frames === 1;
  const comparable = scene.truth && scene.poses.length > 1;
  $("overlay").hidden = $("joints-box").hidden = !comparable;
  $("expected-key").hidden = !scene.poses.some((pose) => pose.expected);
  $("scrub").max = scene.frames - 1;
  $("frame-last").textContent = ` / ${scene.frames - 1}`;
  document.body.style.setProperty("--digits", `${String(scene.frames - 1).length}ch`);
  watchControls();
  arrangePanels();
  readColors();
  const asked = fromAddress(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (asked >= 0) seek(asked);
  else {
    showFrame();
    play(!still);
  }
}

start();
