// HAProxy started by somebody else than Durward: an operator, or another supervisor.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { until } from './paths.mjs';

const program = process.env.DURWARD_HAPROXY ?? 'haproxy';

export class ForeignHaproxy {
  // files: its configuration files, in order. log: where what it prints goes.
  constructor({ master, files, log, env = {} }) {
    Object.assign(this, { master, files, log, env });
  }

  start() {
    const out = fs.openSync(this.log, 'a');
    const words = ['-W', '-S', this.master, ...this.files.flatMap((file) => ['-f', file])];
    this.child = spawn(program, words, { stdio: ['ignore', out, out], env: { ...process.env, ...this.env } });
    fs.closeSync(out);
    this.exited = new Promise((resolve) => {
      this.child.on('exit', resolve);
    });
  }

  signal(name) {
    this.child.kill(name);
  }

  // A command to the master; 2.6 answers "reload" by closing the connection.
  ask(command) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.master, () => socket.end(`${command}\n`));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', (error) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
      socket.on('close', () => resolve(text));
    });
  }

  // The pid of the worker that takes new connections.
  async worker() {
    const [, current = ''] = (await this.ask('show proc')).split('# workers\n');
    return Number(/^(\d+)\s+worker/.exec(current)?.[1] ?? 0);
  }

  async otherWorker(than) {
    return until(async () => {
      const now = await this.worker();
      return now !== 0 && now !== than ? now : undefined;
    }, `a worker other than ${than}`);
  }

  async stop() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    const limit = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await this.exited;
    clearTimeout(limit);
  }
}
