// Proves: row 52: what changes at the provider reaches people who are signed in, without a new login and within the
// stated bound: a group that is taken away, an account that is shut, a provider that stays away. Refresh tokens survive
// rotation and restarts, and are nowhere in the clear.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Estate } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';
import { value } from '../apps/upstream.mjs';

const interval = 5000; // session.refresh of the bundle below
const within = interval + 2000; // a change is in force after at most this, the reading itself included
const lapse = 3 * interval; // a provider that cannot be read is believed for this long

let estate;
before(async () => {
  estate = await Estate.up('e2e-freshness', {
    session: { idle: '30m', absolute: '10h', refresh: `${interval / 1000}s` },
    provider: { refresh: true },
  });
});
beforeEach(async () => {
  estate.provider.reset();
  await estate.provider.up();
  for (const person of estate.provider.people) delete person.disabled;
  estate.provider.setGroups('ada', ['staff', 'admins']);
  estate.clear();
});
after(() => estate.down());

const open = async (tab, target, { app = 'web', headers = { cookie: estate.cookie(tab, app) } } = {}) =>
  (
    await request(estate.url(app, target), {
      ca: estate.ca.pem,
      headers: { accept: 'application/json', ...headers },
    })
  ).status;

// How long it takes until a page answers with `status`, asked for all the while.
async function time(tab, target, status, ms, options) {
  const start = Date.now();
  await until(async () => (await open(tab, target, options)) === status, `${status} for ${target}`, ms);
  return Date.now() - start;
}

const asked = (route) => estate.provider.seen.filter((entry) => entry.route === route).length;
const refreshes = () =>
  estate.provider.seen
    .filter((entry) => entry.params.grant_type === 'refresh_token')
    .map((e) => e.params.refresh_token);
const metric = async (name, ...labels) => {
  const text = await (await fetch(`http://127.0.0.1:${estate.ports.metrics}/metrics`)).text();
  const line = text
    .split('\n')
    .find((l) => l.startsWith(`${name}{`) && labels.every((label) => l.includes(label)));
  return Number(line?.split(' ').at(-1) ?? 0);
};

test('52: a group taken away is gone within the bound, for cookies and bearer tokens, and comes back as fast', async () => {
  const tab = await estate.signedIn('ada', { target: '/admin/x' });
  const token = await estate.bearer('ada', 'web', { life: '1h', name: 'r' });
  const bearer = { headers: { authorization: `Bearer ${token}` } };
  assert.equal(await open(tab, '/admin/x', bearer), 200);
  const logins = asked('authorization');
  estate.provider.setGroups('ada', ['staff']);
  const took = await time(tab, '/admin/x', 403, within);
  assert.ok(took <= within, `${took} ms`);
  assert.equal(await open(tab, '/admin/x', bearer), 403);
  estate.clear();
  for (let i = 0; i < 20; i += 1) assert.equal(await open(tab, '/admin/x'), 403);
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(await open(tab, '/'), 200, 'the session itself goes on');
  assert.equal(value(estate.apps.web.last(), 'x-durward-roles'), 'staff', 'what upstreams are told');
  estate.provider.setGroups('ada', ['staff', 'admins']);
  await time(tab, '/admin/x', 200, within);
  assert.equal(asked('authorization'), logins, 'nobody had to log in');
  assert.ok((await metric('durward_claims_refreshes_total', 'provider="corp"', 'outcome="changed"')) >= 2);
});

test('52: a group given to be denied by, likewise', async () => {
  const tab = await estate.signedIn('ann', { target: '/inside/x' });
  estate.provider.setGroups('ann', ['staff', 'contractors']);
  await time(tab, '/inside/x', 403, within);
  estate.provider.setGroups('ann', ['staff', 'fin-refunds']);
  await time(tab, '/inside/x', 200, within);
});

test('an account that is shut at the provider ends its logins, on every host, and of nobody else', async () => {
  const tab = await estate.signedIn('sam');
  const other = await estate.signedIn('ann');
  await tab.walk(estate.url('chat', '/'));
  estate.provider.person('sam').disabled = true;
  await time(tab, '/', 401, within);
  assert.equal(await open(tab, '/', { app: 'chat' }), 401);
  assert.equal(await open(other, '/'), 200);
  estate.clear();
  assert.equal(await open(tab, '/'), 401);
  assert.equal(estate.upstreamSaw(), 0);
  assert.match(fs.readFileSync(estate.gateway.log, 'utf8'), /"event":"login ended by its provider"/);
  assert.ok((await metric('durward_claims_refreshes_total', 'outcome="refused"')) >= 1);
});

test('a refresh that is answered for another person ends the login', async () => {
  const tab = await estate.signedIn('eve');
  estate.provider.claims = (claims) =>
    claims.sub === '1004' ? { ...claims, sub: '1003', groups: ['admins'] } : claims;
  await time(tab, '/', 401, within);
});

test('a refresh raises no level, whatever its token says', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/refunds', acr: 'urn:corp:pwd' });
  estate.provider.acrSays = 'urn:corp:key';
  const before = refreshes().length;
  await until(() => refreshes().length > before + 2, 'some refreshes', 3 * within);
  await sleep(500);
  assert.equal(await open(tab, '/v1/approve', { app: 'api' }), 401);
});

test(
  'a provider that stays away is believed for the bound, and then attributes are unknown',
  { timeout: 60000 },
  async () => {
    const tab = await estate.signedIn('ada', { target: '/admin/x' });
    const inside = await estate.signedIn('ann', { target: '/inside/x' });
    await estate.provider.down();
    const start = Date.now();
    while (Date.now() - start < lapse - interval - 1000) {
      assert.equal(await open(tab, '/admin/x'), 200, `${Date.now() - start} ms after`);
      await sleep(250);
    }
    await time(tab, '/admin/x', 403, lapse + 2000 - (Date.now() - start));
    await time(inside, '/inside/x', 403, within); // a deny by role catches the unknown
    assert.equal(await open(tab, '/'), 200, 'who is signed in stays signed in');
    await estate.provider.up();
    await time(tab, '/admin/x', 200, 20000); // a pause after a failure besides
  },
);

test('a provider that hangs holds up nobody, and is believed for the bound', { timeout: 60000 }, async () => {
  const tab = await estate.signedIn('ada', { target: '/admin/x' });
  estate.provider.overrides.set('/token', () => {});
  for (let i = 0; i < 20; i += 1) {
    const start = Date.now();
    assert.equal(await open(tab, '/admin/x'), 200);
    assert.ok(Date.now() - start < 1000);
    await sleep(250);
  }
  await time(tab, '/admin/x', 403, lapse);
  estate.provider.overrides.clear();
  await time(tab, '/admin/x', 200, 30000);
});

test(
  'rotated refresh tokens live through refreshes, a kill and a restart; none is ever shown twice',
  { timeout: 60000 },
  async () => {
    await estate.gateway.ask('revoke', '--all'); // the one below is alone
    estate.provider.rotate = true;
    const from = refreshes().length;
    const tab = await estate.signedIn('otto');
    const mine = () => refreshes().slice(from);
    await until(() => mine().length >= 2, 'two refreshes', 4 * within);
    await sleep(1000); // the provider's answer is on its way: lost, it would be lost for good
    await estate.gateway.stop({ signal: 'SIGKILL', haproxy: false });
    await estate.gateway.start();
    const shown = mine().length;
    await until(() => mine().length >= shown + 2, 'refreshes after the restart', 4 * within);
    assert.equal(await open(tab, '/'), 200);
    assert.equal(new Set(mine()).size, mine().length, 'spent tokens are not shown again');
  },
);

test('a provider is asked for a few at a time, however many are due', { timeout: 60000 }, async () => {
  for (let i = 0; i < 12; i += 1) await estate.signedIn('max');
  let active = 0;
  let most = 0;
  let done = 0;
  estate.provider.overrides.set('/token', (req, res) => {
    active += 1;
    most = Math.max(most, active);
    setTimeout(() => {
      active -= 1;
      done += 1;
      estate.provider.callback(req, res);
    }, 700);
  });
  await until(() => done >= 24, 'each to be read twice', 30000);
  assert.ok(most >= 2 && most <= 4, `${most} at once`);
});

test('no refresh token is in the state directory or in a log', async () => {
  await estate.signedIn('ann');
  const before = refreshes().length;
  await until(() => refreshes().length > before, 'a refresh', within);
  const tokens = [...new Set(refreshes())];
  const files = fs
    .readdirSync(estate.dir, { recursive: true })
    .map((name) => path.join(estate.dir, name))
    .filter((name) => fs.lstatSync(name).isFile());
  assert.ok(files.length > 5 && tokens.length > 0);
  for (const file of files) {
    const bytes = fs.readFileSync(file);
    for (const token of tokens) assert.ok(!bytes.includes(token), `${file} holds a refresh token`);
  }
});

test('signing out forgets the refresh token: nothing is asked for any more', async () => {
  await estate.gateway.ask('revoke', '--all');
  const before = refreshes().length;
  await sleep(within);
  assert.equal(refreshes().length, before);
});
