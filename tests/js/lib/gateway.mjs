// Starts and stops `durward up`, and speaks its command line.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { binary, until } from './paths.mjs';

// A command of somebody else to one of HAProxy's sockets; the answer, or what came of it.
export function tell(socket, command) {
  return new Promise((resolve) => {
    const stream = net.connect(socket, () => stream.write(command));
    let text = '';
    const limit = setTimeout(() => stream.destroy(), 2000);
    stream.on('data', (chunk) => {
      text += chunk;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      clearTimeout(limit);
      resolve(text);
    });
  });
}

export class Gateway {
  // log: where what it prints goes. args: further options of `durward up`. variables: of its environment. supervised: seconds
  // after which a Durward that died is started again, by somebody who holds the log socket meanwhile.
  constructor({
    bundle,
    state,
    metrics,
    env,
    log = path.join(path.dirname(state), 'durward.log'),
    args = [],
    variables = {},
    supervised,
  }) {
    Object.assign(this, { bundle, state, metrics, env, log, args, variables, supervised });
  }

  async start({ ms = 30000 } = {}) {
    fs.mkdirSync(this.state, { recursive: true, mode: 0o700 });
    const from = fs.existsSync(this.log) ? fs.statSync(this.log).size : 0;
    const out = fs.openSync(this.log, 'a');
    const words = [
      'up',
      '--bundle',
      this.bundle,
      '--state',
      this.state,
      '--metrics',
      this.metrics,
      ...(this.env ? ['--env', this.env] : []),
      ...this.args,
    ];
    if (process.env.DURWARD_HAPROXY) words.push('--haproxy', process.env.DURWARD_HAPROXY);
    const supervisor = path.join(import.meta.dirname, 'supervise.py');
    const command =
      this.supervised === undefined
        ? [binary, ...words]
        : [
            'python3',
            supervisor,
            path.join(this.state, 'run/log.sock'),
            String(this.supervised),
            binary,
            ...words,
          ];
    this.child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', out, out],
      env: { ...process.env, ...this.variables },
    });
    fs.closeSync(out);
    this.child.on('error', (error) => {
      this.failed = error;
    });
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve(code ?? signal));
    });
    const printed = () => fs.readFileSync(this.log, 'utf8').slice(from);
    await until(
      () => {
        if (this.failed) return true;
        return this.child.exitCode !== null || printed().includes('durward is ready');
      },
      `"durward is ready" in ${this.log}`,
      ms,
    );
    if (this.failed || !printed().includes('durward is ready')) {
      throw new Error(
        `durward up ended with ${this.failed ?? this.child.exitCode}:\n${printed().slice(-4000)}`,
      );
    }
  }

  running() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  // Ends Durward; HAProxy outlives it unless `haproxy` is asked for too.
  async stop({ signal = 'SIGTERM', haproxy = true } = {}) {
    if (this.running()) {
      this.child.kill(signal);
      const limit = setTimeout(() => this.child.kill('SIGKILL'), 10000);
      await this.exited;
      clearTimeout(limit);
    }
    if (haproxy) await this.stopHaproxy();
  }

  // HAProxy's processes of this gateway, found by its own state directory on their command lines.
  // Those of the master and its worker, once workers of reloads before have ended.
  async settledPids() {
    await until(() => this.haproxyPids().length === 2, 'old workers to end', 10000);
    return this.haproxyPids();
  }

  haproxyPids() {
    return fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          return (
            path.basename(words[0]).startsWith('haproxy') && words.some((word) => word.startsWith(this.state))
          );
        } catch {
          return false;
        }
      });
  }

  async stopHaproxy(signal = 'SIGTERM') {
    for (const pid of this.haproxyPids()) {
      try {
        process.kill(pid, signal);
      } catch {
        /* it was gone already */
      }
    }
    await until(() => this.haproxyPids().length === 0, 'HAProxy to end', 5000).catch(() => {
      for (const pid of this.haproxyPids()) process.kill(pid, 'SIGKILL');
    });
  }

  // Runs a command of the client; returns { code, stdout, stderr, json() }. Never throws for an exit code.
  run(...words) {
    return new Promise((resolve) => {
      execFile(
        binary,
        [...words, '--state', this.state],
        { timeout: 20000, maxBuffer: 1 << 26 },
        (error, stdout, stderr) => {
          resolve({ code: error ? (error.code ?? -1) : 0, stdout, stderr, json: () => JSON.parse(stdout) });
        },
      );
    });
  }

  // As run(), for a command that must succeed; returns its JSON.
  async ask(...words) {
    const answer = await this.run(...words, '--output', 'json');
    if (answer.code !== 0)
      throw new Error(`durward ${words.join(' ')} exited ${answer.code}: ${answer.stderr || answer.stdout}`);
    return answer.stdout.trim() === '' ? undefined : answer.json();
  }
}
