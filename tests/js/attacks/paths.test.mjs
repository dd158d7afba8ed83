// Proves: rows 1, 3, 9 to 20, 25, 48, 56 and 58 of the attack list, and spellings of our own: no way of writing a path, a
// method or a host gets a request judged as something other than what the upstream would serve. Bytes go over raw TLS.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { denied, up } from './estate.mjs';
import { dotSegments, encodedLetters, malformed, matrix, queries } from './spellings.mjs';
import { h2, h2request, message, statuses } from '../lib/client.mjs';

let estate;
let alice;
before(async () => {
  estate = await up('attacks-paths');
  alice = estate.cookie(await estate.signedIn('ann'));
});
beforeEach(() => estate.clear());
after(() => estate.down());

// Each target as nobody and as somebody without the role, who must get no further.
async function refuse(
  targets,
  { app = 'web', method = 'GET', headers = [], as = [[], [`Cookie: ${alice}`]] } = {},
) {
  for (const target of targets) {
    for (const who of as) {
      if (app !== 'web' && who.length) continue;
      estate.clear();
      denied(
        estate,
        await estate.send(app, `${method} ${target} HTTP/1.1`, [...headers, ...who]),
        JSON.stringify(target),
      );
    }
  }
}

test('the base line: /public is open, /admin is not, and somebody without the role does not get in', async () => {
  assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1')).status, 200);
  assert.equal((await estate.send('other', 'GET /anything HTTP/1.1')).status, 200);
  await refuse(['/admin', '/admin/', '/admin/users']);
});

test('1, 2, 3: headers that claim another path or method change nothing', async () => {
  const names = [
    'X-Forwarded-Uri',
    'X-Envoy-Original-Path',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Original-URI',
    'X-Forwarded-Path',
    'X-Original-Path',
    'X-Http-Path',
    'X-Accel-Redirect',
  ];
  for (const name of names) {
    for (const spelling of [name, name.toLowerCase(), name.replaceAll('-', '_'), name.replaceAll('-', '.')])
      await refuse(['/admin'], { headers: [`${spelling}: /public/x`] });
  }
  for (const name of [
    'X-Forwarded-Method',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Original-Method',
  ]) {
    estate.clear();
    denied(
      estate,
      await estate.send('web', 'DELETE /reports/x HTTP/1.1', [`${name}: GET`, `Cookie: ${alice}`]),
      name,
    );
  }
});

test('9: no user agent is a health check', async () => {
  for (const agent of ['GoogleHC/1.0', 'kube-probe/1.30', 'ELB-HealthChecker/2.0', 'Prometheus/2'])
    await refuse(['/admin', '/', '/healthz', '/readyz', '/oauth2/auth'], {
      as: [[]],
      headers: [`User-Agent: ${agent}`],
    });
});

test('10, 11: queries and fragments do not choose the rule', async () => {
  await refuse(queries);
});

test('12, 13, 14: dot segments in every encoding', async () => {
  await refuse(dotSegments);
});

test('15, 16: matrix parameters', async () => {
  await refuse(matrix);
});

test('25: a malformed target is 400 or refused, never let through', async () => {
  await refuse(malformed);
});

test('58: encoded letters where a wide route is open beside a guarded one', async () => {
  await refuse(encodedLetters, { app: 'other' });
  for (const target of ['/admin', '/admin/', '/admin/users', '/admin?x']) {
    estate.clear();
    denied(estate, await estate.send('other', `GET ${target} HTTP/1.1`), target);
  }
});

test('13 of the pitfalls: a rule for /admin/ says nothing about /administrator, and letters keep their case', async () => {
  assert.equal((await estate.send('other', 'GET /administrator HTTP/1.1')).status, 200);
  await refuse(['/Public/x', '/PUBLIC/x', '/public', '/publicx', '/public.', '/admin.', '/ADMIN/x']);
});

test('17, 18: the host without regard to case, with a dot or a port, is the same host', async () => {
  for (const host of [
    'WEB.LocalHost',
    'web.localhost.',
    'web.localhost:443',
    'web.localhost:13518',
    'web.localhost:',
    'WEB.LOCALHOST.:1',
  ]) {
    estate.clear();
    denied(estate, await estate.send('web', 'GET /admin HTTP/1.1', [`Cookie: ${alice}`], { host }), host);
  }
});

test('19: two authorities, or one nobody can read', async () => {
  const hosts = [
    'web.localhost@other.localhost',
    'other.localhost, web.localhost',
    'web.localhost\tx',
    'web.localhost other.localhost',
    '',
    'web.localhost/admin',
    'web.localhost#x',
    '[::1]',
    '127.0.0.1',
    'web.localhost%00',
    '..',
    'other.localhost:99999999',
    'web..localhost',
    '-web.localhost',
    '*.localhost',
    'login.localhost',
  ];
  for (const host of hosts) {
    estate.clear();
    denied(estate, await estate.send('web', 'GET /admin HTTP/1.1', [], { host }), `Host: ${host}`);
  }
  // Hosts that would name this app if the rest were passed over: what is open to anyone is refused too.
  for (const host of ['web.localhost:99999999', 'web.localhost:x', 'web.localhost:443:80']) {
    estate.clear();
    denied(estate, await estate.send('web', 'GET /public/x HTTP/1.1', [], { host }), `Host: ${host}`);
  }
  const port = estate.ports.https;
  const raws = [
    `GET https://other.localhost:${port}/admin HTTP/1.1\r\nHost: web.localhost:${port}\r\n\r\n`,
    `GET https://web.localhost:${port}/admin HTTP/1.1\r\nHost: other.localhost:${port}\r\n\r\n`,
    `GET https://web.localhost:${port}/admin HTTP/1.1\r\nHost: web.localhost:${port}\r\n\r\n`,
    `GET http://other.localhost/public/x HTTP/1.1\r\nHost: other.localhost\r\n\r\n`,
    `GET /admin HTTP/1.1\r\nHost: web.localhost\r\nHost: other.localhost\r\n\r\n`,
    `GET /admin HTTP/1.1\r\nHost: other.localhost\r\nhOST: web.localhost\r\n\r\n`,
    'GET /admin HTTP/1.1\r\n\r\n',
    'GET /admin HTTP/1.0\r\n\r\n',
    'GET /public/x HTTP/1.0\r\n\r\n',
    'GET /admin\r\n',
    'GET /admin HTTP/1.1\r\nHost\r\n\r\n',
    `GET /admin HTTP/1.1\r\n Host: other.localhost\r\nHost: web.localhost\r\n\r\n`,
    `GET /admin HTTP/1.1\r\nHost: web.localhost\r\n :x\r\n\r\n`,
  ];
  for (const bytes of raws) {
    estate.clear();
    denied(estate, { status: statuses(await estate.raw('web', bytes))[0], text: '' }, JSON.stringify(bytes));
  }
});

test('19: the name of the TLS connection and the Host must agree', async () => {
  for (const [servername, host] of [
    ['other.localhost', 'web.localhost'],
    ['web.localhost', 'other.localhost'],
    ['login.localhost', 'web.localhost'],
    ['web.localhost', 'login.localhost'],
  ]) {
    estate.clear();
    const answer = await estate.send('web', 'GET /public/x HTTP/1.1', [], {
      host: `${host}:${estate.ports.https}`,
      servername,
    });
    assert.equal(answer.status, 421, `${servername} and ${host}`);
    assert.equal(estate.upstreamSaw(), 0);
  }
});

test('20: CONNECT, TRACE, OPTIONS * and made-up methods', async () => {
  const port = estate.ports.https;
  for (const bytes of [
    `CONNECT web.localhost:${port} HTTP/1.1\r\nHost: web.localhost:${port}\r\n\r\n`,
    `CONNECT /public/x HTTP/1.1\r\nHost: web.localhost\r\n\r\n`,
    'OPTIONS * HTTP/1.1\r\nHost: web.localhost\r\n\r\n',
    message('TRACE /public/x HTTP/1.1', 'web.localhost'),
    message('get /admin HTTP/1.1', 'web.localhost'),
    message('GET\t/admin HTTP/1.1', 'web.localhost'),
    message('GET  /admin HTTP/1.1', 'web.localhost'),
    message('G@T /admin HTTP/1.1', 'web.localhost'),
    message('GET /admin HTTP/9.9', 'web.localhost'),
    message('GET /admin HTTP/1.1 x', 'web.localhost'),
    message('GET /admin http/1.1', 'web.localhost'),
    message('PRI * HTTP/2.0', 'web.localhost'),
  ]) {
    estate.clear();
    denied(estate, { status: statuses(await estate.raw('web', bytes))[0], text: '' }, JSON.stringify(bytes));
  }
  const session = h2(estate.url('web'), { ca: estate.ca.pem });
  const tunnel = await h2request(session, { ':method': 'CONNECT', ':authority': 'web.localhost' }).catch(
    () => ({}),
  );
  assert.notEqual(tunnel.headers?.[':status'], 200);
  session.destroy();
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1')).status, 200, 'the next one is served');
});

test('HTTP/2: pseudo-headers that disagree, paths that are odd, and a second request without the cookie', async () => {
  const session = h2(estate.url('web'), { ca: estate.ca.pem });
  for (const head of [
    { ':path': '/admin' },
    { ':path': '/public/../admin' },
    { ':path': '/public/%2e%2e/admin' },
    { ':path': '//admin' },
    { ':path': '/admin', host: 'other.localhost' },
    { ':path': '/admin', ':authority': 'other.localhost' },
    { ':path': '/admin', ':scheme': 'http' },
    { ':path': 'https://other.localhost/admin' },
  ]) {
    estate.clear();
    const answer = await h2request(session, { ':method': 'GET', ...head }).catch((error) => ({ error }));
    assert.notEqual(answer.headers?.[':status'], 200, JSON.stringify(head));
    assert.equal(estate.upstreamSaw(), 0, JSON.stringify(head));
  }
  const fresh = h2(estate.url('web'), { ca: estate.ca.pem });
  assert.equal((await h2request(fresh, { ':path': '/reports/mine', cookie: alice })).headers[':status'], 200);
  estate.clear();
  const second = await h2request(fresh, { ':path': '/reports/theirs' });
  assert.equal(second.headers[':status'], 401, 'identity does not outlive its request on a connection');
  assert.equal(estate.upstreamSaw(), 0);
  session.destroy();
  fresh.destroy();
});

test('keep-alive over HTTP/1.1: identity does not outlive its request either', async () => {
  const host = `web.localhost:${estate.ports.https}`;
  const text = await estate.raw(
    'web',
    message('GET /reports/a HTTP/1.1', host, [`Cookie: ${alice}`]) +
      message('GET /reports/b HTTP/1.1', host, ['Accept: application/json', 'Connection: close']),
  );
  assert.deepEqual(statuses(text), [200, 401]);
  assert.deepEqual(
    estate.apps.web.seen.map((entry) => entry.url),
    ['/reports/a'],
  );
});

test('48, 56: no debug, metrics or challenge path is exempt', async () => {
  await refuse([
    '/debug/pprof/',
    '/metrics',
    '/stats',
    '/;csv',
    '/haproxy?stats',
    '/.well-known/acme-challenge/x',
    '/.well-known/acme-challenge/../../admin',
    '/.well-known/x',
    '/.well-known/jwks.json',
    '/.durward',
    '/.durward/',
    '/.durward/x',
    '/login',
    '/callback/corp',
    '/server-status',
  ]);
});
