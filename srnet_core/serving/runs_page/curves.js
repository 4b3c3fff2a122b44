// Curves over epochs in a canvas, with a readout of the epoch under the pointer.

const LEFT = 46, RIGHT = 14, TOP = 42, BOTTOM = 22, LEGEND = 20;
const DASHES = [[], [5, 3], [2, 3], [8, 3, 2, 3], [1, 4]];

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-12)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((v) => v >= value * (1 - 1e-9));
}

function shortNumber(value) {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e3) return `${+(value / 1e3).toPrecision(3)}k`;
  if (value && value < 0.01) return (+value.toPrecision(2)).toExponential();
  return String(+value.toPrecision(3));
}

// Epochs at which the axis has labels: round steps, at least 44 px apart.
function epochStep(first, last, width) {
  const least = ((last - first) * 44) / Math.max(width, 44);
  for (let power = 1; ; power *= 10) for (const m of [1, 2, 5]) if (m * power >= least) return m * power;
}

function scaleOf(size, series, legend) {
  const epochs = series.flatMap(({ points }) => points.map(([epoch]) => epoch));
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  const first = Math.min(...epochs), last = Math.max(...epochs), top = niceCeiling(Math.max(...values, 1e-12));
  const bottom = size.height - BOTTOM - (legend ? LEGEND : 0), width = size.width - LEFT - RIGHT;
  return {
    first, last, top, bottom, width,
    x: (epoch) => LEFT + (last > first ? (epoch - first) / (last - first) : 0.5) * width,
    y: (value) => bottom - (value / top) * (bottom - TOP),
    epoch: (x) => Math.round(first + ((x - LEFT) / width) * (last - first)),
  };
}

function drawEpochAxes(ctx, size, scale, colors) {
  ctx.font = "11px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of [0, scale.top / 2, scale.top]) {
    const y = Math.round(scale.y(value)) + 0.5;
    ctx.fillStyle = colors.hairline;
    ctx.fillRect(LEFT, y, scale.width, 1);
    ctx.fillStyle = colors.muted;
    ctx.fillText(shortNumber(value), LEFT - 8, y);
  }
  const step = epochStep(scale.first, scale.last, scale.width);
  ctx.textBaseline = "top";
  ctx.fillText("epoch", LEFT - 8, scale.bottom + 5);
  ctx.textAlign = "center";
  for (let epoch = Math.ceil(scale.first / step) * step; epoch <= scale.last; epoch += step) {
    ctx.fillText(String(epoch), scale.x(epoch), scale.bottom + 5);
  }
}

// Points are joined; a single one is a dot. Returns the scale, for the pointer.
function drawCurves(ctx, size, series, colors, hover, legend) {
  ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  const shown = series.filter(({ points }) => points.length);
  if (!shown.length) {
    ctx.fillStyle = colors.muted;
    ctx.font = "12.5px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.fillText("No epoch is complete yet", size.width / 2, size.height / 2);
    return null;
  }
  const scale = scaleOf(size, shown, legend);
  drawEpochAxes(ctx, size, scale, colors);
  for (const { points, color, dash } of shown) {
    ctx.strokeStyle = ctx.fillStyle = colors[color];
    ctx.lineWidth = 1.8;
    ctx.lineJoin = "round";
    ctx.setLineDash(dash);
    ctx.beginPath();
    points.forEach(([epoch, value], i) => ctx[i ? "lineTo" : "moveTo"](scale.x(epoch), scale.y(value)));
    ctx.stroke();
    ctx.setLineDash([]);
    const [epoch, value] = points.at(-1);
    ctx.beginPath();
    ctx.arc(scale.x(epoch), scale.y(value), 3, 0, 2 * Math.PI);
    ctx.fill();
  }
  if (hover !== null && hover >= scale.first && hover <= scale.last) {
    ctx.fillStyle = colors.muted;
    ctx.fillRect(Math.round(scale.x(hover)), TOP - 6, 1, scale.bottom - TOP + 6);
  }
  return scale;
}
