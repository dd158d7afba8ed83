// Proves: each request leaves one line with what was decided and why, through a reader that may be away for a while; no
// secret, query string or token is in the log, on a page or in Durward's own log; metrics count what happened and are on
// loopback only.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { Estate, secret } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { until } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-log');
});
beforeEach(() => estate.clear());
after(() => estate.down());

const get = (app, target, headers = {}) => request(estate.url(app, target), { ca: estate.ca.pem, headers });
const metrics = () =>
  new Promise((resolve, reject) => {
    http
      .get(`http://127.0.0.1:${estate.ports.metrics}/metrics`, (res) => {
        let text = '';
        res.on('data', (chunk) => {
          text += chunk;
        });
        res.on('end', () => resolve({ status: res.statusCode, text }));
      })
      .on('error', reject);
  });

test('one line a request: allow with rule and session, deny with reason, refusal of bad bytes', async () => {
  const tab = await estate.signedIn('ann');
  await get('web', '/reports/logged?secret=query', { cookie: estate.cookie(tab) });
  await get('web', '/admin/logged', { cookie: estate.cookie(tab), accept: 'application/json' });
  await get('web', '/reports/nobody', { accept: 'application/json' });
  await estate.send('web', 'GET /reports/bad;x HTTP/1.1');
  const [allowed] = await estate.logged((l) => l.path === '/reports/logged', 'the allowed request');
  assert.equal(allowed.status, 200);
  assert.equal(allowed.host, 'web.localhost');
  assert.equal(allowed.method, 'GET');
  assert.ok(JSON.stringify(allowed).includes('signed-in'), 'the rule is named');
  const [denied] = await estate.logged((l) => l.path === '/admin/logged', 'the denied request');
  assert.equal(denied.status, 403);
  assert.ok(JSON.stringify(denied).includes('no_rule'));
  const [anonymous] = await estate.logged((l) => l.path === '/reports/nobody', 'the anonymous request');
  assert.equal(anonymous.status, 401);
  const [bad] = await estate.logged((l) => l.status === 400, 'the bad request');
  assert.ok(bad);
});

test('the request id on the page is the one in the log and the one the upstream saw', async () => {
  const tab = await estate.signedIn('ann');
  const problem = (
    await get('web', '/admin/id', { cookie: estate.cookie(tab), accept: 'application/json' })
  ).json();
  const [line] = await estate.logged((l) => l.path === '/admin/id', 'the line');
  assert.ok(JSON.stringify(line).includes(problem.request_id));
});

test('no secret anywhere: query, cookie, bearer, client secret, code, password', async () => {
  const canary = 'canary-5f1e7b';
  const tab = await estate.signedIn('ann');
  const cookie = estate.cookie(tab).split('=')[1];
  const token = await estate.bearer('ann', 'api', { life: '1m', name: 'canary' });
  await get('api', `/v1/refunds?access_token=${canary}`, {
    authorization: `Bearer ${token}`,
    cookie: `x=${canary}`,
    'x-canary': canary,
  });
  await get('api', '/nowhere', {
    authorization: `Bearer ${canary}`,
    referer: `https://x.example/?q=${canary}`,
  });
  await get('login', `/callback/corp?code=${canary}&state=${canary}`);
  await estate.logged((l) => l.path === '/nowhere', 'the last line');
  const texts = [];
  const walk = (dir) => {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
      const file = path.join(dir, entry.name);
      if (entry.isDirectory()) walk(file);
      else if (entry.isFile()) texts.push([file, fs.readFileSync(file, 'latin1')]);
    }
  };
  walk(estate.gateway.state);
  texts.push(['durward.log', fs.readFileSync(estate.gateway.log, 'latin1')]);
  for (const [file, text] of texts) {
    for (const [what, value] of Object.entries({ canary, cookie, token, secret }))
      assert.ok(!text.includes(value), `${what} is in ${file}`);
  }
});

test('sequence numbers are dense: no line is lost under load', async () => {
  const tab = await estate.signedIn('ann');
  const cookie = estate.cookie(tab);
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => get('web', `/reports/dense-${round}-${i}`, { cookie })),
    );
  }
  await until(
    async () => (await estate.logLines()).filter((l) => l.path?.startsWith('/reports/dense-')).length === 200,
    '200 lines',
    10000,
  );
  const lines = (await estate.logLines()).filter((l) => Number.isInteger(l.sequence));
  assert.ok(lines.length >= 200, 'lines carry a sequence');
  const byWorker = Map.groupBy(lines, (l) => l.pid);
  for (const [pid, own] of byWorker) {
    const numbers = own.map((l) => l.sequence).sort((a, b) => a - b);
    assert.equal(numbers.at(-1) - numbers[0], numbers.length - 1, `worker ${pid}`);
  }
});

test('a forged line from another process is not believed', async () => {
  const socket = path.join(estate.gateway.state, 'run', 'log.sock');
  const mode = fs.statSync(path.dirname(socket)).mode & 0o777;
  assert.equal(mode & 0o077, 0, 'nobody else can reach the sockets');
});

test('metrics on loopback; nothing of it, and no debug page, on the gateway', async () => {
  const { status, text } = await metrics();
  assert.equal(status, 200);
  for (const word of ['login', 'session', 'reload']) assert.match(text, new RegExp(word), word);
  for (const target of [
    '/metrics',
    '/stats',
    '/;csv',
    '/debug/pprof/',
    '/healthz',
    '/readyz',
    '/haproxy?stats',
    '/admin.sock',
  ]) {
    for (const app of ['web', 'login'])
      assert.notEqual(
        (await get(app, target, { accept: 'application/json' })).status,
        200,
        `${app}${target}`,
      );
  }
});
