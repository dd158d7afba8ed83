// Proves: row 37: only a logout token that is right in every part ends anything, what it ends is what it names, and it
// does so once, through a restart too; signing out at the provider itself reaches the gateway.
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { up } from './estate.mjs';
import { request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';

const event = 'http://schemas.openid.net/event/backchannel-logout';

let estate;
const sids = new Map(); // sub -> sid of the latest login
before(async () => {
  estate = await up('attacks-back-channel', {
    partner: { backChannel: true },
    provider: { backChannel: true },
  });
});
beforeEach(() => {
  estate.provider.reset();
  estate.provider.claims = (claims) => {
    sids.set(claims.sub, claims.sid);
    return claims;
  };
  estate.clear();
});
after(() => estate.down());

const now = () => Math.floor(Date.now() / 1000);
const good = (more = {}) => ({
  iss: estate.provider.issuer,
  aud: 'durward',
  iat: now(),
  exp: now() + 120,
  jti: randomUUID(),
  events: { [event]: {} },
  ...more,
});
const sign = (claims, header = {}) => estate.provider.sign(claims, { typ: 'logout+jwt', ...header });

function send(body, { provider = 'corp', headers = {} } = {}) {
  const text = typeof body === 'string' ? body : new URLSearchParams(body).toString();
  return request(estate.url('login', `/back-channel-logout/${provider}`), {
    method: 'POST',
    ca: estate.ca.pem,
    body: text,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(text),
      ...headers,
    },
  });
}
const logout = async (token, options) => send({ logout_token: await token }, options);
const open = async (tab) =>
  (
    await request(estate.url('web', '/'), {
      ca: estate.ca.pem,
      headers: { accept: 'application/json', cookie: estate.cookie(tab) },
    })
  ).status;
const signedIn = (user, provider = 'corp') => estate.signedIn(user, { provider });

test('37: forged, stale, misdirected and malformed logout tokens are 400 and end nobody', async () => {
  const ann = await signedIn('ann');
  const sid = sids.get('1001');
  assert.ok(sid, 'the provider says sid');
  const mine = { sub: '1001', sid };
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const { privateKey } = await jose.generateKeyPair('RS256');
  const head = `${encode({ alg: 'HS256', typ: 'logout+jwt' })}.${encode(good(mine))}`;
  const forgeries = {
    'no iat': sign(good({ ...mine, iat: undefined })),
    'an old iat': sign(good({ ...mine, iat: now() - 3600, exp: undefined })),
    'an iat to come': sign(good({ ...mine, iat: now() + 3600 })),
    'an iat that is text': sign(good({ ...mine, iat: `${now()}` })),
    'an exp that is past': sign(good({ ...mine, exp: now() - 100 })),
    'an exp of 1e300': sign(good({ ...mine, exp: 1e300 })),
    'no jti': sign(good({ ...mine, jti: undefined })),
    'a jti of many bytes': sign(good({ ...mine, jti: 'x'.repeat(5000) })),
    'a nonce': sign(good({ ...mine, nonce: 'n' })),
    'another audience': sign(good({ ...mine, aud: 'another' })),
    'no audience': sign(good({ ...mine, aud: undefined })),
    'another issuer': sign(good({ ...mine, iss: 'https://evil.example' })),
    'the partner as issuer': sign(good({ ...mine, iss: estate.partner.issuer })),
    'no events': sign(good({ ...mine, events: undefined })),
    'other events': sign(good({ ...mine, events: { other: {} } })),
    'events that are no object': sign(good({ ...mine, events: event })),
    'neither sub nor sid': sign(good()),
    'a sub that is a number': sign(good({ sub: 1001 })),
    'the type of an access token': sign(good(mine), { typ: 'at+jwt' }),
    'another algorithm': sign(good(mine), { alg: 'PS256' }),
    'no signature': `${encode({ alg: 'none', typ: 'logout+jwt' })}.${encode(good(mine))}.`,
    'an HMAC with nothing': `${head}.${createHmac('sha256', '').update(head).digest('base64url')}`,
    'a key of its own': new jose.CompactSign(Buffer.from(JSON.stringify(good(mine))))
      .setProtectedHeader({ alg: 'RS256', kid: estate.provider.keys[0].kid, typ: 'logout+jwt' })
      .sign(privateKey),
    'a key it brings along': sign(good(mine), { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } }),
    'no token at all': 'x',
    'something huge': 'x'.repeat(40000),
    nothing: '',
  };
  for (const [what, token] of Object.entries(forgeries)) {
    const answer = await logout(token);
    assert.equal(answer.status, 400, what);
    assert.match(answer.headers['cache-control'], /no-store/, what);
    assert.equal(typeof answer.json().error, 'string', what);
  }
  for (const body of [
    '',
    'logout_token',
    'x=y',
    `logout_token=${await sign(good(mine))}&logout_token=x`,
    '%',
    '{}',
  ])
    assert.equal((await send(body)).status, 400, body.slice(0, 30));
  assert.equal((await logout(sign(good(mine)), { provider: 'nobody' })).status, 400);
  assert.equal(
    (await logout(sign(good(mine)), { provider: 'partner' })).status,
    400,
    'at the other provider',
  );
  assert.equal(await open(ann), 200, 'still signed in');
  const app = await estate.send('web', 'POST /back-channel-logout/corp HTTP/1.1', [
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 0',
  ]);
  assert.ok(app.status >= 400, 'on an app host there is no such thing');
});

test("37: an ID token is no logout token, and someone else's session is not ended by it", async () => {
  const ann = await signedIn('ann');
  const sam = await signedIn('sam');
  let idToken;
  estate.provider.forge = async (claims, header) => {
    idToken = await estate.provider.sign(claims, header);
    return idToken;
  };
  await signedIn('ada');
  assert.equal((await logout(idToken)).status, 400);
  const crossed = await logout(sign(good({ sub: '1001', sid: sids.get('1002') })));
  assert.equal(crossed.status, 400, 'the sid of one with the sub of another');
  assert.equal(await open(ann), 200);
  assert.equal(await open(sam), 200);
});

test('37: a good one ends the session it names and no other, and is good once', async () => {
  const one = await signedIn('ann');
  const first = sids.get('1001');
  const two = await signedIn('ann');
  const sam = await signedIn('sam');
  assert.notEqual(first, sids.get('1001'));
  const token = await sign(good({ sid: first }));
  const answer = await logout(token);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['cache-control'], /no-store/);
  estate.clear();
  assert.equal(await open(one), 401);
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(await open(two), 200);
  assert.equal(await open(sam), 200);
  assert.equal((await logout(token)).status, 400, 'shown again');

  const all = await sign(good({ sub: '1001' }));
  assert.equal((await logout(all)).status, 200);
  assert.equal(await open(two), 401);
  assert.equal(await open(sam), 200);
  const again = await signedIn('ann');
  assert.equal((await logout(all)).status, 400, 'shown again after a new login');
  await estate.gateway.stop({ haproxy: false });
  await estate.gateway.start();
  assert.equal((await logout(all)).status, 400, 'shown again after a restart');
  assert.equal(await open(again), 200);
  assert.equal((await logout(sign(good({ sub: 'nobody' })))).status, 200, 'nothing to end is no error');
});

test('37: the same sub and sid at another provider is somebody else', async () => {
  const corp = await signedIn('ann');
  const partner = await signedIn('ann', 'partner');
  const token = await estate.partner.sign(good({ iss: estate.partner.issuer, sub: '1001' }), {
    typ: 'logout+jwt',
  });
  assert.equal((await logout(token)).status, 400, 'the partner speaks for itself only');
  assert.equal((await logout(token, { provider: 'partner' })).status, 200);
  assert.equal(await open(partner), 401);
  assert.equal(await open(corp), 200);
});

test('a flood of tokens with unknown keys, while the keys cannot be fetched, leaves the login pages alone', async () => {
  await sleep(10500); // the gateway asks for keys again by now
  estate.provider.overrides.set('/jwks', () => {});
  const flood = Array.from({ length: 40 }, () => logout(sign(good({ sub: 'x' }), { kid: randomUUID() })));
  await sleep(500);
  for (let i = 0; i < 5; i += 1) {
    const start = Date.now();
    assert.ok((await request(estate.url('login', '/'), { ca: estate.ca.pem })).status < 400);
    assert.ok(Date.now() - start < 1500, `${Date.now() - start} ms`);
  }
  const answers = await Promise.all(flood);
  const count = (status) => answers.filter((answer) => answer.status === status).length;
  assert.equal(count(400) + count(503), 40, answers.map((answer) => answer.status).join());
  assert.ok(count(503) > 0 && count(400) > 0);
});

test('signing out at the provider ends the sessions here, by its own logout token', async () => {
  const tab = await signedIn('ann');
  const other = await signedIn('ann');
  assert.equal(await open(tab), 200);
  const end = await tab.walk(`${estate.provider.issuer}/session/end`);
  assert.ok(end.status < 400, `${end.status} ${end.url}`);
  await until(async () => (await open(tab)) === 401, 'the session to end', 5000);
  assert.equal(await open(other), 200, 'another browser of the same person goes on');
  const text = await (await fetch(`http://127.0.0.1:${estate.ports.metrics}/metrics`)).text();
  assert.match(text, /durward_logout_tokens_total\{[^}]*outcome="ended"[^}]*\} [1-9]/);
  assert.match(text, /durward_logout_tokens_total\{[^}]*outcome="refused"[^}]*\} [1-9]/);
});
