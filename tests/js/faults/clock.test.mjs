// Proves: whichever way the clock of the machine steps, and for however long, no session that ended comes back, none that
// holds is lost by a step that its lifetimes allow, nobody is let in who may not; and the lease follows: without Durward
// everything lapses within it, counted from the step.
import { suite, lease } from './suite.mjs';
import { sleep } from '../lib/paths.mjs';

const minute = 60;
const hour = 60 * minute;

// Steps and, most times, comes back after a while.
const step = (name, seconds) => ({
  name,
  async strike(world, random) {
    const by = random.pick(seconds);
    await world.setClock(by);
    world.count(`steps-of-${by}s`);
    await sleep(500 + random.delay(2500));
    return () => world.setClock(0);
  },
});
// Lifetimes are over after such a step, and rightly so: whoever was refused meanwhile may be back afterwards or not, and
// who is not stays out.
const far = (name, seconds) => ({
  name,
  async strike(world, random) {
    for (const session of world.of('live')) session.state = 'away';
    return step(name, seconds).strike(world, random);
  },
});
const alone = {
  name: 'a step back, then Durward is gone for longer than the lease',
  async strike(world, random) {
    await world.setClock(random.pick([-minute, -hour, -30 * hour]));
    await sleep(400); // Durward has seen it, and has not come to renewing the lease for its age
    await world.kill({ durward: true });
    await sleep(lease * 1000 + 1500);
    await world.mustBeShut();
    await world.setClock(0);
    return async () => {
      await world.estate.gateway.start();
      world.restarted();
    };
  },
};
const killed = {
  name: 'a step while everything is killed',
  async strike(world, random) {
    await world.kill({ durward: true, haproxy: world.estate.gateway.haproxyPids() });
    await world.setClock(random.pick([-hour, -minute, minute, 10 * minute]));
    return async () => {
      await world.estate.gateway.start();
      world.restarted();
      await world.setClock(0);
    };
  },
};

suite('clock', {
  machine: true,
  faults: [
    step('a step ahead', [2, 20, minute, 20 * minute]),
    step('a step back', [-2, -20, -minute, -hour, -30 * hour]),
    far('a step ahead past the idle lifetime', [hour, 9 * hour]),
    far('a step ahead past every lifetime', [11 * hour, 400 * hour]),
    killed,
    alone,
    step('a step back', [-5, -hour]),
  ],
});
