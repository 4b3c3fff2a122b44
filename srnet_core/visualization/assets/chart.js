// Chart of the error per frame. The curves are drawn once into an image; each frame only adds the playhead.

// 28 px for the labels, as in page.css, and half the width of the slider's thumb: chart and slider have the same scale.
const CHART_LEFT = 28 + 8, CHART_RIGHT = 8;
const DASHES = [[], [5, 3], [2, 3], [8, 3, 2, 3], [1, 4]];

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((v) => v >= value);
}

function chartScale(size, frames, top) {
  const last = Math.max(frames - 1, 1), width = size.width - CHART_LEFT - CHART_RIGHT;
  return {
    top,
    x: (frame) => CHART_LEFT + (frame / last) * width,
    y: (error) => size.height - 4 - (error / top) * (size.height - 18),
    frame: (x) => Math.min(frames - 1, Math.max(0, Math.round(((x - CHART_LEFT) / width) * last))),
  };
}

function drawAxis(ctx, size, scale, colors) {
  ctx.font = "11px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of [0, scale.top / 2, scale.top]) {
    const y = Math.round(scale.y(value)) + 0.5;
    ctx.fillStyle = colors.hairline;
    ctx.fillRect(CHART_LEFT, y, size.width - CHART_LEFT - CHART_RIGHT, 1);
    ctx.fillStyle = colors.muted;
    if (value) ctx.fillText(String(+value.toPrecision(3)), CHART_LEFT - 8, y);
  }
}

// If there are more frames than pixel columns, each column shows its range of errors, so that no peak is lost.
function drawCurve(ctx, errors, scale, style, dash, fill) {
  const path = new Path2D();
  let column = -1, low = 0, high = 0;
  errors.forEach((error, frame) => {
    const x = scale.x(frame), here = Math.floor(x), y = scale.y(error);
    if (here !== column) {
      if (frame) path.lineTo(x, y);
      else path.moveTo(x, y);
      column = here;
      low = high = y;
    } else if (y < low || y > high) {
      path.lineTo(x, y);
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  });
  if (fill) {
    const area = new Path2D(path);
    area.lineTo(scale.x(errors.length - 1), scale.y(0));
    area.lineTo(scale.x(0), scale.y(0));
    ctx.globalAlpha = 0.07;
    ctx.fillStyle = style;
    ctx.fill(area);
    ctx.globalAlpha = 1;
  }
  ctx.lineWidth = 1.4;
  ctx.lineJoin = "round";
  ctx.strokeStyle = style;
  ctx.setLineDash(dash);
  ctx.stroke(path);
  ctx.setLineDash([]);
}

function drawChartBase(ctx, size, rated, scale, colors) {
  drawAxis(ctx, size, scale, colors);
  rated.forEach((pose, i) => drawCurve(ctx, pose.errors, scale, colors[`series-${i}`], DASHES[i], rated.length === 1));
}

function drawPlayhead(ctx, size, rated, scale, colors, frame, worst) {
  const x = scale.x(frame);
  ctx.fillStyle = colors.ink;
  ctx.fillRect(Math.round(x) - 0.5, 0, 1, size.height);
  ctx.strokeStyle = colors.panel;
  ctx.lineWidth = 2;
  const dot = (at, value, radius, style) => {
    ctx.beginPath();
    ctx.arc(scale.x(at), scale.y(value), radius, 0, 2 * Math.PI);
    ctx.fillStyle = style;
    ctx.fill();
    ctx.stroke();
  };
  dot(worst, rated[0].errors[worst], 4, colors.right);
  rated.forEach((pose, i) => dot(frame, pose.errors[frame], 4.5, colors[`series-${i}`]));
}
