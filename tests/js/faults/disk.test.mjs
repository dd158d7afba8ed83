// Proves: with the disk full, torn or failing under Durward's store, log and maps, nothing is confirmed that is not stored: a
// revocation or a login that was answered holds, what could not be stored is said to have failed, and lines of the log that
// could not be written are recorded as dropped. Once there is room again, everything goes on by itself.
import { suite } from './suite.mjs';
import { sleep } from '../lib/paths.mjs';

// mode: see tests/faults/machine.cc.
const trouble = (name, mode) => ({
  name,
  async strike(world, random) {
    world.machine.disk(mode);
    world.lose(0, 60000); // lines are dropped, which the log says once it can: the count is checked, not each line
    await sleep(100 + random.delay(1500));
    return () => world.machine.disk('good');
  },
});
const killed = {
  name: 'a full disk, Durward killed, and room again',
  async strike(world, random) {
    world.machine.disk(random.pick(['full', 'torn']));
    world.lose(0, 60000);
    await sleep(random.delay(500));
    await world.kill({ durward: true });
    world.machine.disk('good');
    return async () => {
      await world.estate.gateway.start();
      world.restarted();
    };
  },
};

suite('disk', {
  machine: true,
  faults: [
    trouble('a full disk', 'full'),
    trouble('a disk that tears writes', 'torn'),
    trouble('a disk that does not sync', 'broken'),
    killed,
  ],
});
