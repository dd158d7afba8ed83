// Proves: rows 20 to 23: no way of framing a message makes the gateway and an upstream disagree about where a request ends,
// and no upgrade opens a channel that is not judged.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { controlBytes } from './spellings.mjs';
import { denied, up } from './estate.mjs';
import { message, statuses } from '../lib/client.mjs';

let estate;
let alice;
let host;
before(async () => {
  estate = await up('attacks-smuggling');
  alice = estate.cookie(await estate.signedIn('ann'));
  host = `web.localhost:${estate.ports.https}`;
});
beforeEach(() => estate.clear());
after(() => estate.down());

// The smuggled request never arrives as one of its own; at most one request of the outer kind does.
async function contained(bytes, what) {
  estate.clear();
  await estate.raw('web', bytes);
  const lines = estate.apps.web.seen.map((entry) => entry.line);
  assert.ok(!lines.some((line) => line.includes('/admin')), `${what}: ${lines.join(', ')}`);
  assert.ok(lines.length <= 1, `${what}: ${lines.join(', ')}`);
  assert.ok(!lines.some((line) => line.startsWith('malformed')), `${what}: ${lines.join(', ')}`);
}

const inner = 'GET /admin HTTP/1.1\r\nHost: web.localhost\r\nX: ';

test('21: lengths that contradict each other', async () => {
  const post = (headers, body) => message('POST /public/x HTTP/1.1', host, headers, body);
  const cases = {
    'empty and real length': post(['Content-Length:', `Content-Length: ${inner.length}`], inner),
    'real and empty length': post([`Content-Length: ${inner.length}`, 'Content-Length:'], inner),
    'two lengths': post(['Content-Length: 4', `Content-Length: ${inner.length}`], inner),
    'a list of lengths': post([`Content-Length: 4, ${inner.length}`], inner),
    'a signed length': post([`Content-Length: +${inner.length}`], inner),
    'a length with a space inside': post(['Content-Length: 4 4'], inner),
    'a hexadecimal length': post(['Content-Length: 0x4'], inner),
    'a length and chunks': post(['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${inner}`),
    'chunks and a length': post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${inner}`),
    'an unknown coding': post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${inner}`),
    'two codings': post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${inner}`),
    'coding twice': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], `0\r\n\r\n${inner}`),
    'a coding with a tab': post(['Transfer-Encoding:\tchunked'], `0\r\n\r\n${inner}`),
    'a coding with a control byte': post(['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${inner}`),
    'a name with a space': post(['Transfer-Encoding : chunked'], `0\r\n\r\n${inner}`),
    'a folded line': post(['X: y\r\n Transfer-Encoding: chunked'], `0\r\n\r\n${inner}`),
    'a bare line feed': post(['X: y\nTransfer-Encoding: chunked'], `0\r\n\r\n${inner}`),
    'a bare carriage return': post(['X: y\rTransfer-Encoding: chunked'], `0\r\n\r\n${inner}`),
    'a chunk size that overflows': post(
      ['Transfer-Encoding: chunked'],
      `ffffffffffffffff1\r\nx\r\n0\r\n\r\n${inner}`,
    ),
    'a chunk size with an extension': post(['Transfer-Encoding: chunked'], `1;a=b\nx\r\n0\r\n\r\n${inner}`),
    'a chunk that ends wrong': post(['Transfer-Encoding: chunked'], `1\r\nxx\r\n0\r\n\r\n${inner}`),
    'a negative chunk': post(['Transfer-Encoding: chunked'], `-1\r\n\r\n${inner}`),
    'underscored names': post(['Transfer_Encoding: chunked', 'Content_Length: 4'], inner),
    'a get with a body': message('GET /public/x HTTP/1.1', host, [`Content-Length: ${inner.length}`], inner),
    'HTTP/1.0 with chunks': message(
      'POST /public/x HTTP/1.0',
      host,
      ['Transfer-Encoding: chunked', 'Connection: keep-alive'],
      `0\r\n\r\n${inner}`,
    ),
  };
  for (const [what, bytes] of Object.entries(cases)) await contained(bytes, what);
});

test('21: a header name far too long, too many headers, a head far too large', async () => {
  for (const headers of [
    [`${'x'.repeat(300)}: y`],
    [`${'x'.repeat(70000)}: y`],
    Array.from({ length: 400 }, (_, i) => `X-${i}: y`),
    [`X: ${'y'.repeat(70000)}`],
  ]) {
    estate.clear();
    const answer = await estate.send('web', 'GET /admin HTTP/1.1', headers);
    denied(estate, answer, headers[0].slice(0, 20));
  }
  assert.equal((await estate.send('web', 'GET /public/x HTTP/1.1')).status, 200);
});

test('22: an empty header name, and names and values no header may have', async () => {
  for (const line of [
    ': a',
    ' : a',
    'X\x00Y: a',
    ...controlBytes.map((byte) => `X: a${String.fromCharCode(byte)}b`).filter((line) => !/[\r\n]/.test(line)),
    'X: \x0b',
    'X:\x00',
    'User-Agent: a\x1b[31m',
    'Authorization: Basic \x7f',
    'Cookie: x=1\x0c',
    '\xffX: a',
    'X(Y): a',
    '"X": a',
    'X\x7f: a',
    '@: a',
    ':',
    'X',
  ]) {
    estate.clear();
    const text = await estate.raw(
      'web',
      `GET /reports/x HTTP/1.1\r\nHost: ${host}\r\n${line}\r\nCookie: ${alice}\r\nConnection: close\r\n\r\n`,
    );
    const [status] = statuses(text);
    if (status === 200)
      assert.equal(
        estate.apps.web.last().headers.some(([name]) => /^x-durward-user$/i.test(name)),
        true,
      );
    else denied(estate, { status, text }, JSON.stringify(line));
  }
});

test('22: a tab and bytes beyond ASCII are no control bytes', async () => {
  for (const line of ['X: a\tb', 'X: \x80\xff', 'X: \xc3\xbc'])
    assert.equal(
      (await estate.send('web', 'GET /public/x HTTP/1.1', [line])).status,
      200,
      JSON.stringify(line),
    );
});

test('23: upgrades are judged like any request, h2c is not passed on, and a failed one opens nothing', async () => {
  const ws = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  denied(estate, await estate.send('web', 'GET /admin/ws HTTP/1.1', ws), 'a WebSocket without a session');
  for (const protocol of ['h2c', 'h2c, websocket', 'websocket, h2c', 'TLS/1.0', 'foo']) {
    estate.clear();
    const answer = await estate.raw(
      'web',
      message('GET /public/x HTTP/1.1', host, [
        'Connection: Upgrade, HTTP2-Settings',
        `Upgrade: ${protocol}`,
        'HTTP2-Settings: AAMAAABkAAQAAP__',
      ]) + message('GET /admin HTTP/1.1', host, ['Connection: close']),
    );
    assert.ok(!statuses(answer).includes(101), protocol);
    assert.ok(!estate.apps.web.seen.some((entry) => entry.url.startsWith('/admin')), protocol);
    for (const entry of estate.apps.web.seen)
      assert.ok(
        !entry.headers.some(([name, text]) => /^upgrade$/i.test(name) && /h2c/i.test(text)),
        `h2c reached the upstream: ${protocol}`,
      );
  }
  estate.clear();
  const chat = `chat.localhost:${estate.ports.https}`;
  const bad = await estate.raw(
    'chat',
    message('GET /ws HTTP/1.1', chat, [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 99',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `Origin: https://${chat}`,
    ]) + message('GET /events HTTP/1.1', chat),
  );
  assert.ok(!statuses(bad).includes(101) && !statuses(bad).includes(200));
  assert.equal(estate.apps.chat.seen.length, 0);
});

test('23: a WebSocket of another site is refused, however its Origin is written', async () => {
  const chat = `chat.localhost:${estate.ports.https}`;
  const cookie = estate.cookie(await estate.signedIn('ann', { app: 'chat' }), 'chat');
  const open = (origins, host = chat) =>
    estate.send(
      'chat',
      'GET /ws HTTP/1.1',
      [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `Cookie: ${cookie}`,
        ...origins.map((origin) => `Origin: ${origin}`),
      ],
      { host },
    );
  estate.clear();
  assert.equal((await open([`https://${chat}`])).status, 101);
  for (const origins of [
    [],
    [''],
    ['null'],
    ['https://evil.test'],
    [`http://${chat}`],
    [`https://evil.test/${chat}`],
    [`https://${chat}.evil.test`],
    [`https://${chat}@evil.test`],
    [`https://evil.test#${chat}`],
    [`https://https://${chat}`],
    [`https://chat.localhost`],
    [`https://chat.localhost.:${estate.ports.https}`],
    [estate.url('web')],
    [`https://${chat}`, 'https://evil.test'],
    ['file://'],
    [`wss://${chat}`],
  ]) {
    estate.clear();
    const answer = await open(origins);
    assert.ok([400, 403].includes(answer.status), `${origins.join(' | ')}: ${answer.status}`);
    assert.equal(estate.upstreamSaw(), 0, origins.join(' | '));
  }
});

test('an upstream that answers 101 to a request without Upgrade opens no tunnel', async () => {
  estate.apps.web.respond = (req) => {
    req.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    return true;
  };
  try {
    estate.clear();
    await estate.raw('web', message('GET /public/x HTTP/1.1', host) + message('GET /admin HTTP/1.1', host));
    assert.ok(!estate.apps.web.bytes.includes('/admin'));
  } finally {
    estate.apps.web.respond = undefined;
  }
});

test('a pipelined request is judged by itself', async () => {
  const text = await estate.raw(
    'web',
    message('GET /public/x HTTP/1.1', host) +
      message('GET /admin HTTP/1.1', host, ['Accept: application/json']) +
      message('GET /public/y HTTP/1.1', host, ['Connection: close']),
  );
  assert.deepEqual(statuses(text), [200, 401, 200]);
  assert.deepEqual(
    estate.apps.web.seen.map((entry) => entry.url),
    ['/public/x', '/public/y'],
  );
});
