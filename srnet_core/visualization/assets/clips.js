// The list of clips, the address that restores a view, and what can be saved.

function fillClips() {
  const rows = clips.map((clip, i) => {
    const label = (clip.label || clip.title).replace(/ (\d+)$/, "\u00a0$1"); // no line begins with the number of a camera
    const button = element("button", { type: "button" }, element("span", { class: "label" }, label));
    const means = Object.values(clip.means_mm).map((mm) => mm.toFixed(1));
    if (means.length) button.append(element("span", { class: "mm" }, `${means.join(" · ")} mm`));
    button.onclick = () => openClip(i);
    return element("li", {}, button);
  });
  const rated = [...new Set(clips.flatMap((clip) => Object.keys(clip.means_mm)))];
  $("clips-about").textContent = rated.length ? `Mean error of ${rated.join(" · ")}` : "";
  $("clips").replaceChildren(...rows);
  $("clips-box").hidden = clips.length < 2;
  document.querySelector(".clip-keys").hidden = clips.length < 2;
  $("clips-search").oninput = (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => {
      const text = `${clips[i].label} ${clips[i].title} ${clips[i].subtitle}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
  };
}

function markClip() {
  [...$("clips").children].forEach((row, i) => row.firstChild.toggleAttribute("aria-current", i === state.clip));
  const current = $("clips").children[state.clip];
  if (current && !$("clips-box").hidden) current.scrollIntoView({ block: "nearest" });
}

// Everything that another browser needs to show the same: clip, frame, where the eye is, and what is switched on.
function address() {
  const { azimuth, elevation, zoom } = state.orbit;
  const parts = clips.length > 1 ? [`clip=${state.clip}`] : [];
  parts.push(`frame=${state.frame}`);
  if (state.eye === "own") parts.push(`view=${[azimuth.toFixed(0), elevation.toFixed(0), zoom.toFixed(2)].join(",")}`);
  else if (state.eye !== "home") parts.push(`eye=${state.eye}`);
  for (const name of ["overlay", "trails"]) if (state[name]) parts.push(`${name}=1`);
  if (state.tint !== usualTint()) parts.push(`colour=${state.tint || "sides"}`);
  if (!$("joints-box").hidden) parts.push("joints=1");
  if (state.angle) parts.push(`angle=${encodeURIComponent(state.angle)}`);
  if (state.marks.length === 2) parts.push(`loop=${state.marks.join("-")}`);
  return `#${parts.join("&")}`;
}

// Restores what an address says; whether it names a frame.
function restore(text) {
  const asked = new URLSearchParams(text.replace(/^#/, "")), number = (name) => Number(asked.get(name));
  const clip = number("clip");
  if (asked.has("clip") && clips[clip] && clip !== state.clip) openClip(clip);
  const view = (asked.get("view") || "").split(",").map(Number);
  if (asked.has("view") && view.length === 3 && view.every(Number.isFinite)) {
    Object.assign(state.orbit, { azimuth: view[0], elevation: Math.min(89, Math.max(-12, view[1])), zoom: Math.min(6, Math.max(0.4, view[2])) });
    setEye("own");
  } else if (asked.has("eye")) setEye(asked.get("eye"));
  if (asked.has("overlay") && !$("overlay").hidden) setOverlay(true);
  if (asked.has("trails")) setTrails(true);
  const tint = asked.get("colour");
  if (tint === "sides" || tintsOf(scene).includes(tint)) askTint(tint === "sides" ? "" : tint);
  if (asked.has("joints") && !$("by-joint").hidden) showJoints(true);
  if (asked.has("angle")) showAngle(asked.get("angle"));
  const loop = (asked.get("loop") || "").split("-").map(Number);
  if (loop.length === 2 && loop.every((n) => Number.isInteger(n) && n >= 0 && n < scene.frames) && loop[0] < loop[1]) setMarks(loop);
  if (!asked.has("frame") || !Number.isFinite(number("frame"))) return false;
  seek(number("frame"));
  return true;
}

function save(name, blob) {
  const link = element("a", { download: name, href: URL.createObjectURL(blob) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function fileName(ending) {
  const name = `${scene.label || scene.title}-${state.frame}`.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  return `${name || "view"}.${ending}`;
}

// All panels that are shown, as they are on the screen, with their headings.
function savePng() {
  const shown = panels.filter((panel) => !panel.box.hidden && panel.size);
  const origin = $("panels").getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const whole = element("canvas", { width: Math.round(origin.width * ratio), height: Math.round(origin.height * ratio) });
  const ctx = whole.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.fillStyle = colors.page;
  ctx.fillRect(0, 0, origin.width, origin.height);
  ctx.font = "600 13px system-ui, sans-serif";
  for (const { canvas, box, pose } of shown) {
    const at = canvas.getBoundingClientRect(), x = at.left - origin.left, y = at.top - origin.top;
    ctx.fillStyle = colors.panel;
    ctx.fillRect(x, y, at.width, at.height);
    ctx.drawImage(canvas, x, y, at.width, at.height);
    ctx.fillStyle = colors.ink;
    const error = pose && pose.errors ? `  ${pose.errors[state.frame].toFixed(1)} mm` : "";
    ctx.fillText(box.querySelector("h2").textContent + error, x + 14, y + 26);
  }
  whole.toBlob((blob) => save(fileName("png"), blob));
}

function angleCsv() {
  const columns = scene.poses.flatMap((pose) => scene.angles.map((angle) => ({ head: `${pose.name}: ${angle.name} (deg)`, values: anglesDeg(scene, pose, angle) })));
  const quote = (text) => `"${text.replaceAll('"', '""')}"`;
  const lines = [["frame", "time_s", ...columns.map(({ head }) => quote(head))].join(",")];
  for (let frame = 0; frame < scene.frames; frame++) {
    lines.push([frame, (frame / scene.fps).toFixed(4), ...columns.map(({ values }) => values[frame].toFixed(2))].join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function saveCsv() {
  save(fileName("csv").replace(`-${state.frame}.`, "-angles."), new Blob([angleCsv()], { type: "text/csv" }));
}

function copyLink() {
  const text = location.href.split("#")[0] + address(), ask = () => prompt("Link to this view", text);
  if (!navigator.clipboard) return void ask(); // pages from disk in some browsers
  navigator.clipboard.writeText(text).then(() => {
    flash($("copy-link"), "Copied");
    $("status").textContent = "Link copied";
  }, ask);
}

function flash(button, words) {
  const before = button.textContent;
  button.textContent = words;
  setTimeout(() => (button.textContent = before), 1200);
}
