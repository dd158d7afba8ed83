// Proves: someone without a session is sent to log in and comes back to the very URL they asked for; what they may not
// reach is refused with a reason; the upstream sees exactly the identity the gateway vouches for, and nothing of what
// was refused. Clients that are no browser get answers made for programs.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { isSignIn, request } from '../lib/client.mjs';
import { value, values } from '../apps/upstream.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-login');
});
beforeEach(() => estate.clear());
after(() => estate.down());

const get = (app, target, headers = {}, more = {}) =>
  request(estate.url(app, target), { ca: estate.ca.pem, headers, ...more });

test('a browser is sent to the provider and returns to the deep link, query and all', async () => {
  const target = '/reports/2026/q3?view=table&name=%C3%BCber&x=a%26b';
  const tab = estate.tab();
  const page = await tab.walk(estate.url('web', target));
  assert.ok(isSignIn(page), page.url);
  assert.equal(estate.upstreamSaw(), 0);
  const end = await tab.login(estate.url('web', target), 'ann');
  assert.equal(end.status, 200);
  assert.equal(end.url, estate.url('web', target));
  assert.equal(estate.apps.web.last().url, target);
});

test('the upstream gets user, e-mail, roles and an assertion for its own host; no cookie of the gateway', async () => {
  const tab = await estate.signedIn('ann');
  const seen = estate.apps.web.last();
  assert.equal(value(seen, 'x-durward-email'), 'ann@corp.example');
  assert.deepEqual(
    value(seen, 'x-durward-roles')
      .split(',')
      .map((r) => r.trim())
      .sort(),
    ['by-mail', 'refunds', 'staff'],
  );
  for (const name of [
    'x-durward-user',
    'x-durward-email',
    'x-durward-roles',
    'x-durward-assertion',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-request-id',
  ]) {
    assert.equal(values(seen, name).length, 1, name);
  }
  assert.ok(!JSON.stringify(seen.headers).includes('__Host-durward'));
  const claims = await estate.verify()(value(seen, 'x-durward-assertion'), estate.url('web'));
  assert.equal(claims.sub, '1001');
  assert.equal(claims.idp, estate.provider.issuer);
  assert.ok(claims.exp - claims.iat <= 36000);
  await assert.rejects(estate.verify()(value(seen, 'x-durward-assertion'), estate.url('api')));
  assert.match(tab.page.body, /Verified/);
});

test("cookies are host-only, secure, out of scripts' reach, and another app gets its own without a new password", async () => {
  const tab = await estate.signedIn('ann');
  const passwords = () =>
    tab.log.filter((l) => l.method === 'POST' && l.url.includes('/interaction/')).length;
  assert.equal(passwords(), 1);
  const chat = await tab.walk(estate.url('chat', '/'));
  assert.equal(chat.status, 200);
  assert.equal(passwords(), 1);
  assert.notEqual(estate.cookie(tab, 'web'), estate.cookie(tab, 'chat'));
  for (const app of ['web', 'chat', 'login']) {
    const { line } = tab.cookies(estate.url(app)).get('__Host-durward');
    assert.match(line, /; ?secure/i);
    assert.match(line, /; ?httponly/i);
    assert.match(line, /; ?path=\/(;|$)/i);
    assert.match(line, /; ?samesite=(lax|strict)/i);
    assert.doesNotMatch(line, /domain=/i);
  }
});

test('a page for another role is 403 with the reason, the role that is missing and a request id', async () => {
  const tab = await estate.signedIn('ann');
  estate.clear();
  const page = await tab.once(estate.url('web', '/admin/x'));
  assert.equal(page.status, 403);
  assert.match(page.headers['content-type'], /text\/html/);
  assert.match(page.headers['cache-control'], /no-store/);
  assert.match(page.body, /role admin/);
  assert.match(page.body, /[0-9A-F]+-[0-9A-F]+-[0-9A-F]+/);
  const json = await get('web', '/admin/x', { accept: 'application/json', cookie: estate.cookie(tab) });
  assert.equal(json.status, 403);
  assert.match(json.headers['content-type'], /application\/problem\+json/);
  assert.equal(json.json().reason, 'no_rule');
  assert.match(json.json().request_id, /-/);
  assert.equal(estate.upstreamSaw(), 0);
});

test('a deny rule wins over an allow and is named', async () => {
  const tab = await estate.signedIn('eve', { target: '/reports/' });
  estate.clear();
  const json = (
    await get('web', '/inside/x', { accept: 'application/json', cookie: estate.cookie(tab) })
  ).json();
  assert.equal(json.reason, 'denied_by_rule');
  assert.equal(json.rule, 'contractors-out');
  assert.equal(estate.upstreamSaw(), 0);
  const ann = await estate.signedIn('ann', { target: '/inside/x' });
  assert.equal(ann.page.status, 200);
});

test('an API client gets 401, a problem and WWW-Authenticate; only GET and HEAD navigations are redirected', async () => {
  const json = await get('api', '/v1/refunds', { accept: 'application/json' });
  assert.equal(json.status, 401);
  assert.match(json.headers['content-type'], /application\/problem\+json/);
  assert.match(json.headers['www-authenticate'], /^Bearer/);
  assert.equal(json.json().reason, 'login_required');
  const fetched = await get('web', '/', { accept: 'text/html', 'sec-fetch-mode': 'cors' });
  assert.equal(fetched.status, 401, "a script's fetch is no navigation");
  const head = await get('web', '/', { 'sec-fetch-mode': 'navigate' }, { method: 'HEAD' });
  assert.ok(head.status >= 302 && head.status <= 303, `${head.status}`);
  const old = await get('web', '/', { accept: 'text/html,*/*' });
  assert.ok(old.status >= 302 && old.status <= 303, 'a browser without Sec-Fetch headers');
  const post = await get(
    'api',
    '/v1/refunds',
    { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    { method: 'POST' },
  );
  assert.equal(post.status, 401);
  assert.equal(estate.upstreamSaw(), 0);
});

test('public routes need no session and carry an identity only when there is one', async () => {
  const page = await get('web', '/public/about');
  assert.equal(page.status, 200);
  assert.ok(
    !estate.apps.web.last().headers.some(([name]) => /^x-durward-(user|email|roles|assertion)$/i.test(name)),
  );
});

test('a path nobody published and a host nobody published are 404, and nothing reaches an upstream', async () => {
  assert.equal((await get('web', '/nowhere', { accept: 'application/json' })).status, 404);
  const other = await request(`https://other.localhost:${estate.ports.https}/`, { ca: estate.ca.pem });
  assert.ok([404, 421].includes(other.status));
  assert.equal(estate.upstreamSaw(), 0);
});

test('the login host says who you are; it publishes its keys', async () => {
  const tab = await estate.signedIn('sam');
  const page = await tab.once(estate.url('login', '/'));
  assert.equal(page.status, 200);
  assert.match(page.body, /sam@corp\.example/);
  const keys = (await get('login', '/.well-known/jwks.json')).json().keys;
  assert.ok(keys.length >= 1);
  for (const key of keys) {
    assert.equal(key.kty, 'EC');
    assert.equal(key.d, undefined, 'a private key was published');
  }
});

test('IPv6 and the redirect from plain HTTP', async () => {
  const tab = estate.tab({ address: '::1' });
  const page = await tab.login(estate.url('web', '/reports/v6'), 'ann');
  assert.equal(page.status, 200);
  assert.equal(value(estate.apps.web.last(), 'x-forwarded-for'), '::1');
  const text = await estate.raw(
    'web',
    `GET /a?b=c HTTP/1.1\r\nHost: web.localhost:${estate.ports.http}\r\n\r\n`,
    { port: estate.ports.http, plain: true },
  );
  assert.match(text, /^HTTP\/1\.1 30[18] /);
  assert.ok(text.includes(`\r\nlocation: https://web.localhost:${estate.ports.https}/a?b=c\r\n`), text);
});

test('a CORS preflight passes where the route says so, without identity; the request itself is judged', async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/echo/x' });
  estate.clear();
  const preflight = {
    origin: 'https://elsewhere.example',
    'access-control-request-method': 'PUT',
    cookie: estate.cookie(tab, 'api'),
  };
  assert.equal((await get('api', '/cross/x', preflight, { method: 'OPTIONS' })).status, 200);
  assert.ok(
    !estate.apps.api.last().headers.some(([name]) => /^(x-durward-.*|cookie)$/i.test(name)),
    'a preflight never carries identity',
  );
  estate.clear();
  assert.equal(
    (
      await get(
        'api',
        '/echo/x',
        { origin: preflight.origin, 'access-control-request-method': 'PUT' },
        { method: 'OPTIONS' },
      )
    ).status,
    401,
  );
  assert.equal((await get('api', '/cross/x', { accept: 'application/json' }, { method: 'PUT' })).status, 401);
  assert.equal(estate.upstreamSaw(), 0);
});
