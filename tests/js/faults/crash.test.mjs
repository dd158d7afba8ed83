// Proves: Durward, HAProxy's worker, its master, or all of them killed at any moment of a login, a revocation, an apply
// or a reload: nobody is let in who may not, no revoked session comes back, no login that was answered is lost, each line of
// the log is there or recorded as missing; and without Durward everything lapses by HAProxy's own clock.
import { suite, lease } from './suite.mjs';
import { processes } from './processes.mjs';
import { sleep } from '../lib/paths.mjs';

const startAgain = (world) => async () => {
  await world.estate.gateway.start();
  world.restarted();
};

const durward = {
  name: 'kill -9 of Durward',
  async strike(world) {
    await world.kill({ durward: true });
    return startAgain(world);
  },
};
const worker = {
  name: "kill -9 of HAProxy's worker",
  strike: (world, random) => world.kill({ haproxy: [random.pick(processes(world.estate.gateway).workers)] }),
};
const master = {
  name: "kill -9 of HAProxy's master",
  strike: (world) => world.kill({ haproxy: [processes(world.estate.gateway).master] }),
};
const haproxy = {
  name: 'kill -9 of all of HAProxy',
  strike: (world) => world.kill({ haproxy: world.estate.gateway.haproxyPids() }),
};
const everything = {
  name: 'kill -9 of everything',
  async strike(world) {
    await world.kill({ durward: true, haproxy: world.estate.gateway.haproxyPids() });
    return startAgain(world);
  },
};
const masterAndDurward = {
  name: "kill -9 of Durward and HAProxy's master",
  async strike(world) {
    await world.kill({ durward: true, haproxy: [processes(world.estate.gateway).master] });
    return startAgain(world);
  },
};
const gone = {
  name: 'Durward is gone for longer than the lease',
  async strike(world) {
    await world.kill({ durward: true });
    await sleep(lease * 1000 + 1000);
    await world.mustBeShut();
    return startAgain(world);
  },
};

suite('crash', {
  faults: [durward, worker, everything, master, durward, haproxy, masterAndDurward, durward, gone],
});
