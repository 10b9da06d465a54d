// Drawing and hands.

const $ = id => document.getElementById(id);
const canvas = $('view'), brush = canvas.getContext('2d');
const ROW = 34, BAR = 22, MARGIN = 56, AXIS = 26, TALLEST = 640, LEGIBLE = 30;
let tallest = 0, part, shape, left = 0, zoom = 1, above = 0, hovered = null, picked = null;

const root = document.documentElement;
root.dataset.theme = location.hash.includes('dark') ? 'dark' : location.hash.includes('light') ? 'light'
  : matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
const width = () => canvas.clientWidth - MARGIN;
const x = column => MARGIN + (column - left) * zoom;
// Rows with nothing in view take no room, unless they are asked for.
let slots = [], rowsShown = 0;
const y = row => AXIS + slots[row] * ROW - above + (ROW - BAR) / 2;
const inView = o => x(o.x1) >= MARGIN && x(o.x0) <= canvas.clientWidth;

function text(id, value) { $(id).textContent = value; $(id).hidden = !value; }

function show(index) {
  part = data.parts[index];
  shape = layout(part, $('scale').value);
  const missing = part.total - part.operations.length;
  text('note', missing > 0 ? `${part.operations.length.toLocaleString('en')} of ${part.total.toLocaleString('en')} operations of this key are drawn` : '');
  $('focus').hidden = $('core').hidden = !part.wrong;
  document.querySelectorAll('.forwrong').forEach(p => p.hidden = !part.wrong);
  document.querySelectorAll('.fororder').forEach(p => p.hidden = !shape.order.length);
  if (part.wrong) text('dots', 'where it took effect in the longest prefix that can be explained, numbered in that order');
  $('list').replaceChildren(...part.operations.filter(o => o.role === 'core' || o.role === 'culprit').map(o => {
    const item = document.createElement('li');
    item.textContent = `c${o.client} ${o.label}` + (o.role === 'culprit' ? ' (cannot be explained)' : '');
    item.className = o.role;
    item.onclick = () => { picked = o; fit([o], 5); };
    return item;
  }));
  picked = hovered = null;
  tallest = 0;
  $('tip').hidden = true;
  above = 0;
  fit(part.wrong ? part.operations.filter(o => o.role) : shape.operations.slice(0, 60), 1.15);
}

// Makes these fill the width, times `margin`.
function fit(operations, margin) {
  const from = Math.min(...operations.map(o => o.x0)), to = Math.max(...operations.map(o => Math.min(o.x1, shape.end)));
  const span = operations.length ? Math.max((to - from) * margin, shape.end / 2000) : shape.end || 1;
  const least = $('scale').value === 'even' ? Math.min(10, shape.end || 1) : 0;
  zoom = width() / Math.max(span, least);
  left = operations.length ? (from + to) / 2 - width() / zoom / 2 : 0;
  const culprit = operations.find(o => o.role === 'culprit');
  if (culprit && $('scale').value === 'even' && zoom < LEGIBLE) {
    zoom = LEGIBLE;
    left = culprit.x1 - width() / zoom * 0.85;
  }
  above = 0;
  draw();
}

function settle() {
  zoom = Math.min(Math.max(zoom, width() / (shape.end || 1) / 1.3), width() / Math.max(shape.end / 1e7, 2e-9));
  const room = width() / zoom;
  left = Math.min(Math.max(left, -room * 0.3), Math.max(shape.end - room * 0.7, -room * 0.3));
  above = Math.min(Math.max(above, 0), Math.max(0, rowsShown * ROW + AXIS + 10 - canvas.clientHeight));
}

function place() {
  const busy = new Set($('idle').checked ? shape.names.keys() : shape.operations.filter(inView).map(o => o.row));
  rowsShown = 0;
  slots = shape.names.map((_, row) => busy.has(row) ? rowsShown++ : -1e6);
}

function draw() {
  if (!shape) return;
  settle();
  place();
  const height = Math.max(tallest, Math.min(rowsShown * ROW + AXIS + 10, TALLEST));
  tallest = height;
  canvas.style.height = height + 'px';
  const ratio = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = height * ratio;
  settle();
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.font = '13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  brush.textBaseline = 'middle';
  lanes(height);
  const seen = shape.operations.filter(o => inView(o) && y(o.row) > -ROW && y(o.row) < height);
  seen.forEach(bar);
  if ($('path').checked) path();
  seen.forEach(dot);
  margin(height);
  axis();
}

function lanes(height) {
  brush.strokeStyle = colour('line');
  brush.lineWidth = 1;
  shape.names.forEach((_, row) => {
    if (slots[row] < 0) return;
    const at = Math.round(y(row) - (ROW - BAR) / 2) + 0.5;
    brush.beginPath(); brush.moveTo(0, at); brush.lineTo(canvas.clientWidth, at); brush.stroke();
  });
}

function bar(o) {
  const from = Math.max(x(o.x0), MARGIN - 40), to = Math.max(Math.min(x(o.x1), canvas.clientWidth + 40), from + 2), at = y(o.row);
  const kind = o.role || 'bar', open = o.return === undefined;
  let fill = colour(kind);
  if (open) {
    const fade = brush.createLinearGradient(from, 0, to, 0);
    fade.addColorStop(0, fill); fade.addColorStop(1, fill + '00');
    fill = fade;
  }
  brush.beginPath();
  if (open) brush.rect(from, at, to - from, BAR); else brush.roundRect(from, at, to - from, BAR, 4);
  brush.fillStyle = fill;
  brush.fill();
  brush.strokeStyle = colour(kind === 'bar' ? 'edge' : kind + '-edge');
  brush.lineWidth = o === hovered || o === picked ? 2.5 : kind === 'bar' ? 1 : 1.6;
  brush.setLineDash(kind === 'candidate' ? [5, 3] : []);
  if (open) {
    brush.beginPath(); brush.moveTo(to, at); brush.lineTo(from, at); brush.lineTo(from, at + BAR); brush.lineTo(to, at + BAR);
    brush.setLineDash([6, 4]);
  }
  brush.stroke();
  brush.setLineDash([]);
  const start = Math.max(from, MARGIN) + 7, room = Math.min(to, canvas.clientWidth) - start - 5;
  if (room > 16) {
    brush.fillStyle = colour('ink');
    brush.fillText(fitted(o.label, room), start, at + BAR / 2 + 0.5);
  }
}

// As much of the label as fits, an ellipsis for the rest.
function fitted(label, room) {
  if (brush.measureText(label).width <= room) return label;
  let low = 0, high = label.length;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (brush.measureText(label.slice(0, mid) + '…').width <= room) low = mid; else high = mid - 1;
  }
  return low > 1 ? label.slice(0, low) + '…' : '';
}

// The order as a line through the points.
function path() {
  const shown = shape.order;
  brush.strokeStyle = colour('path');
  brush.lineWidth = 1.3;
  brush.beginPath();
  let before = null;
  for (const o of shown) {
    if (before && before.place + 1 === o.place && inView(before) && inView(o)) {
      brush.moveTo(x(before.xp), y(before.row) + BAR + 3); brush.lineTo(x(o.xp), y(o.row) + BAR + 3);
    }
    before = o;
  }
  brush.stroke();
}

// The point sits on the bar's lower edge, out of its label's way.
function dot(o) {
  if (o.xp === undefined) return;
  const at = x(o.xp), low = y(o.row) + BAR + 3;
  const roomy = zoom * (shape.end / Math.max(shape.order.length, 1)) > 26;
  brush.fillStyle = colour('dot');
  brush.beginPath(); brush.arc(at, low, o === hovered || o === picked ? 5 : 3.4, 0, 7); brush.fill();
  if (!roomy) return;
  brush.font = '600 10px system-ui, "DejaVu Sans", sans-serif';
  brush.fillText(o.place, at + 5.5, low + 1.5);
  brush.font = '13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
}

function margin(height) {
  brush.fillStyle = colour('panel');
  brush.fillRect(0, 0, MARGIN - 6, height);
  brush.fillStyle = colour('ink');
  shape.names.forEach((name, row) => { if (slots[row] >= 0) brush.fillText(name, 12, y(row) + BAR / 2); });
}

function axis() {
  brush.fillStyle = colour('panel');
  brush.fillRect(0, 0, canvas.clientWidth, AXIS - 2);
  brush.fillStyle = brush.strokeStyle = colour('quiet');
  brush.font = '12px system-ui, "DejaVu Sans", sans-serif';
  if ($('scale').value === 'even') {
    brush.fillText('time →   columns keep the order of calls and returns, not their distances', MARGIN, AXIS / 2);
    return;
  }
  const rough = 110 / zoom, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  for (let t = Math.ceil((left + shape.first) / step) * step; x(t - shape.first) < canvas.clientWidth; t += step) {
    const at = x(t - shape.first);
    if (at < MARGIN) continue;
    brush.fillText(duration(t), at + 4, AXIS / 2);
    brush.fillRect(at, AXIS - 8, 1, 6);
  }
}

function under(event) {
  const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
  if (py < AXIS || px < MARGIN) return null;
  return shape.operations.find(o => py >= y(o.row) - 3 && py <= y(o.row) + BAR + 8 && px >= x(o.x0) - 2 && px <= Math.max(x(o.x1), x(o.x0) + 4)) || null;
}

const ROLES = { culprit: 'its return cannot be explained', core: 'one of those that contradict each other',
  candidate: 'had to come next, and does not fit' };

function tell(o, event) {
  const tip = $('tip');
  tip.hidden = !o;
  if (!o) return;
  const facts = [['client', 'c' + o.client], ['called', duration(o.call)],
    ['returned', o.return === undefined ? 'never: outcome unknown' : duration(o.return) + (data.timed ? `, after ${duration(o.return - o.call)}` : '')]];
  if (o.place !== undefined) facts.push(['place in the order', o.place]);
  if (o.state !== undefined) facts.push(['state after it', o.state]);
  if (o.role) facts.push(['here', ROLES[o.role]]);
  facts.push(['operation', o.index]);
  const name = document.createElement('b'), list = document.createElement('dl');
  name.textContent = o.label;
  for (const [term, value] of facts) {
    const dt = document.createElement('dt'), dd = document.createElement('dd');
    dt.textContent = term; dd.textContent = value;
    list.append(dt, dd);
  }
  tip.replaceChildren(name, list);
  const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
  tip.style.left = Math.max(4, Math.min(px + 14, box.width - tip.offsetWidth - 8)) + 'px';
  const below = py + 18, fits = box.top + below + tip.offsetHeight < innerHeight;
  tip.style.top = (fits ? below : py - tip.offsetHeight - 12) + 'px';
}

function magnify(by, at) {
  const column = left + (at - MARGIN) / zoom;
  zoom *= by;
  settle();
  left = column - (at - MARGIN) / zoom;
  draw();
}

let drag = null;
canvas.addEventListener('pointerdown', e => { drag = { x: e.clientX, y: e.clientY, left, above }; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener('pointerup', () => drag = null);
canvas.addEventListener('pointercancel', () => drag = null);
canvas.addEventListener('pointerleave', () => { hovered = null; $('tip').hidden = true; draw(); });
canvas.addEventListener('pointermove', e => {
  if (drag) { left = drag.left - (e.clientX - drag.x) / zoom; above = drag.above - (e.clientY - drag.y); $('tip').hidden = true; return draw(); }
  const o = under(e);
  if (o !== hovered) { hovered = o; draw(); }
  tell(o, e);
});
canvas.addEventListener('wheel', e => {
  e.preventDefault();
  if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) { left += (e.deltaX || e.deltaY) / zoom; return draw(); }
  magnify(Math.exp(-e.deltaY / 400), e.clientX - canvas.getBoundingClientRect().left);
}, { passive: false });
canvas.addEventListener('dblclick', e => magnify(2, e.clientX - canvas.getBoundingClientRect().left));
const keys = { ArrowLeft: () => left -= 80 / zoom, ArrowRight: () => left += 80 / zoom, ArrowUp: () => above -= ROW, ArrowDown: () => above += ROW };
addEventListener('keydown', e => {
  if (e.target.tagName === 'SELECT' || e.ctrlKey || e.metaKey || e.altKey) return;
  if (keys[e.key] && e.target === canvas) { e.preventDefault(); keys[e.key](); return draw(); }
  const button = { '+': 'in', '=': 'in', '-': 'out', 0: 'all', f: 'focus' }[e.key];
  if (button && !$(button).hidden) $(button).click();
});
const middle = () => MARGIN + width() / 2;
$('in').onclick = () => magnify(1.5, middle());
$('out').onclick = () => magnify(1 / 1.5, middle());
$('all').onclick = () => { left = 0; zoom = width() / (shape.end || 1); draw(); };
$('focus').onclick = () => fit(part.operations.filter(o => o.role), 1.15);
$('scale').onchange = $('key').onchange = () => show($('key').value || 0);
$('path').onchange = $('idle').onchange = draw;
$('theme').onclick = () => { root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark'; draw(); };
addEventListener('resize', draw);

text('verdict', data.verdict);
text('title', data.title);
text('about', `${data.model}, ${data.total.toLocaleString('en')} operations` + (data.keys > 1 ? `, ${data.keys.toLocaleString('en')} keys` : '') + (data.timed ? '' : ', times count events'));
text('what', data.sentences[0] || '');
text('why', data.sentences.slice(1).join(' · '));
document.body.className = { 'linearizable': 'right', 'undecided': 'unsure' }[data.verdict] || 'wrong';
data.parts.forEach((part, index) => {
  const option = document.createElement('option');
  option.value = index;
  option.textContent = `${part.key === undefined ? 'all' : part.key} (${part.total.toLocaleString('en')})` + (part.wrong ? ' wrong' : '');
  $('key').append(option);
});
if (data.keys > data.parts.length) {
  const option = document.createElement('option');
  option.disabled = true;
  option.textContent = `${(data.keys - data.parts.length).toLocaleString('en')} more are not on this page`;
  $('key').append(option);
}
$('keys').hidden = data.keys < 2;
if (data.parts.length) show(0);
else document.querySelector('main').hidden = document.querySelector('nav').hidden = document.querySelector('footer').hidden = true;
