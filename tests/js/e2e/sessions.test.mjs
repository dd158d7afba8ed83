// Proves: a session ends when it should (sign-out, revocation by person, by session, of all) and from
// then on its cookie is refused before any upstream; what is still open is cut within a stated bound; bearer tokens are
// sessions too. A restart of either process loses neither a session nor a revocation.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Estate } from '../lib/estate.mjs';
import { h2, h2request, isSignIn, loopback, request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';

const cutWithin = 2000; // ms from the answer of `revoke` to the end of every open stream

let estate;
before(async () => {
  estate = await Estate.up('e2e-sessions');
});
beforeEach(() => {
  estate.clear();
  estate.provider.reset();
});
after(() => estate.down());

const status = async (app, target, cookie, headers = {}) =>
  (
    await request(estate.url(app, target), {
      ca: estate.ca.pem,
      headers: { accept: 'application/json', ...(cookie ? { cookie } : {}), ...headers },
    })
  ).status;

function socket(cookie, origin = estate.url('chat')) {
  const ws = new WebSocket(estate.url('chat', '/ws').replace('https', 'wss'), {
    headers: { cookie },
    origin,
    ca: estate.ca.pem,
    lookup: loopback(),
  });
  ws.closed = new Promise((resolve) => {
    ws.on('close', () => resolve(Date.now()));
  });
  ws.opened = new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
  });
  ws.on('error', () => {});
  return ws;
}

test("signing out by an app's button ends every session of the login and the provider's own", async () => {
  const tab = await estate.signedIn('ann');
  assert.equal((await tab.walk(estate.url('chat', '/'))).status, 200);
  const cookies = { web: estate.cookie(tab, 'web'), chat: estate.cookie(tab, 'chat') };
  const first = await tab.post({ action: estate.url('web', '/.durward/logout'), fields: {} });
  const end = await tab.walk('', { first });
  assert.ok(end.url.startsWith(estate.url('login', '/signed-out')), end.url);
  assert.equal(estate.cookie(tab), undefined);
  estate.clear();
  for (const app of ['web', 'chat']) assert.equal(await status(app, '/', cookies[app]), 401, app);
  assert.equal(estate.upstreamSaw(), 0);
  assert.ok(isSignIn(await tab.walk(estate.url('web', '/'))), 'the provider asks for a password again');
});

test("signing out at the login host ends every session of the login and the provider's own", async () => {
  const tab = await estate.signedIn('ann');
  await tab.walk(estate.url('chat', '/'));
  const cookies = { web: estate.cookie(tab, 'web'), chat: estate.cookie(tab, 'chat') };
  const end = await tab.walk('', {
    first: await tab.post({ action: estate.url('login', '/logout'), fields: {} }),
  });
  assert.ok(end.url.startsWith(estate.url('login', '/signed-out')), end.url);
  assert.equal(end.status, 200);
  estate.clear();
  for (const app of ['web', 'chat']) assert.equal(await status(app, '/', cookies[app]), 401, app);
  assert.equal(estate.upstreamSaw(), 0);
  assert.ok(isSignIn(await tab.walk(estate.url('web', '/'))), 'the provider asks for a password again');
});

test('revoking a person cuts open WebSockets, event streams and gRPC, refuses the cookies, and spares others', async () => {
  const ann = await estate.signedIn('ann', { app: 'chat' });
  const sam = await estate.signedIn('sam', { app: 'chat' });
  const sockets = [socket(estate.cookie(ann, 'chat')), socket(estate.cookie(ann, 'chat'))];
  const other = socket(estate.cookie(sam, 'chat'));
  await Promise.all([...sockets, other].map((ws) => ws.opened));
  const events = h2(estate.url('chat'), { ca: estate.ca.pem });
  const stream = events.request({
    ':path': '/events',
    cookie: estate.cookie(ann, 'chat'),
    accept: 'text/event-stream',
  });
  stream.on('error', () => {});
  const eventsEnded = new Promise((resolve) => {
    stream.on('close', () => resolve(Date.now()));
  });
  await new Promise((resolve) => {
    stream.once('data', resolve);
  });

  const answer = await estate.gateway.ask('revoke', '--person', 'ann@corp.example');
  assert.ok(answer);
  const told = Date.now();
  estate.clear();
  assert.equal(
    await status('chat', '/', estate.cookie(ann, 'chat')),
    401,
    'refused as soon as revoke has answered',
  );
  for (const ended of [...sockets.map((ws) => ws.closed), eventsEnded]) {
    const at = await Promise.race([ended, sleep(cutWithin + 3000).then(() => Infinity)]);
    assert.ok(at - told <= cutWithin, `cut after ${at - told} ms`);
  }
  assert.equal(other.readyState, WebSocket.OPEN, "somebody else's stream lives on");
  other.send('still here');
  await until(() => estate.apps.chat.frames.includes('still here'), 'the frame of the other');
  assert.equal(estate.apps.chat.seen.filter((e) => e.url === '/').length, 0);
  other.close();
  events.destroy();
});

test('an event stream over HTTP/1.1 is cut too, and so is a frame sent after the revocation', async () => {
  const tab = await estate.signedIn('ann', { app: 'chat' });
  const ws = socket(estate.cookie(tab, 'chat'));
  await ws.opened;
  const text = estate.raw(
    'chat',
    `GET /events HTTP/1.1\r\nHost: chat.localhost:${estate.ports.https}\r\nCookie: ${estate.cookie(tab, 'chat')}\r\n\r\n`,
    { quiet: 8000, timeout: 8000 },
  );
  await sleep(500);
  const start = Date.now();
  await estate.gateway.ask('revoke', '--person', 'ann@corp.example');
  await text;
  assert.ok(Date.now() - start <= cutWithin + 500, `cut after ${Date.now() - start} ms`);
  await ws.closed;
});

test('one session can be revoked by its id, and all of them at once', async () => {
  const one = await estate.signedIn('ann');
  const two = await estate.signedIn('sam');
  const list = await estate.gateway.ask('sessions');
  const rows = Array.isArray(list) ? list : list.sessions;
  const mine = rows.find((row) => JSON.stringify(row).includes('ann@corp.example'));
  assert.ok(mine, JSON.stringify(rows));
  await estate.gateway.ask('revoke', '--session', mine.id);
  estate.clear();
  assert.equal(await status('web', '/', estate.cookie(one)), 401);
  assert.equal(await status('web', '/', estate.cookie(two)), 200);
  await estate.gateway.ask('revoke', '--all');
  assert.equal(await status('web', '/', estate.cookie(two)), 401);
});

test("a bearer token is for its host alone, ends with its time, its person's revocation, and never as a cookie", async () => {
  const tab = await estate.signedIn('ann', { app: 'api', target: '/v1/refunds' });
  const token = await estate.bearer('ann', 'api', { life: '8s', name: 'robot' });
  const bearer = { authorization: `Bearer ${token}` };
  assert.equal(await status('api', '/v1/refunds', undefined, bearer), 200);
  estate.clear();
  assert.equal(await status('web', '/', undefined, bearer), 401, 'another host');
  assert.equal(await status('api', '/v1/refunds', `__Host-durward=${token}`), 401, 'as a cookie');
  assert.equal(
    await status('api', '/v1/refunds', undefined, {
      authorization: `Bearer ${estate.cookie(tab, 'api').split('=')[1]}`,
    }),
    401,
    'a cookie as a bearer',
  );
  assert.equal(estate.upstreamSaw(), 0);
  assert.equal(
    await status('api', '/v1/refunds', undefined, { authorization: `bearer ${token}` }),
    200,
    'the scheme is case-insensitive',
  );
  await sleep(9000);
  assert.equal(await status('api', '/v1/refunds', undefined, bearer), 401, 'its time is over');
});

test('restarts of Durward, of HAProxy and of both: people stay logged in, the revoked stay out', async () => {
  for (const what of ['durward', 'haproxy', 'both']) {
    const ann = await estate.signedIn('ann');
    const sam = await estate.signedIn('sam');
    await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
    if (what === 'durward') {
      await estate.gateway.stop({ haproxy: false });
      assert.equal(await status('web', '/', estate.cookie(ann)), 200, 'HAProxy outlives Durward');
      await estate.gateway.start();
    } else if (what === 'haproxy') {
      await estate.gateway.stopHaproxy('SIGKILL');
      await until(async () => (await status('web', '/public/x')) === 200, 'HAProxy to be back', 15000);
    } else {
      await estate.gateway.stop();
      await estate.gateway.start();
    }
    await until(
      async () => (await status('web', '/', estate.cookie(ann))) === 200,
      `ann after a restart of ${what}`,
      10000,
    );
    estate.clear();
    assert.equal(await status('web', '/', estate.cookie(sam)), 401, `sam after a restart of ${what}`);
    assert.equal(estate.upstreamSaw(), 0);
  }
});

test('killed, not stopped: the same holds', async () => {
  const ann = await estate.signedIn('ann');
  const sam = await estate.signedIn('sam');
  await estate.gateway.ask('revoke', '--person', 'sam@corp.example');
  await estate.gateway.stop({ signal: 'SIGKILL', haproxy: false });
  assert.equal(await status('web', '/', estate.cookie(sam)), 401);
  await estate.gateway.start();
  assert.equal(await status('web', '/', estate.cookie(ann)), 200);
  assert.equal(await status('web', '/', estate.cookie(sam)), 401);
});

test('gRPC and HTTP/2: authorised when they start, refused without a session', async () => {
  const tab = await estate.signedIn('ann', { app: 'web' });
  await tab.walk(estate.url('chat', '/'));
  const token = await estate.bearer('ann', 'grpc', { life: '1m', name: 'grpc' });
  const session = h2(estate.url('grpc'), { ca: estate.ca.pem });
  const head = {
    ':method': 'POST',
    ':path': '/durward.Echo/Say',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const refused = await h2request(session, head, 'hello');
  assert.equal(refused.headers[':status'], 401);
  assert.equal(estate.apps.grpc.seen.length, 0);
  const said = await h2request(session, { ...head, authorization: `Bearer ${token}` }, 'hello');
  assert.equal(said.headers[':status'], 200);
  assert.equal(said.body, 'hello');
  assert.equal(said.trailers['grpc-status'], '0');
  assert.equal(estate.apps.grpc.seen[0]['x-durward-email'], 'ann@corp.example');
  session.destroy();
});

test('a WebSocket from another origin, or from none, is refused with a cookie', async () => {
  const tab = await estate.signedIn('ann', { app: 'chat' });
  for (const origin of [
    'https://evil.example',
    estate.url('web'),
    'null',
    '', // sent as none
    `https://chat.localhost:${estate.ports.https}.evil.example`,
  ]) {
    estate.clear();
    await assert.rejects(socket(estate.cookie(tab, 'chat'), origin).opened, /40[13]/);
    assert.equal(estate.upstreamSaw(), 0, `${origin}`);
  }
});
