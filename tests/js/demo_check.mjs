// The proof behind `./dev demo --check`: what a person's browser and an API client get, and what the upstreams saw.
import assert from 'node:assert/strict';
import http from 'node:http';
import { Browser, signIn } from './lib/browser.mjs';
import { request } from './lib/client.mjs';
import { until } from './lib/paths.mjs';
import { value, values } from './apps/upstream.mjs';

const url = (app, target = '') => `https://${app}.localhost:8443${target}`;
const get = (target) =>
  new Promise((resolve, reject) => {
    http
      .get(target, { headers: { host: 'web.localhost:8080' } }, (res) => {
        res.resume();
        resolve(res);
      })
      .on('error', reject);
  });

const deep = '/reports/2026/q3?view=table&sort=%C3%BC';

// The steps, in order: each a sentence and what proves it. They share a browser and the cookies captured on the way.
function steps({ demo, browser }) {
  const { apps, gateway, ca } = demo;
  const state = {};
  const clear = () => Object.values(apps).forEach((app) => app.clear());
  const saw = () => Object.values(apps).reduce((sum, app) => sum + app.seen.length, 0);
  const api = (target, options = {}) =>
    request(url('api', target), {
      ca: ca.pem,
      ...options,
      headers: { accept: 'application/json', ...options.headers },
    });
  const cookieOf = async (app) =>
    (await state.context.cookies(url(app))).find((c) => c.name === '__Host-durward');

  return [
    [
      'plain HTTP is redirected to HTTPS, to the same page',
      async () => {
        const res = await get('http://127.0.0.1:8080/reports/x?y=1');
        assert.ok([301, 308].includes(res.statusCode), `status ${res.statusCode}`);
        assert.equal(res.headers.location, url('web', '/reports/x?y=1'));
      },
    ],
    [
      'a browser without a session is sent to log in, and the upstream sees nothing',
      async () => {
        state.context = await browser.context();
        state.page = await state.context.newPage();
        await state.page.goto(url('web', deep));
        await state.page.waitForURL(/id\.localhost:9443\/interaction\//);
        assert.equal(saw(), 0);
      },
    ],
    [
      'after login it returns to the very page it asked for',
      async () => {
        await signIn(state.page, 'ann');
        await state.page.waitForURL(url('web', deep));
        assert.equal(apps.web.last().url, deep);
      },
    ],
    [
      'the upstream gets user, e-mail and roles, and no cookie of the gateway',
      async () => {
        const seen = apps.web.last();
        assert.equal(value(seen, 'x-durward-email'), 'ann@corp.example');
        assert.deepEqual(
          value(seen, 'x-durward-roles')
            .split(',')
            .map((r) => r.trim())
            .sort(),
          ['refunds', 'staff'],
        );
        assert.equal(values(seen, 'x-durward-user').length, 1);
        assert.ok(!values(seen, 'cookie').some((text) => text.includes('__Host-durward')));
      },
    ],
    [
      'the assertion verifies against the published keys, for this host only',
      async () => {
        assert.equal(await state.page.locator('#verified').innerText(), 'Verified');
        await browser.shot(state.page, 'demo-web');
      },
    ],
    [
      'a page for admins answers 403, says why, and the upstream sees nothing',
      async () => {
        clear();
        const answer = await state.page.goto(url('web', '/admin/'));
        assert.equal(answer.status(), 403);
        assert.match(await state.page.locator('main').innerText(), /admin/i);
        await browser.shot(state.page, 'demo-denied');
        assert.equal(saw(), 0);
      },
    ],
    [
      'an API client without a token gets 401, a JSON problem and WWW-Authenticate',
      async () => {
        const answer = await api('/v1/refunds');
        assert.equal(answer.status, 401);
        assert.match(answer.headers['content-type'], /application\/problem\+json/);
        assert.match(answer.headers['www-authenticate'], /^Bearer/);
        answer.json();
        assert.equal(saw(), 0);
      },
    ],
    [
      'a bearer token made with `durward token create` reads, and may not create',
      async () => {
        const made = await gateway.ask(
          'token',
          'create',
          '--person',
          'ann@corp.example',
          '--host',
          'api.localhost',
          '--for',
          '1h',
          '--name',
          'check',
        );
        state.token = made.token;
        const headers = { authorization: `Bearer ${made.token}` };
        assert.equal((await api('/v1/refunds', { headers })).status, 200);
        assert.equal(value(apps.api.last(), 'x-durward-email'), 'ann@corp.example');
        assert.equal(value(apps.api.last(), 'authorization'), undefined);
        clear();
        const refused = await api('/v1/refunds', { method: 'POST', headers });
        assert.equal(refused.status, 401);
        assert.match(refused.headers['www-authenticate'], /insufficient_user_authentication/);
        assert.equal(saw(), 0);
      },
    ],
    [
      'creating a refund asks for the security key, then works',
      async () => {
        await state.page.goto(url('api', '/v1/refunds/new'));
        await state.page.waitForURL(/id\.localhost:9443\/interaction\//);
        await browser.shot(state.page, 'demo-step-up');
        await signIn(state.page, 'ann');
        await state.page.waitForURL(url('api', '/v1/refunds/new'));
        await state.page.getByRole('button', { name: 'Create the refund' }).click();
        await state.page.waitForURL(url('api', '/v1/refunds'));
        assert.equal(apps.api.last().method, 'POST');
        assert.equal(value(apps.api.last(), 'x-durward-email'), 'ann@corp.example');
      },
    ],
    [
      'a WebSocket opens',
      async () => {
        await state.page.goto(url('chat', '/'));
        await state.page.locator('#state', { hasText: /^open$/ }).waitFor({ timeout: 10000 });
        await until(() => apps.chat.frames.includes('hello'), 'the frame at the upstream');
        await state.page.goto(url('web', '/'));
        await state.page.goto(url('chat', '/'));
        await state.page.locator('#state', { hasText: /^open$/ }).waitFor({ timeout: 10000 });
        state.cookies = { web: await cookieOf('web'), chat: await cookieOf('chat') };
        assert.ok(state.cookies.web.httpOnly && state.cookies.web.secure);
      },
    ],
    [
      '`durward revoke` cuts the open WebSocket',
      async () => {
        await gateway.ask('revoke', '--person', 'ann@corp.example');
        await state.page.locator('#state', { hasText: /^closed/ }).waitFor({ timeout: 5000 });
      },
    ],
    [
      'the revoked cookie and token are refused, and the upstreams see nothing',
      async () => {
        clear();
        for (const app of ['web', 'chat']) {
          const answer = await request(url(app, '/'), {
            ca: ca.pem,
            headers: { accept: 'application/json', cookie: `__Host-durward=${state.cookies[app].value}` },
          });
          assert.equal(answer.status, 401, app);
        }
        assert.equal(
          (await api('/v1/refunds', { headers: { authorization: `Bearer ${state.token}` } })).status,
          401,
        );
        assert.equal(saw(), 0);
      },
    ],
    [
      'signing out ends the session',
      async () => {
        await state.context.close();
        state.context = await browser.context();
        state.page = await state.context.newPage();
        await state.page.goto(url('web', '/'));
        await signIn(state.page, 'sam');
        await state.page.waitForURL(url('web', '/'));
        const cookie = await cookieOf('web');
        await state.page.getByRole('button', { name: /Sign out/ }).click();
        await until(async () => !(await cookieOf('web')), 'the cookie to go');
        clear();
        const answer = await request(url('web', '/'), {
          ca: ca.pem,
          headers: { accept: 'application/json', cookie: `__Host-durward=${cookie.value}` },
        });
        assert.equal(answer.status, 401);
        assert.equal(saw(), 0);
      },
    ],
    [
      'the access log has a line for each of these, with person-free ids and without query strings',
      async () => {
        const { stdout } = await gateway.run('log', 'tail', '--output', 'json', '--lines', '1000');
        const lines = stdout
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
        const has = (host, path, status) =>
          assert.ok(
            lines.some((l) => l.host === `${host}.localhost` && l.path === path && l.status === status),
            `no line for ${host} ${path} ${status}`,
          );
        has('web', '/reports/2026/q3', 200);
        has('web', '/admin/', 403);
        has('api', '/v1/refunds', 401);
        has('api', '/v1/refunds', 201);
        has('chat', '/ws', 101);
        assert.ok(!stdout.includes('view=table'), 'a query string was logged');
        assert.ok(!stdout.includes(state.token), 'a token was logged');
      },
    ],
    [
      'metrics are served on loopback, and not by the gateway',
      async () => {
        const res = await new Promise((resolve, reject) => {
          http
            .get('http://127.0.0.1:9090/metrics', (r) => {
              r.resume();
              resolve(r);
            })
            .on('error', reject);
        });
        assert.equal(res.statusCode, 200);
        assert.notEqual((await request(url('web', '/metrics'), { ca: ca.pem })).status, 200);
      },
    ],
  ];
}

// Returns the exit code. A step that fails ends it: later ones lean on it.
export async function check(demo) {
  const browser = await Browser.launch(demo.ca);
  let passed = 0;
  try {
    const all = steps({ demo, browser });
    for (const [sentence, proof] of all) {
      try {
        await proof();
        passed += 1;
        console.log(`  ok    ${sentence}`);
      } catch (error) {
        console.log(
          `  FAIL  ${sentence}\n        ${String(error.message).split('\n').slice(0, 6).join('\n        ')}`,
        );
        console.log(`\n${passed} of ${all.length} proven; Durward's log: ${demo.gateway.log}`);
        return 1;
      }
    }
    console.log(`\nall ${passed} proven`);
    return 0;
  } finally {
    await browser.close();
  }
}
