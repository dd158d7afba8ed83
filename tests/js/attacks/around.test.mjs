// Proves: rows 54, 63 and 64: what stands around the edge takes orders and words from nobody else: the command socket and the
// metrics refuse pages, other names, odd paths and other users; a line of the log that a stranger brings is not believed, and
// one who takes the reader's place while Durward is away is noticed; no upstream is the gateway itself, or what a name became.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { writeDocuments } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { tell } from '../lib/gateway.mjs';
import { until } from '../lib/paths.mjs';

const root = process.getuid() === 0;
const stranger = 65534;

let estate;
before(async () => {
  estate = await up('attacks-around', { reachable: true });
});
after(() => estate.down());

const run = (name) => path.join(estate.gateway.state, 'run', name);

// One exchange on a unix socket or a port of loopback.
function ask(where, { method = 'GET', target, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const req = http.request({ ...where, method, path: target, headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode, text, headers: res.headers }));
    });
    req.on('error', reject);
    req.end(body);
  });
}
// A connection that is closed without a word is a refusal too.
const control = (target, options = {}) =>
  ask(
    { socketPath: run('control.sock') },
    { target, ...options, headers: { host: 'durward', ...options.headers } },
  ).catch((error) => {
    if (error.code !== 'ECONNRESET') throw error;
    return { status: 400, text: '' };
  });
const metrics = (target, options = {}) =>
  ask({ host: '127.0.0.1', port: estate.ports.metrics }, { target, ...options });
const sessions = async () => (await estate.gateway.ask('sessions')).length;
const counted = async (name) =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await metrics('/metrics')).text)?.[1]);

test('54: the command socket refuses what a page of a site could send', async () => {
  await estate.signedIn('ann');
  const before = await sessions();
  assert.ok(before > 0);
  assert.equal((await control('/v1/status')).status, 200);
  const body = JSON.stringify({ all: true });
  for (const headers of [
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { origin: 'http://durward' },
    { origin: `https://login.localhost:${estate.ports.https}` },
    { host: 'evil.test' },
    { host: 'localhost' },
    { host: '' },
    { host: 'durward:80' },
    { host: 'durward.evil.test' },
    { host: 'DURWARD' },
  ]) {
    for (const [target, method] of [
      ['/v1/revoke', 'POST'],
      ['/v1/sessions', 'GET'],
      ['/v1/token', 'POST'],
      ['/v1/apply', 'POST'],
    ]) {
      const answer = await control(target, { method, headers, body: method === 'POST' ? body : undefined });
      assert.ok([400, 403].includes(answer.status), `${JSON.stringify(headers)} ${target}: ${answer.status}`);
    }
  }
  assert.equal(await sessions(), before);
});

test('54: the command socket has the paths and methods it names, and no other spelling of them', async () => {
  const before = await sessions();
  for (const target of [
    '/v1/./revoke',
    '/v1//revoke',
    '//v1/revoke',
    '/v1/revoke/',
    '/v1/revoke/.',
    '/v1/x/../revoke',
    '/v1/%72evoke',
    '/v1/revoke%00',
    '/v1/revoke;x',
    '/V1/revoke',
    '/v01/revoke',
    '/v1/revoke/01',
    '/revoke',
    '/',
    '*',
  ]) {
    const answer = await control(target, { method: 'POST', body: '{"all":true}' });
    assert.ok(answer.status >= 400, `${target}: ${answer.status}`);
  }
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    const answer = await control('/v1/revoke', {
      method,
      headers: { 'x-http-method-override': 'POST', 'content-length': '0' },
    });
    assert.ok(answer.status >= 400, `${method}: ${answer.status}`);
  }
  for (const body of [
    '',
    '[]',
    '{"all":"true"}',
    '{"all":1}',
    'x',
    '{"all":true',
    '{"person":true}',
    'null',
  ]) {
    const answer = await control('/v1/revoke', { method: 'POST', body });
    assert.ok(answer.status >= 400, `${body}: ${answer.status}`);
  }
  assert.equal(await sessions(), before);
  assert.ok(estate.gateway.running());
});

test('54: metrics are read, by who asks this machine by its own name', async () => {
  assert.equal((await metrics('/metrics')).status, 200);
  assert.equal(
    (await metrics('/metrics', { headers: { host: `localhost:${estate.ports.metrics}` } })).status,
    200,
  );
  for (const headers of [
    { host: 'evil.test' },
    { host: `evil.test:${estate.ports.metrics}` },
    { host: '127.0.0.1.evil.test' },
    { origin: 'https://evil.test' },
    { origin: 'null' },
  ]) {
    const answer = await metrics('/metrics', { headers });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.doesNotMatch(answer.text, /durward_/);
  }
  for (const target of [
    '/',
    '/metrics/',
    '/metrics/.',
    '/x/../metrics',
    '//metrics',
    '/%6detrics',
    '/v1/status',
    '/v1/sessions',
    '/debug/pprof/',
    '/config/01',
    '/.durward/adopt',
    '/login',
  ]) {
    const answer = await metrics(target);
    assert.equal(answer.status, 404, target);
    assert.doesNotMatch(answer.text, /^# HELP/m, target);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
    assert.equal((await metrics('/metrics', { method })).status, 405, method);
  assert.equal((await metrics('/metrics')).headers['access-control-allow-origin'], undefined);
});

// Connects to a socket as another user would; the connection is made before this returns.
function connectAsStranger(file, bytes) {
  process.seteuid(stranger);
  let socket;
  try {
    socket = net.connect(file);
  } finally {
    process.seteuid(0);
  }
  return new Promise((resolve) => {
    let text = '';
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error) => resolve(error.code));
    socket.on('close', () => resolve(text));
    setTimeout(() => socket.destroy(), 3000).unref();
  });
}

const forged = (path_) => {
  const line =
    `dw1 1 ${process.pid} ${Date.now()} 127.0.0.1 1 https_0 -- 200 1 1 forged 0 - - x ` +
    `p0|b|web/reports|-|- - GET web.localhost ${path_}`;
  return `${line.length} ${line}`;
};

test(
  '64, 54: another user gets nowhere at any socket, even with the directory left open',
  { skip: !root && 'needs to be another user' },
  async () => {
    const revoke = 'POST /v1/revoke HTTP/1.1\r\nHost: durward\r\nContent-Length: 12\r\n\r\n{"all":true}';
    const edge =
      'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: login.localhost\r\nX-Durward-Login: login_required\r\n\r\n';
    const before = await sessions();
    const refusedBefore = await counted('durward_access_log_refused_peers_total');
    for (const name of ['control.sock', 'edge.sock', 'log.sock', 'admin.sock', 'master.sock'])
      assert.equal(await connectAsStranger(run(name), revoke), 'EACCES', name);
    // Whoever opens the doors by mistake meets the second lock.
    const opened = ['control', 'edge', 'log'].map((name) => run(`${name}.sock`));
    for (let dir = path.dirname(run('x')); !(fs.statSync(dir).mode & 1); dir = path.dirname(dir))
      opened.push(dir);
    const modes = opened.map((file) => fs.statSync(file).mode & 0o7777);
    try {
      for (const file of opened) fs.chmodSync(file, 0o777);
      assert.match(await connectAsStranger(run('control.sock'), revoke), /^HTTP\/1\.1 403/);
      assert.match(await connectAsStranger(run('edge.sock'), edge), /^HTTP\/1\.1 403/);
      await connectAsStranger(run('log.sock'), forged('/forged-by-a-stranger'));
    } finally {
      opened.forEach((file, i) => fs.chmodSync(file, modes[i]));
    }
    assert.equal(await sessions(), before);
    await until(
      async () => (await counted('durward_access_log_refused_peers_total')) === refusedBefore + 1,
      'the refusal to be counted',
    );
    assert.match(fs.readFileSync(estate.gateway.log, 'utf8'), /a stranger connected to the log/);
    assert.ok(!JSON.stringify(await estate.logLines()).includes('forged-by-a-stranger'));
  },
);

const open = async (target) => (await request(estate.url('web', target), { ca: estate.ca.pem })).status;

// HAProxy 3.0 holds on to a ring's connection that its reader has closed, so a thief would wait for ever.
async function freeRing() {
  const streams = (await tell(run('admin.sock'), 'show sess all\n')).split(/^(?=0x)/m);
  const ring = streams.find(
    (one) => one.includes('frontend=durward_access') && / scb=.* rex=<NEVER>/.test(one),
  );
  if (ring) await tell(run('admin.sock'), `shutdown session ${ring.slice(0, ring.indexOf(':'))}\n`);
}

test("64: who takes the log reader's place while Durward is away is refused and the loss is recorded", async () => {
  assert.equal(await open('/public/before'), 200);
  await estate.logged((line) => line.path === '/public/before', 'the line before');
  const holes = (lines) => lines.filter((line) => JSON.stringify(line).includes('hole')).length;
  const before = holes(await estate.logLines());
  await estate.gateway.stop({ haproxy: false });
  let stolen = '';
  const victims = [];
  const thief = net.createServer((socket) => {
    victims.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      stolen += chunk;
    });
  });
  fs.rmSync(run('log.sock'), { force: true });
  await new Promise((resolve) => {
    thief.listen(run('log.sock'), resolve);
  });
  try {
    await until(
      async () => {
        await open('/public/stolen');
        await freeRing();
        return stolen.includes('/public/stolen');
      },
      'the thief to get a line',
      15000,
    );
    await assert.rejects(estate.gateway.start({ ms: 8000 }), /SYS014/);
  } finally {
    await new Promise((resolve) => {
      thief.close(resolve);
      for (const socket of victims) socket.destroy();
    });
  }
  await estate.gateway.start();
  await until(
    async () => {
      await open('/public/after');
      const lines = await estate.logLines();
      return lines.some((line) => line.path === '/public/after') && holes(lines) > before;
    },
    'the hole in the log',
    20000,
  );
});

test("63: the gateway's own ports are no upstream, and what was in force stays", async () => {
  for (const [port, host] of [
    [estate.ports.metrics, '127.0.0.1'],
    [estate.ports.metrics, 'localhost'],
    [estate.ports.https, '127.0.0.1'],
    [estate.ports.http, '[::1]'],
  ]) {
    const docs = structuredClone(estate.docs);
    docs.web.spec.upstreams.main.servers = [`${host}:${port}`];
    writeDocuments(estate.bundle, docs);
    const answer = await estate.gateway.run('apply');
    assert.equal(answer.code, 1, `${host}:${port}: ${answer.stdout}${answer.stderr}`);
    assert.match(answer.stdout + answer.stderr, /MDL050[^]*\.yaml:\d+:\d+/, `${host}:${port}`);
    assert.equal(await open('/public/x'), 200);
  }
  writeDocuments(estate.bundle, estate.docs);
});

// A resolver of one name, whose address the test may change.
function resolver(port) {
  const state = { address: '127.0.0.1' };
  const server = dgram.createSocket('udp4');
  server.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(isA ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const bytes = state.address.split('.').map(Number);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...bytes]);
    server.send(isA ? Buffer.concat([head, answer]) : head, from.port, from.address);
  });
  server.bind(port, '127.0.0.1');
  state.down = () => server.close();
  return state;
}

test('63: a name that came to mean another machine is heard by nobody', { timeout: 60000 }, async () => {
  // The configuration that Durward makes for a name, run by itself with a resolver of ours; a second address of loopback
  // stands for what is reserved.
  const docs = structuredClone(estate.docs);
  docs.web.spec.upstreams.main.servers = [`upstream.test:${estate.ports.spare}`];
  writeDocuments(estate.bundle, docs);
  assert.equal((await estate.gateway.run('apply')).code, 0);
  writeDocuments(estate.bundle, estate.docs);
  const current = fs.realpathSync(path.join(estate.gateway.state, 'current'));
  const copy = path.join(estate.dir, 'named');
  for (const part of ['certs', 'runtime', path.relative(estate.gateway.state, current)])
    fs.cpSync(path.join(estate.gateway.state, part), path.join(copy, part), { recursive: true });
  fs.mkdirSync(path.join(copy, 'run'));
  const file = path.join(copy, path.relative(estate.gateway.state, current), 'haproxy.cfg');
  const reserved = /(bc_dst -m ip) 0\.0\.0\.0\/8 169\.254\.0\.0\/16 [^}]*fe80::\/10 [^}]*}/;
  const text = fs.readFileSync(file, 'utf8');
  assert.match(text, reserved);
  fs.writeFileSync(
    file,
    text
      .replace(reserved, '$1 127.0.0.2 }')
      .replace('parse-resolv-conf', `nameserver test 127.0.0.1:${estate.ports.partner}`)
      .replaceAll(new RegExp(`(bind \\S*):${estate.ports.https}\\b`, 'g'), `$1:${estate.ports.https + 50}`)
      .replaceAll(new RegExp(`(bind \\S*):${estate.ports.http}\\b`, 'g'), `$1:${estate.ports.https + 51}`),
  );
  const dns = resolver(estate.ports.partner);
  const upstream = http.createServer((req, res) => res.end(`from ${req.socket.localAddress}`));
  await new Promise((resolve) => {
    upstream.listen(estate.ports.spare, '0.0.0.0', resolve);
  });
  const haproxy = spawn(process.env.DURWARD_HAPROXY ?? 'haproxy', ['-f', file], {
    stdio: 'ignore',
    env: { ...process.env, DURWARD_RUN: path.join(copy, 'run') },
  });
  const ask = () =>
    request(`https://web.localhost:${estate.ports.https + 50}/public/x`, { ca: estate.ca.pem });
  try {
    await until(async () => (await ask()).body === 'from 127.0.0.1', 'the named upstream', 20000);
    dns.address = '127.0.0.2';
    const refused = await until(
      async () => {
        const answer = await ask();
        assert.ok(!answer.body.includes('127.0.0.2'), 'the other machine was heard');
        return answer.status === 502 && answer;
      },
      'the answer to be refused',
      25000,
    );
    assert.equal(refused.status, 502);
  } finally {
    haproxy.kill('SIGKILL');
    upstream.close();
    upstream.closeAllConnections();
    dns.down();
  }
});
