// Proves: a change of the bundle takes effect without breaking a request in flight, losing a session or reviving a
// revoked one; most changes need no reload; a broken bundle leaves the old generation serving and says where it is wrong;
// a certificate is replaced without a reload; the upstream's or Durward's absence gives a page and not a hole.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { Estate, writeDocuments } from '../lib/estate.mjs';
import { leaf, writeBundle } from '../lib/certs.mjs';
import { request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-changes');
});
beforeEach(() => estate.clear());
after(() => estate.down());

const status = (...asked) => estate.status(...asked);

async function change(edit) {
  edit(estate.docs);
  writeDocuments(estate.bundle, estate.docs);
  return estate.gateway.ask('apply');
}

test('a rule changes without a reload: verdicts of live sessions follow', async () => {
  const tab = await estate.signedIn('ann');
  assert.equal(await status('/admin/x', estate.cookie(tab)), 403);
  const workers = await estate.gateway.settledPids();
  await change((docs) => {
    docs.web.spec.access.find((rule) => rule.id === 'admins').allow.roles = ['admin', 'refunds'];
  });
  await until(async () => (await status('/admin/x', estate.cookie(tab))) === 200, 'the new rule');
  await change((docs) => {
    docs.web.spec.access.find((rule) => rule.id === 'admins').allow.roles = ['admin'];
  });
  await until(async () => (await status('/admin/x', estate.cookie(tab))) === 403, 'the old rule');
  assert.deepEqual(estate.gateway.haproxyPids(), workers, 'no worker was replaced');
});

test('a change that needs a reload keeps requests in flight, sessions and revocations', async () => {
  const ann = await estate.signedIn('ann');
  const sam = await estate.signedIn('sam');
  await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
  estate.apps.web.respond = (req, res) => {
    if (!req.url.startsWith('/reports/slow')) return false;
    setTimeout(() => res.end('slow but whole'), 3000);
    return true;
  };
  const slow = request(estate.url('web', '/reports/slow'), {
    ca: estate.ca.pem,
    headers: { cookie: estate.cookie(ann) },
  });
  await sleep(200);
  const workers = await estate.gateway.settledPids();
  const seen = new Set();
  let stop = false;
  const watching = (async () => {
    while (!stop) {
      seen.add(await status('/', estate.cookie(sam)));
      await sleep(20);
    }
  })();
  await change((docs) => {
    docs.gateway.spec.timeouts = undefined;
    docs.web.spec.upstreams.spare = { servers: [`127.0.0.1:${estate.ports.spare}`] };
    docs.web.spec.routes.push({ id: 'spare', methods: ['GET'], path: '/spare', upstream: 'spare' });
    docs.web.spec.routes.forEach((route) => {
      route.upstream ??= 'main';
    });
    docs.web.spec.access.find((r) => r.id === 'signed-in').routes.push('spare');
  });
  assert.equal((await slow).body, 'slow but whole');
  await sleep(500);
  stop = true;
  await watching;
  estate.apps.web.respond = undefined;
  assert.deepEqual([...seen], [401], 'the revoked were refused at every instant');
  assert.equal(await status('/', estate.cookie(ann)), 200);
  assert.equal(await status('/spare', estate.cookie(ann)), 503, 'the new route is there; its server is not');
  const [{ pid }] = await estate.logged((l) => l.path === '/reports/slow', 'what the old worker answered');
  const [after] = await estate.logged((l) => l.path === '/spare', 'what the new one answered');
  assert.notEqual(after.pid, pid);
  assert.notDeepEqual(await estate.gateway.settledPids(), workers);
  const metrics = await fetch(`http://127.0.0.1:${estate.ports.metrics}/metrics`);
  assert.match(await metrics.text(), /^durward_access_log_holes_total 0$/m);
});

test('a login that is under way while a role changes is judged by the new one', async () => {
  const role = estate.docs.roles.find(({ metadata }) => metadata.name === 'admin');
  const { members } = role.spec;
  estate.provider.forge = async (claims, header) => {
    estate.provider.forge = undefined;
    await change(() => {
      role.spec.members = [{ group: 'nobody' }];
    });
    return estate.provider.sign(claims, header);
  };
  const tab = await estate.signedIn('ada');
  assert.equal(await status('/admin/x', estate.cookie(tab)), 403);
  await change(() => {
    role.spec.members = members;
  });
  await until(async () => (await status('/admin/x', estate.cookie(tab))) === 200, 'the former role');
});

test('a broken bundle changes nothing and the answer says where', async () => {
  const tab = await estate.signedIn('ann');
  const file = path.join(estate.bundle, 'apps', 'web', 'app.yaml');
  const good = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, good.replace('"allow"', '"alow"'));
  const answer = await estate.gateway.run('apply');
  fs.writeFileSync(file, good);
  assert.equal(answer.code, 1);
  assert.match(answer.stderr + answer.stdout, /app\.yaml:\d+:\d+/);
  assert.match(answer.stderr + answer.stdout, /allow/, 'did you mean');
  assert.equal(await status('/', estate.cookie(tab)), 200);
});

test('plan says what would change, and a reload or not and why; exit code 2', async () => {
  estate.docs.web.spec.access.find((rule) => rule.id === 'admins').allow.roles = ['admin', 'support'];
  writeDocuments(estate.bundle, estate.docs);
  const answer = await estate.gateway.run('plan', '--bundle', estate.bundle);
  assert.equal(answer.code, 2, answer.stderr);
  await estate.gateway.ask('apply');
  assert.equal((await estate.gateway.run('plan', '--bundle', estate.bundle)).code, 0);
});

test('a new certificate is served without a reload', async () => {
  const serial = () =>
    new Promise((resolve, reject) => {
      const socket = tls.connect(
        { host: '127.0.0.1', port: estate.ports.https, servername: 'web.localhost', ca: estate.ca.pem },
        () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  const before = await serial();
  const workers = await estate.gateway.settledPids();
  writeBundle(
    path.join(estate.bundle, 'certs', 'localhost.pem'),
    leaf(
      estate.ca,
      ['login', 'web', 'api', 'chat', 'grpc', 'other'].map((label) => `${label}.localhost`),
    ),
  );
  await until(async () => (await serial()) !== before, 'the new certificate', 15000);
  assert.deepEqual(estate.gateway.haproxyPids(), workers);
});

test('an upstream that is away gives 503 to those who may ask, and still 401 to others', async () => {
  const tab = await estate.signedIn('ann');
  await estate.apps.web.down();
  try {
    assert.ok([502, 503].includes(await status('/', estate.cookie(tab))));
    assert.equal(await status('/'), 401);
  } finally {
    await estate.apps.web.up();
  }
});

test('a group taken away at the provider is gone after the next login, and a role change in the bundle at once', async () => {
  const tab = await estate.signedIn('ada', { target: '/admin/x' });
  await change((docs) => {
    docs.roles.find((role) => role.metadata.name === 'admin').spec.members = [{ group: 'other-admins' }];
  });
  await until(async () => (await status('/admin/x', estate.cookie(tab))) === 403, 'the role to be gone');
  await change((docs) => {
    docs.roles.find((role) => role.metadata.name === 'admin').spec.members = [{ group: 'admins' }];
  });
  await until(async () => (await status('/admin/x', estate.cookie(tab))) === 200, 'the role to be back');
});

test('with Durward stopped, logins give a 503 page and sessions go on until the lease ends', async () => {
  const tab = await estate.signedIn('ann');
  await estate.gateway.stop({ haproxy: false });
  const page = await estate.tab().once(estate.url('web', '/'));
  assert.equal(page.status, 503);
  assert.match(page.body, /<h1/);
  assert.equal(await status('/', estate.cookie(tab)), 200);
  await estate.gateway.start();
  assert.equal((await estate.signedIn('sam')).page.status, 200);
});
