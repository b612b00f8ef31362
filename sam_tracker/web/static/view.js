// Shows frames on the canvas: live ones, or one that is held, from now or from the last seconds.

import { readPacket } from './packet.js';
import { drawFrame } from './drawing.js';

const PAST_SECONDS = 4; // Less than trackers keep images by default (buffer.seconds: 5).
const PAST_FRAMES = 200;
const STRIP_MILLISECONDS = 500;
const STRIP_WIDTH = 72;

export const seconds = (stamp) => stamp[0] + stamp[1] / 1e9;

export class View {
  // `on.frame(frame)` is called after a live frame was received, `on.paint(context)` to draw over what is shown,
  // `on.name(track)` returns the text of a track, `on.held(held)` is called when an image is held or no longer.
  constructor(canvas, strip, on) {
    this.context = canvas.getContext('2d');
    this.canvas = canvas;
    this.strip = strip;
    this.on = on;
    this.selected = 0;
    this.tracker = ''; // Frames of others are not shown.
    this.clear();
  }

  clear() {
    this.shown = null; // {frame, bitmap}
    this.live = null;
    this.held = false;
    this.past = []; // Frames with their pictures, oldest first.
    this.lastTile = 0;
    this.strip.replaceChildren();
    this.canvas.classList.remove('held');
  }

  // Takes a message of the console; resolves when its picture is drawn or kept.
  async receive(buffer) {
    const frame = readPacket(buffer);
    const bitmap = await createImageBitmap(frame.jpeg);
    if (frame.tracker !== this.tracker) {
      bitmap.close(); // Sent before another tracker was chosen.
      return;
    }
    this.keep(frame, bitmap);
    if (this.live) this.release(this.live);
    this.live = { frame, bitmap };
    if (!this.held) this.show(this.live);
    this.on.frame(frame);
  }

  show(picture) {
    const before = this.shown;
    this.shown = picture;
    if (before && before !== picture) this.release(before);
    this.paint();
  }

  paint() {
    if (!this.shown) return;
    drawFrame(this.context, this.shown.bitmap, this.shown.frame, { selected: this.selected, name: this.on.name });
    this.on.paint(this.context);
    const [whole, rest] = this.shown.frame.stamp;
    this.canvas.dataset.stamp = `${whole}.${String(rest).padStart(9, '0')}`;
  }

  release(picture) {
    if (picture !== this.shown && picture !== this.live) picture.bitmap.close();
  }

  // Holds what is shown: the image that is pointed at must not change under the pointer.
  hold() {
    if (!this.shown) return;
    this.held = true;
    this.canvas.classList.add('held');
    this.on.held(true);
  }

  goLive() {
    this.held = false;
    this.canvas.classList.remove('held');
    if (this.live) this.show(this.live);
    this.on.held(false);
  }

  // Shows a frame of the past, by its index, and holds it.
  async showPast(index) {
    const frame = this.past[index];
    if (!frame) return;
    this.hold();
    const bitmap = await createImageBitmap(frame.jpeg);
    if (this.held) this.show({ frame, bitmap });
  }

  keep(frame, bitmap) {
    const last = this.past[this.past.length - 1];
    if (last && seconds(frame.stamp) < seconds(last.stamp)) this.past = []; // A recording has started again.
    if (last && seconds(frame.stamp) === seconds(last.stamp)) this.past.pop();
    this.past.push(frame);
    const oldest = seconds(frame.stamp) - PAST_SECONDS;
    let first = Math.max(this.past.length - PAST_FRAMES, 0);
    while (seconds(this.past[first].stamp) < oldest) first += 1;
    this.past.splice(0, first);
    const now = performance.now();
    if (!this.held && now - this.lastTile >= STRIP_MILLISECONDS) {
      this.lastTile = now;
      this.addTile(frame, bitmap);
    }
  }

  addTile(frame, bitmap) {
    const button = document.createElement('button');
    const tile = document.createElement('canvas');
    tile.width = STRIP_WIDTH;
    tile.height = Math.round((STRIP_WIDTH * frame.height) / frame.width);
    tile.getContext('2d').drawImage(bitmap, 0, 0, tile.width, tile.height);
    button.append(tile);
    button.stamp = seconds(frame.stamp);
    button.title = button.stamp.toFixed(2);
    button.onclick = () => this.showPast(this.past.findIndex((each) => seconds(each.stamp) >= button.stamp));
    this.strip.append(button);
    while (this.strip.childElementCount > (1000 * PAST_SECONDS) / STRIP_MILLISECONDS) this.strip.firstChild.remove();
  }
}
