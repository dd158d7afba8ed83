// Proves: a session ends by itself: one that is idle at its idle lifetime, one in use at its absolute end and not before;
// from then on nothing of it reaches an upstream. The shortest lifetimes the language takes are a minute, so this waits.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { sleep } from '../lib/paths.mjs';

let estate;
before(async () => {
  estate = await Estate.up('e2e-expiry', { session: { idle: '60s', absolute: '80s' } });
});
after(() => estate.down());

const status = async (tab) => {
  const headers = { accept: 'application/json', cookie: estate.cookie(tab) };
  return (await request(estate.url('web', '/'), { ca: estate.ca.pem, headers })).status;
};

test('idle and absolute lifetimes', { timeout: 120000 }, async () => {
  const idle = await estate.signedIn('sam');
  const used = await estate.signedIn('ann');
  const start = Date.now();
  const age = () => Date.now() - start;
  while (age() < 66000) {
    await sleep(6000);
    assert.equal(await status(used), 200, `in use, after ${age()} ms`);
  }
  estate.clear();
  assert.equal(await status(idle), 401, 'idle for longer than its idle lifetime');
  assert.equal(estate.upstreamSaw(), 0);
  let last = await status(used);
  assert.equal(last, 200, 'the one in use outlives the idle lifetime');
  while (age() < 90000 && last === 200) {
    await sleep(500);
    last = await status(used);
  }
  assert.equal(last, 401);
  assert.ok(age() > 75000 && age() < 86000, `the one in use ended after ${age()} ms`);
  const list = await estate.gateway.ask('sessions');
  assert.ok(!JSON.stringify(list).includes('ann@corp.example'), 'it is listed no more');
});
