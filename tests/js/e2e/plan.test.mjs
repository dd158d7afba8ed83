// Proves: `plan` and `apply` say who gains and who loses access before it happens, by name for the people who are logged
// in and by role for the others; what they say is what the gateway then does; a route that opens to anyone stands out;
// two bundles are compared without a gateway; `doctor` sees certificates that will not do.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate, writeDocuments } from '../lib/estate.mjs';
import { leaf, writeBundle } from '../lib/certs.mjs';
import { binary } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-plan');
});
after(() => estate.down());

const status = (...asked) => estate.status(...asked);

// A bundle beside the estate's own, changed.
function proposed(name, edit) {
  const docs = structuredClone(estate.docs);
  edit(docs);
  const dir = path.join(estate.dir, name);
  fs.cpSync(estate.bundle, dir, { recursive: true });
  writeDocuments(dir, docs);
  return dir;
}

async function plan(bundle) {
  const answer = await estate.gateway.run('plan', '--bundle', bundle, '--output', 'json');
  return { code: answer.code, ...answer.json() };
}

const rule = (docs, app, id) => docs[app].spec.access.find((one) => one.id === id);

test('nothing changes: nobody gains, nobody loses, exit code 0', async () => {
  const { code, access } = await plan(estate.bundle);
  assert.equal(code, 0);
  assert.equal(access.summary, 'nobody gains; nobody loses');
  assert.deepEqual(access.routes, []);
});

test('people who are logged in are named, and then it is so', async () => {
  const ann = await estate.signedIn('ann');
  const sam = await estate.signedIn('sam');
  const before = {
    ann: await status('/admin', estate.cookie(ann)),
    sam: await status('/', estate.cookie(sam)),
  };
  assert.deepEqual(before, { ann: 403, sam: 200 });
  const bundle = proposed('people', (docs) => {
    rule(docs, 'web', 'admins').allow.roles = ['admin', 'refunds'];
    docs.web.spec.access.push({ id: 'no-support', deny: { roles: ['support'] }, routes: ['home'] });
  });
  const { code, access, applied } = await plan(bundle);
  assert.equal(code, 2);
  assert.equal(applied, false);
  const route = (id) => access.routes.find((one) => one.route === id);
  assert.ok(route('admin').people.gain.includes('ann@corp.example'), JSON.stringify(route('admin')));
  assert.deepEqual(route('admin').gain, [{ who: 'refunds', when: [], open: false }]);
  assert.ok(route('home').people.lose.includes('sam@corp.example'), JSON.stringify(route('home')));
  assert.equal(route('reports'), undefined, 'what stays as it is is not listed');
  assert.equal(await status('/admin', estate.cookie(ann)), 403, 'a plan changes nothing');

  const done = await estate.gateway.run('apply', '--bundle', bundle);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^ {4}\+ refunds$/m);
  assert.match(done.stdout, /logged in now: .*ann@corp\.example/);
  assert.match(done.stdout, /applied\n$/);
  assert.equal(await status('/admin', estate.cookie(ann)), 200);
  assert.equal(await status('/', estate.cookie(sam)), 403);
  await estate.gateway.ask('apply');
});

test('who holds a role is access, too', async () => {
  await estate.signedIn('ann');
  const bundle = proposed('roles', (docs) => {
    docs.roles.find((role) => role.metadata.name === 'admin').spec.members.push({ group: 'fin-refunds' });
  });
  const { code, access } = await plan(bundle);
  assert.equal(code, 2);
  assert.deepEqual(access.definitions, ['group fin-refunds now has the role admin']);
  assert.ok(access.people.gain.includes('ann@corp.example'));
  assert.deepEqual(access.people.lose, []);
});

test('a provider that goes takes its logins with it', async () => {
  await estate.signedIn('ann');
  const bundle = proposed('provider', (docs) => {
    docs.corp.metadata.name = 'other';
    docs.credentials.forEach((credential) => {
      credential.spec.usedBy = ['idp/other'];
    });
  });
  const { access } = await plan(bundle);
  assert.ok(access.people.logged_out.includes('ann@corp.example'));
  assert.ok(access.people.lose.includes('ann@corp.example'));
});

test('a route that opens to anyone stands out', async () => {
  const bundle = proposed('open', (docs) => {
    rule(docs, 'web', 'open').routes.push('admin-all');
  });
  const { access } = await plan(bundle);
  const opened = access.routes[0];
  assert.deepEqual([opened.route, opened.opens], ['admin-all', true]);
  const text = (await estate.gateway.run('plan', '--bundle', bundle)).stdout;
  assert.match(text, /^! .*web\.localhost\/admin\/\{\*\*\}/m);
  assert.match(text, /\+ OPEN: /);
});

test('two bundles are compared offline, by role', () => {
  const bundle = proposed('offline', (docs) => {
    rule(docs, 'api', 'write').allow.roles = ['refunds', 'support'];
  });
  const ran = spawnSync(binary, ['plan', '--from', estate.bundle, '--bundle', bundle], { encoding: 'utf8' });
  assert.equal(ran.status, 2, ran.stderr);
  assert.match(ran.stdout, /^access: support gains POST \/v1\/refunds on api; nobody loses$/m);
  assert.match(ran.stdout, /\+ support; with webauthn or above; a login at most 15m old/);
  const same = spawnSync(binary, ['plan', '--from', bundle, '--bundle', bundle], { encoding: 'utf8' });
  assert.equal(same.status, 0);
  const neither = spawnSync(binary, ['plan'], {
    encoding: 'utf8',
    env: { ...process.env, DURWARD_STATE: '' },
  });
  assert.equal(neither.status, 1);
  assert.match(neither.stderr, /CLI013/);
});

test('doctor looks at certificates: hosts without one, a key that does not fit, one that has ended', () => {
  const bundle = proposed('certificates', () => {});
  const certs = path.join(bundle, 'certs');
  const look = () => {
    const ran = spawnSync(binary, ['doctor', '--bundle', bundle, '--output', 'json'], { encoding: 'utf8' });
    return JSON.parse(ran.stdout).filter((check) => /^(certificate|hosts) /.test(check.check));
  };
  assert.deepEqual(
    look().map((check) => check.ok),
    [true, true],
  );
  const pem = path.join(certs, 'localhost.pem');
  writeBundle(pem, leaf(estate.ca, ['web.localhost', 'login.localhost']));
  const hosts = look().find((check) => check.check.startsWith('hosts'));
  assert.equal(hosts.ok, false);
  assert.match(hosts.text, /api\.localhost/);
  const key = execFileSync(
    'openssl',
    ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    {
      encoding: 'utf8',
    },
  );
  const whole = fs.readFileSync(pem, 'utf8');
  fs.writeFileSync(
    pem,
    whole.replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----\n?/, key),
  );
  assert.match(look()[0].text, /does not fit/);
});
