// A sample upstream that keeps what reached it: each parsed request with its headers as they were spelt, and every
// byte of every connection, so that a test can say "the upstream saw nothing" and mean it.
import http from 'node:http';

const kept = 2000;

export class Upstream {
  // handler(req, res, body): answers one request. Health checks under /healthz are answered and not recorded.
  constructor({ name, port, handler }) {
    Object.assign(this, { name, port, handler, seen: [], sockets: new Set(), bytes: '' });
    this.respond = undefined; // (req, res) => true when a test has answered in the handler's place
    this.server = http.createServer((req, res) => this.serve(req, res));
    this.server.keepAliveTimeout = 30000;
    this.server.on('connection', (socket) => this.watch(socket));
    this.server.on('upgrade', (req, socket, head) => {
      this.record(req);
      if (this.upgrade) this.upgrade(req, socket, head);
      else socket.destroy();
    });
    this.server.on('clientError', (error, socket) => {
      // A peer that goes away is no request; bytes that cannot be parsed are one.
      if (error.code?.startsWith('HPE_')) {
        this.seen.push({ line: `malformed: ${error.code}`, method: '', url: '', headers: [], body: '' });
      }
      socket.destroy();
    });
  }

  watch(socket) {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    let own = '';
    socket.on('data', (chunk) => {
      own += chunk.toString('latin1');
      if (own.startsWith('GET /healthz')) own = '';
      this.bytes = (this.bytes + own).slice(-1_000_000);
      own = '';
    });
  }

  record(req, body = '') {
    const headers = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2)
      headers.push([req.rawHeaders[i], req.rawHeaders[i + 1]]);
    const entry = {
      line: `${req.method} ${req.url} HTTP/${req.httpVersion}`,
      method: req.method,
      url: req.url,
      headers,
      body,
    };
    this.seen.push(entry);
    if (this.seen.length > kept) this.seen.shift();
    return entry;
  }

  async serve(req, res) {
    if (req.url === '/healthz') return res.end('ok\n');
    const entry = this.record(req);
    if (this.respond?.(req, res)) return undefined;
    for await (const chunk of req) entry.body += chunk.toString('latin1');
    return this.handler(req, res, entry);
  }

  up() {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port: this.port, host: '127.0.0.1' }, resolve);
    });
  }

  async down() {
    const closed = new Promise((resolve) => {
      this.server.close(resolve);
    });
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  clear() {
    this.seen = [];
    this.bytes = '';
  }

  last() {
    return this.seen.at(-1);
  }
}

// Every value of a header, whatever its spelling.
export const values = (entry, name) =>
  entry.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
export const value = (entry, name) => values(entry, name)[0];
