// Proves: what is refused only for the strength or age of the login can be cured by a new login, in a browser by being
// sent there and back, in an API by the words of RFC 9470; a login that does not get stronger ends in a refusal and
// not in a loop; old tokens die with the step-up.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { isSignIn, request } from '../lib/client.mjs';
import { sleep } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-step-up');
});
beforeEach(() => {
  estate.clear();
  estate.provider.reset();
});
after(() => estate.down());

const json = (target, cookie, more = {}) =>
  request(estate.url('api', target), {
    ca: estate.ca.pem,
    headers: { accept: 'application/json', cookie },
    ...more,
  });

test('a browser is asked for the security key and returns to where it was going', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/refunds' });
  const old = estate.cookie(tab, 'api');
  estate.clear();
  const asked = await tab.walk(estate.url('api', '/v1/approve?x=1'));
  assert.ok(isSignIn(asked), `${asked.status} ${asked.url}`);
  assert.match(asked.body, /security key <span class="wanted">/);
  assert.equal(estate.upstreamSaw(), 0);
  const end = await tab.login(estate.url('api', '/v1/approve?x=1'), 'ann');
  assert.equal(end.status, 200);
  assert.equal(estate.apps.api.last().url, '/v1/approve?x=1');
  assert.notEqual(estate.cookie(tab, 'api'), old);
  assert.equal((await json('/v1/refunds', old)).status, 401, 'the token from before the step-up is dead');
  assert.equal((await json('/v1/refunds', estate.cookie(tab, 'api'), { method: 'POST' })).status, 201);
});

test('the sessions at other hosts follow the step-up without a new password', async () => {
  const tab = await estate.signedIn('ann');
  await tab.login(estate.url('api', '/v1/approve'), 'ann');
  const posts = tab.log.filter((l) => l.method === 'POST' && l.url.includes('/interaction/')).length;
  const page = await tab.walk(estate.url('web', '/reports/x'));
  assert.equal(page.status, 200);
  assert.equal(tab.log.filter((l) => l.method === 'POST' && l.url.includes('/interaction/')).length, posts);
});

test('an API client is told which level and age would do (RFC 9470)', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/refunds' });
  estate.clear();
  const answer = await json('/v1/refunds', estate.cookie(tab, 'api'), { method: 'POST' });
  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate'], /error="insufficient_user_authentication"/);
  assert.match(answer.headers['www-authenticate'], /acr_values="webauthn"/);
  assert.equal(answer.json().reason, 'acr_required');
  assert.equal(estate.upstreamSaw(), 0);
});

test('someone who lacks the role is not sent to step up', async () => {
  const tab = await estate.signedIn('sam', { app: 'api', target: '/v1/refunds' });
  const page = await tab.once(estate.url('api', '/v1/approve'));
  assert.equal(page.status, 403);
});

test('someone who has no security key ends at a refusal, not in a loop', async () => {
  const tab = await estate.signedIn('otto', { app: 'api', target: '/v1/refunds' });
  estate.clear();
  const page = await tab.login(estate.url('api', '/v1/approve'), 'otto');
  assert.ok(page.status === 403 || page.status === 401, `${page.status} ${page.url}`);
  assert.equal(estate.upstreamSaw(), 0);
});

test('a provider that claims a level off the ladder, or none, is below the ladder', async () => {
  for (const says of ['urn:other:gold', null]) {
    estate.provider.acrSays = says ?? undefined;
    estate.provider.claims = says === null ? ({ acr, ...claims }) => (void acr, claims) : undefined;
    estate.clear();
    const page = await estate.tab().login(estate.url('api', '/v1/approve'), 'ann', { acr: 'urn:corp:key' });
    assert.notEqual(page.status, 200);
    assert.equal(estate.apps.api.seen.length, 0);
  }
});

test('a login that is too old must be renewed; a fresh one passes until it ages', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/fresh' });
  await sleep(3200);
  estate.clear();
  const stale = await json('/v1/fresh', estate.cookie(tab, 'api'));
  assert.equal(stale.status, 401);
  assert.equal(stale.json().reason, 'auth_age_required');
  assert.match(stale.headers['www-authenticate'], /max_age="?2"?/);
  assert.equal(estate.upstreamSaw(), 0);
  const asked = await tab.walk(estate.url('api', '/v1/fresh'));
  assert.ok(isSignIn(asked), 'the provider was asked for a new login');
  const page = await tab.login(estate.url('api', '/v1/fresh'), 'ann');
  assert.equal(page.status, 200);
});

test('a provider that ignores max_age does not get past the age rule', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/fresh' });
  await sleep(3200);
  estate.clear();
  estate.provider.claims = (claims) => ({ ...claims, auth_time: claims.auth_time - 3600 });
  const page = await tab.login(estate.url('api', '/v1/fresh'), 'ann');
  assert.notEqual(page.status, 200);
  assert.equal(estate.upstreamSaw(), 0);
});

test("another person at the step-up does not inherit the first one's session", async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/refunds' });
  const page = await tab.login(estate.url('api', '/v1/approve'), 'otto', { acr: 'urn:corp:otp' });
  assert.notEqual(page.status, 200);
  const seen = estate.apps.api.seen.filter((e) => e.url.startsWith('/v1/approve'));
  assert.equal(seen.length, 0);
});
