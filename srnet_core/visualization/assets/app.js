// Playback, buttons, keys and the numbers in text.

const playback = { on: false, speed: 1, from: 0, since: 0 };
const EYES = { front: { azimuth: 0, elevation: 3 }, side: { azimuth: 90, elevation: 3 }, top: { azimuth: 0, elevation: 89 }, follow: { elevation: 6 } };

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
  const elapsed = Math.floor((Math.max(0, now - playback.since) / 1000) * scene.fps * playback.speed);
  const [first, last] = state.marks.length === 2 ? state.marks : [0, scene.frames - 1];
  const count = last - first + 1, begin = playback.from < first || playback.from > last ? first : playback.from;
  const frame = first + ((begin - first + elapsed) % count);
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
      history.replaceState(null, "", address());
    } catch {
      // some browsers forbid this for local files; the page works without it
    }
    const errors = rated.map((pose) => `${pose.name} ${pose.errors[state.frame].toFixed(1)} mm`);
    $("status").textContent = [`Frame ${state.frame} of ${scene.frames - 1}`, ...errors].join(", ");
    fillJoints();
  }, 120);
}

// Minutes and seconds in clips of a minute and more, else seconds.
function clockText(seconds, all) {
  const cents = Math.round(seconds * 100), rest = (cents % 6000) / 100;
  return all < 60 ? `${seconds.toFixed(2)} s` : `${Math.floor(cents / 6000)}:${rest.toFixed(2).padStart(5, "0")}`;
}

function showFrame() {
  const { frame } = state, last = Math.max(scene.frames - 1, 1);
  $("frame-now").textContent = frame;
  $("seconds").textContent = clockText(frame / scene.fps, scene.frames / scene.fps);
  $("scrub").value = frame;
  $("scrub").setAttribute("aria-valuetext", `frame ${frame}, ${(frame / scene.fps).toFixed(2)} seconds`);
  $("scrub").style.setProperty("--played", `${(100 * frame) / last}%`);
  for (const { pose, number } of panels) if (pose && pose.errors) number.firstChild.textContent = pose.errors[frame].toFixed(1);
  if (!playback.on || frame % 5 === 0) fillJoints();
  redraw();
  if (tip.panel) requestAnimationFrame(refreshTip);
}

function setOverlay(on) {
  state.overlay = on;
  $("overlay").setAttribute("aria-pressed", on);
  document.querySelector(".ghost-key").hidden = !on;
  arrangePanels();
  redraw();
}

function setTrails(on) {
  state.trails = on;
  $("trails").setAttribute("aria-pressed", on);
  redraw();
}

// The expected errors are shown at once where there are any: somebody asked for them.
function offerTints() {
  const there = tintsOf(scene);
  const choices = [["", "sides of the body"], ...there.map((name) => [name, TINTS[name]])];
  $("tint").replaceChildren(...choices.map(([value, text]) => element("option", { value }, text)));
  $("tint").closest("label").hidden = document.querySelector(".tint-keys").hidden = !there.length;
  setTint(there.includes(state.tintAsked) || state.tintAsked === "" ? state.tintAsked : usualTint());
}

function usualTint() {
  return tintsOf(scene).includes("expected") ? "expected" : "";
}

function setTint(name) {
  state.tint = $("tint").value = name;
  $("tint-key").hidden = !name;
  if (name) {
    const { top, beyond } = tintScale(scene, name);
    $("tint-name").textContent = `${TINTS[name]}: 0`;
    $("tint-top").textContent = `${beyond ? "≥ " : ""}${top} mm`;
  }
  redraw();
}

// The colours that somebody asked for stay when another clip is opened.
function askTint(name) {
  state.tintAsked = name;
  setTint(name);
}

function setEye(name) {
  state.eye = name in EYES || name === "own" ? name : "home";
  if (state.eye === "home") Object.assign(state.orbit, HOME);
  else Object.assign(state.orbit, EYES[state.eye] || {});
  $("eye").querySelector("[value=own]").hidden = state.eye !== "own";
  $("eye").value = state.eye;
  redraw();
}

function setMarks(marks) {
  state.marks = marks;
  $("loop").textContent = ["Loop from here", "Loop to here", "End loop"][marks.length];
  $("loop").setAttribute("aria-pressed", marks.length > 0);
  for (const chart of charts) chart.base = null;
  redraw();
}

// First press: the first frame of the loop; second: the last one; third: no loop.
function markLoop() {
  if (state.marks.length === 2) setMarks([]);
  else if (state.marks.length && state.frame === state.marks[0]) setMarks([]);
  else setMarks([...state.marks, state.frame].sort((a, b) => a - b));
  settle();
}

function showAngle(name) {
  const angle = scene.angles.find((one) => one.name === name);
  state.angle = angle ? name : "";
  $("angle").value = state.angle;
  charts = charts.filter(({ canvas }) => canvas.id !== "angle-chart");
  forget((canvas) => canvas.id === "angle-chart");
  $("angle-box").hidden = !angle;
  document.body.classList.toggle("charted", Boolean(angle || rated.length));
  if (!angle) return;
  $("angle-title").textContent = `${name[0].toUpperCase()}${name.slice(1)} in degrees`;
  addChart("angle-chart", seriesOf(scene.poses, (pose) => anglesDeg(scene, pose, angle)), -1);
}

function addCloseUp(panel) {
  const button = element("button", { type: "button", "aria-pressed": state.closeUp, title: "Show the whole image or only the person (I)" }, "Close-up");
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
  j: () => $("by-joint").hidden || $("by-joint").click(),
  t: () => $("trails").click(),
  u: nextTint,
  l: () => $("loop").disabled || markLoop(),
  n: () => openClip((state.clip + 1) % clips.length),
  p: () => openClip((state.clip + clips.length - 1) % clips.length),
  r: resetView,
  Escape: () => showTip(null, -1),
};

function nextTint() {
  const there = ["", ...tintsOf(scene)];
  askTint(there[(there.indexOf(state.tint) + 1) % there.length]);
  settle();
}

function step(frames) {
  play(false);
  seek(state.frame + frames);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, [type=search]")) return;
  if (event.key === " " && event.target.closest("button, summary")) return; // the space bar activates the focused element
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act(event);
}

function watchChart(canvas) {
  const go = (event) => {
    const box = canvas.getBoundingClientRect();
    seek(chartScale(box, scene.frames, 1).frame(event.clientX - box.left));
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
  $("overlay").onclick = () => (setOverlay(!state.overlay), settle());
  $("trails").onclick = () => (setTrails(!state.trails), settle());
  $("by-joint").onclick = () => (showJoints($("joints-box").hidden), settle());
  $("loop").onclick = markLoop;
  $("tint").onchange = (event) => (askTint(event.target.value), settle());
  $("eye").onchange = (event) => (setEye(event.target.value), settle());
  $("angle").onchange = (event) => (showAngle(event.target.value), settle());
  $("worst").onclick = () => (play(false), seek(worst));
  $("save-png").onclick = savePng;
  $("save-csv").onclick = saveCsv;
  $("copy-link").onclick = copyLink;
  ["chart", "angle-chart"].forEach((id) => watchChart($(id)));
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", () => location.hash !== address() && restore(location.hash));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);
}

function showErrors() {
  for (const { pose, number } of panels) {
    if (!pose || !pose.errors) continue;
    const average = element("span", { class: "mean" }, ` · mean ${mean(pose.errors).toFixed(1)}`);
    number.append(element("b"), " mm", average);
  }
  const whose = rated.length > 1 ? ` of ${rated[0].name}:` : "";
  $("worst").textContent = `Worst frame${whose} ${worst} · ${rated[0].errors[worst].toFixed(1)} mm`;
  if (scene.frames > 1) addChart("chart", seriesOf(rated, (pose) => pose.errors), worst);
}

function openClip(index) {
  const angle = state.angle;
  state.clip = index;
  scene = readScene(clips[index]);
  rated = scene.poses.filter((pose) => pose.errors);
  worst = rated.length ? argmax(rated[0].errors) : 0;
  Object.assign(state, { frame: 0, hot: -1, marks: [] });
  forget((canvas) => canvas.id !== "body");
  forgetVideo();
  $("panels").replaceChildren();
  [panels, charts, tip.panel] = [[], [], null];
  addCloseUp(addPanel("input, 2D", null));
  scene.poses.forEach((pose) => addPanel(pose.name, pose));
  panels.filter((panel) => panel.pose).forEach(watchDragging);
  panels.forEach(watchHovering);
  $("title").textContent = document.title = scene.title;
  $("subtitle").textContent = scene.subtitle;
  $("chart-box").hidden = !rated.length || scene.frames === 1;
  $("worst").hidden = $("chart-box").hidden;
  if (rated.length) showErrors();
  for (const id of ["play", "back", "next", "scrub", "worst", "speed", "loop"]) $(id).disabled = scene.frames === 1;
  $("overlay").hidden = $("by-joint").hidden = !comparedPoses(scene).length;
  if (!comparedPoses(scene).length) showJoints(false);
  offerTints();
  $("angle").replaceChildren(element("option", { value: "" }, "none"), ...scene.angles.map(({ name }) => element("option", { value: name }, name)));
  $("angle").closest("label").hidden = $("save-csv").hidden = !scene.angles.length;
  $("scrub").max = scene.frames - 1;
  $("frame-last").textContent = ` / ${scene.frames - 1}`;
  document.body.style.setProperty("--digits", `${String(scene.frames - 1).length}ch`);
  setMarks([]);
  showAngle(angle);
  arrangePanels();
  setEye(state.eye);
  markClip();
  seek(0);
}

function start() {
  fillClips();
  prepareBody();
  openClip(0);
  watchControls();
  readColors();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (!restore(location.hash)) play(!still);
}

start();
