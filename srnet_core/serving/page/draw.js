// Drawing: the keypoints over the input, and the pose as seen by an eye that the mouse turns.

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();

function side(name) {
  return /^L[A-Z]/.test(name) ? "left" : /^R[A-Z]/.test(name) ? "right" : "middle";
}

/** A canvas's context, as large as it is shown. */
function fitted(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

function bones(context, about, points) {
  context.lineWidth = 4;
  context.lineCap = "round";
  about.parents.forEach((parent, j) => {
    if (parent < 0 || !points[j] || !points[parent]) return;
    context.strokeStyle = colour(side(about.joints[j]));
    context.beginPath();
    context.moveTo(...points[parent]);
    context.lineTo(...points[j]);
    context.stroke();
  });
}

/** Keypoints in pixels of an image of that size, in the middle of the canvas as the video lies there, over their picture. */
export function drawSeen(canvas, about, points, width, height, picture = null) {
  const [context, wide, high] = fitted(canvas);
  const scale = Math.min(wide / width, high / height);
  const left = (wide - scale * width) / 2, top = (high - scale * height) / 2;
  if (picture) context.drawImage(picture, left, top, scale * width, scale * height);
  if (!points) return;
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.strokeRect(left, top, scale * width, scale * height);
  bones(context, about, points.map((p) => p && [left + scale * p[0], top + scale * p[1]]));
}

/** A view of poses in metres, axes of the camera; dragging turns it. */
export class PoseView {
  constructor(canvas, about) {
    Object.assign(this, { canvas, about, turn: 0.5, tilt: 0.15, pose: null });
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      this.turn += event.movementX / 150;
      this.tilt = Math.min(1.4, Math.max(-0.2, this.tilt + event.movementY / 150));
      this.draw(this.pose);
    });
    new ResizeObserver(() => this.draw(this.pose)).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(this.pose));
  }

  draw(pose) {
    this.pose = pose;
    const [context, wide, high] = fitted(this.canvas);
    const scale = Math.min(wide / 2.2, high / 2.2);
    const lowest = pose ? Math.max(...pose.map((joint) => joint[1])) : 0.9; // y points down
    const project = ([x, y, z]) => {
      const across = x * Math.cos(this.turn) + z * Math.sin(this.turn);
      const away = z * Math.cos(this.turn) - x * Math.sin(this.turn);
      const up = (lowest - y - 0.85) * Math.cos(this.tilt) + away * Math.sin(this.tilt);
      return [wide / 2 + scale * across, high / 2 - scale * up];
    };
    context.strokeStyle = colour("floor");
    context.lineWidth = 1;
    for (let i = -2; i <= 2; i++) {
      for (const [from, to] of [[[i / 2, -1], [i / 2, 1]], [[-1, i / 2], [1, i / 2]]]) {
        context.beginPath();
        context.moveTo(...project([from[0], lowest, from[1]]));
        context.lineTo(...project([to[0], lowest, to[1]]));
        context.stroke();
      }
    }
    if (pose) bones(context, this.about, pose.map(project));
  }
}
