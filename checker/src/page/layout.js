'use strict';
// Where everything stands, in columns: a column is an instant ("order only") or a stretch of time ("to scale").

const data = JSON.parse(document.getElementById('data').textContent);

// Columns of the instants at which something is called or returns. Intervals are closed: of one instant, calls
// stand before returns.
function columns(operations) {
  const calls = new Set(operations.map(o => o.call));
  const returns = new Set(operations.filter(o => o.return !== undefined).map(o => o.return));
  const times = [...new Set([...calls, ...returns])].sort((a, b) => a - b);
  const at = new Map();
  let column = 0;
  for (const time of times) {
    const call = calls.has(time) ? column++ : column;
    const back = returns.has(time) ? column++ : call;
    at.set(time, { call, back: Math.max(call, back) });
  }
  const between = point => {
    let low = 0, high = times.length - 1;
    if (high < 0) return 0;
    while (low < high) { const mid = (low + high + 1) >> 1; if (times[mid] <= point) low = mid; else high = mid - 1; }
    const here = at.get(times[low]), next = at.get(times[low + 1]);
    if (point <= times[low]) return (here.call + here.back) / 2;
    if (!next) return here.back + 0.5;
    return here.back + (next.call - here.back) * (point - times[low]) / (times[low + 1] - times[low]);
  };
  return { call: t => at.get(t).call, back: t => at.get(t).back, point: between, end: column };
}

// Rows for each client: bars of one row never overlap. A bar without an end is drawn up to its client's next one.
function rows(operations) {
  const clients = new Map();
  for (const o of operations) {
    if (!clients.has(o.client)) clients.set(o.client, []);
    clients.get(o.client).push(o);
  }
  let row = 0;
  const names = [];
  for (const client of [...clients.keys()].sort((a, b) => a - b)) {
    const ends = [];
    const own = clients.get(client);
    own.forEach((o, n) => {
      const known = o.return !== undefined;
      const next = known ? undefined : own.slice(n + 1).find(other => other.call > o.call);
      o.until = known ? o.return : next ? next.call : Infinity;
      let lane = ends.findIndex(end => end.time < o.call || (!end.known && end.time === o.call));
      if (lane < 0) lane = ends.length;
      ends[lane] = { time: o.until, known };
      o.row = row + lane;
    });
    ends.forEach(() => names.push('c' + client));
    row += ends.length;
  }
  return names;
}

function layout(part, scale) {
  const operations = part.operations;
  const names = rows(operations);
  const even = columns(operations);
  const last = operations.reduce((t, o) => Math.max(t, o.call, o.return || 0, o.point || 0), 0);
  const first = operations.reduce((t, o) => Math.min(t, o.call), Infinity);
  const end = scale === 'even' ? even.end : Math.max(last - first, 1) * 1.02;
  for (const o of operations) {
    if (scale === 'even') {
      o.x0 = even.call(o.call);
      o.x1 = o.return !== undefined ? even.back(o.return) : o.until === Infinity ? end : even.call(o.until) - 0.3;
      o.xp = o.point === undefined ? undefined : even.point(o.point);
    } else {
      o.x0 = o.call - first;
      o.x1 = o.until === Infinity ? end : o.until - first;
      o.xp = o.point === undefined ? undefined : o.point - first;
    }
  }
  const order = operations.filter(o => o.place !== undefined).sort((a, b) => a.place - b.place);
  return { operations, names, end, order, first };
}

// Nanoseconds in the unit that keeps them short.
function duration(ns) {
  if (!data.timed) return 'event ' + ns;
  for (const [unit, name] of [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']]) {
    if (Math.abs(ns) >= unit) return +(ns / unit).toPrecision(6) + ' ' + name;
  }
  return +ns.toPrecision(6) + ' ns';
}
