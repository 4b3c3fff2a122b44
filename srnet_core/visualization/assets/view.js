// Drawing one panel. The eye circles the z axis; `_orbit.py` has the same formulas.

const FIELD_OF_VIEW = (26 * Math.PI) / 180;
const HOME = { azimuth: -28, elevation: 10, zoom: 1 };
const GRID_M = 0.5;
const HEADING_PX = 40;
const TRAIL_S = 0.5;
const CONTACT_SHARE = 0.07; // of the height: an ankle is that high above the floor

function makeEye(orbit, stage, width, fullHeight, top) {
  const a = (orbit.azimuth * Math.PI) / 180, e = (orbit.elevation * Math.PI) / 180;
  const sa = Math.sin(a), ca = Math.cos(a), se = Math.sin(e), ce = Math.cos(e);
  const halfTan = Math.tan(FIELD_OF_VIEW / 2), height = fullHeight - top;
  const tall = stage.height_m + stage.depth_m;
  const vertical = (0.53 * tall + 0.22 * stage.radius_m) / halfTan; // the near edge of the floor appears lower and larger
  const horizontal = (1.06 * stage.radius_m) / (halfTan * (width / height));
  const distance = (Math.max(vertical, horizontal) + 0.8 * stage.radius_m) / orbit.zoom;
  const focal = height / 2 / halfTan, targetZ = tall * 0.49 - stage.depth_m;
  return function project(px, py, pz) {
    const z = pz - targetZ;
    const depth = -sa * ce * px + ca * ce * py - se * z;
    const scale = focal / Math.max(depth + distance, 0.05);
    return {
      x: width / 2 + (ca * px + sa * py) * scale,
      y: top + height / 2 - (-sa * se * px + ca * se * py + ce * z) * scale,
      depth, scale,
    };
  };
}

function blend(from, to, amount) {
  const channel = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => Math.round(channel(from, i) + (channel(to, i) - channel(from, i)) * amount));
  return `rgb(${mixed.join(",")})`;
}

function floorReachM(stage) {
  return Math.max(2.2, stage.radius_m * 2);
}

// Draws grid lines in short pieces that fade towards the edge; pieces of similar opacity share one stroke.
function drawFloor(ctx, project, colors, reach, shiftX, shiftY) {
  const levels = 8, pieces = Array.from({ length: levels }, () => []);
  const count = Math.ceil(reach / GRID_M) + 1, piece = GRID_M / 2;
  const phase = (shift) => ((shift % GRID_M) + GRID_M) % GRID_M;
  for (const swap of [false, true]) {
    const across = phase(swap ? shiftY : shiftX);
    for (let i = -count; i <= count; i++) {
      const u = i * GRID_M - across;
      for (let v = -reach; v < reach - 1e-6; v += piece) {
        const strength = 1 - Math.hypot(u, v + piece / 2) / reach;
        if (strength <= 0) continue;
        const ends = swap ? [v, u, v + piece, u] : [u, v, u, v + piece];
        pieces[Math.min(levels - 1, Math.floor(strength * levels * 1.5))].push(ends);
      }
    }
  }
  ctx.lineWidth = 1;
  ctx.strokeStyle = colors.floor;
  pieces.forEach((batch, level) => {
    ctx.globalAlpha = (0.75 * (level + 1)) / levels;
    ctx.beginPath();
    for (const [x0, y0, x1, y1] of batch) {
      const p = project(x0, y0, 0), q = project(x1, y1, 0);
      ctx.moveTo(p.x, p.y);
      ctx.lineTo(q.x, q.y);
    }
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
}

function posePoints(scene, pose, frame, project, flat) {
  const joints = scene.joints.length, points = [];
  for (let j = 0; j < joints; j++) {
    const at = (frame * joints + j) * 3;
    points.push(project(pose.points[at], pose.points[at + 1], flat ? 0 : pose.points[at + 2]));
  }
  return points;
}

function strokeBone(ctx, p, q, width, style) {
  ctx.lineWidth = width;
  ctx.strokeStyle = style;
  ctx.beginPath();
  ctx.moveTo(p.x, p.y);
  ctx.lineTo(q.x, q.y);
  ctx.stroke();
}

function drawShadow(ctx, scene, points, colors, widthM) {
  ctx.save();
  ctx.globalAlpha = 0.5;
  ctx.strokeStyle = colors.shadow;
  ctx.beginPath();
  for (const [a, b] of scene.bones) {
    ctx.moveTo(points[a].x, points[a].y);
    ctx.lineTo(points[b].x, points[b].y);
  }
  ctx.lineWidth = widthM * points[0].scale * 2.2;
  ctx.stroke();
  ctx.restore();
}

// Draws bones and joints from far to near. Edges in the panel's colour show which bone is in front. `tint` gives the
// colour of a joint instead of its side; far parts are then not paler, because the colour is a number.
function drawFigure(ctx, scene, points, colors, widthM, hot, tint) {
  const haze = (depth) => Math.min(0.42, Math.max(0, 0.16 + (0.26 * depth) / scene.stage.radius_m));
  const parts = scene.bones.map(([a, b]) => ({ a, b, depth: (points[a].depth + points[b].depth) / 2 }));
  const onTop = points.map((p) => p.depth); // a joint is drawn over the bones that meet in it
  for (const { a, b, depth } of parts) for (const j of [a, b]) onTop[j] = Math.min(onTop[j], depth);
  onTop.forEach((depth, j) => parts.push({ j, depth: depth - 0.001 }));
  for (const part of parts.sort((p, q) => q.depth - p.depth)) {
    const joint = part.j === undefined ? part.b : part.j;
    const far = haze(part.j === undefined ? part.depth : points[joint].depth);
    const style = tint ? tint(joint) : blend(colors[scene.sides[joint]], colors.panel, far);
    if (part.j === undefined) {
      const p = points[part.a], q = points[part.b], width = (widthM * (p.scale + q.scale)) / 2;
      ctx.lineCap = "butt"; // a round end would cover parts of the neighbouring bones
      strokeBone(ctx, p, q, width + 3, colors.panel);
      ctx.lineCap = "round";
      strokeBone(ctx, p, q, width, tint ? betweenJoints(ctx, p, q, tint(part.a), style) : style);
    } else {
      drawJoint(ctx, points[joint], widthM * points[joint].scale * 0.85, style, colors, joint === hot);
    }
  }
}

// From the colour of one end of a bone to that of the other.
function betweenJoints(ctx, p, q, first, last) {
  const made = ctx.createLinearGradient(p.x, p.y, q.x, q.y);
  made.addColorStop(0, first);
  made.addColorStop(1, last);
  return made;
}

function drawJoint(ctx, p, radius, style, colors, isHot) {
  ctx.beginPath();
  ctx.arc(p.x, p.y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = style;
  ctx.fill();
  if (!isHot) return;
  ctx.beginPath();
  ctx.arc(p.x, p.y, radius + 4, 0, 2 * Math.PI);
  ctx.lineWidth = 2;
  ctx.strokeStyle = colors.ink;
  ctx.stroke();
}

function drawGhost(ctx, scene, ghost, points, colors, widthM) {
  for (const [a, b] of scene.bones) strokeBone(ctx, ghost[a], ghost[b], widthM * 0.7 * ghost[b].scale, colors.ghost);
  if (!points) return;
  ctx.setLineDash([2, 3]);
  ghost.forEach((p, j) => strokeBone(ctx, p, points[j], 1.4, colors.offset));
  ctx.setLineDash([]);
}

// Where the ends of limbs were in the last half second. The floor moves under the person: the path is that in the room.
function drawTrails(ctx, scene, pose, frame, project, colors) {
  const count = scene.joints.length, first = Math.max(0, frame - Math.round(TRAIL_S * scene.fps));
  for (const j of scene.ends) {
    let before = null;
    for (let t = first; t <= frame; t++) {
      const at = (t * count + j) * 3, moved = (k) => scene.floor[2 * t + k] - scene.floor[2 * frame + k];
      const here = project(pose.points[at] + moved(0), pose.points[at + 1] + moved(1), pose.points[at + 2]);
      if (before) {
        ctx.globalAlpha = 0.15 + (0.6 * (t - first)) / Math.max(1, frame - first);
        strokeBone(ctx, before, here, 2, colors[scene.sides[j]]);
      }
      before = here;
    }
  }
  ctx.globalAlpha = 1;
}

// A ring on the floor under each foot that is on it.
function drawContact(ctx, scene, pose, frame, project, colors) {
  const count = scene.joints.length;
  for (const j of scene.feet) {
    const at = (frame * count + j) * 3, [x, y, z] = [0, 1, 2].map((k) => pose.points[at + k]);
    if (Math.abs(z) > CONTACT_SHARE * scene.stage.height_m) continue;
    ctx.beginPath();
    for (let i = 0; i <= 24; i++) {
      const p = project(x + 0.09 * Math.cos((i * Math.PI) / 12), y + 0.09 * Math.sin((i * Math.PI) / 12), 0);
      if (i) ctx.lineTo(p.x, p.y);
      else ctx.moveTo(p.x, p.y);
    }
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = colors[scene.sides[j]];
    ctx.globalAlpha = 0.7;
    ctx.stroke();
    ctx.globalAlpha = 1;
  }
}

// Around each joint a disk as large as its expected error.
function drawExpected(ctx, pose, frame, points, tint) {
  ctx.globalAlpha = 0.22;
  points.forEach((p, j) => {
    ctx.fillStyle = tint(j);
    ctx.beginPath();
    ctx.arc(p.x, p.y, (pose.expected[frame * points.length + j] / 1000) * p.scale, 0, 2 * Math.PI);
    ctx.fill();
  });
  ctx.globalAlpha = 1;
}

// Returns the projected joints, which the pointer is compared with.
function drawView(ctx, size, scene, pose, state, colors) {
  const project = makeEye(state.orbit, scene.stage, size.width, size.height, HEADING_PX);
  const widthM = Math.max(0.014 * scene.stage.height_m, 2.2 / project(0, 0, 0).scale);
  const frame = state.frame;
  ctx.lineCap = ctx.lineJoin = "round";
  drawFloor(ctx, project, colors, floorReachM(scene.stage), scene.floor[2 * frame], scene.floor[2 * frame + 1]);
  drawShadow(ctx, scene, posePoints(scene, pose, frame, project, true), colors, widthM);
  drawContact(ctx, scene, pose, frame, project, colors);
  const points = posePoints(scene, pose, frame, project, false);
  if (state.trails) drawTrails(ctx, scene, pose, frame, project, colors);
  const tint = state.tint ? jointTint(scene, pose, state, colors) : null;
  if (tint && state.tint === "expected") drawExpected(ctx, pose, frame, points, tint);
  const withGhost = state.overlay && scene.truth && pose !== scene.truth;
  if (withGhost) drawGhost(ctx, scene, posePoints(scene, scene.truth, frame, project, false), points, colors, widthM);
  drawFigure(ctx, scene, points, colors, widthM, state.hot, tint);
  return points;
}

// Draws the outline of the image, what the camera saw where that is known, and the input keypoints.
function drawInput(ctx, size, scene, state, colors) {
  const [width, height] = scene.image_size_px, top = HEADING_PX + 4, margin = 14;
  const [x, y, w, h] = state.closeUp ? scene.person : [0, 0, width, height];
  const scale = Math.min((size.width - 2 * margin) / w, (size.height - top - margin) / h);
  const left = (size.width - w * scale) / 2 - x * scale;
  const above = top + (size.height - top - margin - h * scale) / 2 - y * scale;
  const image = videoImage(state.frame);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, image ? top : 0, size.width, size.height); // the heading stays readable
  ctx.clip();
  ctx.beginPath();
  ctx.rect(left, above, width * scale, height * scale);
  ctx.fillStyle = colors.page;
  ctx.strokeStyle = colors.hairline;
  ctx.lineWidth = 1;
  ctx.fill();
  ctx.stroke();
  if (image) ctx.drawImage(image, left, above, width * scale, height * scale);
  ctx.restore();
  const joints = scene.joints.length, points = [];
  for (let j = 0; j < joints; j++) {
    const at = 2 * (state.frame * joints + j);
    points.push({ x: left + scene.keypoints[at] * scale, y: above + scene.keypoints[at + 1] * scale });
  }
  ctx.lineCap = ctx.lineJoin = "round";
  const bone = Math.min(4, Math.max(2, size.height / 130));
  if (image) for (const [a, b] of scene.bones) strokeBone(ctx, points[a], points[b], bone + 2.5, colors.panel); // seen on any ground
  for (const [a, b] of scene.bones) strokeBone(ctx, points[a], points[b], bone, colors[scene.sides[b]]);
  points.forEach((p, j) => drawJoint(ctx, p, bone * 0.95, colors[scene.sides[j]], colors, j === state.hot));
  return points;
}

// What the page of a clip and the page of runs both need

const SERIES = 5; // colours of lines in charts

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The colours of the style sheet, which differ by day and by night.
function pageColors() {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "panel", "ink", "muted", "hairline", "floor", "shadow", "right", "left", "middle", "ghost", "offset", "doubt", "tint-0", "tint-1", "tint-2"];
  for (let i = 0; i < SERIES; i++) names.push(`series-${i}`);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
