// Charts over the frames of a clip. The curves are drawn once into an image; each frame only adds the playhead.

// 28 px for the labels, as in page.css, and half the width of the slider's thumb: chart and slider have the same scale.
const CHART_LEFT = 28 + 8, CHART_RIGHT = 8, TIME_PX = 15;
const DASHES = [[], [5, 3], [2, 3], [8, 3, 2, 3], [1, 4]];

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((v) => v >= value);
}

function chartScale(size, frames, top) {
  const last = Math.max(frames - 1, 1), width = size.width - CHART_LEFT - CHART_RIGHT, bottom = size.height - TIME_PX;
  return {
    top, bottom,
    x: (frame) => CHART_LEFT + (frame / last) * width,
    y: (value) => bottom - (value / top) * (bottom - 8),
    frame: (x) => Math.min(frames - 1, Math.max(0, Math.round(((x - CHART_LEFT) / width) * last))),
  };
}

// Seconds between two labels of the time axis: a round number, at least 60 px apart.
function timeStep(seconds, width) {
  const least = (60 * seconds) / Math.max(width, 60);
  return [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((step) => step >= least) || 1200;
}

function timeText(seconds, step) {
  if (step >= 30) return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;
  return `${+seconds.toFixed(1)} s`;
}

function drawAxes(ctx, size, scale, frames, fps, colors) {
  ctx.font = "11px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of [0, scale.top / 2, scale.top]) {
    const y = Math.round(scale.y(value)) + 0.5;
    ctx.fillStyle = colors.hairline;
    ctx.fillRect(CHART_LEFT, y, size.width - CHART_LEFT - CHART_RIGHT, 1);
    ctx.fillStyle = colors.muted;
    ctx.fillText(String(+value.toPrecision(3)), CHART_LEFT - 8, y);
  }
  const seconds = (frames - 1) / fps, step = timeStep(seconds, size.width);
  ctx.textBaseline = "bottom";
  for (let i = 0; i * step <= seconds + 1e-9; i++) {
    const x = scale.x(i * step * fps);
    ctx.fillStyle = colors.hairline;
    ctx.fillRect(Math.round(x), scale.bottom, 1, 4);
    ctx.fillStyle = colors.muted;
    ctx.textAlign = x > size.width - 24 ? "right" : i ? "center" : "left";
    ctx.fillText(timeText(i * step, step), ctx.textAlign === "right" ? size.width : x, size.height);
  }
}

// If there are more frames than pixel columns, each column shows its range of values, so that no peak is lost; columns
// are rectangles, because a path of that many pieces takes a tenth of a second.
function drawCurve(ctx, values, scale, style, dash, fill) {
  const width = scale.x(values.length - 1) - scale.x(0);
  ctx.fillStyle = ctx.strokeStyle = style;
  if (values.length > 3 * width) drawRanges(ctx, values, scale, width, dash, fill);
  else drawLine(ctx, values, scale, dash, fill);
}

function drawRanges(ctx, values, scale, width, dash, fill) {
  const columns = Math.max(1, Math.round(width)), left = scale.x(0), period = dash.reduce((a, b) => a + b, 0);
  let before = scale.y(values[0]), first = 0;
  for (let column = 0; column < columns; column++) {
    const end = Math.max(first + 1, Math.round(((column + 1) * values.length) / columns));
    let low = Infinity, high = -Infinity;
    for (let frame = first; frame < end; frame++) {
      low = Math.min(low, values[frame]);
      high = Math.max(high, values[frame]);
    }
    const above = Math.min(scale.y(high), before), below = Math.max(scale.y(low), before), x = left + column;
    if (isDrawn(dash, column % (period || 1))) ctx.fillRect(x, above - 0.7, 1, below - above + 1.4);
    if (fill) {
      ctx.globalAlpha = 0.07;
      ctx.fillRect(x, above, 1, scale.y(0) - above);
      ctx.globalAlpha = 1;
    }
    before = scale.y(values[end - 1]);
    first = end;
  }
}

// Whether a dashed line is drawn this far from its beginning.
function isDrawn(dash, at) {
  for (let i = 0; i < dash.length; at -= dash[i++]) if (at < dash[i]) return i % 2 === 0;
  return true;
}

function drawLine(ctx, values, scale, dash, fill) {
  const path = new Path2D();
  values.forEach((value, frame) => path[frame ? "lineTo" : "moveTo"](scale.x(frame), scale.y(value)));
  if (fill) {
    const area = new Path2D(path);
    area.lineTo(scale.x(values.length - 1), scale.y(0));
    area.lineTo(scale.x(0), scale.y(0));
    ctx.globalAlpha = 0.07;
    ctx.fill(area);
    ctx.globalAlpha = 1;
  }
  ctx.lineWidth = 1.4;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  ctx.stroke(path);
  ctx.setLineDash([]);
}

// `series` are {name, values, color, dash}; `marks` the first and last frame of the loop, if there is one.
function drawChartBase(ctx, size, series, scale, clip, marks, colors) {
  if (marks.length === 2) {
    ctx.fillStyle = colors.hairline;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(scale.x(marks[0]), 0, Math.max(2, scale.x(marks[1]) - scale.x(marks[0])), scale.bottom);
    ctx.globalAlpha = 1;
  }
  drawAxes(ctx, size, scale, clip.frames, clip.fps, colors);
  for (const { values, color, dash } of series) drawCurve(ctx, values, scale, colors[color], dash, series.length === 1);
}

function drawPlayhead(ctx, size, series, scale, colors, frame, marked) {
  const x = scale.x(frame);
  ctx.fillStyle = colors.ink;
  ctx.fillRect(Math.round(x) - 0.5, 0, 1, scale.bottom);
  ctx.strokeStyle = colors.panel;
  ctx.lineWidth = 2;
  const dot = (at, value, radius, style) => {
    ctx.beginPath();
    ctx.arc(scale.x(at), scale.y(value), radius, 0, 2 * Math.PI);
    ctx.fillStyle = style;
    ctx.fill();
    ctx.stroke();
  };
  if (marked >= 0) dot(marked, series[0].values[marked], 4, colors.right);
  for (const { values, color } of series) dot(frame, values[frame], 4.5, colors[color]);
}
