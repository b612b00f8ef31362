// The list of objects with thumbnails, and the plot of the scores of one of them.

import { T } from './texts.js';

const HISTORY_SECONDS = 20;
const PERIOD_MILLISECONDS = 250; // Between two updates of the list: faster, nobody can read it.

export class Objects {
  // `on` has select(id), rename(id) and remove(id).
  constructor(list, empty, plot, caption, on) {
    Object.assign(this, { list, empty, plot, caption, on });
    this.rows = new Map();
    this.history = new Map(); // By id, rows of [seconds, affinity, presence, motion].
    this.updated = 0;
  }

  clear() {
    this.history.clear();
    this.updated = 0;
    this.show({ tracks: [] }, null, 0);
  }

  // Takes the tracks of every frame; shows them now and then.
  update(frame, bitmap, selected, time) {
    for (const track of frame.tracks) {
      const rows = this.history.get(track.id) || [];
      // The network's logit of presence, as a probability.
      rows.push([time, track.affinity, 1 / (1 + Math.exp(-track.object)), track.motion]);
      while (rows[0][0] < time - HISTORY_SECONDS || rows[0][0] > time) rows.shift();
      this.history.set(track.id, rows);
    }
    const now = performance.now();
    if (now - this.updated < PERIOD_MILLISECONDS) return;
    this.updated = now;
    this.show(frame, bitmap, selected);
    this.drawPlot(frame, selected, time);
  }

  show(frame, bitmap, selected) {
    const ids = new Set(frame.tracks.map((track) => track.id));
    for (const [id, row] of this.rows) {
      if (!ids.has(id)) {
        row.item.remove();
        this.rows.delete(id);
        this.history.delete(id);
      }
    }
    for (const track of frame.tracks) {
      if (!this.rows.has(track.id)) this.rows.set(track.id, this.makeRow(track.id));
      this.fillRow(this.rows.get(track.id), track, frame, bitmap, track.id === selected);
    }
    this.empty.hidden = ids.size > 0;
  }

  makeRow(id) {
    const item = document.createElement('li');
    const thumbnail = document.createElement('canvas');
    thumbnail.className = 'thumbnail';
    thumbnail.width = 64;
    thumbnail.height = 48;
    const text = document.createElement('div');
    const name = document.createElement('button');
    name.className = 'name';
    name.onclick = () => this.on.select(id);
    const state = document.createElement('div');
    state.className = 'state';
    text.append(name, state);
    const buttons = document.createElement('div');
    buttons.className = 'buttons command';
    for (const action of ['rename', 'remove']) {
      const button = document.createElement('button');
      button.textContent = T[action];
      button.onclick = () => this.on[action](id);
      buttons.append(button);
    }
    item.append(thumbnail, text, buttons);
    item.dataset.object = id;
    this.list.append(item);
    return { item, thumbnail, name, state };
  }

  fillRow(row, track, frame, bitmap, selected) {
    row.item.style.setProperty('--mark', track.colour);
    row.item.classList.toggle('selected', selected);
    row.item.dataset.state = track.state;
    row.name.textContent = T.objectName(track.id, track.label);
    row.name.setAttribute('aria-pressed', selected);
    row.name.title = selected ? T.deselect : T.select;
    const parts = [T.states[track.state], T.confidence(track.confidence)];
    if (track.state !== 'tracked') parts.splice(1, 1, T.unseen(track.unseen));
    if (track.duplicate_of) parts.push(T.sameAs(track.duplicate_of));
    row.state.textContent = parts.join(', ');
    if (!track.box || !bitmap) return;
    const [left, top, right, bottom] = track.box;
    const context = row.thumbnail.getContext('2d');
    const scale = Math.min(64 / (right - left), 48 / (bottom - top));
    const [width, height] = [scale * (right - left), scale * (bottom - top)];
    // The picture may be smaller than the image.
    const part = bitmap.width / frame.width;
    context.clearRect(0, 0, 64, 48);
    context.drawImage(
      bitmap, part * left, part * top, part * (right - left), part * (bottom - top),
      (64 - width) / 2, (48 - height) / 2, width, height,
    );
  }

  drawPlot(frame, selected, time) {
    const context = this.plot.getContext('2d');
    const { width, height } = this.plot;
    context.clearRect(0, 0, width, height);
    const track = frame.tracks.find((each) => each.id === selected) || frame.tracks[0];
    this.caption.textContent = track ? T.scoresOf(T.objectName(track.id, track.label)) : '';
    if (!track) return;
    const rows = this.history.get(track.id);
    [[1, []], [2, [6, 4]], [3, [2, 3]]].forEach(([column, dash]) => {
      context.strokeStyle = ['#56b4e9', '#e69f00', '#f2f3f5'][column - 1];
      context.lineWidth = 2;
      context.setLineDash(dash);
      context.beginPath();
      let drawing = false;
      for (const row of rows) {
        const value = row[column];
        const [x, y] = [width * (1 - (time - row[0]) / HISTORY_SECONDS), 4 + (height - 8) * (1 - value)];
        if (value === null) drawing = false;
        else if (drawing) context.lineTo(x, y);
        else {
          context.moveTo(x, y);
          drawing = true;
        }
      }
      context.stroke();
    });
  }
}
