// Proves: what an operator needs of the edge itself: the client's address is true behind a load balancer and cannot be
// claimed by anyone else, bodies and waits have their bounds by route, the gateway's own pages appear when something
// is away, health is told on loopback, signals do what operators expect, and one state directory has one Durward.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate, writeDocuments } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { binary, until } from '../lib/paths.mjs';
import { value } from '../apps/upstream.mjs';

const office = '203.0.113.7';

let estate;
before(async () => {
  estate = await Estate.up('e2e-edge', {
    change: (docs, ports) => {
      docs.gateway.spec.trustedProxies = ['127.0.0.1/32'];
      docs.gateway.spec.limits = { body: '1KiB' };
      docs.gateway.spec.listen.push({
        bind: [`127.0.0.1:${ports.spare}`, `[::1]:${ports.spare}`],
        tls: { certificates: 'certs' },
        proxyProtocol: true,
      });
      docs.web.spec.routes.push(
        { id: 'office', methods: ['GET'], path: '/office' },
        { id: 'slow', methods: ['GET'], path: '/slow', timeout: '700ms' },
        { id: 'upload', methods: ['POST'], path: '/upload', limits: { body: '4KiB' } },
        { id: 'small', methods: ['POST'], path: '/small', limits: { body: '10' } },
      );
      docs.web.spec.access.push(
        { id: 'office', allow: 'signedIn', routes: ['office'], when: { source: ['203.0.113.0/24'] } },
        { id: 'rest', allow: 'anyone', routes: ['slow', 'upload', 'small'] },
      );
    },
  });
});
beforeEach(() => estate.clear());
after(() => estate.down());

const seenFrom = () => value(estate.apps.web.last(), 'x-forwarded-for');
const address = (text) => text.split('.').map(Number);

// PROXY protocol version 2, TCP over IPv4.
function proxy2(from) {
  const signature = Buffer.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
  return Buffer.concat([
    signature,
    Buffer.from([0x21, 0x11, 0, 12, ...address(from), 127, 0, 0, 1, 0x30, 0x39, 0x20, 0xfb]),
  ]);
}

const proxied = (prefix, more = {}) => {
  const host = `web.localhost:${estate.ports.https}`;
  return estate.send('web', 'GET /public/x HTTP/1.1', [], {
    host,
    port: estate.ports.spare,
    prefix,
    ...more,
  });
};

test("PROXY protocol, both versions, from a trusted proxy: the address is the client's", async () => {
  for (const prefix of [`PROXY TCP4 ${office} 127.0.0.1 12345 8443\r\n`, proxy2(office)]) {
    estate.clear();
    assert.equal((await proxied(prefix)).status, 200);
    assert.equal(seenFrom(), office);
  }
});

test('a trusted proxy that forgets the header, or garbles it, is cut; anyone else cannot use it', async () => {
  for (const prefix of ['', 'PROXY \r\n', 'PROXY TCP4 x y 1 2\r\n', `PROXY TCP4 ${office}`]) {
    estate.clear();
    const answer = await proxied(prefix, { timeout: 3000 }).catch(() => ({ status: undefined }));
    assert.equal(answer.status, undefined, JSON.stringify(prefix));
    assert.equal(estate.upstreamSaw(), 0);
  }
  const foreign = await proxied(`PROXY TCP4 ${office} 127.0.0.1 1 2\r\n`, {
    address: '::1',
    timeout: 3000,
  }).catch(() => ({}));
  assert.equal(foreign.status, undefined, 'from an address that is no trusted proxy');
  assert.equal(estate.upstreamSaw(), 0);
});

test('X-Forwarded-For counts from a trusted proxy, its last entry, and from nobody else', async () => {
  for (const [lines, expected] of [
    [['X-Forwarded-For: 198.51.100.1, 203.0.113.7'], office],
    [['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-For: 198.51.100.9'], '198.51.100.9'],
    [['X-Forwarded-For: 2001:db8::1'], '2001:db8::1'],
  ]) {
    estate.clear();
    assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1', lines)).status, 200);
    assert.equal(seenFrom(), expected, lines.join(' | '));
  }
  for (const lines of [
    ['X-Forwarded-For: 203.0.113.7'],
    ['X_Forwarded_For: 203.0.113.7'],
    ['Forwarded: for=203.0.113.7'],
  ]) {
    estate.clear();
    const answer = await estate.send('web', 'GET /public/x HTTP/1.1', lines, { address: '::1' });
    if (answer.status === 200) assert.equal(seenFrom(), '::1', lines.join());
    else assert.equal(answer.status, 400);
  }
});

test('a rule on the source follows the true address', async () => {
  const tab = await estate.signedIn('ann');
  const cookie = `Cookie: ${estate.cookie(tab)}`;
  const ask = async (headers, more) =>
    (await estate.send('web', 'GET /office HTTP/1.1', [cookie, ...headers], more)).status;
  assert.equal(await ask(['X-Forwarded-For: 203.0.113.7']), 200);
  assert.equal(await ask(['X-Forwarded-For: 203.0.114.7']), 403);
  assert.equal(
    await ask(['X-Forwarded-For: 203.0.113.7'], { address: '::1' }),
    403,
    'claimed by nobody we trust',
  );
  assert.equal(await ask([]), 403);
});

test("bodies have their bound: the gateway's, or the route's, above or below it", async () => {
  const post = async (target, size, headers = []) => {
    estate.clear();
    const body = 'x'.repeat(size);
    const { status } = await estate.send(
      'web',
      `POST ${target} HTTP/1.1`,
      [`Content-Length: ${size}`, ...headers],
      { body },
    );
    return status;
  };
  assert.equal(await post('/public/x', 1000), 200);
  assert.equal(await post('/public/x', 2000), 413);
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(await post('/upload', 4000), 200);
  assert.equal(await post('/upload', 5000), 413);
  assert.equal(await post('/small', 10), 200);
  assert.equal(await post('/small', 11), 413);
  assert.equal(estate.upstreamSaw(), 0);
  const chunked = await estate.send('web', 'POST /small HTTP/1.1', ['Transfer-Encoding: chunked'], {
    body: 'b\r\nabcdefghijk\r\n0\r\n\r\n',
  });
  assert.equal(chunked.status, 413, 'a body without a length is counted');
});

test('a route waits as long as it says, and the page says what happened', async () => {
  estate.apps.web.respond = (req) => req.url === '/slow';
  try {
    const start = Date.now();
    const answer = await request(estate.url('web', '/slow'), { ca: estate.ca.pem });
    assert.equal(answer.status, 504);
    assert.match(answer.body, /<h1/);
    assert.ok(Date.now() - start < 5000);
  } finally {
    estate.apps.web.respond = undefined;
  }
});

const observe = (target) =>
  new Promise((resolve, reject) => {
    http
      .get(`http://127.0.0.1:${estate.ports.metrics}${target}`, (res) => {
        res.resume();
        resolve(res.statusCode);
      })
      .on('error', reject);
  });

test('health and readiness are told on loopback', async () => {
  assert.equal(await observe('/healthz'), 200);
  assert.equal(await observe('/readyz'), 200);
});

test('one state directory has one Durward', () => {
  const words = [
    'up',
    '--bundle',
    estate.bundle,
    '--state',
    estate.gateway.state,
    '--metrics',
    '127.0.0.1:0',
  ];
  const second = spawnSync(binary, words, { timeout: 10000, encoding: 'utf8' });
  assert.equal(second.status, 1, second.stderr);
});

test('SIGHUP reads the bundle again; SIGTERM ends Durward and leaves HAProxy serving', async () => {
  estate.docs.web.spec.access.find((rule) => rule.id === 'rest').allow = 'signedIn';
  writeDocuments(estate.bundle, estate.docs);
  estate.gateway.child.kill('SIGHUP');
  const post = () =>
    estate.send('web', 'POST /upload HTTP/1.1', ['Content-Length: 1', 'Accept: application/json'], {
      body: 'x',
    });
  await until(async () => (await post()).status === 401, 'the new rule');
  estate.gateway.child.kill('SIGTERM');
  assert.equal(await estate.gateway.exited, 0);
  assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1')).status, 200);
  await estate.gateway.start();
});

test('status and doctor answer, and what is on disk is for Durward alone', async () => {
  const status = await estate.gateway.ask('status');
  assert.equal(status.ready, true);
  const doctor = await estate.gateway.run('doctor', '--bundle', estate.bundle);
  assert.ok([0, 1].includes(doctor.code), doctor.stderr);
  for (const name of ['.', 'run', 'runtime', 'log']) {
    const mode = fs.statSync(path.join(estate.gateway.state, name)).mode & 0o077;
    assert.equal(mode, 0, `${name} is open to others`);
  }
});
