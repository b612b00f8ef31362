// Mouse, touch and keys on the image, to prompts. The image is held from the first touch until the tracker has answered.

import { drawBox, drawMask, drawPoint, maskCanvas } from './drawing.js';
import { maskOfPixels } from './packet.js';

const SMALLEST_DRAG = 5; // CSS pixels; a shorter drag is a click.
const BRUSH = 0.03; // Of the width of the image.
const CURSOR_STEP = 0.01;

export class Pointing {
  // `ask(command, fields)` sends a command for the frame that is shown and returns its answer; `on` has
  // changed(), said(message, refused) and followed(objectId); `options` tool(), beside(), choose(), label().
  constructor(view, ask, options, on) {
    Object.assign(this, { view, ask, options, on });
    this.enabled = true;
    this.drag = null;
    this.cursor = null;
    this.corner = null;
    this.serial = 0; // Answers to an older draft are ignored.
    this.clear();
    const { canvas } = view;
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.release(event));
    canvas.addEventListener('pointercancel', () => this.cancel());
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  clear() {
    this.points = [];
    this.labels = [];
    this.box = null;
    this.layer = null; // A canvas of what was brushed.
    this.candidates = [];
    this.chosen = 0;
    this.busy = false;
    this.serial += 1;
  }

  get active() {
    return Boolean(this.points.length || this.box || this.layer || this.candidates.length);
  }

  cancel() {
    this.drag = null;
    this.corner = null;
    this.clear();
    this.view.goLive();
    this.on.changed();
  }

  // Pixels of the image: the canvas is scaled to fit, with borders where its shape differs.
  place(event) {
    const { canvas } = this.view;
    const area = canvas.getBoundingClientRect();
    const scale = Math.min(area.width / canvas.width, area.height / canvas.height);
    const left = area.left + (area.width - scale * canvas.width) / 2;
    const top = area.top + (area.height - scale * canvas.height) / 2;
    const clip = (value, most) => Math.min(Math.max(value, 0), most);
    return {
      x: clip((event.clientX - left) / scale, canvas.width),
      y: clip((event.clientY - top) / scale, canvas.height),
      scale,
    };
  }

  press(event) {
    if (!this.enabled || !this.view.shown || this.busy || (event.pointerType === 'mouse' && event.button === 1)) return;
    this.view.canvas.setPointerCapture(event.pointerId);
    this.view.hold();
    const place = this.place(event);
    const beside = event.button === 2 || event.shiftKey || this.options.beside();
    this.drag = { start: place, end: place, beside };
    if (this.options.tool() !== 'point') this.stroke(place, place);
  }

  move(event) {
    if (!this.drag) return;
    const place = this.place(event);
    if (this.options.tool() !== 'point') this.stroke(this.drag.end, place);
    this.drag.end = place;
    this.view.paint();
  }

  release(event) {
    if (!this.drag) return;
    this.move(event);
    const { start, end, beside } = this.drag;
    this.drag = null;
    if (this.options.tool() !== 'point') {
      this.on.changed();
      return;
    }
    const length = Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y)) * start.scale;
    if (length >= SMALLEST_DRAG && !beside) this.addBox(start, end);
    else this.addPoint(start.x, start.y, !beside);
  }

  addBox(one, other) {
    this.box = [Math.min(one.x, other.x), Math.min(one.y, other.y), Math.max(one.x, other.x), Math.max(one.y, other.y)];
    this.points = [];
    this.labels = [];
    this.candidates = [];
    this.follow();
  }

  addPoint(x, y, positive) {
    this.points.push([x, y]);
    this.labels.push(positive ? 1 : 0);
    if (this.view.selected || !this.options.choose()) this.follow();
    else this.find();
  }

  draft() {
    const fields = { points: this.points, point_labels: this.labels };
    if (this.box) fields.box = this.box;
    return fields;
  }

  // Sends the prompt: the chosen candidate, what was brushed, or points and box.
  async follow() {
    let fields = this.draft();
    if (this.layer) {
      const { width, height } = this.layer;
      const mask = maskOfPixels(this.layer.getContext('2d').getImageData(0, 0, width, height));
      if (!mask) {
        this.on.said('emptyMask', true);
        return;
      }
      fields = { mask };
    } else if (this.candidates.length) {
      const { mask } = this.candidates[this.chosen];
      fields = { mask: { ...mask, runs: [...mask.runs] } };
    }
    const candidate = this.candidates[this.chosen];
    const label = this.view.selected ? '' : this.options.label() || (candidate ? candidate.label : '');
    this.busy = true;
    this.on.said('working', false);
    this.on.changed();
    const { serial } = this;
    const answer = await this.ask('add_prompt', { ...fields, object_id: this.view.selected, label });
    if (serial !== this.serial) return;
    this.clear();
    this.view.goLive();
    this.on.said(answer.message, !answer.success);
    if (answer.success) this.on.followed(answer.object_id);
    this.on.changed();
  }

  // Asks for candidates, of the points so far or of what a text names.
  async find(text = '') {
    this.view.hold();
    this.on.said('searching', false);
    this.busy = Boolean(text);
    this.on.changed();
    this.serial += 1;
    const { serial } = this;
    const answer = await this.ask('find_candidates', text ? { text } : this.draft());
    if (serial !== this.serial) return;
    this.busy = false;
    if (!answer.success || !answer.candidates.length) {
      this.cancel();
      this.on.said(answer.success ? 'noCandidates' : answer.message, true);
      return;
    }
    this.candidates = answer.candidates;
    const best = (one, other) => (other.predicted_iou > answer.candidates[one].predicted_iou);
    this.chosen = answer.candidates.reduce((one, other, index) => (best(one, other) ? index : one), 0);
    this.on.said('pickCandidate', false);
    this.on.changed();
  }

  choose(index) {
    if (!this.candidates[index] || this.busy) return;
    this.chosen = index;
    this.follow();
  }

  // Shows another candidate without choosing it.
  preview(index) {
    this.chosen = index;
    this.view.paint();
  }

  stroke(from, to) {
    const { canvas } = this.view;
    if (!this.layer) {
      this.layer = document.createElement('canvas');
      this.layer.width = canvas.width;
      this.layer.height = canvas.height;
      const held = this.view.shown.frame.tracks.find((track) => track.id === this.view.selected);
      // A correction begins with the mask that is there.
      if (held && held.mask) this.layer.getContext('2d').drawImage(maskCanvas(held.mask, '#ffffff', 1), held.mask.x, held.mask.y);
    }
    const context = this.layer.getContext('2d');
    context.globalCompositeOperation = this.options.tool() === 'eraser' ? 'destination-out' : 'source-over';
    context.strokeStyle = '#fff';
    context.lineWidth = Math.max(BRUSH * canvas.width, 2);
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y + 0.01);
    context.stroke();
    this.view.paint();
  }

  key(event) {
    const { canvas } = this.view;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!this.enabled || !this.view.shown || event.ctrlKey || event.altKey || event.metaKey) return;
    if (steps[event.key]) {
      const step = CURSOR_STEP * canvas.width * (event.shiftKey ? 5 : 1);
      const [x, y] = this.cursor || [canvas.width / 2, canvas.height / 2];
      const [right, down] = steps[event.key];
      this.cursor = [
        Math.min(Math.max(x + right * step, 0), canvas.width),
        Math.min(Math.max(y + down * step, 0), canvas.height),
      ];
      this.view.paint();
    } else if (event.key === 'Enter' && !this.busy) {
      if (this.layer) this.follow();
      else if (this.candidates.length && !this.cursor) this.follow();
      else if (this.cursor) {
        this.view.hold();
        this.addPoint(...this.cursor, !(event.shiftKey || this.options.beside()));
      }
    } else if (event.key === 'b' && this.cursor && !this.busy) {
      const [x, y] = this.cursor;
      this.view.hold();
      if (this.corner) this.addBox(this.corner, { x, y });
      this.corner = this.corner ? null : { x, y };
      this.view.paint();
    } else return;
    event.preventDefault();
  }

  paint(context) {
    const { canvas } = context;
    const candidate = this.candidates[this.chosen];
    if (candidate) drawMask(context, candidate.mask, candidate.colour, 0.5);
    if (this.layer) {
      context.globalAlpha = 0.6;
      context.drawImage(this.layer, 0, 0);
      context.globalAlpha = 1;
    }
    this.points.forEach(([x, y], index) => drawPoint(context, x, y, this.labels[index] === 1));
    let { box } = this;
    if (this.drag && this.options.tool() === 'point') {
      const { start, end } = this.drag;
      box = [start.x, start.y, end.x, end.y];
    } else if (this.corner && this.cursor) box = [this.corner.x, this.corner.y, ...this.cursor];
    if (box) drawBox(context, box, '#ffffff', { dashed: true });
    if (this.cursor && document.activeElement === canvas) {
      const [x, y] = this.cursor;
      const arm = 0.03 * canvas.width;
      drawBox(context, [x - arm, y, x + arm, y], '#ffffff');
      drawBox(context, [x, y - arm, x, y + arm], '#ffffff');
    }
  }
}
