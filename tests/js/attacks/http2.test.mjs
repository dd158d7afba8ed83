// Proves: rows 2, 5 to 7, 10 to 22, 25, 57 and 58 over HTTP/2, in bytes that no client library sends: fields there are not text
// lines, so each spelling is tried again, and so is what HTTP/2 alone can say.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { controlBytes, dotSegments, encodedLetters, malformed, matrix, queries } from './spellings.mjs';
import { denied, up } from './estate.mjs';
import { h2raw } from '../lib/h2raw.mjs';
import { values } from '../apps/upstream.mjs';

let estate;
let alice;
let evil;
before(async () => {
  estate = await up('attacks-http2');
  alice = estate.cookie(await estate.signedIn('ann'));
  evil = estate.cookie(await estate.signedIn('sam'));
});
beforeEach(() => estate.clear());
after(() => estate.down());

const send = (fields, { app = 'web', ...more } = {}) =>
  h2raw(fields, { port: estate.ports.https, ca: estate.ca.pem, servername: `${app}.localhost`, ...more });
const head = (target, fields = [], { app = 'web', method = 'GET' } = {}) => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', `${app}.localhost:${estate.ports.https}`],
  [':path', target],
  ...fields,
];

async function refused(fields, what, options = {}) {
  estate.clear();
  const answer = await send(fields, options);
  denied(estate, { status: answer.status, text: '' }, what);
  assert.ok(answer.status ?? answer.reset ?? answer.goaway, `${what}: no answer at all`);
}

test('the base line over HTTP/2', async () => {
  assert.equal((await send(head('/public/x'))).status, 200);
  assert.equal((await send(head('/reports/x', [['cookie', alice]]))).status, 200);
  assert.equal((await send(head('/anything', [], { app: 'other' }), { app: 'other' })).status, 200);
  await refused(head('/admin', [['cookie', alice]]), '/admin');
});

test('10 to 16, 25, 58: every spelling of a path, over HTTP/2', async () => {
  // HAProxy 3.0 reads '*' as '/' and judges and sends that; OPTIONS * is tried below.
  for (const target of [...queries, ...dotSegments, ...matrix, ...malformed.filter((one) => one !== '*')])
    for (const who of [[], [['cookie', alice]]]) await refused(head(target, who), JSON.stringify(target));
  for (const target of encodedLetters)
    await refused(head(target, [], { app: 'other' }), target, { app: 'other' });
});

test('17 to 20: pseudo-headers that are missing, doubled, late, foreign or disagree', async () => {
  const [method, scheme, authority, path] = head('/public/x');
  const elsewhere = [':authority', 'other.localhost'];
  const cases = {
    'no path': [method, scheme, authority],
    'an empty path': [method, scheme, authority, [':path', '']],
    'no method': [scheme, authority, path],
    'two paths': [method, scheme, authority, [':path', '/admin'], path],
    'two methods': [method, [':method', 'POST'], scheme, authority, path],
    'two authorities': [method, scheme, authority, elsewhere, path],
    'another authority': [method, scheme, elsewhere, path],
    'authority and another host': [method, scheme, authority, path, ['host', 'other.localhost']],
    'a late pseudo-header': [method, scheme, authority, path, ['x', 'y'], [':path', '/admin']],
    'an unknown pseudo-header': [method, scheme, authority, path, [':evil', 'x']],
    'a status': [method, scheme, authority, path, [':status', '200']],
    'a user in the authority': [method, scheme, [':authority', 'a@web.localhost'], path],
    'a list in the authority': [method, scheme, [':authority', 'web.localhost,other.localhost'], path],
    CONNECT: [[':method', 'CONNECT'], authority],
    'CONNECT with a path': [[':method', 'CONNECT'], scheme, authority, [':path', '/admin']],
    'extended CONNECT': [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      scheme,
      authority,
      [':path', '/admin'],
    ],
    TRACE: [[':method', 'TRACE'], scheme, authority, path],
    'OPTIONS *': [[':method', 'OPTIONS'], scheme, authority, [':path', '*']],
    'a method with a space': [[':method', 'GET /public/x HTTP/1.1\r\nX:'], scheme, authority, path],
    'a path with a line': [
      method,
      scheme,
      authority,
      [':path', '/public/x HTTP/1.1\r\nHost: web.localhost\r\n\r\nGET /admin'],
    ],
    'an absolute path': [method, scheme, authority, [':path', 'https://other.localhost/admin']],
  };
  for (const [what, fields] of Object.entries(cases)) {
    estate.clear();
    const answer = await send(fields);
    const reached = estate.apps.web.seen.map((entry) => entry.line);
    // A host that only repeats what the authority overrules is legal: then the authority's route is the one that counts.
    if (answer.status === 200)
      assert.deepEqual(
        reached,
        what === 'authority and another host' ? ['GET /public/x HTTP/1.1'] : [],
        what,
      );
    else denied(estate, { status: answer.status, text: '' }, what);
  }
});

test('2, 5, 6, 7: identity headers over HTTP/2, in any spelling and number', async () => {
  const names = ['user', 'email', 'roles', 'assertion'].flatMap((word) => [
    `x-durward-${word}`,
    `x_durward_${word}`,
    `x-durward_${word}`,
    `x.durward.${word}`,
    `x-durward-${word}_`,
  ]);
  for (const name of [...names, 'x-forwarded-user', 'x_forwarded_user', 'x-original-url', 'x-rewrite-url']) {
    for (const cookie of [[], [['cookie', alice]]]) {
      estate.clear();
      const answer = await send(head('/public/x', [[name, 'evil'], [name, 'evil'], ...cookie]));
      if (answer.status === 200)
        assert.ok(!JSON.stringify(estate.apps.web.last().headers).includes('evil'), name);
      else denied(estate, { status: answer.status, text: '' }, name);
    }
  }
  for (const name of ['X-Durward-User', 'X-DURWARD-USER', 'x-durward-user ', ' x-durward-user', 'x:y', ''])
    await refused(head('/public/x', [[name, 'evil']]), JSON.stringify(name));
});

test('8, 21: fields that belong to HTTP/1.1, and lengths that are not true', async () => {
  for (const field of [
    ['connection', 'x-durward-user'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'h2c'],
    ['proxy-connection', 'keep-alive'],
    ['keep-alive', 'x'],
    ['te', 'chunked'],
  ]) {
    estate.clear();
    const answer = await send(head('/public/x', [field]));
    if (answer.status !== 200) {
      denied(estate, { status: answer.status, text: '' }, field.join());
      continue;
    }
    const seen = estate.apps.web.last();
    assert.ok(!values(seen, field[0]).includes(field[1]), `${field.join()} reached the upstream`);
  }
  const inner = 'GET /admin HTTP/1.1\r\nHost: web.localhost\r\n\r\n';
  for (const lengths of [
    ['4'],
    ['0'],
    ['4', '5'],
    ['+46'],
    ['-1'],
    ['4, 46'],
    ['0x4'],
    ['9999999999999999999999'],
  ]) {
    estate.clear();
    const fields = lengths.map((text) => ['content-length', text]);
    await send(head('/public/x', fields, { method: 'POST' }), { body: inner });
    const lines = estate.apps.web.seen.map((entry) => entry.line);
    assert.ok(!lines.some((line) => /admin|malformed/.test(line)), `${lengths}: ${lines}`);
  }
});

test('22: control bytes in values, over HTTP/2', async () => {
  for (const byte of controlBytes)
    await refused(
      head('/public/x', [['x-plain', `a${String.fromCharCode(byte)}b`]]),
      `byte ${byte} in a value`,
    );
  for (const text of ['a\tb', 'a\x80\xffb'])
    assert.equal((await send(head('/public/x', [['x-plain', text]]))).status, 200, JSON.stringify(text));
});

test('trailers stay trailers: they are no headers, name no path and bring no cookie', async () => {
  for (const field of [
    ['x-durward-user', 'evil'],
    ['x_durward_user', 'evil'],
    ['cookie', 'evil=1'],
    ['x-forwarded-for', 'evil'],
    [':path', '/admin?evil'],
    ['host', 'evil.test'],
  ]) {
    estate.clear();
    await send(head('/public/x', [['te', 'trailers']], { method: 'POST' }), {
      body: 'abc',
      trailers: [field],
    });
    for (const entry of estate.apps.web.seen) {
      assert.equal(entry.line, 'POST /public/x HTTP/1.1', field[0]);
      assert.ok(!JSON.stringify(entry.headers).includes('evil'), `${field[0]} became a header`);
    }
  }
});

test('57: cookies in crumbs, doubled, joined and misspelt, over HTTP/2', async () => {
  const token = evil.split('=')[1];
  for (const crumbs of [
    [alice, evil],
    [evil, alice],
    ['a=1', alice, evil],
    [`${alice}; ${evil}`],
    [`x=1,${evil}`],
    [alice, `x=1,${evil}`],
    [`__Host-durward = ${token}`],
    [`=${evil}`],
    ['x="', evil, '"'],
    [` ${evil}`],
    [`${evil} `],
    [`x=1;${evil}`],
    [`x=1;  ${evil}`],
    [`x=1\x0b; ${evil}`],
    [`${alice}; `, evil],
  ]) {
    estate.clear();
    const answer = await send(
      head('/reports/x', [['accept', 'application/json'], ...crumbs.map((crumb) => ['cookie', crumb])]),
    );
    const what = crumbs.join(' | ').replaceAll(token, 'EVIL').replaceAll(alice.split('=')[1], 'GOOD');
    if (answer.status !== 200) {
      denied(estate, { status: answer.status, text: '' }, what);
      continue;
    }
    const seen = JSON.stringify(estate.apps.web.last().headers);
    assert.ok(!seen.includes(token) && !seen.includes(alice.split('=')[1]), `${what}: a token went further`);
    assert.deepEqual(
      values(estate.apps.web.last(), 'x-durward-email'),
      [crumbs.join().includes(alice) ? 'ann@corp.example' : 'sam@corp.example'],
      what,
    );
    // The only way in is with one cookie of the name, in a crumb of its own.
    assert.equal(crumbs.join('; ').split('__Host-durward=').length, 2, what);
  }
});

test('a large head is judged whole, or refused', async () => {
  for (const count of [20, 60, 95]) {
    const filler = Array.from({ length: count }, (_, i) => [`x-${i}`, 'y'.repeat(Math.floor(13000 / count))]);
    await refused(
      head('/public/x', [...filler, ['x_durward_user', 'evil']]),
      `${count} fields, then an alias`,
    );
    await refused(head('/public/x', [...filler, ['x-z', 'a\x01b']]), `${count} fields, then a control byte`);
  }
});
