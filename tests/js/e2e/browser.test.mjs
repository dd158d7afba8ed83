// Proves: in a real browser every page of the gateway looks like a product, passes axe in light and dark, sets a strict
// content security policy that it obeys itself, and the flows of a person work with the browser's own cookie and
// navigation rules: login, deep link, refusal, step-up, revocation under an open WebSocket, sign-out.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { accessible } from '../lib/axe.mjs';
import { Browser, signIn } from '../lib/browser.mjs';
import { Estate } from '../lib/estate.mjs';

let estate;
let browser;
let context;
let page;
let complaints;

before(async () => {
  estate = await Estate.up('e2e-browser', { partner: true });
  browser = await Browser.launch(estate.ca);
});
beforeEach(async () => {
  await context?.close();
  estate.provider.reset();
  await estate.provider.up();
  estate.clear();
  context = await browser.context();
  page = await context.newPage();
  complaints = [];
  page.on('console', (line) => {
    if (/content security policy|refused to/i.test(line.text())) complaints.push(line.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
});
after(async () => {
  await browser?.close();
  await estate?.down();
});

// A screenshot in light and dark, and axe in both.
async function look(name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await browser.shot(page, `${name}-${colorScheme}`);
    await accessible(page, `${name} (${colorScheme})`);
  }
  await page.emulateMedia({ colorScheme: null });
  assert.deepEqual(complaints, []);
}

async function login(user, target, { app = 'web', provider = 'Corp', ...options } = {}) {
  await page.goto(estate.url(app, target));
  await page
    .getByRole('link', { name: provider })
    .or(page.getByRole('button', { name: provider }))
    .first()
    .click();
  await signIn(page, user, options);
  await page.waitForURL(estate.url(app, target));
}

test('with two providers a person chooses, signs in and is back at the deep link', async () => {
  const target = '/reports/2026?view=table#part';
  await page.goto(estate.url('web', target));
  assert.ok(page.url().startsWith(estate.url('login')), page.url());
  await look('choose-provider');
  await page
    .getByRole('link', { name: 'Corp' })
    .or(page.getByRole('button', { name: 'Corp' }))
    .first()
    .click();
  await look('provider-sign-in');
  await signIn(page, 'ann');
  await page.waitForURL((at) => at.href.startsWith(estate.url('web', '/reports/2026?view=table')));
  await page.locator('#verified').getByText('Verified').waitFor();
  await look('app');
});

test('the refusal page says what is missing', async () => {
  await login('ann', '/reports/x');
  const answer = await page.goto(estate.url('web', '/admin'));
  assert.equal(answer.status(), 403);
  assert.match(answer.headers()['content-security-policy'], /default-src 'none'/);
  await look('refused');
});

test('a path nobody published, and a request nobody can read', async () => {
  await login('ann', '/reports/x');
  assert.equal((await page.goto(estate.url('web', '/nowhere'))).status(), 404);
  await look('not-found');
  assert.equal((await page.goto(estate.url('web', '/public/%2e%2e%2fadmin'))).status(), 400);
  await look('bad-request');
});

test('the login host: who you are, sign out, signed out', async () => {
  await login('ann', '/reports/x');
  const answer = await page.goto(estate.url('login', '/'));
  assert.match(answer.headers()['content-security-policy'], /default-src 'none'|default-src 'self'/);
  assert.match(await page.locator('body').innerText(), /ann@corp\.example/);
  await look('account');
  await page
    .getByRole('button', { name: /log out|sign out/i })
    .first()
    .click();
  await page.waitForURL((at) => at.href.startsWith(estate.url('login', '/signed-out')));
  await look('signed-out');
  await page.goto(estate.url('web', '/reports/x'));
  assert.ok(page.url().startsWith(estate.url('login')), 'signed out everywhere');
});

test('nobody signed in at the login host', async () => {
  await page.goto(estate.url('login', '/'));
  await look('account-nobody');
});

test('step-up asks for the key and goes on', async () => {
  await login('ann', '/v1/refunds', { app: 'api' });
  await page.goto(estate.url('api', '/v1/approve'));
  await page.waitForURL(/\/interaction\//);
  await look('step-up');
  await signIn(page, 'ann');
  await page.waitForURL(estate.url('api', '/v1/approve'));
  assert.equal(estate.apps.api.last().url, '/v1/approve');
});

test('a step-up that did not get stronger ends at a page that says so', async () => {
  await login('otto', '/v1/refunds', { app: 'api' });
  await page.goto(estate.url('api', '/v1/approve'));
  await signIn(page, 'otto');
  await page.waitForLoadState();
  assert.ok(!estate.apps.api.seen.some((entry) => entry.url === '/v1/approve'));
  await look('step-up-failed');
});

test('a WebSocket in the page closes when the person is revoked', async () => {
  await login('ann', '/', { app: 'chat' });
  await page.locator('#state', { hasText: /^open$/ }).waitFor();
  const start = Date.now();
  await estate.gateway.ask('revoke', '--person', 'ann@corp.example');
  await page.locator('#state', { hasText: /^closed/ }).waitFor({ timeout: 5000 });
  assert.ok(Date.now() - start < 4000);
});

test('sign-out by the button of an app', async () => {
  await login('ann', '/');
  await page.getByRole('button', { name: /sign out of this app/i }).click();
  await page.waitForURL((at) => !at.href.startsWith(estate.url('web')));
  assert.equal(
    (await context.cookies(estate.url('web'))).find((c) => c.name === '__Host-durward'),
    undefined,
  );
  await look('signed-out-of-app');
});

test("the provider's token endpoint fails: the page says so and offers another try", async () => {
  estate.provider.overrides.set('/token', (req, res) => res.writeHead(500).end());
  await page.goto(estate.url('web', '/reports/x'));
  await page
    .getByRole('link', { name: 'Corp' })
    .or(page.getByRole('button', { name: 'Corp' }))
    .first()
    .click();
  await signIn(page, 'ann');
  await page.waitForURL((at) => at.pathname.startsWith('/callback'));
  await look('login-failed');
});

test('a callback nobody began', async () => {
  const answer = await page.goto(estate.url('login', '/callback/corp?code=x&state=y'));
  assert.equal(answer.status(), 400);
  await look('callback-refused');
});

test("a script on an app's page cannot use the gateway's paths or read its cookie", async () => {
  await login('ann', '/reports/x');
  const tried = await page.evaluate(async () => {
    const out = { cookie: document.cookie };
    for (const path of [
      '/.durward/',
      '/.durward/adopt',
      '/.durward/logout',
      '/.durward/session',
      '/.durward/login',
      '/.durward/../admin',
    ]) {
      for (const method of ['GET', 'PUT'])
        out[`${method} ${path}`] = (await fetch(path, { method, redirect: 'manual' })).status;
    }
    out.worker = await navigator.serviceWorker?.register('/.durward/adopt').then(
      () => 'registered',
      () => 'refused',
    );
    out.adopt = (
      await fetch('/.durward/adopt', {
        method: 'POST',
        body: new URLSearchParams({ ticket: 'x', start: 'y' }),
        redirect: 'manual',
      })
    ).status;
    return out;
  });
  assert.equal(tried.cookie, '');
  for (const [what, status] of Object.entries(tried)) {
    if (/^(GET|PUT)/.test(what)) assert.ok([0, 400, 403, 404].includes(status), `${what}: ${status}`);
  }
  assert.notEqual(tried.worker, 'registered');
  assert.ok(tried.adopt >= 400, `adopt ${tried.adopt}`);
  assert.equal((await page.goto(estate.url('web', '/reports/x'))).status(), 200, 'still signed in');
});

test('another site cannot sign a person out or frame the pages', async () => {
  await login('ann', '/reports/x');
  const answer = await page.goto(estate.url('login', '/'));
  assert.match(answer.headers()['content-security-policy'], /frame-ancestors 'none'/);
  const other = await context.newPage();
  await other.goto(`https://partner.localhost:${estate.ports.partner}/.well-known/openid-configuration`);
  await other.setContent(`<form method="post" action="${estate.url('web', '/.durward/logout')}"></form>`);
  await Promise.all([
    other.waitForNavigation().catch(() => {}),
    other.evaluate(() => document.forms[0].submit()),
  ]);
  assert.equal((await page.goto(estate.url('web', '/reports/x'))).status(), 200, 'still signed in');
  assert.equal(page.url(), estate.url('web', '/reports/x'));
});
