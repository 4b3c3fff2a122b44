// Mouse and touch: drag to turn, wheel or pinch to zoom, point at a joint to see its name. All 3D views share one eye.

const REACH_PX = 14;

function turn(right, up) {
  const orbit = state.orbit;
  turnedByHand();
  orbit.azimuth = (((orbit.azimuth + right + 180) % 360) + 360) % 360 - 180;
  orbit.elevation = Math.min(89, Math.max(-12, orbit.elevation + up));
  redraw();
}

function turnedByHand() {
  if (state.eye !== "own") setEye("own");
  settle();
}

function zoom(factor) {
  if (state.eye !== "follow") turnedByHand();
  state.orbit.zoom = Math.min(6, Math.max(0.4, state.orbit.zoom * factor));
  redraw();
}

function resetView() {
  setEye("home");
  settle();
}

function watchDragging({ canvas }) {
  const down = new Map();
  const spread = () => {
    const [a, b] = [...down.values()];
    return Math.max(20, Math.hypot(a.x - b.x, a.y - b.y));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last || down.size > 2) return;
    const before = down.size === 2 ? spread() : 0;
    const dx = event.clientX - last.x, dy = event.clientY - last.y;
    Object.assign(last, { x: event.clientX, y: event.clientY });
    if (before) zoom(spread() / before);
    else turn(-dx * 0.5, dy * 0.4);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => down.delete(event.pointerId));
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1; // some browsers count wheel steps in lines
    zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * 0.0016));
  }, { passive: false });
  canvas.addEventListener("dblclick", resetView);
}

function watchHovering(panel) {
  const { canvas } = panel;
  const point = (event) => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const away = panel.points.map((p) => Math.hypot(p.x - x, p.y - y));
    const nearest = away.indexOf(Math.min(...away));
    const dragging = event.buttons && event.type === "pointermove";
    showTip(panel, !dragging && away[nearest] <= REACH_PX ? nearest : -1);
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && showTip(panel, -1));
}

const tip = { panel: null };

function showTip(panel, joint) {
  tip.panel = joint < 0 ? null : panel;
  if (state.hot !== joint) redraw();
  state.hot = joint;
  refreshTip();
}

function refreshTip() {
  const box = $("tip");
  box.hidden = !tip.panel;
  if (!tip.panel) return;
  box.textContent = describeJoint(tip.panel, state.hot);
  const at = tip.panel.points[state.hot], frame = tip.panel.canvas.getBoundingClientRect();
  const left = Math.min(frame.left + at.x + 14, window.innerWidth - box.offsetWidth - 8);
  const above = frame.top + at.y - box.offsetHeight - 10;
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${above < 8 ? frame.top + at.y + 14 : above}px`;
}

function describeJoint(panel, joint) {
  const name = scene.joints[joint];
  if (!panel.pose) {
    const at = 2 * (state.frame * scene.joints.length + joint);
    return `${name}   ${scene.keypoints[at].toFixed(1)}, ${scene.keypoints[at + 1].toFixed(1)} px`;
  }
  const { pose } = panel, off = pose.expected ? `   ± ${pose.expected[state.frame * scene.joints.length + joint].toFixed(0)} mm expected` : "";
  if (!scene.truth || pose === scene.truth) return name + off;
  return `${name}   ${jointErrorMm(scene, pose, state.frame, joint).toFixed(1)} mm off${off}`;
}
