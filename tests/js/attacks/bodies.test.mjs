// Proves: a body is never larger than the gateway or its route says, however its length is told or hidden, over HTTP/1.1 and
// HTTP/2; a route that takes streams takes them, and its neighbours do not.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { h2raw } from '../lib/h2raw.mjs';
import { Estate } from '../lib/estate.mjs';
import { h2, h2request, message, statuses } from '../lib/client.mjs';

const limit = 2 << 20;
let estate;
before(async () => {
  estate = await Estate.up('attacks-bodies', {
    change: (docs) => {
      docs.gateway.spec.limits = { body: '2MiB' };
      docs.web.spec.routes.push(
        { id: 'small', methods: ['POST'], path: '/small', limits: { body: '10' } },
        { id: 'stream', methods: ['POST'], path: '/stream', limits: { stream: true } },
        {
          id: 'stream-small',
          methods: ['POST'],
          path: '/stream-small',
          limits: { body: '10', stream: true },
        },
      );
      docs.web.spec.access.push({
        id: 'bodies',
        allow: 'anyone',
        routes: ['small', 'stream', 'stream-small'],
      });
    },
  });
});
beforeEach(() => estate.clear());
after(() => estate.down());

const chunked = 'Transfer-Encoding: chunked';
const chunks = (size, each = 4096) => {
  const out = [];
  for (let left = size; left > 0; left -= each) {
    const now = Math.min(left, each);
    out.push(`${now.toString(16)}\r\n${'x'.repeat(now)}\r\n`);
  }
  return `${out.join('')}0\r\n\r\n`;
};
const post = async (target, headers, body, options) =>
  (await estate.send('web', `POST ${target} HTTP/1.1`, headers, { body, ...options })).status;
const sized = (target, size) => post(target, [`Content-Length: ${size}`], 'x'.repeat(size));
const unsized = (target, size) => post(target, [chunked], chunks(size));
const received = () => estate.apps.web.seen.map((entry) => entry.body.length);

async function overH2(target, size) {
  const session = h2(estate.url('web'), { ca: estate.ca.pem });
  try {
    const head = { ':method': 'POST', ':path': target };
    return (await h2request(session, head, 'x'.repeat(size))).headers?.[':status'];
  } finally {
    session.destroy();
  }
}

test('a body with a length: up to the limit it passes, above it not, and nothing of it arrives', async () => {
  assert.equal(await sized('/public/x', limit), 200);
  assert.deepEqual(received(), [limit]);
  estate.clear();
  assert.equal(await sized('/public/x', limit + 1), 413);
  assert.equal(await post('/public/x', [`Content-Length: ${limit + 1}`], ''), 413);
  const fields = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', `web.localhost:${estate.ports.https}`],
    [':path', '/public/x'],
    ['content-length', `${limit + 1}`],
  ];
  const where = { port: estate.ports.https, ca: estate.ca.pem, servername: 'web.localhost' };
  assert.equal((await h2raw(fields, { ...where, body: 'x', open: true })).status, 413);
  assert.equal(await sized('/small', 11), 413);
  assert.equal(estate.upstreamSaw(), 0);
});

test('a body without a length: counted while it fits a buffer, refused beyond', async () => {
  for (const [size, status] of [
    [1, 200],
    [9000, 200],
    [40_000, 411],
    [limit + 1, 411],
  ]) {
    for (const send of [unsized, overH2]) {
      estate.clear();
      assert.equal(await send('/public/x', size), status, `${size} by ${send.name}`);
      assert.deepEqual(received(), status === 200 ? [size] : []);
    }
  }
  for (const [size, status] of [
    [10, 200],
    [11, 413],
    [40_000, 411],
  ]) {
    for (const send of [unsized, overH2]) {
      estate.clear();
      assert.equal(await send('/small', size), status, `${size} on the smaller route by ${send.name}`);
      assert.equal(estate.upstreamSaw(), status === 200 ? 1 : 0);
    }
  }
});

test(
  'a body that comes in drops is waited for; one that never ends is refused in time',
  { timeout: 40000 },
  async () => {
    const host = `web.localhost:${estate.ports.https}`;
    const text = await estate.raw(
      'web',
      message('POST /public/x HTTP/1.1', host, [chunked], '3\r\nabc\r\n'),
      {
        quiet: 15000,
        timeout: 15000,
      },
    );
    assert.ok([408, 411].includes(statuses(text)[0]), text.slice(0, 100));
    assert.equal(estate.upstreamSaw(), 0);
  },
);

test('lengths that are hidden or told twice do not get past the limit', async () => {
  const body = 'x'.repeat(64);
  for (const headers of [
    [chunked, 'Content-Length: 5'],
    ['Content-Length: 5', chunked],
    ['Content-Length: 64, 5'],
    ['Content-Length: 5', 'Content-Length: 64'],
    ['Content-Length:'],
    ['Content-Length: 0x40'],
    ['Content-Length: +64'],
    ['Content-Length: 18446744073709551620'],
    ['Content-Length: -1'],
    ['Content_Length: 5', chunked],
  ]) {
    estate.clear();
    const status = await post('/small', headers, headers.includes(chunked) ? chunks(64) : body);
    assert.ok([400, 411, 413, undefined].includes(status), `${headers.join(' | ')}: ${status}`);
    assert.equal(estate.upstreamSaw(), 0, headers.join(' | '));
  }
});

test('a route that streams takes what has no length, at any size, and holds its limit to what has one', async () => {
  for (const target of ['/stream', '/stream-small']) {
    for (const send of [unsized, overH2]) {
      estate.clear();
      assert.equal(await send(target, limit + 4096), 200, `${target} by ${send.name}`);
      assert.deepEqual(received(), [limit + 4096]);
    }
  }
  estate.clear();
  assert.equal(await sized('/stream', limit + 1), 413);
  assert.equal(await sized('/stream-small', 11), 413);
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(await sized('/stream-small', 10), 200);
});
