// Proves: rows 2, 5 to 8, 55 and 62: whatever headers a client sends, in any spelling, number or encoding, the upstream sees
// the gateway's identity headers and only those; whatever an upstream answers, it cannot speak for the gateway.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { h2, h2request, request } from '../lib/client.mjs';
import { values } from '../apps/upstream.mjs';

let estate;
let alice;
before(async () => {
  estate = await up('attacks-headers');
  alice = estate.cookie(await estate.signedIn('ann'));
});
beforeEach(() => estate.clear());
after(() => estate.down());

// How an application behind CGI, WSGI or PHP would read a header's name.
const folded = (name) => name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
const ours = ['USER', 'EMAIL', 'ROLES', 'ASSERTION'].map((word) => `X_DURWARD_${word}`);

// Either refused, or an upstream that, however it folds names, sees one value of ours and nothing of the attacker's.
async function harmless(headers, { cookie = alice, target = '/reports/x' } = {}) {
  estate.clear();
  const answer = await estate.send('web', `GET ${target} HTTP/1.1`, [
    ...headers,
    ...(cookie ? [`Cookie: ${cookie}`] : []),
  ]);
  if (answer.status === 400 || answer.status === 403) {
    assert.equal(estate.upstreamSaw(), 0);
    return 'refused';
  }
  assert.equal(answer.status, 200, headers.join(' | '));
  const seen = estate.apps.web.last().headers;
  for (const name of ours) {
    const found = seen.filter(([key]) => folded(key) === name);
    assert.equal(
      found.length,
      cookie ? 1 : 0,
      `${name} after ${headers.join(' | ')}: ${JSON.stringify(found)}`,
    );
  }
  assert.ok(
    !JSON.stringify(seen.filter(([key]) => !/^(user-agent|x-plain)$/i.test(key))).includes('evil'),
    `${headers.join(' | ')}: ${JSON.stringify(seen)}`,
  );
  return 'scrubbed';
}

test('5, 6, 7: identity headers in every spelling, with a session and without', async () => {
  const spellings = (name) => [
    name,
    name.toLowerCase(),
    name.toUpperCase(),
    name.replaceAll('-', '_'),
    name.replace('-', '_'),
    name.replaceAll('-', '.'),
    name.replaceAll('-', '~'),
    name.replaceAll('-', '!'),
    name.replaceAll('-', '+'),
    name.replaceAll('-', "'"),
    name.replaceAll('-', '|'),
    `${name}_`,
    `${name}.`,
  ];
  for (const name of ['X-Durward-User', 'X-Durward-Email', 'X-Durward-Roles', 'X-Durward-Assertion']) {
    for (const spelling of spellings(name)) {
      await harmless([`${spelling}: evil`]);
      await harmless([`${spelling}: evil`], { cookie: null, target: '/public/x' });
    }
  }
  await harmless(['x-durward-user: evil', 'X-DURWARD-USER: evil', 'X-Durward-User: evil']);
  await harmless([
    'X-Durward-User:evil',
    'X-Durward-User:\tevil',
    'X-Durward-Anything: evil',
    'X-Durward-Login: evil',
    'X-Durward-Needs: evil',
    'X-Durward-Session: evil',
    'X-Durward-Peer: evil',
  ]);
  assert.equal(await harmless(['X-Durward-User : evil']), 'refused', 'white space before the colon');
});

test('2: original-URL, forwarding and method-override headers do not reach the upstream', async () => {
  const names = [
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Server',
    'X-Forwarded-Prefix',
    'X-Forwarded-Uri',
    'X-Forwarded-User',
    'X-Forwarded-Email',
    'X-Forwarded-Groups',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Original-URI',
    'X-Rewrite-URL',
    'X-Envoy-Original-Path',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
  ];
  for (const name of names) {
    await harmless([`${name}: evil`]);
    await harmless([`${name.replaceAll('-', '_')}: evil`]);
  }
  estate.clear();
  await estate.send('web', 'GET /public/x HTTP/1.1', [
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For: 10.0.0.2',
    'X-Forwarded-Proto: http',
  ]);
  const seen = estate.apps.web.last();
  assert.deepEqual(values(seen, 'x-forwarded-for'), ['127.0.0.1'], 'no proxy is trusted here');
  assert.deepEqual(values(seen, 'x-forwarded-proto'), ['https']);
});

test("8: Connection cannot take the gateway's headers away", async () => {
  for (const list of [
    'close, X-Durward-User, X-Durward-Email, X-Durward-Roles, X-Durward-Assertion, X-Forwarded-For, Cookie',
    'x-durward-user',
    'X-DURWARD-USER, keep-alive',
    'upgrade, x-durward-user',
    'x-durward-user,,,',
    'host',
    'x-request-id',
    'content-length',
  ]) {
    for (const extra of [
      [],
      ['Upgrade: websocket'],
      ['Connection: x-durward-roles'],
      ['Proxy-Connection: x-durward-user'],
      ['Keep-Alive: x'],
    ]) {
      const result = await harmless([`Connection: ${list}`, ...extra]);
      if (result === 'refused') continue;
      const seen = estate.apps.web.last();
      assert.ok(
        !values(seen, 'connection').some((text) => /durward|forwarded|cookie/i.test(text)),
        JSON.stringify(values(seen, 'connection')),
      );
      assert.equal(values(seen, 'x-forwarded-for').length, 1);
    }
  }
});

test("the request id is the gateway's own, once", async () => {
  await estate.send('web', 'GET /public/x HTTP/1.1', ['X-Request-Id: evil', 'x-request-id: evil2']);
  const ids = values(estate.apps.web.last(), 'x-request-id');
  assert.equal(ids.length, 1, ids.join(' '));
  assert.doesNotMatch(ids[0], /evil/);
});

test('55: a header in several lines, and HTTP/2 crumbs, are each judged', async () => {
  estate.clear();
  const two = await estate.send('web', 'GET /reports/x HTTP/1.1', [
    'Authorization: Bearer a',
    'Authorization: Bearer b',
  ]);
  assert.ok([400, 401].includes(two.status), `${two.status}`);
  assert.equal(estate.upstreamSaw(), 0);
  const session = h2(estate.url('web'), { ca: estate.ca.pem });
  estate.clear();
  const crumbs = await h2request(session, { ':path': '/reports/x', cookie: ['a=1', alice, 'b=2'] });
  assert.ok([200, 400].includes(crumbs.headers[':status']));
  if (crumbs.headers[':status'] === 200)
    assert.ok(!JSON.stringify(estate.apps.web.last().headers).includes('__Host-durward'));
  estate.clear();
  const evil = await h2request(session, {
    ':path': '/reports/x',
    cookie: [alice, alice.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))],
  });
  assert.equal(evil.headers[':status'], 400);
  const names = await h2request(session, {
    ':path': '/public/x',
    'x-durward-user': 'evil',
    x_durward_user: 'evil',
  });
  if (names.headers?.[':status'] === 200)
    assert.ok(!JSON.stringify(estate.apps.web.last().headers).includes('evil'));
  session.destroy();
});

test("62: an upstream cannot set the gateway's cookies, clear site data, widen workers or name another service", async () => {
  estate.apps.web.respond = (req, res) => {
    res.writeHead(200, [
      'Set-Cookie',
      '__Host-durward=stolen; Path=/; Secure',
      'Set-Cookie',
      ' __Host-durward=stolen; Path=/; Secure',
      'set-cookie',
      '__HOST-DURWARD=stolen; Path=/; Secure',
      'Set-Cookie',
      '__Host-durward-login=stolen; Path=/; Secure',
      'Set-Cookie',
      '=__Host-durward=stolen; Path=/',
      'Set-Cookie',
      'app=kept; Path=/',
      'Clear-Site-Data',
      '"cookies"',
      'Service-Worker-Allowed',
      '/',
      'Alt-Svc',
      'h3=":443"',
      'X-Durward-User',
      'evil',
      'X-App',
      'kept',
    ]);
    res.end('hostile');
    return true;
  };
  try {
    const answer = await request(estate.url('web', '/public/x'), { ca: estate.ca.pem });
    assert.equal(answer.status, 200);
    const cookies = answer.headers['set-cookie'] ?? [];
    assert.ok(!cookies.some((line) => /__host-durward/i.test(line)), cookies.join('\n'));
    assert.ok(
      cookies.some((line) => line.startsWith('app=kept')),
      cookies.join('\n'),
    );
    for (const name of ['clear-site-data', 'service-worker-allowed', 'alt-svc', 'x-durward-user'])
      assert.equal(answer.headers[name], undefined, name);
    assert.equal(answer.headers['x-app'], 'kept');
  } finally {
    estate.apps.web.respond = undefined;
  }
});
