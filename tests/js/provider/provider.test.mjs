// Proves: the sample provider that every other test leans on is a correct OpenID provider: a strict client
// (openid-client) completes code flow with PKCE against it, acr, max_age, prompt and logout mean what they should, each
// fault does what its name says, and a person can sign in with a browser.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import * as jose from 'jose';
import { authority, leaf } from '../lib/certs.mjs';
import { Browser, signIn } from '../lib/browser.mjs';
import { fetchWith, forms, isSignIn, request, Tab } from '../lib/client.mjs';
import { freePorts, workDir } from '../lib/paths.mjs';
import { SampleProvider } from './provider.mjs';
import { levels } from './people.mjs';

const callback = 'https://login.localhost:8443/callback/corp';
let ca;
let provider;
let config;

before(async () => {
  ca = authority(workDir('provider'));
  const [port] = await freePorts(1);
  const issuer = `https://id.localhost:${port}`;
  provider = new SampleProvider({
    issuer,
    tls: leaf(ca, ['id.localhost', '127.0.0.1']),
    clients: [
      {
        client_id: 'durward',
        client_secret: 'secret',
        client_name: 'Durward',
        redirect_uris: [callback],
        post_logout_redirect_uris: ['https://login.localhost:8443/signed-out'],
      },
    ],
  });
  await provider.up();
  config = await oidc.discovery(new URL(issuer), 'durward', 'secret', undefined, {
    [oidc.customFetch]: fetchWith(ca.pem),
  });
});
beforeEach(() => provider.reset());
after(() => provider.down());

const tab = () => new Tab({ ca: ca.pem });
const stop = (answer) => answer.headers.location?.startsWith(callback);

// Walks one login through and redeems the code; returns the verified ID token's claims.
async function login(browser, user, params = {}, checks = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email profile groups',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...params,
  });
  const end = await browser.login(url.href, user, { stop });
  assert.ok(end.headers.location?.startsWith(callback), `${end.status} ${end.url}`);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(end.headers.location), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
    ...checks,
  });
  return { claims: tokens.claims(), idToken: tokens.id_token };
}

test('code flow with PKCE gives groups, e-mail and the level of the login in the ID token', async () => {
  const { claims } = await login(tab(), 'ann');
  assert.equal(claims.sub, '1001');
  assert.deepEqual(claims.groups, ['staff', 'fin-refunds']);
  assert.equal(claims.email, 'ann@corp.example');
  assert.equal(claims.email_verified, true);
  assert.equal(claims.acr, levels[0]);
  assert.deepEqual(claims.amr, ['pwd']);
  assert.ok(Math.abs(claims.auth_time - Date.now() / 1000) < 5);
});

test('a second login in the same browser asks nothing; a stronger level or max_age=0 or prompt=login asks again', async () => {
  const browser = tab();
  await login(browser, 'ann');
  const count = () =>
    browser.log.filter((l) => l.method === 'POST' && l.url.includes('/interaction/')).length;
  await login(browser, 'ann');
  assert.equal(count(), 1);
  const { claims } = await login(browser, 'ann', { acr_values: levels[2] });
  assert.equal(count(), 2);
  assert.equal(claims.acr, levels[2]);
  await login(browser, 'ann', { acr_values: levels[1] });
  assert.equal(count(), 2, 'a stronger login satisfies a weaker wish');
  await login(browser, 'ann', { prompt: 'login' });
  assert.equal(count(), 3);
  await login(browser, 'ann', { max_age: '0' }, { maxAge: 0 });
  assert.equal(count(), 4);
});

test('someone without a security key gets the level they have', async () => {
  const { claims } = await login(tab(), 'otto', { acr_values: levels[2] });
  assert.equal(claims.acr, levels[1]);
});

test('a wrong password is refused and PKCE is required', async () => {
  const browser = tab();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid',
    code_challenge: await oidc.calculatePKCECodeChallenge('x'.repeat(43)),
    code_challenge_method: 'S256',
  });
  const page = await browser.walk(url.href);
  const [form] = forms(page.body, page.url);
  const refused = await browser.post({ ...form, fields: { ...form.fields, user: 'ann', password: 'no' } });
  assert.match(refused.body, /do not match/);
  const without = await tab().walk(
    oidc.buildAuthorizationUrl(config, { redirect_uri: callback, scope: 'openid' }).href,
    { stop },
  );
  assert.match(without.headers.location, /error=invalid_request/);
});

test("logout ends the provider's session and returns where the client said", async () => {
  const browser = tab();
  const { idToken } = await login(browser, 'ann');
  const url = oidc.buildEndSessionUrl(config, {
    id_token_hint: idToken,
    post_logout_redirect_uri: 'https://login.localhost:8443/signed-out',
    state: 'x',
  });
  const end = await browser.walk(url.href, {
    stop: (answer) => answer.headers.location?.includes('/signed-out'),
  });
  assert.equal(end.headers.location, 'https://login.localhost:8443/signed-out?state=x');
  const again = await browser.walk(
    oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: await oidc.calculatePKCECodeChallenge('x'.repeat(43)),
      code_challenge_method: 'S256',
    }).href,
  );
  assert.ok(isSignIn(again));
});

test('keys rotate under a live login; the old one stays published only when asked', async () => {
  const kids = async () =>
    (await request(`${provider.issuer}/jwks`, { ca: ca.pem })).json().keys.map((k) => k.kid);
  const [first] = await kids();
  const browser = tab();
  await login(browser, 'ann');
  provider.rotateKeys();
  assert.equal((await kids())[1], first);
  config = await oidc.discovery(new URL(provider.issuer), 'durward', 'secret', undefined, {
    [oidc.customFetch]: fetchWith(ca.pem),
  });
  await login(browser, 'ann');
  assert.equal(browser.log.filter((l) => l.method === 'POST').length, 1, 'the session outlives the keys');
  provider.rotateKeys({ keepOld: false });
  assert.equal((await kids()).length, 1);
  config = await oidc.discovery(new URL(provider.issuer), 'durward', 'secret', undefined, {
    [oidc.customFetch]: fetchWith(ca.pem),
  });
});

test('claim faults: no groups, overage, e-mail unverified, many groups', async () => {
  assert.equal((await login(tab(), 'noor')).claims.groups, undefined);
  assert.equal((await login(tab(), 'max')).claims.groups.length, 2000);
  assert.equal((await login(tab(), 'uma')).claims.email_verified, false);
  provider.overage = true;
  const { claims } = await login(tab(), 'ann');
  assert.equal(claims.groups, undefined);
  assert.deepEqual(claims._claim_names, { groups: 'src1' });
  provider.reset();
  provider.emailVerified = 'true';
  assert.equal((await login(tab(), 'ann')).claims.email_verified, 'true');
  provider.emailVerified = null;
  assert.equal('email_verified' in (await login(tab(), 'ann')).claims, false);
});

test('token faults: a skewed clock is refused by a strict client; forged tokens are what the test says', async () => {
  provider.skew = -3600;
  await assert.rejects(login(tab(), 'ann'), /exp|timestamp|JWT/i);
  provider.reset();
  provider.forge = async (claims) => new jose.UnsecuredJWT(claims).encode();
  await assert.rejects(login(tab(), 'ann'));
  provider.reset();
  provider.claims = (claims) => ({ ...claims, nonce: 'another' });
  await assert.rejects(login(tab(), 'ann'), (error) => /nonce/.test(error.cause?.message));
});

test('down refuses connections, up serves again, hanging never answers', async () => {
  const url = `${provider.issuer}/.well-known/openid-configuration`;
  await provider.down();
  await assert.rejects(request(url, { ca: ca.pem }), /ECONNREFUSED/);
  await provider.up();
  assert.equal((await request(url, { ca: ca.pem })).status, 200);
  provider.hanging = true;
  await assert.rejects(request(url, { ca: ca.pem, timeout: 300 }), /no answer/);
});

test('a person signs in with Chromium, which trusts the certificate and nothing it should not', async () => {
  const browser = await Browser.launch(ca);
  try {
    const page = await (await browser.context()).newPage();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid',
      acr_values: levels[1],
      state: 's',
      code_challenge: await oidc.calculatePKCECodeChallenge('x'.repeat(43)),
      code_challenge_method: 'S256',
    });
    await page.goto(url.href);
    await browser.shot(page, 'provider-sign-in');
    assert.ok(await page.locator(`input[value="${levels[1]}"]`).isChecked());
    await signIn(page, 'ann', { password: 'wrong' });
    await page.getByRole('alert').waitFor();
    let landed;
    await page.route(`${callback}**`, (route) => {
      landed = route.request().url();
      return route.fulfill({ body: 'landed' });
    });
    await signIn(page, 'ann');
    await page.getByText('landed').waitFor();
    assert.match(landed, /code=/);
  } finally {
    await browser.close();
  }
});
