// Errors by joint: a table that can be sorted, beside a body whose joints are coloured by their error.

const joints = { ctx: null, size: null, column: 0, sort: -1, falling: true };
const BODY_MARGIN = 16;

// The columns: each method in this frame, and its mean over the clip.
function jointColumns() {
  return comparedPoses(scene).flatMap((pose) => [
    { head: comparedPoses(scene).length > 1 ? shortName(pose.name) : "this frame", pose, values: scene.joints.map((_, j) => jointErrorMm(scene, pose, state.frame, j)) },
    { head: "mean", pose, values: meanJointErrorsMm(scene, pose) },
  ]);
}

function fillJoints() {
  if ($("joints-box").hidden) return; // the means of all joints take a while in long clips
  const columns = jointColumns();
  if (!columns.length) return;
  const most = Math.max(1, ...columns.flatMap(({ values }) => values));
  const order = scene.joints.map((_, j) => j);
  if (joints.sort >= 0) order.sort((a, b) => (columns[joints.sort].values[b] - columns[joints.sort].values[a]) * (joints.falling ? 1 : -1));
  const alone = columns.length === 2; // beside several networks there is no room for bars
  const cell = (error) => element("td", {}, ...(alone ? [bar(error / most)] : []), error.toFixed(1));
  const rows = order.map((j) => element("tr", {}, element("th", { scope: "row" }, scene.joints[j]), ...columns.map(({ values }) => cell(values[j]))));
  const head = element("tr", {}, sorter("joint", -1), ...columns.map(({ head, pose }, i) => sorter(head, i, head === shortName(pose.name) ? pose.name : head)));
  $("joints").className = alone ? "" : "several";
  $("joints").replaceChildren(element("caption", {}, "Distance in mm"), element("thead", {}, head), element("tbody", {}, ...rows));
}

function sorter(text, column, title = text) {
  const sorted = joints.sort === column;
  const button = element("button", { type: "button", title: `Sort by ${title}` }, text, sorted && column >= 0 ? (joints.falling ? " ▾" : " ▴") : "");
  button.onclick = () => {
    joints.falling = joints.sort === column ? !joints.falling : true;
    joints.sort = column;
    if (column >= 0) joints.column = column;
    fillJoints();
    redraw();
    $("joints").querySelectorAll("button")[column + 1].focus();
  };
  const order = !sorted || column < 0 ? "none" : joints.falling ? "descending" : "ascending";
  return element("th", { scope: "col", "aria-sort": order }, button);
}

function bar(share) {
  const made = element("i");
  made.style.width = `${Math.round(44 * share)}px`;
  return made;
}

function paintBody() {
  const { ctx, size } = joints, columns = jointColumns();
  const { values, head, pose } = columns[Math.min(joints.column, columns.length - 1)];
  const { top } = tintScale(scene, "error");
  const shown = head === "mean" ? "mean" : "this frame";
  const whose = comparedPoses(scene).length > 1 ? [element("span", { class: "whose" }, pose.name)] : [];
  $("body-scale").replaceChildren(...whose, `${shown}: 0`, element("i", { class: "ramp" }), `${top} mm`);
  const xs = scene.front_view.map((p) => p[0]), ys = scene.front_view.map((p) => p[1]);
  const low = [Math.min(...xs), Math.min(...ys)], span = [Math.max(...xs) - low[0] || 1, Math.max(...ys) - low[1] || 1];
  const scale = Math.min((size.width - 2 * BODY_MARGIN) / span[0], (size.height - 2 * BODY_MARGIN) / span[1]);
  const at = ([x, y]) => [size.width / 2 + (x - low[0] - span[0] / 2) * scale, size.height / 2 + (y - low[1] - span[1] / 2) * scale];
  ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  ctx.lineCap = "round";
  const colour = (j) => tintColor(values[j] / top, colors);
  for (const [a, b] of scene.bones) {
    const [x0, y0] = at(scene.front_view[a]), [x1, y1] = at(scene.front_view[b]);
    strokeBone(ctx, { x: x0, y: y0 }, { x: x1, y: y1 }, 5, colour(b));
  }
  scene.front_view.forEach((p, j) => {
    const [x, y] = at(p);
    drawJoint(ctx, { x, y }, 5.5, colour(j), colors, j === state.hot);
  });
}

function showJoints(on) {
  $("joints-box").hidden = !on;
  $("by-joint").setAttribute("aria-pressed", on);
  fillJoints();
  arrangePanels();
  redraw();
}

function prepareBody() {
  joints.ctx = $("body").getContext("2d");
  fitCanvas($("body"), (size) => (joints.size = size));
}
