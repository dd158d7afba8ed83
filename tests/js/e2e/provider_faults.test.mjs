// Proves: whatever the provider does (rotates keys, is down, hangs, has a wrong clock, leaves claims out, sends tokens
// that are wrong in any way) nobody gets in who should not, people who are in stay in, and the page says what happened.
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { Estate } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { sleep } from '../lib/paths.mjs';

// Durward asks for a provider's keys at most this often, whatever tokens say.
const refetchPause = 10500;

let estate;
before(async () => {
  estate = await Estate.up('e2e-provider-faults');
});
beforeEach(async () => {
  estate.provider.reset();
  await estate.provider.up();
  estate.clear();
});
after(() => estate.down());

const open = (tab) =>
  request(estate.url('web', '/'), {
    ca: estate.ca.pem,
    headers: { accept: 'application/json', cookie: estate.cookie(tab) },
  });

// A login that must fail: with an error page, no session, nothing at the upstream.
async function refusedLogin(user = 'ann', { status } = {}) {
  const tab = estate.tab();
  const page = await tab.login(estate.url('web', '/reports/x'), user);
  assert.ok(page.status >= 400, `${page.status} ${page.url}`);
  if (status) assert.equal(page.status, status);
  assert.match(page.headers['content-type'], /text\/html/);
  assert.equal(estate.cookie(tab), undefined);
  assert.equal(estate.upstreamSaw(), 0);
  return page;
}

test(
  'keys rotate: new logins work, live sessions go on, the old key withdrawn or not',
  { timeout: 60000 },
  async () => {
    const before = await estate.signedIn('ann');
    for (const keepOld of [true, false]) {
      await sleep(refetchPause);
      estate.provider.rotateKeys({ keepOld });
      const tab = await estate.signedIn('sam');
      assert.equal(tab.page.status, 200, `keepOld ${keepOld}`);
    }
    assert.equal((await open(before)).status, 200);
  },
);

test('the provider is down: who is in stays in, a login says so, and works again when it is back', async () => {
  const before = await estate.signedIn('ann');
  await estate.provider.down();
  assert.equal((await open(before)).status, 200);
  const tab = estate.tab();
  let page;
  try {
    page = await tab.walk(estate.url('web', '/reports/x'));
    assert.ok(page.status >= 500, `${page.status}`);
  } catch (error) {
    assert.equal(error.code, 'ECONNREFUSED', 'the browser itself meets the closed port');
  }
  assert.equal(estate.cookie(tab), undefined);
  await estate.provider.up();
  assert.equal((await estate.signedIn('sam')).page.status, 200);
});

test('the provider goes down between the redirect and the callback: an error page, and no session', async () => {
  estate.provider.overrides.set('/token', (req) => req.socket.destroy());
  const page = await refusedLogin();
  assert.ok(page.status >= 500, `${page.status}`);
  assert.match(page.body, /<h1/);
});

test('a provider that hangs costs only its own logins, and those end in time', async () => {
  const before = await estate.signedIn('ann');
  estate.provider.overrides.set('/token', () => {});
  const start = Date.now();
  const hanging = estate
    .tab()
    .login(estate.url('web', '/'), 'sam')
    .catch((error) => error);
  await sleep(300);
  assert.equal((await open(before)).status, 200);
  assert.equal(
    (await request(estate.url('login', '/'), { ca: estate.ca.pem, timeout: 3000 })).status < 500,
    true,
  );
  const page = await hanging;
  assert.ok(Date.now() - start < 16000, `${Date.now() - start} ms`);
  assert.ok(page instanceof Error || page.status >= 500);
});

test('a clock that is wrong by an hour, either way, is refused; by ten seconds it is not', async () => {
  for (const skew of [-3600, 3600]) {
    estate.provider.skew = skew;
    await refusedLogin();
  }
  for (const skew of [-10, 10]) {
    estate.provider.skew = skew;
    assert.equal((await estate.signedIn('ann')).page.status, 200, `${skew}`);
  }
});

test('times that are no times are refused', async () => {
  for (const change of [
    { exp: 1e300 },
    { exp: '9' },
    { exp: -1 },
    { exp: undefined },
    { exp: Date.now() },
    { iat: undefined },
    { iat: '1' },
    { exp: null },
    { iat: 4102444800 },
  ]) {
    estate.provider.claims = (claims) => ({ ...claims, ...change });
    await refusedLogin();
    estate.clear();
  }
});

test('tokens for others, from others, or for another login are refused', async () => {
  for (const change of [
    { aud: 'another' },
    { aud: ['another'] },
    { aud: ['durward', 'another'] },
    { aud: ['durward', 'another'], azp: 'another' },
    { aud: [] },
    { aud: undefined },
    { iss: 'https://evil.example' },
    { iss: undefined },
    { iss: `${estate.provider.issuer}/` },
    { nonce: 'another' },
    { nonce: undefined },
    { sub: undefined },
    { sub: '' },
    { sub: 7 },
    { sub: 'x'.repeat(300) },
    { sub: 'a\nb' },
  ]) {
    estate.provider.claims = (claims) => ({ ...claims, ...change });
    await refusedLogin();
    estate.clear();
  }
});

test("signatures that are none, confused, or by a key of the attacker's choice are refused", async () => {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const unsigned = (alg) => async (claims, header) => `${encode({ ...header, alg })}.${encode(claims)}.`;
  const hmac = (key) => async (claims, header) => {
    const head = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
    return `${head}.${createHmac('sha256', key).update(head).digest('base64url')}`;
  };
  const publicKey = async () =>
    jose.exportSPKI(
      await jose.importJWK(
        {
          ...estate.provider.keys[0],
          d: undefined,
          p: undefined,
          q: undefined,
          dp: undefined,
          dq: undefined,
          qi: undefined,
        },
        'RS256',
      ),
    );
  const { privateKey, publicKey: own } = await jose.generateKeyPair('RS256', { extractable: true });
  const byOwn = (extra) => async (claims, header) =>
    new jose.CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ ...header, alg: 'RS256', ...extra })
      .sign(privateKey);
  const forgeries = [
    unsigned('none'),
    unsigned('nOnE'),
    unsigned('RS256'),
    hmac(''),
    hmac(await publicKey()),
    byOwn({}),
    byOwn({ jwk: await jose.exportJWK(own) }),
    byOwn({ jku: 'https://evil.example/jwks' }),
    byOwn({ kid: '../../dev/null' }),
    byOwn({ kid: 'x'.repeat(100000) }),
    byOwn({ kid: "' or 1=1 --" }),
    byOwn({ crit: ['b64'], b64: true }),
    async (claims, header) =>
      (await estate.provider.sign(claims, header)).replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')),
    async () => 'a.b.c',
    async () => '',
    async () => '....',
    async () => 'x'.repeat(1_000_000),
  ];
  for (const [index, forge] of forgeries.entries()) {
    estate.provider.forge = forge;
    await refusedLogin();
    estate.clear();
    assert.ok(estate.gateway.running(), `forgery ${index}`);
  }
});

test('unknown key ids cannot make the gateway hammer the key set', async () => {
  const hits = () => estate.provider.hits.get('/jwks') ?? 0;
  const before = hits();
  const { privateKey } = await jose.generateKeyPair('RS256');
  for (let i = 0; i < 12; i += 1) {
    estate.provider.forge = async (claims) =>
      new jose.CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'RS256', kid: `random-${i}` })
        .sign(privateKey);
    await refusedLogin();
  }
  assert.ok(hits() - before <= 4, `${hits() - before} fetches for 12 tokens`);
});

test('groups left out or in overage are unknown: allowed by no role, denied by every deny', async () => {
  for (const fault of ['omitGroups', 'overage']) {
    estate.provider[fault] = true;
    const tab = await estate.signedIn('eve', { target: '/reports/x' });
    estate.clear();
    assert.equal(
      (await tab.once(estate.url('web', '/inside/x'))).status,
      403,
      `${fault}: a deny by role must catch the unknown`,
    );
    assert.equal((await tab.once(estate.url('web', '/admin/x'))).status, 403);
    assert.equal(estate.upstreamSaw(), 0);
    estate.provider.reset();
  }
});

test('two thousand groups are no problem and leave no large header', async () => {
  const tab = await estate.signedIn('max', { target: '/reports/x' });
  const roles = estate.apps.web.last().headers.filter(([name]) => /^x-durward-/i.test(name));
  assert.ok(roles.every(([, text]) => text.length < 4096));
  assert.ok(estate.cookie(tab).length < 200);
});

test('an e-mail address counts only when it is verified, as a boolean, and of a declared domain', async () => {
  const mail = async (user) => {
    const tab = await estate.signedIn(user, { target: '/reports/x' });
    const seen = estate.apps.web.last();
    const answer = await tab.once(estate.url('web', '/mail/x'));
    return {
      status: answer.status,
      header: seen.headers.filter(([name]) => /^x-durward-email$/i.test(name)).length,
    };
  };
  assert.deepEqual(await mail('ann'), { status: 200, header: 1 });
  assert.deepEqual(await mail('uma'), { status: 403, header: 0 });
  for (const verified of ['true', 1, null, false]) {
    estate.provider.emailVerified = verified;
    assert.deepEqual(await mail('ann'), { status: 403, header: 0 }, `${verified}`);
  }
  estate.provider.reset();
  estate.provider.claims = (claims) => ({ ...claims, email: 'ann@elsewhere.example' });
  assert.equal((await mail('ann')).status, 403);
});

test('claims that would break a header, a map or a page are harmless', async () => {
  for (const name of [
    '<script>alert(1)</script>',
    'x\r\nX-Admin: 1',
    '\u0000',
    'a;disable server',
    '\u202eevil',
    'x'.repeat(20000),
  ]) {
    estate.provider.claims = (claims) => ({ ...claims, name, preferred_username: name, dept: name });
    const tab = estate.tab();
    const page = await tab.login(estate.url('web', '/reports/x'), 'ann');
    if (page.status === 200) {
      const seen = estate.apps.web.last();
      assert.ok(!seen.headers.some(([header]) => /^x-admin$/i.test(header)));
      const self = await tab.once(estate.url('login', '/'));
      assert.ok(!self.body.includes('<script>alert'), 'a claim was written raw into a page');
    }
    assert.ok(estate.gateway.running());
  }
});

test('answers without end, far too large or redirecting are cut short', async () => {
  estate.provider.rotateKeys({ keepOld: false });
  const big = (req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(1 << 20, 32);
    let sent = 0;
    const push = () => {
      while (sent < 200 && res.write(chunk)) sent += 1;
      if (sent < 200) res.once('drain', push);
      else res.end('{}');
    };
    res.on('error', () => {});
    push();
  };
  const loop = (req, res) => res.writeHead(302, { location: '/token' }).end();
  for (const answer of [
    big,
    loop,
    (req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('[[[['),
    (req, res) => res.writeHead(500).end(),
  ]) {
    estate.provider.overrides.set('/token', answer);
    await refusedLogin();
  }
  estate.provider.overrides.clear();
});
