// Proves: a supervisor that holds the log socket loses no line over a Durward that is killed, and HAProxy rests meanwhile.
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { request } from '../lib/client.mjs';
import { until } from '../lib/paths.mjs';

const away = 3; // seconds
let estate;
before(async () => {
  estate = await Estate.up('e2e-supervised', { supervised: away });
});
after(() => estate.down());

const children = (pid) =>
  fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
// Clock ticks (1/100 s) that HAProxy's processes have used.
const ticks = () =>
  estate.gateway.haproxyPids().reduce((sum, pid) => {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);

test('Durward is killed: what is asked meanwhile is in the log, without a hole, and HAProxy does not spin', async () => {
  const [durward] = children(estate.gateway.child.pid);
  process.kill(durward, 'SIGKILL');
  await until(() => children(estate.gateway.child.pid)[0] !== durward, 'Durward to be gone', 2000);
  const before = ticks();
  for (let i = 0; i < 50; ++i) {
    const answer = await request(estate.url('web', `/public/away-${i}`), { ca: estate.ca.pem });
    assert.equal(answer.status, 200);
  }
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(ticks() - before < 60, `HAProxy used ${ticks() - before} ticks in 1.5 s of doing nothing`);
  for (const i of [0, 25, 49]) await estate.logged((l) => l.path === `/public/away-${i}`, `line ${i}`);
  const metrics = await fetch(`http://127.0.0.1:${estate.ports.metrics}/metrics`);
  assert.match(await metrics.text(), /^durward_access_log_holes_total 0$/m);
});
