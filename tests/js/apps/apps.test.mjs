// Proves: the sample upstreams that other tests judge by really record what reaches them, header spellings, refused bytes
// and all; their pages are accessible; the assertion they show as verified is verified for its host and not otherwise.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import * as jose from 'jose';
import WebSocket from 'ws';
import { accessible } from '../lib/axe.mjs';
import { Browser } from '../lib/browser.mjs';
import { authority } from '../lib/certs.mjs';
import { raw } from '../lib/client.mjs';
import { freePorts, until, workDir } from '../lib/paths.mjs';
import { chat } from './chat.mjs';
import { grpc } from './grpc.mjs';
import { api } from './api.mjs';
import { web } from './web.mjs';

let apps;
let key;
before(async () => {
  const ports = await freePorts(4);
  const { privateKey, publicKey } = await jose.generateKeyPair('ES256');
  key = privateKey;
  const verify = async (token, audience) => (await jose.jwtVerify(token, publicKey, { audience })).payload;
  apps = {
    web: web({ port: ports[0], verify }),
    api: api({ port: ports[1] }),
    chat: chat({ port: ports[2] }),
    grpc: grpc({ port: ports[3] }),
  };
  await Promise.all(Object.values(apps).map((app) => app.up()));
});
beforeEach(() => Object.values(apps).forEach((app) => app.clear()));
after(() => Promise.all(Object.values(apps).map((app) => app.down())));

const bytes = (app, text) => raw(text, { port: app.port, plain: true, quiet: 150 });

test('the request line and every header, as spelt, twice when sent twice', async () => {
  await bytes(apps.api, 'GET /a%2Fb?c HTTP/1.1\r\nHost: x\r\nX-a: 1\r\nx-A: 2\r\nX_a: 3\r\n\r\n');
  const seen = apps.api.last();
  assert.equal(seen.line, 'GET /a%2Fb?c HTTP/1.1');
  assert.deepEqual(seen.headers.slice(1), [
    ['X-a', '1'],
    ['x-A', '2'],
    ['X_a', '3'],
  ]);
});

test('bytes that are no request, and everything else on the connection; health checks are left out', async () => {
  await bytes(apps.api, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal(apps.api.seen.length, 0);
  await bytes(apps.api, 'nonsense\r\n\r\n');
  assert.match(apps.api.last().line, /^malformed/);
  assert.match(apps.api.bytes, /nonsense/);
});

test('the echo of a WebSocket and of gRPC', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${apps.chat.port}/ws`);
  await new Promise((resolve) => {
    ws.on('open', resolve);
  });
  ws.send('hello');
  await until(() => apps.chat.frames.includes('hello'), 'the frame');
  ws.close();
  const session = http2.connect(`http://127.0.0.1:${apps.grpc.port}`);
  const stream = session.request({ ':method': 'POST', ':path': '/durward.Echo/Say' });
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  const trailers = new Promise((resolve) => {
    stream.on('trailers', resolve);
  });
  stream.end('hello');
  assert.equal((await trailers)['grpc-status'], '0');
  assert.equal(text, 'hello');
  session.close();
});

const page = (host, token) =>
  new Promise((resolve) => {
    const headers = { host, 'x-durward-user': '<b>ann</b>', 'x-durward-assertion': token };
    http.get({ port: apps.web.port, host: '127.0.0.1', path: '/<i>', headers }, (res) => {
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve(text));
    });
  });

test('the web page escapes what it shows and believes an assertion for its own host only', async () => {
  const token = await new jose.SignJWT({ sub: 'x' })
    .setProtectedHeader({ alg: 'ES256' })
    .setAudience('https://web.localhost:1')
    .sign(key);
  const good = await page('web.localhost:1', token);
  assert.match(good, /id="verified">Verified</);
  assert.ok(!good.includes('<b>ann') && !good.includes('<i>'));
  assert.match(await page('api.localhost:1', token), /Not verified/);
  assert.match(await page('web.localhost:1', `${token}x`), /Not verified/);
});

test('the pages pass axe', async () => {
  const browser = await Browser.launch(authority(workDir('apps')));
  try {
    const tab = await (await browser.context()).newPage();
    const targets = {
      web: `${apps.web.port}/`,
      chat: `${apps.chat.port}/`,
      api: `${apps.api.port}/v1/refunds/new`,
    };
    for (const [name, target] of Object.entries(targets)) {
      await tab.goto(`http://127.0.0.1:${target}`);
      for (const colorScheme of ['light', 'dark']) {
        await tab.emulateMedia({ colorScheme });
        await browser.shot(tab, `sample-${name}-${colorScheme}`);
        await accessible(tab, `${name} (${colorScheme})`);
      }
    }
  } finally {
    await browser.close();
  }
});
