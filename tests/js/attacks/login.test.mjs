// Proves: rows 4, 30 to 36, 50, 59 to 61: nobody is logged in as another, led to a foreign site, or handed a session that
// somebody else knows, whatever is sent to the login host, the callback or the adopt path.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { forms, isSignIn, request } from '../lib/client.mjs';
import { sleep } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await up('attacks-login');
});
beforeEach(() => {
  estate.provider.reset();
  estate.clear();
});
after(() => estate.down());

const own = (location) =>
  location === undefined ||
  /^\/(?![/\\])/.test(location) ||
  new RegExp(`^https://(login|web|api|chat|other|id)\\.localhost:\\d+/`).test(location);

// Walks a login up to the redirect that carries code and state, without following it.
async function toCallback(tab = estate.tab(), target = '/reports/x', user = 'ann') {
  const end = await tab.login(estate.url('web', target), user, {
    stop: (answer) => answer.headers.location?.includes('/callback/'),
  });
  return { tab, callback: end.headers.location };
}

// Walks it further, to the page that posts the ticket to the app host; returns that form.
async function toAdopt(tab = estate.tab(), target = '/reports/x', user = 'ann') {
  const { callback } = await toCallback(tab, target, user);
  let page = await tab.once(callback);
  while (page.status >= 300 && page.status < 400)
    page = await tab.once(new URL(page.headers.location, page.url).href);
  const [form] = forms(page.body, page.url);
  assert.ok(form?.action.endsWith('/.durward/adopt'), `${page.status} ${page.url}`);
  return { tab, form: { ...form, from: page.url } };
}

const adopted = (tab) => estate.cookie(tab) !== undefined;

test('4, 30, 31: no parameter or header sends anybody to a foreign site', async () => {
  const evil = [
    'https://evil.test/',
    '//evil.test/',
    '/\\evil.test',
    '/%09/evil.test',
    '/%5cevil.test',
    'https:evil.test',
    '/%0d/evil.test',
    'https://evil-web.localhost/',
    'https://web.localhost.evil.test/',
    'https://web.localhost@evil.test/',
    'https://evil.test\\.web.localhost',
    'javascript:alert(1)',
    'data:text/html,x',
    '\thttps://evil.test',
    'https://web.localhost:1/',
    'http://web.localhost/',
  ];
  for (const target of evil) {
    for (const name of [
      'rd',
      'start',
      'return',
      'return_url',
      'redirect_uri',
      'next',
      'url',
      'post_logout_redirect_uri',
      'state',
    ]) {
      for (const path of ['/login', '/', '/signed-out', '/logout', '/callback/corp']) {
        const answer = await request(`${estate.url('login', path)}?${name}=${encodeURIComponent(target)}`, {
          ca: estate.ca.pem,
          headers: { accept: 'text/html', 'x-forwarded-host': 'evil.test', forwarded: 'host=evil.test' },
        });
        assert.ok(own(answer.headers.location), `${path}?${name}=${target}: ${answer.headers.location}`);
        assert.ok(
          !/href="?(https?:)?\/\/evil|action="?(https?:)?\/\/evil|url=(https?:)?\/\/evil/i.test(answer.body),
          `${path}?${name}=${target}`,
        );
      }
    }
  }
});

test('30: a return path that a browser could read as another site is refused before the login', async () => {
  for (const target of [
    '//evil.test/',
    '/\\evil.test/',
    '/%5cevil.test',
    '/%2f/evil.test',
    '/\t/evil.test',
    '/%09/evil.test',
    '//evil.test/%2e%2e',
    '/.//evil.test',
  ]) {
    const answer = await estate.send('web', `GET ${target} HTTP/1.1`, [
      'Accept: text/html',
      'Sec-Fetch-Mode: navigate',
    ]);
    assert.ok(answer.status >= 400, `${target}: ${answer.status} ${answer.location}`);
  }
});

test('32, 33: a callback without state, with a state of another browser, doubled or altered', async () => {
  const { callback } = await toCallback();
  const other = estate.tab();
  const query = new URL(callback).search;
  const state = new URL(callback).searchParams.get('state');
  const targets = [
    '/callback/corp',
    '/callback/corp?code=x',
    '/callback/corp?state=x',
    `/callback/corp${query}&code=evil`,
    `/callback/corp${query}&state=${state}`,
    `/callback/corp?code=&state=${state}`,
    `/callback/corp?code=x&state=${state.slice(0, -2)}AA`,
    `/callback/corp?error=access_denied&state=x`,
    '/callback/nobody?code=x&state=y',
    '/callback/',
    '/callback/corp/../corp',
    `/callback/corp?code=${'x'.repeat(6000)}&state=${state}`,
  ];
  for (const target of targets) {
    const answer = await other.once(estate.url('login', target));
    assert.ok(answer.status >= 400 && answer.status < 500, `${target.slice(0, 60)}: ${answer.status}`);
    assert.equal(other.cookies(estate.url('login')).get('__Host-durward'), undefined);
  }
  const foreign = await other.once(callback);
  assert.ok(foreign.status >= 400, 'the state of another browser');
  assert.equal(other.cookies(estate.url('login')).get('__Host-durward'), undefined);
  assert.equal(estate.upstreamSaw(), 0);
  assert.ok(estate.gateway.running());
});

test('34: a callback cannot be replayed, by its own browser either', async () => {
  const { tab, callback } = await toCallback();
  const first = await tab.once(callback);
  assert.ok(first.status < 400);
  const again = await tab.once(callback);
  assert.ok(again.status >= 400, `${again.status}`);
});

test('34: the nonce and the code belong to one login', async () => {
  const one = await toCallback();
  const two = await toCallback();
  const swapped = new URL(one.callback);
  swapped.searchParams.set('code', new URL(two.callback).searchParams.get('code'));
  const answer = await one.tab.once(swapped.href);
  assert.ok(answer.status >= 400, `${answer.status}`);
  assert.equal(one.tab.cookies(estate.url('login')).get('__Host-durward'), undefined);
});

test('35: PKCE S256, state and nonce on every request; the verifier on every exchange', async () => {
  const from = estate.provider.seen.length;
  await estate.signedIn('ann');
  const fresh = estate.provider.seen.slice(from);
  const authorize = fresh.filter((entry) => entry.route === 'authorization');
  assert.ok(authorize.length >= 1);
  for (const { params } of authorize) {
    assert.equal(params.code_challenge_method, 'S256');
    assert.ok(
      params.code_challenge.length === 43 && params.state && params.nonce && params.response_type === 'code',
    );
    assert.ok(params.nonce.length >= 22);
  }
  const tokens = fresh.filter((entry) => entry.route === 'token');
  assert.ok(tokens.length >= 1);
  for (const { params } of tokens) assert.ok(params.code_verifier.length >= 43);
});

test('36: a session id that was there before the login is not used', async () => {
  const attacker = await estate.signedIn('eve', { target: '/reports/x' });
  const planted = estate.cookie(attacker);
  const victim = estate.tab();
  for (const app of ['web', 'login'])
    victim.keep(estate.url(app), [
      `__Host-durward=${attacker.cookies(estate.url(app)).get('__Host-durward').value}; Path=/; Secure`,
    ]);
  victim.cookies(estate.url('web')).clear();
  const page = await victim.walk(estate.url('web', '/reports/x'));
  assert.equal(page.status, 200);
  assert.notEqual(estate.cookie(victim), planted, 'a new id for each adoption');
  const unknown = estate.tab();
  unknown.keep(estate.url('login'), [`__Host-durward=a${'B'.repeat(43)}; Path=/; Secure`]);
  await unknown.login(estate.url('web', '/reports/x'), 'ann');
  assert.ok(!unknown.cookies(estate.url('login')).get('__Host-durward').value.includes('BBBB'));
});

test('60: a ticket is for one browser, one host, one use, thirty seconds, and one return path', async () => {
  const { form } = await toAdopt();
  const other = estate.tab();
  const stolen = await other.post(form);
  assert.ok(stolen.status >= 400, 'another browser');
  assert.ok(!adopted(other));

  const twice = await toAdopt();
  const copy = structuredClone(twice.form);
  assert.ok((await twice.tab.post(twice.form)).status < 400);
  const cookie = estate.cookie(twice.tab);
  const again = await twice.tab.post(copy);
  assert.ok(again.status >= 400, 'used');
  assert.equal(estate.cookie(twice.tab), cookie);

  const elsewhere = await toAdopt();
  const moved = { ...elsewhere.form, action: elsewhere.form.action.replace('web.', 'chat.') };
  assert.ok((await elsewhere.tab.post(moved)).status >= 400, 'another host');

  for (const alter of [
    (f) => ({ ...f, ticket: 'x'.repeat(43) }),
    (f) => ({ ...f, ticket: '' }),
    (f) => ({ ...f, start: `${f.start.slice(0, -3)}AAA` }),
    (f) => ({ ticket: f.ticket }),
    (f) => ({ start: f.start }),
    () => ({}),
  ]) {
    const altered = await toAdopt();
    const answer = await altered.tab.post({ ...altered.form, fields: alter(altered.form.fields) });
    assert.ok(answer.status >= 400, JSON.stringify(Object.keys(answer)));
    assert.ok(!adopted(altered.tab));
  }

  const origin = await toAdopt();
  assert.ok(
    (await origin.tab.post({ ...origin.form, origin: 'https://evil.test' })).status >= 400,
    'another origin',
  );
  assert.ok(!adopted(origin.tab));
});

test('60: a start of one flow with the ticket of another goes nowhere', async () => {
  const one = await toAdopt(undefined, '/reports/one');
  const two = await toAdopt(undefined, '/reports/two');
  const mixed = await one.tab.post({
    ...one.form,
    fields: { ticket: one.form.fields.ticket, start: two.form.fields.start },
  });
  assert.ok(mixed.status >= 400);
});

test('60: a late ticket', { timeout: 60000 }, async () => {
  const { tab, form } = await toAdopt();
  await sleep(31500);
  assert.ok((await tab.post(form)).status >= 400);
  assert.ok(!adopted(tab));
});

test('61: on an app host nothing of the gateway answers but adopt and logout, by POST', async () => {
  const tab = await estate.signedIn('ann');
  const cookie = `Cookie: ${estate.cookie(tab)}`;
  for (const target of [
    '/.durward',
    '/.durward/',
    '/.durward/adopt',
    '/.durward/logout',
    '/.durward/login',
    '/.durward/callback',
    '/.durward/sessions',
    '/.durward/adopt/',
    '/.durward/adoptx',
    '/.DURWARD/adopt',
    '/.durward/adopt?x=1',
  ]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await estate.send('web', `${method} ${target} HTTP/1.1`, [cookie]);
      assert.ok([400, 401, 403, 404, 405].includes(answer.status), `${method} ${target}: ${answer.status}`);
    }
  }
  const length = 'Content-Length: 0';
  for (const headers of [
    ['Origin: https://evil.test'],
    ['Origin: null'],
    [],
    ['Service-Worker: script', `Origin: ${estate.url('web')}`],
    ['Sec-Fetch-Site: cross-site'],
  ]) {
    const answer = await estate.send('web', 'POST /.durward/logout HTTP/1.1', [cookie, length, ...headers]);
    assert.ok(answer.status >= 400, `${headers.join()}: ${answer.status}`);
  }
  assert.equal((await tab.once(estate.url('web', '/reports/x'))).status, 200, 'still signed in');
});

test('the login host takes no state-changing request from elsewhere, and nothing of an app passes there', async () => {
  const tab = await estate.signedIn('ann');
  const login = tab.cookies(estate.url('login')).get('__Host-durward').value;
  for (const headers of [
    ['Origin: https://evil.test'],
    ['Origin: null'],
    [`Origin: ${estate.url('web')}`],
    [],
  ]) {
    const answer = await estate.send('login', 'POST /logout HTTP/1.1', [
      `Cookie: __Host-durward=${login}`,
      'Content-Length: 0',
      ...headers,
    ]);
    assert.ok(answer.status >= 400, `${headers.join()}: ${answer.status}`);
  }
  assert.equal((await tab.once(estate.url('login', '/'))).status, 200);
  for (const target of ['/admin', '/v1/refunds', '/metrics', '/.durward/adopt', '/../x'])
    assert.notEqual((await estate.send('login', `GET ${target} HTTP/1.1`)).status, 200, target);
});

test('X-Durward-Login and its like, sent to the login host by a client, mean nothing', async () => {
  for (const name of [
    'X-Durward-Login',
    'X-Durward-Needs',
    'X-Durward-Session',
    'X-Durward-Peer',
    'x_durward_login',
  ]) {
    const answer = await estate.send('login', 'GET / HTTP/1.1', [
      `${name}: login_required`,
      'X-Forwarded-Host: evil.test',
    ]);
    assert.ok([200, 302, 400].includes(answer.status), `${name}: ${answer.status}`);
    if (answer.location) assert.equal(answer.location, estate.url('login', '/login'), name);
  }
});

test('50: what a stranger writes into a URL is never raw in a page, and pages set a policy', async () => {
  const marks = [
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    '</title><script>',
    '<img src=x onerror=alert(1)>',
    '%22%3E%3Cscript%3E',
  ];
  for (const mark of marks) {
    for (const path of [
      '/login?start=',
      '/callback/corp?code=x&state=',
      '/callback/corp?error=',
      '/callback/corp?error=x&error_description=',
      '/?',
      '/signed-out?state=',
      '/nowhere/',
    ]) {
      const answer = await request(estate.url('login', path + encodeURIComponent(mark)), {
        ca: estate.ca.pem,
        headers: { accept: 'text/html' },
      });
      assert.ok(!/<script>alert|onerror=alert|<\/title><script/i.test(answer.body), `${path}${mark}`);
      if (/text\/html/.test(answer.headers['content-type'] ?? '') && answer.status !== 400)
        assert.match(
          answer.headers['content-security-policy'] ?? '',
          /default-src 'none'|default-src 'self'/,
          path,
        );
    }
    const app = await request(estate.url('web', `/nowhere/${encodeURIComponent(mark)}`), {
      ca: estate.ca.pem,
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    });
    assert.ok(!/<script>alert|onerror=alert/i.test(app.body));
  }
});

test('a login that was begun and left, many times over, costs nothing that lasts', async () => {
  for (let i = 0; i < 30; i += 1) {
    const page = await estate.tab().walk(estate.url('web', `/reports/${i}`));
    assert.ok(isSignIn(page));
  }
  const list = await estate.gateway.ask('sessions');
  assert.ok(!JSON.stringify(list).includes('/reports/'));
  assert.equal((await estate.signedIn('ann')).page.status, 200);
});
