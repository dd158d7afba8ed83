// Proves: beside edge.test.mjs, that a rule on the source is judged by the address that a trusted proxy announced, in every
// spelling, and a proxy that says nothing usable is not taken for its client; bounds on bodies hold against lengths that
// overflow and against HTTP/2 without a length; a weekly window begins and ends by itself, on time, without a reload; a
// store of a newer program is refused and not touched; the commands say what is so.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fs from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate, writeDocuments } from '../lib/estate.mjs';
import { h2, h2request, raw, request, statuses } from '../lib/client.mjs';
import { binary, root, sleep, until } from '../lib/paths.mjs';
import { value } from '../apps/upstream.mjs';

const office = '203.0.113.7';
const office6 = '2001:db8:1::7';

let estate;
before(async () => {
  estate = await Estate.up('e2e-basics', {
    change: (docs, ports) => {
      docs.gateway.spec.trustedProxies = ['127.0.0.0/8'];
      docs.gateway.spec.limits = { body: '64KiB' };
      docs.gateway.spec.timeouts = { server: '2s' };
      docs.gateway.spec.listen.push(
        { bind: [`127.0.0.1:${ports.spare}`], tls: { certificates: 'certs' }, proxyProtocol: true },
        { bind: [`0.0.0.0:${ports.partner}`, `[::]:${ports.partner}`], tls: { certificates: 'certs' } },
      );
      docs.web.spec.routes.push(
        { id: 'office', methods: ['GET'], path: '/office' },
        { id: 'not-proxy', methods: ['GET'], path: '/not-proxy' },
        { id: 'small', path: '/small', limits: { body: '100' } },
        { id: 'large', path: '/large', limits: { body: '128KiB' } },
        { id: 'slow', methods: ['GET'], path: '/slow' },
        { id: 'patient', methods: ['GET'], path: '/patient', timeout: '10s' },
        { id: 'closing', methods: ['GET'], path: '/closing' },
        { id: 'opening', methods: ['GET'], path: '/opening' },
      );
      docs.web.spec.access.push(
        {
          id: 'office',
          allow: 'signedIn',
          routes: ['office'],
          when: { source: ['203.0.113.0/24', '2001:db8:1::/48'] },
        },
        { id: 'not-proxy', allow: 'signedIn', routes: ['not-proxy'], when: { source: ['127.0.0.0/8'] } },
        { id: 'rest', allow: 'anyone', routes: ['small', 'large', 'slow', 'patient'] },
        { id: 'closing', allow: 'signedIn', routes: ['closing', 'opening'] },
      );
    },
  });
});
beforeEach(() => estate.clear());
after(() => estate.down());

const seenFrom = () => value(estate.apps.web.last(), 'x-forwarded-for');
const main = () => `web.localhost:${estate.ports.https}`;
const run = (...words) => spawnSync(binary, words, { encoding: 'utf8', timeout: 20000 });

test('PROXY protocol: a rule on the source is judged by the announced address, IPv4 and IPv6', async () => {
  const cookie = `Cookie: ${estate.cookie(await estate.signedIn('ann'))}`;
  const ask = (prefix) =>
    estate.send('web', 'GET /office HTTP/1.1', [cookie], { host: main(), port: estate.ports.spare, prefix });
  for (const [line, status, from] of [
    [`TCP4 ${office} 127.0.0.1 4711 443`, 200, office],
    ['TCP4 203.0.114.7 127.0.0.1 4711 443', 403],
    [`TCP6 ${office6} ::1 4711 443`, 200, office6],
    ['TCP6 2001:db8:2::7 ::1 4711 443', 403],
    [`TCP6 ::ffff:${office} ::ffff:127.0.0.1 4711 443`, 200],
    ['TCP6 ::ffff:203.0.114.7 ::ffff:127.0.0.1 4711 443', 403],
  ]) {
    estate.clear();
    assert.equal((await ask(`PROXY ${line}\r\n`)).status, status, line);
    assert.equal(estate.upstreamSaw(), status === 200 ? 1 : 0, line);
    if (from) assert.equal(seenFrom(), from);
  }
});

test('behind PROXY protocol, X-Forwarded-For is the word of the announced client, not of the proxy', async () => {
  const cookie = `Cookie: ${estate.cookie(await estate.signedIn('ann'))}`;
  const answer = await estate.send('web', 'GET /office HTTP/1.1', [cookie, `X-Forwarded-For: ${office}`], {
    host: main(),
    port: estate.ports.spare,
    prefix: 'PROXY TCP4 198.51.100.1 127.0.0.1 4711 443\r\n',
  });
  assert.equal(answer.status, 403);
});

test("X-Forwarded-For in every spelling is the client's address or nobody's, never the proxy's", async () => {
  const cookie = `Cookie: ${estate.cookie(await estate.signedIn('ann'))}`;
  const ask = async (target, ...lines) =>
    (await estate.send('web', `GET ${target} HTTP/1.1`, [cookie, ...lines])).status;
  for (const spelling of [office, office6, `::ffff:${office}`, ` 198.51.100.1 ,${office} `])
    assert.equal(await ask('/office', `X-Forwarded-For: ${spelling}`), 200, spelling);
  for (const spelling of ['198.51.100.1', `${office}, 198.51.100.1`, '::ffff:198.51.100.1'])
    assert.equal(await ask('/office', `X-Forwarded-For: ${spelling}`), 403, spelling);
  assert.equal(await ask('/not-proxy'), 200, 'without the header it is its own client');
  for (const spelling of [
    'unknown',
    '_hidden',
    '',
    '198.51.100.1,',
    '198.51.100.1, unknown',
    '198.51.100.1:4711',
    '[2001:db8::1]:4711',
    '198.51.100.999',
  ]) {
    estate.clear();
    const status = await ask('/not-proxy', `X-Forwarded-For: ${spelling}`);
    assert.ok([400, 403].includes(status), `'${spelling}': ${status}, the proxy taken for its client`);
    assert.equal(estate.upstreamSaw(), 0);
  }
});

test('every address of a listener serves, and says which address it was', async () => {
  for (const [address, from] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
  ]) {
    const answer = await estate.send('web', 'GET /public/x HTTP/1.1', [], {
      host: main(),
      port: estate.ports.partner,
      address,
    });
    assert.equal(answer.status, 200, address);
    assert.equal(seenFrom(), from);
  }
});

test('bodies: at the bound they pass, above it not, whatever the length says', async () => {
  const post = async (target, size) =>
    (
      await estate.send('web', `POST ${target} HTTP/1.1`, [`Content-Length: ${size}`], {
        body: 'x'.repeat(size),
      })
    ).status;
  for (const [target, bound] of [
    ['/public/x', 65536],
    ['/small', 100],
    ['/large', 131072],
  ]) {
    estate.clear();
    assert.equal(await post(target, bound), 200, target);
    assert.equal(estate.apps.web.last().body.length, bound);
    estate.clear();
    assert.equal(await post(target, bound + 1), 413, target);
    assert.equal(estate.upstreamSaw(), 0);
  }
  for (const length of [2 ** 31, 3e9, 2 ** 32, 2 ** 32 + 5, 2 ** 40 + 7, '9223372036854775807'])
    for (const target of ['/public/x', '/small', '/large']) {
      estate.clear();
      const { status } = await estate.send('web', `POST ${target} HTTP/1.1`, [`Content-Length: ${length}`]);
      assert.ok([400, 413].includes(status), `${target} of ${length}: ${status}`);
      assert.equal(estate.upstreamSaw(), 0, `${target} of ${length}`);
    }
});

test('a route with a bound counts a body without a length too, and no body needs none, over HTTP/1.1 and HTTP/2', async () => {
  for (const method of ['GET', 'POST'])
    assert.equal((await estate.send('web', `${method} /small HTTP/1.1`)).status, 200, method);
  const chunked = async (size) => {
    estate.clear();
    const body = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`;
    return (await estate.send('web', 'POST /small HTTP/1.1', ['Transfer-Encoding: chunked'], { body }))
      .status;
  };
  assert.equal(await chunked(100), 200);
  assert.equal(await chunked(101), 413);
  assert.equal(estate.upstreamSaw(), 0);
  const session = h2(estate.url('web'), { ca: estate.ca.pem });
  try {
    const headers = {
      ':method': 'POST',
      ':path': '/small',
      ':authority': main(),
    };
    const answer = await h2request(session, headers, 'x'.repeat(5000));
    assert.equal(answer.headers?.[':status'], 413);
    assert.equal(estate.upstreamSaw(), 0);
    const empty = await h2request(session, { ...headers, ':method': 'GET' });
    assert.equal(empty.headers[':status'], 200);
  } finally {
    session.close();
  }
});

test('an answer of more than 2 GiB is a stream that a revocation cuts', async () => {
  const tab = await estate.signedIn('sam');
  estate.apps.web.respond = (req, res) => {
    if (!req.url.startsWith('/reports/huge')) return false;
    res.writeHead(200, { 'content-length': '3000000000' });
    const timer = setInterval(() => res.write('x'.repeat(1000)), 100);
    res.on('close', () => clearInterval(timer));
    return true;
  };
  try {
    let closed = false;
    const reading = raw(
      `GET /reports/huge HTTP/1.1\r\nHost: ${main()}\r\nCookie: ${estate.cookie(tab)}\r\n\r\n`,
      {
        port: estate.ports.https,
        ca: estate.ca.pem,
        servername: 'web.localhost',
        quiet: 8000,
        timeout: 8000,
      },
    ).then((text) => {
      closed = true;
      return text;
    });
    await until(() => estate.apps.web.seen.length > 0, 'the request at the upstream');
    await sleep(500);
    assert.ok(!closed);
    await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
    await sleep(2000);
    assert.ok(closed, 'the stream goes on after the revocation');
    assert.equal(statuses(await reading)[0], 200);
  } finally {
    estate.apps.web.respond = undefined;
  }
});

test("the gateway's wait for an upstream, and a route's longer one", async () => {
  estate.apps.web.respond = (req, res) => {
    if (!['/slow', '/patient'].includes(req.url)) return false;
    setTimeout(() => res.end('at last'), 3500);
    return true;
  };
  try {
    const ask = (target) => request(estate.url('web', target), { ca: estate.ca.pem });
    const [slow, patient] = await Promise.all([ask('/slow'), ask('/patient')]);
    assert.equal(slow.status, 504);
    assert.match(slow.headers['content-type'], /text\/html/);
    assert.match(slow.body, /did not answer in time/);
    assert.equal(patient.body, 'at last');
  } finally {
    estate.apps.web.respond = undefined;
  }
});

test('from http to https: path and query stay, and a host that is none is refused', async () => {
  const send = (text) => raw(text, { port: estate.ports.http, plain: true });
  const location = (text) => /^location: (.*)\r$/im.exec(text)?.[1];
  for (const target of ['/', '/a/b%20c?d=%2F&e=//x&f=http://y/', '/a?']) {
    const text = await send(`GET ${target} HTTP/1.1\r\nHost: WEB.localhost\r\n\r\n`);
    assert.equal(statuses(text)[0], 308, text);
    assert.equal(location(text), estate.url('web', target));
  }
  for (const lines of [
    '',
    'Host: \r\n',
    'Host: evil.example/x\r\n',
    'Host: user@evil.example\r\n',
    'Host: evil.example#\r\n',
    'Host: evil.example:443:1\r\n',
    'Host: web.localhost\r\nHost: evil.example\r\n',
    'Host: a..b\r\n',
  ])
    assert.equal(statuses(await send(`GET / HTTP/1.1\r\n${lines}\r\n`))[0], 400, lines);
  const absolute = await send('GET http://evil.example/x?y HTTP/1.1\r\nHost: web.localhost\r\n\r\n');
  assert.ok(
    statuses(absolute)[0] === 400 || location(absolute) === estate.url('web', '/x?y'),
    location(absolute),
  );
  const same = await send('GET http://web.localhost/x?y HTTP/1.1\r\nHost: web.localhost\r\n\r\n');
  assert.ok(statuses(same)[0] === 400 || location(same) === estate.url('web', '/x?y'), location(same));
});

test('a weekly window ends and another begins by themselves, on time, for live sessions, without a reload', async () => {
  const tab = await estate.signedIn('ann');
  const minute = 60_000;
  if (minute - (Date.now() % minute) < 5000) await sleep(5500);
  const boundary = (Math.floor(Date.now() / minute) + 1) * minute;
  const clock = (at) => new Date(at).toISOString().slice(11, 16);
  const rules = estate.docs.web.spec.access.filter((rule) => rule.id !== 'closing');
  const window = (from, to) => ({ weekly: `Mon-Sun ${clock(from)}-${clock(to)} UTC` });
  const hour = 60 * minute;
  estate.docs.web.spec.access = [
    ...rules,
    { id: 'until', allow: 'signedIn', routes: ['closing'], when: window(boundary - hour, boundary) },
    { id: 'from', allow: 'signedIn', routes: ['opening'], when: window(boundary, boundary + hour) },
  ];
  writeDocuments(estate.bundle, estate.docs);
  await estate.gateway.ask('apply');
  const workers = await estate.gateway.settledPids();
  const seen = { '/closing': [], '/opening': [] };
  const headers = { cookie: estate.cookie(tab), accept: 'application/json' };
  while (Date.now() < boundary + 4000) {
    for (const target of Object.keys(seen)) {
      const asked = Date.now();
      const { status } = await request(estate.url('web', target), { ca: estate.ca.pem, headers });
      seen[target].push({ asked, answered: Date.now(), status });
    }
    await sleep(boundary - Date.now() > 3000 ? 400 : 20);
  }
  for (const [target, first, then] of [
    ['/closing', 200, 403],
    ['/opening', 403, 200],
  ])
    for (const { asked, answered, status } of seen[target]) {
      const at = `${target} ${asked - boundary} ms after the boundary`;
      assert.ok([first, then].includes(status), `${at}: ${status}`);
      if (answered < boundary) assert.equal(status, first, at);
      if (asked > boundary + 1000) assert.equal(status, then, at);
    }
  for (const answers of Object.values(seen)) {
    const flips = answers.filter(({ status }, i) => i > 0 && status !== answers[i - 1].status);
    assert.equal(flips.length, 1, 'it changed once');
  }
  assert.deepEqual(estate.gateway.haproxyPids(), workers);
});

test('what /metrics tells is what its page lists', async () => {
  const answer = await fetch(`http://${estate.gateway.metrics}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/plain/);
  const text = await answer.text();
  const told = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name).sort();
  const page = fs.readFileSync(path.join(root, 'docs', 'metrics.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `(durward_\w+)`/gm)].map(([, name]) => name).sort();
  assert.deepEqual(told, listed);
  assert.match(text, /^durward_dataplane_in_sync 1$/m);
  assert.equal((await fetch(`http://${estate.gateway.metrics}/other`)).status, 404);
});

test('SIGHUP with a broken bundle changes nothing', async () => {
  const file = path.join(estate.bundle, 'gateway.yaml');
  const good = fs.readFileSync(file, 'utf8');
  const { generation } = await estate.gateway.ask('status');
  const from = fs.readFileSync(estate.gateway.log, 'utf8').length;
  fs.writeFileSync(file, good.replace('"listen"', '"lisen"'));
  estate.gateway.child.kill('SIGHUP');
  try {
    await until(
      () => /APP010/.test(fs.readFileSync(estate.gateway.log, 'utf8').slice(from)),
      'the refusal in the log',
    );
  } finally {
    fs.writeFileSync(file, good);
  }
  assert.ok(estate.gateway.running());
  const status = await estate.gateway.ask('status');
  assert.equal(status.generation, generation);
  assert.equal(status.ready, true);
});

test('a second Durward on the same state directory is refused, with the code for it', () => {
  const second = run(
    ...['up', '--bundle', estate.bundle, '--state', estate.gateway.state],
    ...['--metrics', '127.0.0.1:0'],
  );
  assert.equal(second.status, 1);
  assert.match(second.stderr, /APP030/);
  assert.ok(estate.gateway.running());
});

test("a newer program's store is refused and left as it is, while HAProxy serves", async () => {
  await estate.gateway.stop({ haproxy: false });
  const file = path.join(estate.gateway.state, 'store.db');
  const schema = (set) => {
    const db = new DatabaseSync(file);
    try {
      if (set !== undefined) db.prepare("UPDATE meta SET value = ? WHERE name = 'schema'").run(set);
      return db.prepare("SELECT value FROM meta WHERE name = 'schema'").get().value;
    } finally {
      db.close();
    }
  };
  const ours = schema();
  try {
    assert.equal(schema(ours + 1), ours + 1);
    await assert.rejects(estate.gateway.start(), /STO005/);
    assert.equal(schema(), ours + 1);
    assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1')).status, 200);
  } finally {
    schema(ours);
  }
  await estate.gateway.start();
});

test('status, doctor and explain', async () => {
  const status = await estate.gateway.run('status');
  assert.equal(status.code, 0);
  assert.match(status.stdout, /^ready {2}generation [0-9a-f]{12} /);
  const doctor = await estate.gateway.run('doctor', '--bundle', estate.bundle, '--output', 'json');
  assert.equal(doctor.code, 0, doctor.stdout);
  const checks = doctor.json();
  for (const name of ['haproxy', 'clock', 'state directory', 'bundle', 'provider corp'])
    assert.ok(checks.find((check) => check.check === name)?.ok, name);
  await estate.provider.down();
  try {
    const away = await estate.gateway.run('doctor', '--bundle', estate.bundle);
    assert.equal(away.code, 1);
    assert.match(away.stdout, /FAIL {2}provider corp: /);
  } finally {
    await estate.provider.up();
  }
  const url = estate.url('web', '/admin/x');
  const denied = run('explain', url, '--bundle', estate.bundle, '--as', 'ann@corp.example');
  assert.equal(denied.status, 0, denied.stderr);
  assert.match(denied.stdout, /^route {3}web\/admin-all /);
  assert.match(denied.stdout, /^answer {2}denied \(no_rule\)$/m);
  const allowed = run(
    ...['explain', url, '--bundle', estate.bundle, '--as', 'ada@corp.example', '--roles', 'admin'],
  );
  assert.match(allowed.stdout, /^rule \* {2}allow admins: roles any of \[admin\]/m);
  assert.match(allowed.stdout, /^answer {2}allowed$/m);
});

test('the completion for bash is bash, and completes', () => {
  const script = run('completion', 'bash');
  assert.equal(script.status, 0);
  const checked = spawnSync('bash', ['-n'], { input: script.stdout, encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  const complete = (...words) =>
    spawnSync('bash', ['--norc'], {
      encoding: 'utf8',
      input: `${script.stdout}\nCOMP_WORDS=(durward ${words.join(' ')})\nCOMP_CWORD=${words.length}\n_durward\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`,
    })
      .stdout.split('\n')
      .filter(Boolean);
  assert.deepEqual(complete('rev'), ['revoke']);
  assert.deepEqual(complete('revoke', '--per'), ['--person']);
  assert.deepEqual(complete('up', '--master'), ['--master-socket']);
});
