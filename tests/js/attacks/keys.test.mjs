// Proves: row 45: tokens that name unknown keys make the gateway ask for the provider's keys once an interval, however many they
// are, and while the key set hangs; the logins of everybody else go on as if nothing happened.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { up } from './estate.mjs';
import { sleep } from '../lib/paths.mjs';

// Durward asks for a provider's keys at most this often, whatever tokens say.
const interval = 10000;
const liar = '1004'; // eve

let estate;
let attacker;
before(async () => {
  estate = await up('attacks-keys');
  const { privateKey } = await jose.generateKeyPair('RS256');
  attacker = privateKey;
  let count = 0;
  estate.provider.forge = (claims, header) => {
    if (claims.sub !== liar) return estate.provider.sign(claims, header);
    count += 1;
    return new jose.CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'RS256', kid: `random-${count}` })
      .sign(attacker);
  };
});
after(() => estate.down());

// Logins of the liar in parallel until told to stop; gives how many were refused.
function flood(width) {
  const state = { going: true, refused: 0 };
  const one = async () => {
    while (state.going) {
      const tab = estate.tab();
      const page = await tab.login(estate.url('web', '/reports/x'), 'eve').catch(() => ({ status: 599 }));
      assert.ok(page.status >= 400, `the liar got in: ${page.status}`);
      assert.equal(estate.cookie(tab), undefined);
      state.refused += 1;
    }
  };
  state.ended = Promise.all(Array.from({ length: width }, one));
  return state;
}

// Honest logins, one after another, for a while; gives how long each took.
async function honest(ms) {
  const took = [];
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const start = Date.now();
    await estate.signedIn('ann', { target: '/reports/x' });
    took.push(Date.now() - start);
    await sleep(300);
  }
  return took;
}

test(
  '45: a flood of unknown keys fetches the key set once an interval, and others log in',
  { timeout: 90000 },
  async () => {
    await estate.signedIn('ann');
    const times = [];
    estate.provider.overrides.set('/jwks', (req, res) => {
      times.push(Date.now());
      estate.provider.callback(req, res);
    });
    const attack = flood(4);
    const took = await honest(2.4 * interval);
    attack.going = false;
    await attack.ended;
    assert.ok(attack.refused >= 20, `only ${attack.refused} tokens in the flood`);
    assert.ok(times.length >= 1 && times.length <= 3, `${times.length} fetches`);
    for (let i = 1; i < times.length; i += 1)
      assert.ok(
        times[i] - times[i - 1] >= interval - 500,
        `${times[i] - times[i - 1]} ms between two fetches`,
      );
    assert.ok(took.length >= 5 && Math.max(...took) < 5000, `honest logins took ${took.join(', ')} ms`);
  },
);

test('45: the same while the key set hangs', { timeout: 90000 }, async () => {
  let asked = 0;
  estate.provider.overrides.set('/jwks', () => {
    asked += 1;
  });
  const attack = flood(4);
  const took = await honest(1.5 * interval);
  attack.going = false;
  await attack.ended;
  assert.ok(asked >= 1 && asked <= 2, `${asked} fetches`);
  assert.ok(took.length >= 5 && Math.max(...took) < 5000, `honest logins took ${took.join(', ')} ms`);
});
