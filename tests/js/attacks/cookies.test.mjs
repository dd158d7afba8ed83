// Proves: rows 26, 28, 38, 57 and 59: a credential counts only where a browser would put it, byte for byte, at the host it
// was made for; everything else is refused or is nobody, and no spelling of ours reaches an upstream.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { denied, up } from './estate.mjs';
import { request } from '../lib/client.mjs';
import { values } from '../apps/upstream.mjs';

let estate;
let tab;
let good;
let evil;
before(async () => {
  estate = await up('attacks-cookies');
  tab = await estate.signedIn('ann');
  await tab.walk(estate.url('chat', '/'));
  good = estate.cookie(tab).split('=')[1];
  evil = estate.cookie(await estate.signedIn('sam')).split('=')[1];
});
beforeEach(() => estate.clear());
after(() => estate.down());

const json = 'Accept: application/json';
const send = (...headers) => estate.send('web', 'GET /reports/x HTTP/1.1', [json, ...headers]);

test('26, 28: what is no session is nobody', async () => {
  const flip = (text, at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  const tokens = [
    '%%%',
    '',
    '"',
    `"${good}"`,
    'x'.repeat(8000),
    'x'.repeat(44),
    good.slice(0, -1),
    `${good}A`,
    good.toUpperCase(),
    good.toLowerCase(),
    flip(good, 43),
    flip(good, 0),
    flip(good, 20),
    ` ${good}`,
    `${good}%00`,
    encodeURIComponent(`${good} `),
    'null',
    '0',
    '../../../etc/passwd',
    'a\tb',
  ];
  for (const token of tokens) {
    if (token === good) continue;
    estate.clear();
    denied(estate, await send(`Cookie: __Host-durward=${token}`), `cookie ${token.slice(0, 60)}`);
    estate.clear();
    denied(estate, await send(`Authorization: Bearer ${token}`), `bearer ${token.slice(0, 60)}`);
  }
  for (const line of [
    'Authorization: Bearer x',
    'Authorization: Bearer',
    'Authorization:',
    'Authorization: Basic YTpi',
    `Authorization: Basic ${good}`,
    `Authorization: ${good}`,
    'Cookie: BearerToken=x',
    'Cookie: session=admin',
    `Cookie: durward=${good}`,
    `Cookie: __Secure-durward=${good}`,
    `X-Authorization: Bearer ${good}`,
  ]) {
    estate.clear();
    denied(estate, await send(line), line);
  }
});

test('57: tossed, doubled, joined and misspelt cookies: 400, or the one good cookie; never the evil one', async () => {
  const headers = [
    [`Cookie: x=1,__Host-durward=${evil}`],
    [`Cookie: __Host-durward=${good}; x=1,__Host-durward=${evil}`],
    [`Cookie: __Host-durward = ${evil}`],
    [`Cookie: __Host-durward=${evil}; __Host-durward=${good}`],
    [`Cookie: __Host-durward=${good}; __Host-durward=${evil}`],
    [`Cookie: __Host-durward=${good}`, `Cookie: __Host-durward=${evil}`],
    [`Cookie: __Host-durward=${evil}`, `Cookie: __Host-durward=${good}`],
    [`Cookie: =__Host-durward=${evil}`],
    [`Cookie: __Host-durward`],
    [`Cookie: x=1;__Host-durward=${evil}`],
    [`Cookie: x=1;  __Host-durward=${evil}`],
    [`Cookie: x=1;\t__Host-durward=${evil}`],
    [`Cookie: x="a; __Host-durward=${evil}"`],
    [`Cookie: __Host-durward=${good},x=1`],
    [`Cookie: __Host-durward=${good} ; x=1`],
    [`cOOKIE: __host-durward=${evil}`],
    [`Cookie: __Host-durward=${good}`, `Cookie: x=1`],
    [`Cookie: x=__Host-durward=${evil}; __Host-durward=${good}`],
    [`Cookie: x__Host-durward=${evil}`],
    [`Cookie2: __Host-durward=${evil}`],
    [`Cookie_: __Host-durward=${evil}`],
    [`Cookie : __Host-durward=${evil}`],
    [`Cookie: x=1\x0b; __Host-durward=${evil}`],
    [`Cookie: __Host-durward=${good}; __Host-durward-login=x; __Host-durward=${evil}`],
  ];
  for (const lines of headers) {
    estate.clear();
    const answer = await send(...lines);
    const what = lines.join(' | ').replaceAll(good, 'GOOD').replaceAll(evil, 'EVIL');
    if (answer.status !== 200) {
      denied(estate, answer, what);
      continue;
    }
    const seen = estate.apps.web.last();
    assert.deepEqual(values(seen, 'x-durward-email'), ['ann@corp.example'], what);
    assert.ok(
      !JSON.stringify(seen.headers).includes(evil) && !JSON.stringify(seen.headers).includes(good),
      `${what}: a token reached the upstream: ${JSON.stringify(seen.headers)}`,
    );
  }
});

test("the application's own cookies reach it whole, ours never", async () => {
  for (const [line, kept] of [
    [`__Host-durward=${good}; a=1; b=2`, ['a=1; b=2']],
    [`a=1; __Host-durward=${good}; b=2`, ['a=1; b=2']],
    [`a=1; b=2; __Host-durward=${good}`, ['a=1; b=2']],
    [`__Host-durward=${good}`, []],
    [`a=1; __Host-durward=${good}; __Host-durward-login=abc; b="x y"`, ['a=1; b="x y"']],
  ]) {
    estate.clear();
    const answer = await send(`Cookie: ${line}`);
    assert.equal(answer.status, 200, line.replaceAll(good, 'GOOD'));
    assert.deepEqual(values(estate.apps.web.last(), 'cookie'), kept, line.replaceAll(good, 'GOOD'));
  }
});

test('59: a session of one host is nobody at another', async () => {
  const chat = estate.cookie(tab, 'chat').split('=')[1];
  const login = estate.cookie(tab, 'login').split('=')[1];
  for (const token of [chat, login]) {
    for (const line of [`Cookie: __Host-durward=${token}`, `Authorization: Bearer ${token}`]) {
      estate.clear();
      denied(estate, await send(line), line.slice(0, 20));
    }
  }
  for (const host of ['WEB.localhost', 'web.localhost.']) {
    const answer = await estate.send(
      'web',
      'GET /reports/x HTTP/1.1',
      [json, `Cookie: __Host-durward=${good}`],
      { host: `${host}:${estate.ports.https}` },
    );
    assert.ok([200, 400, 401, 421].includes(answer.status));
  }
});

test('38: junk in great number is cheap, and no request without a session makes cookies pile up', async () => {
  for (const line of [
    'Cookie: sess_chunks=99999999',
    `Cookie: ${Array.from({ length: 200 }, (_, i) => `__Host-durward-${i}=x`).join('; ')}`,
    `Cookie: ${'a=b; '.repeat(1500)}x=y`,
  ]) {
    estate.clear();
    denied(estate, await send(line), line.slice(0, 40));
  }
  const answers = await Promise.all(
    Array.from({ length: 60 }, () =>
      request(estate.url('web', '/reports/x'), {
        ca: estate.ca.pem,
        headers: { accept: 'application/json', 'sec-fetch-mode': 'cors' },
      }),
    ),
  );
  assert.ok(
    answers.every((answer) => answer.status === 401 && !answer.headers['set-cookie']),
    "a script's request sets no cookie",
  );
  const navigations = await Promise.all(
    Array.from({ length: 20 }, () =>
      request(estate.url('web', '/reports/x'), {
        ca: estate.ca.pem,
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
      }),
    ),
  );
  const names = new Set(
    navigations.flatMap((answer) => answer.headers['set-cookie'] ?? []).map((line) => line.split('=')[0]),
  );
  assert.ok(names.size <= 1, [...names].join(' '));
});
