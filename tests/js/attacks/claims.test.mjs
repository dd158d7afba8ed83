// Proves: rows 47 and 65: who somebody is comes from the subject and the declared claims alone, byte for byte, never from
// a name that people can edit; and what was good at one app or provider is nothing at another.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { request } from '../lib/client.mjs';
import { value } from '../apps/upstream.mjs';

const resource = (name, members) => ({
  apiVersion: 'durward/v1',
  kind: 'Role',
  metadata: { name },
  spec: { members },
});

let estate;
before(async () => {
  estate = await up('attacks-claims', {
    partner: true,
    session: { idle: '30m', absolute: '10h', refresh: '5s' },
    provider: { refresh: true },
    more: (docs) => {
      docs.roles.push(
        resource('numbered', [{ claim: { name: 'employee_id', is: 'E1003' } }]),
        resource('mailed', [{ person: 'ada@corp.example' }]),
      );
      for (const role of ['numbered', 'mailed']) {
        docs.web.spec.routes.push({ id: role, path: `/${role}/{**}` });
        docs.web.spec.access.push({ id: role, allow: { roles: [role] }, routes: [role] });
      }
    },
  });
});
beforeEach(() => {
  estate.provider.reset();
  for (const person of estate.provider.people) delete person.extra;
  estate.provider.person('eve').email_verified = true;
  estate.clear();
});
after(() => estate.down());

const status = async (app, target, headers) =>
  (
    await request(estate.url(app, target), {
      ca: estate.ca.pem,
      headers: { accept: 'application/json', ...headers },
    })
  ).status;
const guarded = ['/numbered/x', '/mailed/x', '/admin/x'];

// Signs eve in as the provider now describes her; none of what is ada's may open.
async function eveGetsNowhere(what) {
  const tab = await estate.signedIn('eve', { target: '/reports/x', provider: 'corp' });
  assert.equal(value(estate.apps.web.last(), 'x-durward-user'), '1004', what);
  estate.clear();
  for (const target of guarded)
    assert.equal(await status('web', target, { cookie: estate.cookie(tab) }), 403, `${what}: ${target}`);
  assert.equal(estate.upstreamSaw(), 0, what);
}

test('65: the base line: who has the declared claim gets in', async () => {
  const tab = await estate.signedIn('ada', { target: '/reports/x', provider: 'corp' });
  for (const target of guarded)
    assert.equal(await status('web', target, { cookie: estate.cookie(tab) }), 200, target);
});

test('65: renaming oneself to somebody else matches nothing', async () => {
  const ada = estate.provider.person('ada');
  for (const extra of [
    { preferred_username: 'ada' },
    { preferred_username: ada.sub, name: ada.name, nickname: 'ada', upn: ada.email },
    { email: ada.email, email_verified: false },
    { email: ada.email, email_verified: 'true' },
    { emails: [ada.email], username: 'ada', user: 'ada', roles: ['numbered', 'admin'] },
    { 'employee-id': 'E1003', Employee_ID: 'E1003', employee_id: 'E1004' },
  ]) {
    const { email_verified = true } = extra; // the provider says it apart
    Object.assign(estate.provider.person('eve'), { extra, email_verified });
    await eveGetsNowhere(JSON.stringify(extra));
  }
});

test('65: a value that only looks like the declared one does not match', async () => {
  for (const employee_id of [
    '',
    '.',
    '..',
    '%2e',
    '%2e%2e',
    'E1003/../E1003',
    'E%31003',
    'e1003',
    ' E1003',
    'E1003 ',
    'E1003\u0000',
    'E1003\n',
    '\u04151003',
    'E\uff11\uff10\uff10\uff13',
    'E1003\u200b',
    'E'.repeat(65),
    'x'.repeat(5000),
    1003,
    true,
    null,
    { E1003: true },
    ['E1004', ['E1003']],
    'E1003,E1004',
    '*',
  ]) {
    estate.provider.person('eve').extra = { employee_id };
    await eveGetsNowhere(JSON.stringify(employee_id).slice(0, 60));
  }
  assert.ok(estate.gateway.running());
});

test('65: nor does it when it is renamed during a session', async () => {
  const tab = await estate.signedIn('eve', { target: '/reports/x', provider: 'corp' });
  const refreshed = () => estate.provider.seen.filter((e) => e.params.grant_type === 'refresh_token').length;
  estate.provider.person('eve').extra = {
    preferred_username: 'ada',
    employee_id: 'E1003 ',
    name: 'Ada Admin',
  };
  const from = refreshed();
  const end = Date.now() + 15000;
  while (refreshed() < from + 2 && Date.now() < end) {
    for (const target of guarded)
      assert.equal(await status('web', target, { cookie: estate.cookie(tab) }), 403, target);
  }
  assert.ok(refreshed() >= from + 2, 'the claims were read again');
});

test('47: a session or token that was good at one app is nothing at another', async () => {
  const tab = await estate.signedIn('ada', { target: '/admin/x', provider: 'corp' });
  const cookie = estate.cookie(tab);
  const token = await estate.bearer('ada', 'api', { life: '1h', name: 'r' });
  const bearer = { authorization: `Bearer ${token}` };
  for (let i = 0; i < 5; i += 1) {
    assert.equal(await status('web', '/admin/x', { cookie }), 200);
    assert.equal(await status('api', '/echo/x', bearer), 200);
  }
  estate.clear();
  for (const app of ['api', 'chat', 'other', 'login']) {
    const answer = await status(app, '/admin/x', { cookie });
    assert.ok([401, 403, 404].includes(answer), `the cookie at ${app}: ${answer}`);
  }
  for (const [app, target] of [
    ['web', '/admin/x'],
    ['chat', '/'],
    ['other', '/admin/x'],
  ])
    assert.equal(await status(app, target, bearer), 401, `the token at ${app}`);
  assert.equal(estate.upstreamSaw(), 0);
});

test('47: a login at one provider answers for no other', async () => {
  const corp = await estate.signedIn('ada', { target: '/admin/x', provider: 'corp' });
  const partner = estate.tab();
  const page = await partner.login(estate.url('web', '/reports/x'), 'ada', { provider: 'partner' });
  assert.equal(page.status, 200);
  estate.clear();
  for (const target of guarded)
    assert.equal(await status('web', target, { cookie: estate.cookie(partner) }), 403, target);
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(await status('web', '/admin/x', { cookie: estate.cookie(corp) }), 200);
});
