// What the access log says, read from its files as docs/formats/access-log.md has them.
import fs from 'node:fs';
import path from 'node:path';

export function readLog(directory) {
  const out = { lines: [], events: [] };
  for (const name of fs
    .readdirSync(directory)
    .filter((file) => file.startsWith('access-'))
    .sort()) {
    for (const text of fs.readFileSync(path.join(directory, name), 'latin1').split('\n')) {
      const [, , kind, ...words] = text.split(' ');
      if (kind === 'E') out.events.push({ what: words[0], numbers: words.slice(1).map(Number) });
      else if ((kind === 'L' || kind === 'X') && words[0] === 'dw1') {
        out.lines.push({
          seq: Number(words[1]),
          pid: Number(words[2]),
          at: Number(words[3]),
          path: words.at(-1),
        });
      }
    }
  }
  return out;
}

// Lines that neither came nor are recorded as missing: [{ pid, first, last }].
export function gaps({ lines, events }) {
  const missing = [];
  const holes = new Map();
  for (const { what, numbers } of events) {
    if (what !== 'hole') continue;
    const [pid, first, last] = numbers;
    holes.set(pid, [...(holes.get(pid) ?? []), [first, last]]);
  }
  for (const [pid, own] of Map.groupBy(lines, (line) => line.pid)) {
    const seen = new Set(own.map((line) => line.seq));
    const recorded = (seq) => (holes.get(pid) ?? []).some(([first, last]) => first <= seq && seq <= last);
    const last = Math.max(...seen);
    for (let seq = 1; seq <= last; seq += 1) {
      if (seen.has(seq) || recorded(seq)) continue;
      const before = missing.at(-1);
      if (before?.pid === pid && before.last === seq - 1) before.last = seq;
      else missing.push({ pid, first: seq, last: seq });
    }
  }
  return missing;
}

// Lines that came and could not be written: the log knows how many, and not which.
export function dropped({ events }) {
  return events.filter(({ what }) => what === 'dropped').reduce((sum, { numbers }) => sum + numbers[0], 0);
}

// How many lines the log itself says are missing or could not be written.
export function recordedLosses({ events }) {
  let count = 0;
  for (const { what, numbers } of events) {
    if (what === 'hole') count += numbers[2] - numbers[1] + 1;
    if (what === 'dropped') count += numbers[0];
    if (what === 'damage') count += Infinity;
  }
  return count;
}
