// Where things are, and ports nobody uses.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const buildDir = process.env.DURWARD_BUILD_DIR ?? path.join(root, 'build');
export const binary = process.env.DURWARD_BIN ?? path.join(buildDir, 'durward');

// A directory for one test file, empty at the start; kept afterwards, since its logs explain a failure.
// reachable: where other users may look, too, as far as the modes of the directory itself let them.
export function workDir(name, { reachable = false } = {}) {
  const wanted = path.join(buildDir, 'tests', name);
  // The path of a unix socket has at most 107 bytes: a checkout that lies deep works elsewhere.
  const fits = Buffer.byteLength(path.join(wanted, 'state', 'run', 'control.sock')) <= 107;
  const dir = fits && !reachable ? wanted : path.join(os.tmpdir(), `durward-tests-${process.getuid()}`, name);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

// `count` ports that were free on both loopback addresses a moment ago. Test files run beside each other, so each
// process draws from a range of its own.
export async function freePorts(count) {
  const found = [];
  let port = 20000 + (process.pid % 120) * 100;
  while (found.length < count) {
    port += 1;
    if (await free(port)) found.push(port);
  }
  return found;
}

function free(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '::', ipv6Only: false }, () => server.close(() => resolve(true)));
  });
}

export const sleep = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

// Waits until `probe` gives something truthy; throws with `what` when it does not in time.
export async function until(probe, what, ms = 10000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`waited ${ms} ms for ${what}${last ? `: ${last.message}` : ''}`);
}
