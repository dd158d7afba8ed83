// A suite of faults: one gateway, a world on it, run after run. Each run draws from its own seed what people do, which
// fault strikes, and when.
import path from 'node:path';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { binary, sleep, until } from '../lib/paths.mjs';
import { dropped, gaps, readLog, recordedLosses } from './log_check.mjs';
import { Random } from './random.mjs';
import { World, people } from './world.mjs';

const number = (name, otherwise) => (process.env[name] ? Number(process.env[name]) : otherwise);
const runs = number('DURWARD_RUNS', 20);
const seed = number('DURWARD_SEED', 20261123);
const seconds = number('DURWARD_SECONDS', Infinity);
const only = number('DURWARD_ONLY', undefined);
export const lease = 5; // s: the least that a bundle may say
const reconnectWithin = 9000; // ms: HAProxy comes back to a reader of its log that went away
const noticedWithin = 3000; // ms: until a missing line is recorded

const actions = [
  'login',
  'revoke',
  'revoke',
  'apply',
  'reload',
  'login and revoke',
  'reload and revoke',
  'reload and login',
  'nothing',
];

async function act(world, what, random) {
  const [one, other] = random.chance(0.5) ? people.slice(0, 2) : people.slice(2);
  if (what === 'login') await world.login(random.pick(people));
  if (what === 'revoke') await world.revoke(one);
  if (what === 'apply' || what === 'reload') await world.apply({ reload: what === 'reload' });
  const reload = () => world.apply({ reload: true });
  const soon = () => sleep(random.delay(700));
  if (what === 'login and revoke') await Promise.all([world.login(one), world.revoke(other)]);
  if (what === 'reload and revoke') await Promise.all([reload(), soon().then(() => world.revoke(one))]);
  if (what === 'reload and login') await Promise.all([reload(), soon().then(() => world.login(one))]);
}

// What exists before the fault: sometimes an open stream on a worker that drains.
async function prepare(world, random) {
  const user = random.pick(people);
  if (!world.of('live').some((session) => session.user === user)) await world.login(user);
  const session = world.of('live').find((one) => one.user === user);
  if (session && random.chance(0.4)) await world.open(session);
}

async function perform(world, { fault, action, random }) {
  await prepare(world, random);
  const acting = act(world, action, random);
  await sleep(random.delay(700));
  const heal = await fault.strike(world, random);
  await sleep(random.delay(400));
  await heal?.();
  await acting;
  await world.settle();
}

// The switches of tests/faults/machine.cc, loaded into Durward and HAProxy.
class Machine {
  constructor(file) {
    this.file = file;
    fs.writeFileSync(file, Buffer.alloc(24));
    this.library = path.resolve(path.dirname(binary), '../../tests/faults/durward_machine.so');
  }
  variables() {
    if (!fs.existsSync(this.library)) throw new Error(`there is no ${this.library}: build the preset dev`);
    return { LD_PRELOAD: this.library, DURWARD_MACHINE: this.file };
  }
  put(at, value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    const fd = fs.openSync(this.file, 'r+');
    fs.writeSync(fd, bytes, 0, 8, at);
    fs.closeSync(fd);
  }
  clock(secondsAhead) {
    this.put(0, BigInt(secondsAhead) * 1_000_000_000n);
  }
  disk(mode) {
    this.put(8, { good: 0, full: 1, torn: 2, broken: 3 }[mode]);
  }
  refused() {
    return Number(fs.readFileSync(this.file).readBigInt64LE(16));
  }
}

async function raise(name, { machine }) {
  const estate = new Estate(`faults-${name}`, {});
  await estate.prepare({
    change: (docs) => {
      docs.gateway.spec.lease = `${lease}s`;
      docs.web.spec.access.find((rule) => rule.id === 'signed-in').routes = ['home', 'reports'];
    },
  });
  const world = new World(estate);
  world.write();
  if (machine) {
    world.machine = new Machine(path.join(estate.dir, 'machine'));
    estate.gateway.variables = world.machine.variables();
  }
  await estate.gateway.start();
  for (const user of people) await until(() => world.login(user), `${user} to sign in`);
  world.start();
  return world;
}

// Each number of each worker is there or recorded as missing; each answer was logged, or lost with a worker that was killed.
async function checkLog(world) {
  const { estate } = world;
  await sleep(noticedWithin);
  const last = await until(
    async () => {
      await world.ask('own', world.of('live')[0]);
      const probe = world.probes.findLast((one) => one.status === 200 && one.kind === 'own');
      await sleep(500);
      return (
        readLog(path.join(estate.gateway.state, 'log')).lines.some((line) => line.path === probe.path) &&
        probe
      );
    },
    'the reader of the log to have caught up',
    reconnectWithin,
  );
  await sleep(noticedWithin);
  const log = readLog(path.join(estate.gateway.state, 'log'));
  const missing = gaps(log);
  const lines = missing.reduce((sum, { first, last: end }) => sum + end - first + 1, 0);
  assert.ok(lines <= dropped(log), `holes without a record: ${JSON.stringify(missing)}`);
  const logged = new Set(log.lines.map((line) => line.path));
  const answered = world.probes.filter((probe) => probe.status > 0 && probe.number <= last.number);
  const gone = log.events.some(({ what }) => what === 'gone');
  const unlogged = answered.filter(
    (probe) => !logged.has(probe.path) && !world.excused(probe) && !(gone && world.unread(probe)),
  );
  const losses = recordedLosses(log);
  assert.ok(
    unlogged.length <= losses,
    `${unlogged.length} answers are not in the log, which knows of ${losses} losses: ${JSON.stringify(
      unlogged
        .slice(0, 5)
        .map(({ path: target, status, at }) => [target, status, new Date(at).toISOString()]),
    )}`,
  );
  return { lines: log.lines.length, losses };
}

export function suite(name, { faults, machine = false }) {
  const began = Date.now();
  let world;
  let broken = 0;
  before(async () => {
    world = await raise(name, { machine });
  });
  after(async () => {
    if (!world) return;
    const { probes, counts } = world;
    const said = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    console.log(`faults-${name}: seed ${seed}, ${runs} runs, ${probes.length} probes, ${said.join(', ')}`);
    await world.stop();
    await world.estate.down();
  });
  for (let i = 1; i <= runs; i += 1) {
    const random = new Random(seed * 1000 + i);
    const fault = faults[(i + seed) % faults.length]; // each has its turn
    const action = random.pick(actions);
    if (only && only !== i) continue;
    test(`run ${i} of seed ${seed}: ${fault.name} during ${action}`, async (t) => {
      if (Date.now() - began > seconds * 1000) return t.skip('the time is over');
      if (broken >= 3) return t.skip('three runs before this one failed');
      broken += 1;
      world.estate.provider.reset?.();
      await perform(world, { fault, action, random });
      assert.deepEqual(world.takeViolations(), []);
      broken = 0;
      return undefined;
    });
  }
  test('the log: every line is there or recorded as missing', async (t) => {
    if (broken) return t.skip('a run failed');
    t.diagnostic(JSON.stringify(await checkLog(world)));
    return undefined;
  });
}
