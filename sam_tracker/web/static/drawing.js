// Draws images with tracks and masks. Knows canvases and packets, and nothing of the page around them.
// Coordinates are pixels of the image: the canvas has its size, and style sheets scale it.

export const TINT = 0.4; // Share of the object's colour in its pixels, as in overlays and videos.

// Returns a canvas of the mask's own size: tinted, with an opaque outline of one pixel if asked for.
export function maskCanvas(mask, colour, alpha = TINT, outlined = true) {
  const canvas = document.createElement('canvas');
  canvas.width = mask.width;
  canvas.height = mask.height;
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(mask.width, mask.height);
  const words = new Uint32Array(pixels.data.buffer);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const shade = (opacity) => ((Math.round(255 * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  const [inner, border] = [shade(alpha), shade(1)];
  let position = 0;
  mask.runs.forEach((run, index) => {
    if (index % 2) words.fill(inner, position, position + run);
    position += run;
  });
  if (outlined) {
    const { width, height } = mask;
    const edges = [];
    for (let at = 0; at < words.length; at += 1) {
      if (!words[at]) continue;
      const x = at % width;
      if (x === 0 || x === width - 1 || at < width || at >= width * (height - 1)
          || !words[at - 1] || !words[at + 1] || !words[at - width] || !words[at + width]) edges.push(at);
    }
    for (const at of edges) words[at] = border;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function drawMask(context, mask, colour, alpha = TINT, outlined = true) {
  context.drawImage(maskCanvas(mask, colour, alpha, outlined), mask.x, mask.y);
}

// Line widths that look alike at any size of the image.
export function lineWidth(context) {
  return Math.max(context.canvas.width / 640, 1);
}

export function drawBox(context, [left, top, right, bottom], colour, { dashed = false, wide = false } = {}) {
  const line = lineWidth(context) * (wide ? 3 : 1.5);
  context.save();
  if (dashed) context.setLineDash([4 * line, 3 * line]);
  for (const [style, width] of [['#000', line + 2], [colour, line]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(left, top, right - left, bottom - top);
  }
  context.restore();
}

export function drawText(context, text, x, y, colour) {
  const size = Math.max(12 * lineWidth(context), 10);
  context.save();
  context.font = `bold ${size}px system-ui, sans-serif`;
  const width = context.measureText(text).width + size / 2;
  const left = Math.min(Math.max(x, 0), Math.max(context.canvas.width - width, 0));
  const top = Math.min(Math.max(y - 1.3 * size, 0), context.canvas.height - 1.3 * size);
  context.fillStyle = colour;
  context.fillRect(left, top, width, 1.3 * size);
  context.fillStyle = dark(colour) ? '#fff' : '#000';
  context.fillText(text, left + size / 4, top + size);
  context.restore();
}

// A point of a prompt: filled with a plus on the object, open with a minus beside it.
export function drawPoint(context, x, y, positive) {
  const radius = 5 * lineWidth(context);
  context.save();
  context.lineWidth = radius / 2.5;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = positive ? '#fff' : '#000';
  context.fill();
  context.strokeStyle = positive ? '#000' : '#fff';
  context.stroke();
  context.beginPath();
  context.moveTo(x - radius / 2, y);
  context.lineTo(x + radius / 2, y);
  if (positive) {
    context.moveTo(x, y - radius / 2);
    context.lineTo(x, y + radius / 2);
  }
  context.stroke();
  context.restore();
}

// Draws the image and the tracks on it; `name` gives the text of a track.
export function drawFrame(context, bitmap, frame, { selected = 0, name = (track) => `${track.id}` } = {}) {
  const { canvas } = context;
  if (canvas.width !== frame.width || canvas.height !== frame.height) {
    canvas.width = frame.width;
    canvas.height = frame.height;
  }
  context.drawImage(bitmap, 0, 0, frame.width, frame.height);
  for (const track of frame.tracks) if (track.mask) drawMask(context, track.mask, track.colour);
  for (const track of frame.tracks) {
    const wide = track.id === selected;
    if (track.box) drawBox(context, track.box, track.colour, { wide });
    else if (track.predicted_box && track.state === 'occluded') {
      drawBox(context, track.predicted_box, track.colour, { wide, dashed: true });
    }
  }
  // Names after all lines, so that nothing covers them.
  for (const track of frame.tracks) {
    const box = track.box || (track.state === 'occluded' ? track.predicted_box : null);
    if (box) drawText(context, name(track), box[0], box[1], track.colour);
  }
}

function dark(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}
