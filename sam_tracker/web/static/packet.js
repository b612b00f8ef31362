// Reads the messages that sam_tracker/web/frame_packet.py writes.

// Returns {tracker, stamp, frame_id, width, height, tracked, tracks, jpeg}; a track's mask has its runs as a Uint32Array.
export function readPacket(buffer) {
  const view = new DataView(buffer);
  const headerBytes = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headerBytes)));
  let offset = 4 + headerBytes;
  for (const track of header.tracks) {
    if (track.mask) {
      const count = track.mask.runs;
      track.mask.runs = new Uint32Array(buffer, offset, count);
      offset += 4 * count;
    }
  }
  return { ...header, jpeg: new Blob([new Uint8Array(buffer, offset)], { type: 'image/jpeg' }) };
}

// Returns a mask {x, y, width, height, runs} of the pixels of an ImageData with any opacity, or null without one.
export function maskOfPixels(pixels) {
  const { width, height, data } = pixels;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, alpha = 3; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, alpha += 4) {
      if (data[alpha]) {
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = y;
      }
    }
  }
  if (right < 0) return null;
  const runs = [0];
  let inside = false;
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      if (Boolean(data[4 * (y * width + x) + 3]) !== inside) {
        inside = !inside;
        runs.push(0);
      }
      runs[runs.length - 1] += 1;
    }
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1, runs };
}
