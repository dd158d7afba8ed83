// Proves: Durward runs inside an operator's own HAProxy, and beside one that another supervisor starts. The operator's
// frontend answers at every instant; logins and verdicts are as anywhere; a change that needs a reload goes through the
// operator's master and keeps sessions; a reload by the operator, whether Durward runs or not, opens nothing; names and
// mistakes of the operator's that HAProxy refuses keep a change out, in HAProxy's words, and the old generation serves.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate, writeDocuments } from '../lib/estate.mjs';
import { ForeignHaproxy } from '../lib/haproxy.mjs';
import { isSignIn, request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';

const operatorConfig = (ports, more = '') => `global
    tune.pattern.cache-size 0
    hard-stop-after 30m
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s

frontend ops
    bind 127.0.0.1:${ports.spare}
    http-request return status 200 content-type text/plain string fixed if { path /fixed }
    default_backend pool

backend pool
    server one 127.0.0.1:${ports.api}
${more}`;

const plain = (port, target) =>
  new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path: target, agent: false, timeout: 5000 }, (res) => {
        let body = '';
        res.on('data', (chunk) => {
          body += chunk;
        });
        res.on('end', () => resolve({ status: res.statusCode, body }));
      })
      .on('error', reject);
  });

const status = async (estate, target, cookie) =>
  (
    await request(estate.url('web', target), {
      ca: estate.ca.pem,
      headers: { accept: 'application/json', ...(cookie ? { cookie } : {}) },
    })
  ).status;

const watched = new Set();

// Asks again and again until stopped; stop() gives the set of answers.
function watch(ask) {
  const seen = new Set();
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      seen.add(await ask().catch((error) => error.code ?? error.message));
      await sleep(20);
    }
  })();
  const watcher = {
    stop: async () => {
      stopped = true;
      watched.delete(watcher);
      await done;
      return seen;
    },
  };
  watched.add(watcher);
  return watcher;
}

after(() => Promise.all([...watched].map((watcher) => watcher.stop())));

// Durward first, HAProxy `later` ms after it has published what HAProxy is to read.
async function startBeside(estate, haproxy, later) {
  const starting = estate.gateway.start();
  starting.catch(() => {}); // awaited below; a failure before must not be an unhandled one
  const file = path.join(estate.gateway.state, 'current', 'haproxy.cfg');
  await until(() => fs.existsSync(file) || !estate.gateway.running(), 'the published configuration');
  await sleep(later);
  const early = fs.readFileSync(estate.gateway.log, 'utf8');
  assert.ok(!early.includes('durward is ready'), 'ready without HAProxy');
  assert.ok(estate.gateway.running(), early);
  haproxy.start();
  await starting;
}

let upstreams = 0;
// Adds an upstream, which HAProxy can only take by a reload.
function addUpstream(docs, port) {
  upstreams += 1;
  const name = `more-${upstreams}`;
  docs.web.spec.upstreams[name] = { servers: [`127.0.0.1:${port}`] };
  docs.web.spec.routes.push({ id: name, methods: ['GET'], path: `/${name}`, upstream: name });
  for (const route of docs.web.spec.routes) route.upstream ??= 'main';
  docs.web.spec.access.find((rule) => rule.id === 'signed-in').routes.push(name);
  return `/${name}`;
}

describe('attached', () => {
  let estate;
  let haproxy;
  let file;
  let operators;

  before(async () => {
    estate = new Estate('e2e-attach', {});
    file = path.join(estate.dir, 'operator.cfg');
    const master = path.join(estate.dir, 'master.sock');
    estate.args = ['--attach', file, '--master-socket', master];
    await estate.prepare({});
    fs.writeFileSync(file, operatorConfig(estate.ports));
    haproxy = new ForeignHaproxy({
      master,
      files: [file, path.join(estate.gateway.state, 'current', 'haproxy.cfg')],
      log: path.join(estate.dir, 'operator-haproxy.log'),
    });
    await startBeside(estate, haproxy, 300);
    operators = watch(async () => (await plain(estate.ports.spare, '/fixed')).body);
  });
  beforeEach(() => estate.clear());
  after(async () => {
    await estate.gateway?.stop({ haproxy: false });
    await haproxy?.stop();
    await operators?.stop();
    await estate.down();
  });

  const apply = () => {
    writeDocuments(estate.bundle, estate.docs);
    return estate.gateway.run('apply');
  };

  test('the operator has their frontend and backend; logins and verdicts are as anywhere', async () => {
    assert.deepEqual(await plain(estate.ports.spare, '/fixed'), { status: 200, body: 'fixed' });
    assert.deepEqual(await plain(estate.ports.spare, '/healthz'), { status: 200, body: 'ok\n' });
    const page = await estate.tab().walk(estate.url('web', '/reports/x'));
    assert.ok(isSignIn(page), page.url);
    assert.equal(estate.upstreamSaw(), 0);
    const ann = await estate.signedIn('ann', { target: '/reports/x' });
    assert.equal(ann.page.status, 200);
    estate.clear();
    assert.equal(await status(estate, '/admin/x', estate.cookie(ann)), 403);
    assert.equal(await status(estate, '/', undefined), 401);
    assert.equal(estate.upstreamSaw(), 0);
    assert.equal(await status(estate, '/public/x'), 200);
    await estate.gateway.ask('revoke', '--person', 'ann@corp.example');
    assert.equal(await status(estate, '/', estate.cookie(ann)), 401);
  });

  test('a rule changes without a reload', async () => {
    const ann = await estate.signedIn('ann');
    const worker = await haproxy.worker();
    const rule = estate.docs.web.spec.access.find((r) => r.id === 'admins');
    rule.allow.roles = ['admin', 'refunds'];
    assert.equal((await apply()).code, 0);
    assert.equal(await status(estate, '/admin/x', estate.cookie(ann)), 200);
    rule.allow.roles = ['admin'];
    assert.equal((await apply()).code, 0);
    assert.equal(await status(estate, '/admin/x', estate.cookie(ann)), 403);
    assert.equal(await haproxy.worker(), worker);
  });

  test("a change that needs a reload goes through the operator's master and keeps sessions", async () => {
    const ann = await estate.signedIn('ann');
    const sam = await estate.signedIn('sam');
    await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
    const worker = await haproxy.worker();
    const [people, revoked] = [ann, sam].map((tab) => watch(() => status(estate, '/', estate.cookie(tab))));
    const target = addUpstream(estate.docs, estate.ports.web);
    const answer = await apply();
    assert.equal(answer.code, 0, answer.stderr);
    await haproxy.otherWorker(worker);
    await sleep(300);
    assert.deepEqual([...(await people.stop())], [200]);
    assert.deepEqual([...(await revoked.stop())], [401]);
    assert.equal(await status(estate, target, estate.cookie(ann)), 200);
  });

  test('Durward restarts, and nothing is reloaded', async () => {
    const ann = await estate.signedIn('ann');
    const worker = await haproxy.worker();
    await estate.gateway.stop({ haproxy: false });
    assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
    await estate.gateway.start();
    assert.equal(await haproxy.worker(), worker);
    assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
  });

  for (const [how, reload] of [
    ['through the master socket', () => haproxy.ask('reload')],
    ['by SIGUSR2', () => haproxy.signal('SIGUSR2')],
  ]) {
    test(`the operator reloads ${how}: closed, then filled again by itself`, async () => {
      const ann = await estate.signedIn('ann');
      const sam = await estate.signedIn('sam');
      await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
      estate.clear();
      const worker = await haproxy.worker();
      const revoked = watch(() => status(estate, '/reports/revoked', estate.cookie(sam)));
      const people = watch(() => status(estate, '/', estate.cookie(ann)));
      await reload();
      await haproxy.otherWorker(worker);
      await until(
        async () => (await (await fetch(`http://${estate.gateway.metrics}/readyz`)).text()) === 'ready\n',
        'ready',
      );
      await sleep(1000);
      const outsiders = await revoked.stop();
      assert.ok(
        [...outsiders].every((code) => [401, 503].includes(code)),
        [...outsiders].join(' '),
      );
      const insiders = await people.stop();
      assert.ok(
        [...insiders].every((code) => [200, 503].includes(code)),
        [...insiders].join(' '),
      );
      assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
      assert.equal(await status(estate, '/', estate.cookie(sam)), 401);
      assert.ok(!estate.apps.web.seen.some((entry) => entry.url === '/reports/revoked'));
      assert.equal((await estate.signedIn('sam')).page.status, 200, 'a new login works');
    });
  }

  test('the operator reloads while Durward is away: shut, but for what anyone may see, until it is back', async () => {
    const ann = await estate.signedIn('ann');
    const sam = await estate.signedIn('sam');
    await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
    await estate.gateway.stop({ haproxy: false });
    const worker = await haproxy.worker();
    await haproxy.ask('reload');
    await haproxy.otherWorker(worker);
    await sleep(500);
    estate.clear();
    for (const tab of [ann, sam]) assert.equal(await status(estate, '/', estate.cookie(tab)), 503);
    assert.equal(estate.upstreamSaw(), 0);
    assert.equal(await status(estate, '/public/x'), 200);
    await estate.gateway.start();
    assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
    assert.equal(await status(estate, '/', estate.cookie(sam)), 401);
  });

  test('a request in flight ends in the old worker, and a revocation reaches it there', async () => {
    const ann = await estate.signedIn('ann', { app: 'chat', target: '/' });
    const answer = request(estate.url('chat', '/events'), {
      ca: estate.ca.pem,
      headers: { cookie: estate.cookie(ann, 'chat') },
    }).then(
      () => 'ended',
      (error) => error.code ?? error.message,
    );
    await until(() => estate.apps.chat.seen.some((entry) => entry.url === '/events'), 'the stream');
    const worker = await haproxy.worker();
    await haproxy.ask('reload');
    await haproxy.otherWorker(worker);
    await until(async () => (await status(estate, '/', undefined)) === 401, 'the new worker to serve');
    assert.equal(await Promise.race([answer, sleep(1000).then(() => 'open')]), 'open');
    await estate.gateway.ask('revoke', '--person', 'ann@corp.example');
    assert.notEqual(await Promise.race([answer, sleep(5000).then(() => 'open')]), 'open');
  });

  const clashes = {
    'a backend of our name': {
      more: '\nbackend durward_edge\n    server x 127.0.0.1:1\n',
      words: /durward_edge/,
    },
    'a frontend of our name': { more: '\nfrontend https_0\n    bind 127.0.0.1:0\n', words: /https_0/ },
    'a mistake of their own': {
      more: '\nbackend broken\n    sarver x 127.0.0.1:1\n',
      words: /sarver[\s\S]*which is not Durward's to change/,
    },
  };
  for (const [what, { more, words }] of Object.entries(clashes)) {
    test(`${what} in the operator's file keeps apply and up out, in HAProxy's words`, async () => {
      const ann = await estate.signedIn('ann');
      const worker = await haproxy.worker();
      const { generation } = await estate.gateway.ask('status');
      const docs = structuredClone(estate.docs);
      fs.writeFileSync(file, operatorConfig(estate.ports, more));
      addUpstream(estate.docs, estate.ports.web);
      const refused = await apply();
      assert.equal(refused.code, 1);
      assert.match(refused.stdout + refused.stderr, /DAT021/);
      assert.match(refused.stdout + refused.stderr, words);
      assert.equal((await estate.gateway.ask('status')).generation, generation);
      assert.equal(await haproxy.worker(), worker);
      assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
      await estate.gateway.stop({ haproxy: false });
      await assert.rejects(estate.gateway.start(), (error) => {
        assert.match(error.message, /DAT021/);
        assert.match(error.message, words);
        return true;
      });
      assert.equal(await haproxy.worker(), worker);
      assert.equal(await status(estate, '/', estate.cookie(ann)), 200, 'the old generation goes on');
      estate.docs = docs;
      writeDocuments(estate.bundle, docs);
      fs.writeFileSync(file, operatorConfig(estate.ports));
      await estate.gateway.start();
      assert.equal(await haproxy.worker(), worker);
      assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
    });
  }

  test("the operator's frontend never missed a request", async () => {
    assert.deepEqual([...(await operators.stop())], ['fixed']);
  });
});

describe('another supervisor', () => {
  let estate;
  let haproxy;

  before(async () => {
    estate = new Estate('e2e-other-supervisor', { args: ['--no-haproxy'] });
    await estate.prepare({});
    const { state } = estate.gateway;
    haproxy = new ForeignHaproxy({
      master: path.join(state, 'run', 'master.sock'),
      files: [path.join(state, 'current', 'haproxy.cfg')],
      log: path.join(estate.dir, 'supervised-haproxy.log'),
      env: { DURWARD_RUN: path.join(state, 'run') },
    });
    await startBeside(estate, haproxy, 12000); // longer than any step waits for HAProxy
  });
  beforeEach(() => estate.clear());
  after(async () => {
    await estate.gateway?.stop({ haproxy: false });
    await haproxy?.stop();
    await estate.down();
  });

  test('HAProxy that starts later is found and filled; a change reloads it', async () => {
    const ann = await estate.signedIn('ann');
    assert.equal(await status(estate, '/admin/x', estate.cookie(ann)), 403);
    const worker = await haproxy.worker();
    const target = addUpstream(estate.docs, estate.ports.web);
    writeDocuments(estate.bundle, estate.docs);
    await estate.gateway.ask('apply');
    assert.notEqual(await haproxy.worker(), worker);
    assert.equal(await status(estate, target, estate.cookie(ann)), 200);
  });

  test('the supervisor restarts HAProxy: shut, then filled by itself; the revoked stay out', async () => {
    const ann = await estate.signedIn('ann');
    const sam = await estate.signedIn('sam');
    await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
    await haproxy.stop();
    const away = await estate.gateway.run('status', '--output', 'json');
    assert.ok(away.code === 0 || away.code === 1);
    await until(async () => (await estate.gateway.run('status')).code === 1, 'status to say so');
    assert.match((await estate.gateway.run('status')).stdout, /HAProxy is not running/);
    haproxy.start();
    const seen = new Set();
    await until(async () => {
      const code = await status(estate, '/', estate.cookie(sam));
      seen.add(code);
      return code === 401;
    }, 'serving again');
    assert.ok(!seen.has(200));
    assert.equal(await status(estate, '/', estate.cookie(ann)), 200);
  });

  test('a change while HAProxy is away is in force when it starts', async () => {
    const ann = await estate.signedIn('ann');
    await haproxy.stop();
    const target = addUpstream(estate.docs, estate.ports.web);
    writeDocuments(estate.bundle, estate.docs);
    const answer = await estate.gateway.run('apply');
    if (answer.code !== 0) assert.match(answer.stderr, /not confirmed it: HAProxy is not running/);
    haproxy.start();
    await until(async () => (await status(estate, target, estate.cookie(ann))) === 200, 'the new route');
  });
});
