// Proves: while another process holds the store's lock, for longer than Durward waits too, nothing is confirmed that is
// not stored, sessions go on, revocations that were answered hold, and what failed says so and can be done again.
import { DatabaseSync } from 'node:sqlite';
import path from 'node:path';
import { suite } from './suite.mjs';
import { sleep } from '../lib/paths.mjs';

// kind: of the lock. A writer's keeps other writers out; an exclusive one, in WAL mode, no more than that.
const held = (name, kind, least, most) => ({
  name,
  async strike(world, random) {
    const database = new DatabaseSync(path.join(world.estate.gateway.state, 'store.db'));
    database.exec('PRAGMA busy_timeout = 3000');
    database.exec(`BEGIN ${kind}`);
    await sleep(least + random.delay(most - least));
    const heal = () => {
      database.exec('ROLLBACK');
      database.close();
    };
    return heal;
  },
});
// A reader that never ends keeps the write-ahead log from being folded in.
const read = {
  name: 'a reader that stays for long',
  async strike(world, random) {
    const database = new DatabaseSync(path.join(world.estate.gateway.state, 'store.db'), { readOnly: true });
    database.exec('BEGIN');
    database.prepare('SELECT COUNT(*) FROM present').get();
    await sleep(random.delay(2000));
    return () => database.close();
  },
};
const killed = {
  name: 'a lock held while Durward is killed and starts again',
  async strike(world, random) {
    const release = await held('', 'IMMEDIATE', 0, 800).strike(world, random);
    await world.kill({ durward: true });
    const starting = world.estate.gateway.start();
    starting.catch(() => {});
    await sleep(random.delay(1500));
    release();
    return async () => {
      await starting;
      world.restarted();
    };
  },
};

suite('store', {
  faults: [
    held('a lock held for a moment', 'IMMEDIATE', 50, 1500),
    read,
    held('an exclusive lock', 'EXCLUSIVE', 50, 1500),
    killed,
    held('a lock held for longer than anybody waits', 'IMMEDIATE', 5500, 7000),
    held('a lock held for a moment', 'IMMEDIATE', 50, 1500),
  ],
});
