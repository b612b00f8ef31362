// The page: brings connection, view, pointing and lists together.

import { Connection } from './connection.js';
import { maskCanvas } from './drawing.js';
import { Objects } from './objects.js';
import { Pointing } from './pointing.js';
import { T } from './texts.js';
import { View, seconds } from './view.js';

const element = (id) => document.getElementById(id);

for (const each of document.querySelectorAll('[data-text]')) each.textContent = T[each.dataset.text];
for (const line of T.helpLines) {
  const item = document.createElement('li');
  item.textContent = line;
  element('help-lines').append(item);
}

let tracker = '';
let readOnly = false;
let seen = false; // The selected object, since it was selected.
let drawn = Promise.resolve(); // When all pictures that have come are drawn, one after the other.
let drawnPictures = 0;
let lastCount = performance.now();
let pageRate = 0;

const view = new View(element('view'), element('strip'), {
  frame: (frame) => {
    objects.update(frame, view.live.bitmap, view.selected, seconds(frame.stamp));
    // An object that was just made is not in a frame that was encoded before.
    if (frame.tracks.some((track) => track.id === view.selected)) seen = true;
    else if (view.selected && seen) select(0);
    drawnPictures += 1;
    const scrub = element('scrub');
    if (!view.held) {
      scrub.max = view.past.length - 1;
      scrub.value = scrub.max;
      element('scrub-time').textContent = T.now;
    }
  },
  paint: (context) => pointing.paint(context),
  name: (track) => `${T.objectName(track.id, track.label)} ${T.confidence(track.confidence)}`,
  held: () => refresh(),
});

const objects = new Objects(element('objects'), element('no-objects'), element('plot'), element('plot-caption'), {
  select: (id) => select(id === view.selected ? 0 : id),
  rename: (id) => {
    const label = window.prompt(T.renameTo);
    if (label) command('rename', { object_id: id, label });
  },
  remove: (id) => command('remove', { object_id: id }),
});

const connection = new Connection({
  frame: (buffer) => {
    drawn = drawn
      .then(() => view.receive(buffer))
      .catch((error) => window.console.error(error))
      .then(() => connection.tell('shown'));
  },
  state: showState,
  unreadable: (message) => say(message, true),
  open: () => {
    light(2, T.connecting);
    if (tracker) connection.tell('watch', { tracker });
    if (tracker) showParameters();
  },
  lost: () => {
    light(2, T.disconnected);
    pointing.cancel();
  },
});

const pointing = new Pointing(
  view,
  (name, fields) => {
    const { stamp, frame_id: frameId } = view.shown.frame;
    return connection.ask(name, { tracker, stamp, frame_id: frameId, ...fields });
  },
  {
    tool: () => document.querySelector('input[name="tool"]:checked').value,
    beside: () => element('beside').checked,
    choose: () => element('choose').checked,
    label: () => element('label').value.trim(),
  },
  {
    changed: () => refresh(),
    said: (text, refused) => say(T[text] || text, refused),
    followed: (id) => {
      element('label').value = '';
      element('beside').checked = false;
      select(id);
    },
  },
);

// --- what the page shows ---

function say(text, refused = false) {
  const message = element('message');
  message.textContent = text;
  message.classList.toggle('refused', refused);
}

function light(level, text) {
  element('light').dataset.level = level;
  element('light-mark').textContent = ['✓', '!', '×'][level] || '×';
  element('light-text').textContent = text;
}

function refresh() {
  element('hold').textContent = view.held ? T.live : T.hold;
  element('hold').setAttribute('aria-pressed', view.held);
  element('apply').hidden = !pointing.layer;
  element('cancel').hidden = !pointing.active;
  showCandidates();
  view.paint();
}

function showCandidates() {
  const area = element('candidates');
  area.hidden = !pointing.candidates.length;
  area.replaceChildren(...pointing.candidates.map((candidate, index) => {
    const button = document.createElement('button');
    button.style.setProperty('--mark', candidate.colour);
    button.onclick = () => pointing.choose(index);
    button.onpointerenter = () => pointing.preview(index);
    button.onfocus = () => pointing.preview(index);
    button.append(candidatePicture(candidate), T.candidate(index + 1, candidate.predicted_iou));
    if (candidate.label) button.append(` ${candidate.label}`);
    return button;
  }));
}

function candidatePicture(candidate) {
  const picture = document.createElement('canvas');
  const { frame, bitmap } = view.shown;
  picture.width = 120;
  picture.height = Math.round((120 * frame.height) / frame.width);
  const context = picture.getContext('2d');
  context.drawImage(bitmap, 0, 0, picture.width, picture.height);
  const scale = picture.width / frame.width;
  context.scale(scale, scale);
  context.drawImage(maskCanvas(candidate.mask, candidate.colour, 0.7, false), candidate.mask.x, candidate.mask.y);
  return picture;
}

function showState(state) {
  readOnly = state.read_only;
  document.body.classList.toggle('read-only', readOnly);
  pointing.enabled = !readOnly;
  element('logout').hidden = !state.needs_password;
  showTrackers(state.trackers.map((each) => each.name));
  showRecordings(state.recordings); // Also while the tracker has gone.
  const now = performance.now();
  pageRate = (1000 * drawnPictures) / (now - lastCount);
  [drawnPictures, lastCount] = [0, now];
  const shown = state.trackers.find((each) => each.name === tracker);
  if (!shown) {
    light(2, T.noTracker);
    element('facts').replaceChildren();
    element('values').replaceChildren();
    return;
  }
  light(shown.level, shown.silent ? T.silent(tracker) : shown.message + (readOnly ? ` (${T.readOnly})` : ''));
  const paused = shown.values.paused === 'true';
  element('pause').textContent = paused ? T.resume : T.pause;
  element('pause').setAttribute('aria-pressed', paused);
  showFacts(shown);
}

function showTrackers(names) {
  const choice = element('tracker');
  if ([...choice.options].map((each) => each.value).join() !== names.join()) {
    choice.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  if (!names.includes(tracker) && names.length) watch(names[0]);
  choice.value = tracker;
}

function showRecordings({ running, complete }) {
  const button = element('record');
  button.textContent = running ? T.stopRecording : T.startRecording;
  button.setAttribute('aria-pressed', Boolean(running));
  const list = element('recordings');
  const text = JSON.stringify([running, complete]);
  if (list.dataset.shown === text) return; // A link under the pointer stays.
  list.dataset.shown = text;
  const rows = running ? [[T.recordedFor(running.name, running.seconds)]] : [];
  for (const { name, files } of complete) rows.push([name, ...files.map((file) => downloadLink(name, file))]);
  list.replaceChildren(...rows.map((parts) => {
    const item = document.createElement('li');
    for (const part of parts) item.append(part, document.createElement('br'));
    return item;
  }));
}

function downloadLink(recording, file) {
  const link = document.createElement('a');
  link.href = `/recordings/${encodeURIComponent(recording)}/${encodeURIComponent(file.name)}`;
  link.download = `${recording}_${file.name}`;
  link.textContent = T.fileSize(file.name, file.bytes);
  return link;
}

// Shows the parameters that may be set at any time, each with its range.
async function showParameters() {
  const asked = tracker;
  const answer = await connection.ask('parameters', { tracker });
  if (!answer.success || asked !== tracker) return;
  element('words-form').hidden = !answer.words;
  const list = element('parameters');
  const text = JSON.stringify([asked, answer.parameters]);
  if (list.dataset.shown === text) return; // A field in which somebody types stays.
  list.dataset.shown = text;
  list.replaceChildren(...answer.parameters.map((parameter) => {
    const label = document.createElement('label');
    label.title = parameter.description;
    const input = document.createElement('input');
    const kind = typeof parameter.value;
    if (kind === 'boolean') {
      input.type = 'checkbox';
      input.checked = parameter.value;
    } else {
      input.value = parameter.value;
      if (kind === 'number') input.inputMode = 'decimal';
    }
    input.name = parameter.name;
    input.onchange = async () => {
      let value = kind === 'boolean' ? input.checked : input.value;
      if (kind !== 'boolean' && value.trim() && Number.isFinite(Number(value))) value = Number(value);
      await command('set_parameter', { name: parameter.name, value });
      list.dataset.shown = ''; // The field may show a value that was refused.
      showParameters();
    };
    const range = parameter.range ? ` (${parameter.range.join(' … ')})` : '';
    label.append(`${parameter.name}${range} `, input);
    return label;
  }));
}

function showFacts(shown) {
  const { values } = shown;
  const drops = Object.entries(values).filter(([key, value]) => key.startsWith('images dropped: ') && value !== '0');
  const facts = {
    rate: T.hertz(values['processed rate (Hz)'] || '0'),
    latency: T.milliseconds(values['latency median (ms)'] || '-'),
    dropped: drops.map(([key, value]) => `${value} ${key.replace('images dropped: ', '')}`).join(', ') || '0',
    device: values.device,
    model: values.model,
    topic: shown.image_topic,
    page: T.hertz(pageRate.toFixed(0)),
  };
  fill(element('facts'), Object.entries(facts).map(([key, value]) => [T.facts[key], value]));
  if (document.querySelector('details[open] #values')) fill(element('values'), Object.entries(values));
}

function fill(list, rows) {
  list.replaceChildren(...rows.flatMap(([key, value]) => {
    const [term, text] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = key;
    text.textContent = value;
    return [term, text];
  }));
}

// --- what people do ---

function watch(name) {
  tracker = name;
  element('tracker').value = name;
  pointing.cancel();
  view.selected = 0;
  view.clear();
  view.tracker = name;
  objects.clear();
  connection.tell('watch', { tracker });
  showParameters();
}

function select(id) {
  view.selected = id;
  seen = false;
  objects.updated = 0;
  if (view.live) objects.show(view.live.frame, view.live.bitmap, id);
  view.paint();
}

async function command(name, fields = {}) {
  if (readOnly) return;
  const answer = await connection.ask(name, { tracker, ...fields });
  say(answer.message, !answer.success);
}

function togglePause() {
  const paused = element('pause').getAttribute('aria-pressed') === 'true';
  command('set_paused', { paused: !paused });
}

function reset() {
  if (!readOnly && window.confirm(T.resetSure)) {
    select(0);
    command('reset');
  }
}

function hold() {
  if (view.held) pointing.cancel();
  else view.hold();
}

element('tracker').onchange = (event) => watch(event.target.value);
element('pause').onclick = togglePause;
element('reset').onclick = reset;
element('hold').onclick = hold;
element('record').onclick = () => {
  const running = element('record').getAttribute('aria-pressed') === 'true';
  command(running ? 'stop_recording' : 'start_recording');
};
element('settings').ontoggle = showParameters;
element('apply').onclick = () => pointing.follow();
element('cancel').onclick = () => pointing.cancel();
element('label-form').onsubmit = (event) => event.preventDefault();
element('words-form').onsubmit = (event) => {
  event.preventDefault();
  if (view.shown) pointing.find(element('words').value);
};
element('scrub').oninput = async (event) => {
  const index = Number(event.target.value);
  const frame = view.past[index];
  if (!frame) return;
  element('scrub-time').textContent = T.ago(seconds(view.live.frame.stamp) - seconds(frame.stamp));
  await view.showPast(index);
};

document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && !/radio|checkbox/.test(event.target.type);
  if (typing || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  const digit = Number(event.key);
  if (event.key === 'Escape') pointing.cancel();
  else if (event.key === 'f') hold();
  else if (event.key === 'n') select(0);
  else if (event.key === 'p') togglePause();
  else if (event.key === 'r') reset();
  else if (event.key === 'x' || event.key === 'Delete') {
    if (view.selected) command('remove', { object_id: view.selected });
  } else if (digit >= 1 && digit <= 9) {
    if (pointing.candidates.length) pointing.choose(digit - 1);
    else if (view.live && view.live.frame.tracks.some((track) => track.id === digit)) select(digit);
  }
});

light(2, T.connecting);
refresh();
