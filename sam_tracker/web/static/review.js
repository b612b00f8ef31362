// Copyright 2026 the sam_tracker authors
// SPDX-License-Identifier: Apache-2.0
// The page of a review: scrub, correct, propagate, accept or reject.

import { drawBox, drawPoint } from './drawing.js';

const get = (id) => document.getElementById(id);
let state = null;
let selected = 0;
let said = { points: [], negative: [], box: null };
let dragged = null;
let wanted = null;
let loading = false;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  Object.assign(made, attributes);
  made.append(...children);
  return made;
}

function tell(text, refused = false) {
  get('message').textContent = text;
  get('message').className = refused ? 'refused' : '';
}

async function post(path, request) {
  tell('Working ...');
  try {
    const answer = await fetch(path, { method: 'POST', body: JSON.stringify(request) });
    if (!answer.ok) {
      tell(await answer.text(), true);
      return false;
    }
    show(await answer.json());
  } catch (error) {
    tell(`The review does not answer: ${error.message}`, true);
    return false;
  }
  tell('Done.');
  return true;
}

function show(newest) {
  state = newest;
  get('name').textContent = `${state.name}: ${state.images} images`;
  get('number').max = state.images - 1;
  if (!state.objects.some((each) => each.id === selected)) selected = state.objects[0].id;
  get('objects').replaceChildren(...state.objects.map(objectEntry));
  get('doubtful').replaceChildren(...state.doubtful.map((each) => element('li', {}, element('button', {
    textContent: `object ${each.object}, images ${each.first} to ${each.last} (${each.doubt.toFixed(2)})`,
    onclick: () => {
      if (selected !== each.object) clear();
      selected = each.object;
      go(each.worst);
      show(state);
    },
  }))));
  if (!state.doubtful.length) get('doubtful').append('none');
  get('apply').textContent = `Correct object ${selected} and propagate`;
  get('minutes').textContent = `${state.minutes} minutes spent`;
  get('problems').replaceChildren(...state.problems.map((text) => element('li', { textContent: text })));
  go(Number(get('number').value), true);
}

function objectEntry(each) {
  const { hand, corrected, automatic } = each.stages;
  const entry = element('li', {},
    element('button', {
      textContent: `${each.id} ${each.label}`, ariaPressed: String(each.id === selected),
      onclick: () => { selected = each.id; clear(); show(state); },
    }),
    element('p', { textContent: `${hand} by hand, ${corrected} corrected, ${automatic} automatic` }),
    ...['accepted', 'rejected', 'open'].map((review) => element('button', {
      textContent: review, ariaPressed: String(each.review === review), name: review,
      onclick: () => post('/decide', { object: each.id, review }),
    })));
  entry.style.setProperty('--mark', each.colour);
  return entry;
}

function drawTimeline() {
  const each = state.objects.find((one) => one.id === selected);
  const context = get('timeline').getContext('2d');
  const { width, height } = context.canvas;
  const last = Math.max(each.doubt.length - 1, 1);
  const line = (values) => values.forEach((value, column) => {
    context.lineTo((column / last) * width, (1 - value) * height);
  });
  context.clearRect(0, 0, width, height);
  context.beginPath();
  context.moveTo(0, height);
  line(each.doubt);
  context.lineTo(width, height);
  context.fillStyle = '#ff7d3b80';
  context.fill();
  context.beginPath();
  line(each.confidence);
  context.strokeStyle = each.colour;
  context.lineWidth = 2;
  context.stroke();
  const place = (Number(get('number').value) / Math.max(state.images - 1, 1)) * width;
  context.fillStyle = '#f2f3f5';
  context.fillRect(Math.min(place, width - 2), 0, 2, height);
}

function go(number, again = false) {
  if (!again && number !== Number(get('number').value)) clear();
  get('number').value = number;
  get('place').textContent = `image ${number}`;
  drawTimeline();
  wanted = number;
  load();
}

// Pictures are asked for one at a time, so that a fast scrub leaves none waiting but the last.
function load() {
  if (loading || wanted === null) return;
  loading = true;
  get('image').src = `/image/${wanted}?${Date.now()}`;
  get('image').dataset.number = '';
  wanted = null;
}

function loaded() {
  loading = false;
  if (wanted === null) get('image').dataset.number = get('number').value;
  load();
}

function ready() {
  return !loading && get('image').naturalWidth > 0;
}

function clear() {
  said = { points: [], negative: [], box: null };
  drawMarks();
}

function drawMarks() {
  const context = get('marks').getContext('2d');
  // Also clears the canvas.
  context.canvas.width = get('image').naturalWidth || 1;
  context.canvas.height = get('image').naturalHeight || 1;
  if (said.box) drawBox(context, said.box, '#f0e442');
  for (const [x, y] of said.points) drawPoint(context, x, y, true);
  for (const [x, y] of said.negative) drawPoint(context, x, y, false);
  get('apply').disabled = !said.box && said.points.length + said.negative.length === 0;
}

function pointed(event) {
  const image = get('image');
  const frame = image.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width * image.naturalWidth,
    (event.clientY - frame.top) / frame.height * image.naturalHeight];
}

get('view').addEventListener('pointerdown', (event) => {
  // The points would be on another image than they seem to be.
  if (!ready()) return;
  const tool = document.querySelector('[name=tool]:checked').value;
  if (tool === 'box') dragged = pointed(event);
  else said[tool].push(pointed(event));
  drawMarks();
});
window.addEventListener('pointermove', (event) => {
  if (!dragged) return;
  const [x, y] = pointed(event);
  said.box = [Math.min(x, dragged[0]), Math.min(y, dragged[1]), Math.max(x, dragged[0]), Math.max(y, dragged[1])];
  drawMarks();
});
window.addEventListener('pointerup', () => { dragged = null; });
get('image').addEventListener('load', () => {
  // The whole image fits into the window.
  get('view').style.width = `min(100%, ${64 * get('image').naturalWidth / get('image').naturalHeight}vh)`;
  drawMarks();
  loaded();
});
get('image').addEventListener('error', () => {
  tell('The image cannot be shown.', true);
  loaded();
});
get('number').addEventListener('input', () => { clear(); go(Number(get('number').value), true); });
get('timeline').addEventListener('click', (event) => {
  const frame = get('timeline').getBoundingClientRect();
  go(Math.min(Math.floor((event.clientX - frame.left) / frame.width * state.images), state.images - 1));
});
get('clear').addEventListener('click', clear);
get('apply').addEventListener('click', async () => {
  if (await post('/correct', { object: selected, image: Number(get('number').value), ...said })) clear();
});
get('export').addEventListener('click', () => post('/export', {}));

try {
  const answer = await fetch('/state');
  if (!answer.ok) throw new Error(await answer.text());
  show(await answer.json());
  if (state.doubtful.length) go(state.doubtful[0].worst);
} catch (error) {
  tell(`The review cannot be shown: ${error.message}`, true);
}
