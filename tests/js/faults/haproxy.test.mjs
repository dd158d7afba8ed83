// Proves: whatever an operator, another tool or a crash does to HAProxy (reloads, cleared or removed maps, old files put
// back, sockets gone, a frozen or crashed worker, a command that is too long), Durward notices, and until HAProxy holds
// again what it should, nobody is let in who may not; streams on draining workers end with their session.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { suite } from './suite.mjs';
import { processes } from './processes.mjs';
import { tell } from '../lib/gateway.mjs';
import { sleep } from '../lib/paths.mjs';

const file = (world, ...words) => path.join(world.estate.gateway.state, ...words);

const admin = (world, command) => tell(file(world, 'run', 'admin.sock'), `${command}\n`);

async function reload(world, random) {
  world.lose(); // if its reader is away right now
  if (random.chance(0.5)) await tell(file(world, 'run', 'master.sock'), 'reload\nquit\n');
  else signal(processes(world.estate.gateway).master, 'SIGUSR2');
}

function signal(pid, name) {
  try {
    if (pid) process.kill(pid, name);
  } catch {
    /* it went by itself */
  }
}

const foreignReload = { name: 'a reload by somebody else', strike: reload };
const reloads = {
  name: 'reloads in a row by somebody else',
  async strike(world, random) {
    for (let i = 0; i < 3; i += 1) {
      await reload(world, random);
      await sleep(random.delay(300));
    }
  },
};
const cleared = {
  name: 'a map or table cleared by somebody else',
  async strike(world, random) {
    world.tampered = true;
    const what = random.pick([
      'clear map ../../runtime/verdicts.map',
      'clear map ../../runtime/identities.map',
      'clear map ../../runtime/switches.map',
      'clear map maps/routes.map',
    ]);
    world.count(what.replaceAll(' ', '-'));
    await admin(world, what);
  },
};
const committed = {
  name: 'a version of a map staged and committed by somebody else',
  async strike(world, random) {
    world.tampered = true;
    const map = random.pick(['../../runtime/verdicts.map', 'maps/routes.map']);
    const version = /version created: (\d+)/.exec(await admin(world, `prepare map ${map}`))?.[1];
    await sleep(random.delay(300));
    if (version) await admin(world, `commit map @${version} ${map}`);
  },
};
const oldFiles = {
  name: 'old files put back, then a reload by somebody else',
  async strike(world, random) {
    const runtime = file(world, 'runtime');
    world.backup ??= new Map(
      fs.readdirSync(runtime).map((name) => [name, fs.readFileSync(path.join(runtime, name))]),
    );
    for (const [name, bytes] of world.backup) fs.writeFileSync(path.join(runtime, name), bytes);
    await reload(world, random);
  },
};
const noFile = {
  name: 'the file of a map removed, then a reload by somebody else',
  async strike(world, random) {
    fs.rmSync(file(world, 'runtime', random.pick(['verdicts.map', 'sessions.map', 'switches.map'])), {
      force: true,
    });
    await reload(world, random);
  },
};
const noMasterSocket = {
  name: "the master's socket removed",
  async strike(world) {
    fs.rmSync(file(world, 'run', 'master.sock'), { force: true });
  },
};
const frozen = {
  name: 'a worker that is frozen for a while',
  async strike(world, random) {
    const { workers } = processes(world.estate.gateway);
    for (const pid of workers) signal(pid, 'SIGSTOP');
    await sleep(300 + random.delay(2500));
    return () => workers.forEach((pid) => signal(pid, 'SIGCONT'));
  },
};
const stopped = {
  name: 'HAProxy stopped by its operator',
  async strike(world) {
    world.lose();
    signal(processes(world.estate.gateway).master, 'SIGTERM');
  },
};
const crash = {
  name: 'a command of 16 384 bytes, which ends some versions of HAProxy',
  async strike(world) {
    world.lose();
    const head = 'add map ../../runtime/sessions.map <<\nkey ';
    await tell(file(world, 'run', 'admin.sock'), `${head}${'x'.repeat(16384 - head.length - 2)}\n\n`);
  },
};
const crowd = {
  name: 'a crowd on the Runtime API socket',
  async strike(world, random) {
    const streams = Array.from({ length: 12 }, () => net.connect(file(world, 'run', 'admin.sock')));
    streams.forEach((stream) => stream.on('error', () => {}));
    await sleep(random.delay(1500));
    return () => streams.forEach((stream) => stream.destroy());
  },
};

suite('haproxy', {
  faults: [
    foreignReload,
    cleared,
    frozen,
    oldFiles,
    noFile,
    reloads,
    committed,
    crash,
    foreignReload,
    noMasterSocket,
    stopped,
    crowd,
  ],
});
