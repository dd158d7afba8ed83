// Proves: row 27: whatever part is missing, broken or restarted by somebody else, what needs a session is refused. A started
// HAProxy serves only after Durward has said what holds; a store that cannot be read lets nobody in.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { up } from './estate.mjs';
import { request } from '../lib/client.mjs';
import { sleep, until } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await up('attacks-closed');
});
afterEach(() => estate.clear());
after(() => estate.down());

const status = async (target, cookie) => {
  try {
    return (
      await request(estate.url('web', target), {
        ca: estate.ca.pem,
        timeout: 3000,
        headers: { accept: 'application/json', ...(cookie ? { cookie } : {}) },
      })
    ).status;
  } catch {
    return 0;
  }
};

test('an HAProxy that crashed and was started by somebody else serves nobody until Durward has filled it', async () => {
  const tab = await estate.signedIn('ann');
  const cookie = estate.cookie(tab);
  const [pid] = estate.gateway.haproxyPids();
  const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  // Not HAPROXY_*: those would make it believe that it is a master which starts itself anew.
  const variables = fs.readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  const env = Object.fromEntries(
    variables
      .filter((pair) => !pair.startsWith('HAPROXY_'))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  const cwd = fs.readlinkSync(`/proc/${pid}/cwd`);
  await estate.gateway.stop();
  await sleep(6000);
  const foreign = spawn(words[0], words.slice(1), { cwd, env, stdio: 'ignore' });
  try {
    estate.clear();
    await until(async () => (await status('/reports/x')) !== 0, 'the foreign HAProxy', 8000);
    for (let i = 0; i < 20; i += 1) {
      assert.notEqual(await status('/reports/x', cookie), 200);
      assert.notEqual(await status('/admin', cookie), 200);
      await sleep(50);
    }
    assert.equal(estate.upstreamSaw(), 0);
    assert.equal(await status('/public/x'), 200, 'what is open to anyone is exempt');
  } finally {
    foreign.kill('SIGKILL');
    await estate.gateway.stopHaproxy('SIGKILL');
  }
  await estate.gateway.start();
  await until(async () => (await status('/reports/x', cookie)) === 200, 'the session to be back', 10000);
});

test('a store that is damaged: no start, or nobody is let in; never the other way', async () => {
  const tab = await estate.signedIn('ann');
  const cookie = estate.cookie(tab);
  await estate.gateway.stop();
  const files = fs
    .readdirSync(estate.gateway.state, { recursive: true })
    .map(String)
    .filter((name) => /\.(db|sqlite3?)$/.test(name));
  assert.ok(files.length >= 1, 'the store is a file');
  const saved = files.map((name) => [
    path.join(estate.gateway.state, name),
    fs.readFileSync(path.join(estate.gateway.state, name)),
  ]);
  for (const [file] of saved) fs.writeFileSync(file, 'this is no database');
  await assert.rejects(estate.gateway.start({ ms: 8000 }));
  estate.clear();
  assert.notEqual(await status('/reports/x', cookie), 200);
  assert.equal(estate.upstreamSaw(), 0);
  await estate.gateway.stop();
  for (const [file, bytes] of saved) {
    for (const side of ['-wal', '-shm']) fs.rmSync(file + side, { force: true });
    fs.writeFileSync(file, bytes, { mode: 0o600 });
  }
  await estate.gateway.start();
  await until(
    async () => (await status('/reports/x', cookie)) === 200,
    'the session from the restored store',
    10000,
  );
});
