// Proves: what goes the short way through HAProxy (src/generation/fast_rules.cc) is held to what the rest is held to. The
// other attacks send headers such as Connection, and so go the long way.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { message, statuses } from '../lib/client.mjs';
import { until } from '../lib/paths.mjs';

let estate, cookie;
before(async () => {
  estate = await up('attacks-short-way', {
    more: (docs) => {
      docs.gateway.spec.lease = '5s';
    },
  });
  cookie = estate.cookie(await estate.signedIn('ann'));
});
afterEach(() => estate.clear());
after(() => estate.down());

// Nothing in it that the short way would leave to the other.
const ask = async (headers = [], options = {}) => {
  const host = `web.localhost:${estate.ports.https}`;
  const text = await estate.raw('web', message('GET /reports/x HTTP/1.1', host, headers), options);
  return statuses(text)[0];
};

test('it is served as who it is, and the cookie goes no further', async () => {
  for (const line of [cookie, `theme=dark; ${cookie}`, `${cookie}; theme=dark`]) {
    estate.clear();
    assert.equal(await ask(['accept: */*', `cookie: ${line}`]), 200);
    const seen = Object.fromEntries(estate.apps.web.last().headers);
    assert.ok(seen['x-durward-user'].length > 0);
    assert.match(seen['x-durward-assertion'], /^[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.equal(seen.cookie, line === cookie ? undefined : 'theme=dark');
  }
});

test('what it says for the gateway is not believed', async () => {
  for (const name of ['X-Durward-User', 'x-durward-assertion', 'X-Forwarded-For', 'X-Forwarded-Host']) {
    estate.clear();
    assert.equal(await ask([`${name}: 192.0.2.7`, `cookie: ${cookie}`]), 200);
    assert.ok(!JSON.stringify(estate.apps.web.last().headers).includes('192.0.2.7'), name);
  }
});

test('the name of the TLS connection has to be the Host', async () => {
  assert.equal(await ask([`cookie: ${cookie}`], { servername: 'other.localhost' }), 421);
  assert.equal(estate.upstreamSaw(), 0);
});

test('nobody, a wrong token and two of them are refused', async () => {
  const wrong = cookie.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'));
  for (const headers of [[], [`cookie: ${wrong}`], [`cookie: ${cookie}; ${cookie}`]])
    assert.notEqual(await ask(headers), 200);
  assert.equal(estate.upstreamSaw(), 0);
});

test('with Durward gone it lapses with the lease', async () => {
  assert.equal(await ask([`cookie: ${cookie}`]), 200);
  await estate.gateway.stop({ haproxy: false });
  await until(async () => (await ask([`cookie: ${cookie}`])) === 503, 'the lease to lapse', 15000);
});
