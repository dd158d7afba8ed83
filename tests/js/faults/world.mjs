// Who is signed in, who is not any more, what the rules say; and a prober that asks all the time and holds every answer
// against that. An answer that may be either way (a revocation whose answer was lost with Durward) counts once it was seen.
import https from 'node:https';
import WebSocket from 'ws';
import { loopback, request } from '../lib/client.mjs';
import { writeDocuments } from '../lib/estate.mjs';
import { sleep, until } from '../lib/paths.mjs';
import { masters } from './processes.mjs';

export const people = ['ann', 'sam', 'ada', 'otto'];
const sessionsMost = 10;
const probePause = 8; // ms
const answerWithin = 3000; // ms; later is no answer
const recoverWithin = 25000; // ms from the end of the fault to everything being right
const cutWithin = 2500; // ms from the answer of a revocation to the end of its streams
const readerBackWithin = 8000; // ms
const shortestLife = 30 * 60; // s: of sessions, unused
const silent = [0, 503]; // no answer, or the gate is shut: never wrong, only unavailable

// Who reads mail, by the version of the rules.
const mailReaders = [['ann'], ['ada']];

export class World {
  constructor(estate) {
    Object.assign(this, {
      estate,
      sessions: [],
      sockets: [],
      violations: [],
      probes: [],
      losses: [],
      away: [],
      counts: {},
    });
    this.versions = new Set([0]);
    this.wanted = { version: 0, balance: 'roundrobin' };
    this.tampered = false; // somebody took rows away: refusing the right ones is no violation until it is mended
    this.stepped = false; // the clock is off by so much that lifetimes pass
    this.steps = 0; // of that kind
    this.readerGone = 0; // since when nobody reads the log; 0 = somebody does
    for (const app of ['web', 'api'])
      estate.apps[app].respond = (req, res) => {
        this.reached(req.url);
        res.end('passed');
        return true;
      };
    this.agent = new https.Agent({ keepAlive: true, maxSockets: 3 });
  }

  count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  violation(text) {
    this.violations.push(`${new Date().toISOString()} ${text}`);
  }
  takeViolations() {
    return this.violations.splice(0);
  }
  of(state) {
    return this.sessions.filter((session) => session.state === state);
  }

  // ---- what people and operators do ------------------------------------------------------------------

  async login(user) {
    const { estate } = this;
    const tab = estate.tab();
    const clock = this.steps;
    await tab.login(estate.url('web', '/reports/login'), user).catch(() => {});
    const cookie = estate.cookie(tab);
    if (!cookie) return undefined;
    this.count('logins');
    // Who signed in while the clock was elsewhere may be out of time when it is back.
    const state = this.stepped ? 'away' : clock === this.steps ? 'live' : 'limbo';
    const session = { user, tab, cookie, state, number: this.sessions.length };
    this.sessions.push(session);
    return session;
  }

  // An open WebSocket of the same login; undefined when it could not be had now.
  async open(session) {
    const { estate } = this;
    await session.tab.walk(estate.url('chat', '/')).catch(() => {});
    const cookie = estate.cookie(session.tab, 'chat');
    if (!cookie) return undefined;
    const ws = new WebSocket(estate.url('chat', '/ws').replace('https', 'wss'), {
      headers: { cookie },
      origin: estate.url('chat'),
      ca: estate.ca.pem,
      lookup: loopback(),
      handshakeTimeout: answerWithin,
    });
    const socket = { ws, session, closed: false };
    ws.on('error', () => {});
    ws.on('close', () => {
      socket.closed = true;
    });
    const opened = await Promise.race([
      new Promise((resolve) => {
        ws.on('open', () => resolve(true));
      }),
      new Promise((resolve) => {
        ws.on('close', () => resolve(false));
      }),
    ]);
    if (!opened) return undefined;
    this.sockets.push(socket);
    return socket;
  }

  // Whether Durward confirmed it. Else it may have happened or not.
  async revoke(user) {
    const struck = this.sessions.filter((session) => session.user === user && session.state !== 'ended');
    for (const session of struck) session.state = 'limbo';
    const answer = await this.estate.gateway.run('revoke', '--person', `${user}@corp.example`);
    if (answer.code !== 0) return this.unconfirmed(`revoke ${user}`, answer);
    this.count('revocations');
    for (const session of struck) session.state = 'ended';
    const at = Date.now();
    for (const socket of this.sockets)
      if (struck.includes(socket.session)) socket.mustEndBy ??= at + cutWithin;
    return true;
  }

  unconfirmed(what, answer) {
    this.refusal = `${what}: ${answer.stderr || answer.stdout}`;
    return false;
  }

  write() {
    const { docs } = this.estate;
    docs.web.spec.access.find((rule) => rule.id === 'mail').allow.roles = [
      ['by-mail', 'admin'][this.wanted.version],
    ];
    docs.web.spec.upstreams.main.balance = this.wanted.balance;
    writeDocuments(this.estate.bundle, docs);
  }

  async apply({ reload }) {
    if (reload) this.wanted.balance = this.wanted.balance === 'roundrobin' ? 'leastconn' : 'roundrobin';
    this.wanted.version = 1 - this.wanted.version;
    this.versions.add(this.wanted.version);
    this.write();
    return this.applyWanted();
  }

  async applyWanted() {
    const answer = await this.estate.gateway.run('apply');
    if (answer.code !== 0) return this.unconfirmed('apply', answer);
    this.count('applies');
    this.versions = new Set([this.wanted.version]);
    return true;
  }

  // ---- the prober ------------------------------------------------------------------------------------

  start() {
    this.running = true;
    this.prober = (async () => {
      for (let i = 0; this.running; i += 1) {
        await Promise.all([this.probe(i), this.probe(i + 3)]);
        await sleep(probePause);
      }
    })();
  }
  async stop() {
    this.running = false;
    await this.prober;
    for (const { ws } of this.sockets) ws.terminate();
    this.agent.destroy();
  }

  probe(turn) {
    const session = this.sessions[turn % Math.max(1, this.sessions.length)];
    if (!session || turn % 13 === 0) return this.ask('nobody');
    if (turn % 5 === 0) return this.ask('mail', session);
    if (turn % 7 === 0) return this.ask(session.user === 'ada' ? 'elsewhere' : 'admin', session);
    return this.ask('own', session);
  }

  // One request, judged; returns its status.
  async ask(kind, session) {
    const probe = { kind, session, number: this.probes.length, at: Date.now(), before: session?.state };
    this.probes.push(probe);
    probe.versions = [...this.versions];
    probe.forbidden =
      kind === 'nobody' || kind === 'admin' || kind === 'elsewhere' || probe.before === 'ended';
    const folder = { own: 'reports', nobody: 'reports', admin: 'admin', mail: 'mail', elsewhere: 'echo' }[
      kind
    ];
    probe.path = `/${folder}/p${probe.number}`;
    try {
      const answer = await request(this.estate.url(kind === 'elsewhere' ? 'api' : 'web', probe.path), {
        ca: this.estate.ca.pem,
        timeout: answerWithin,
        headers: { accept: 'application/json', ...(session ? { cookie: session.cookie } : {}) },
        ...(probe.number % 4 === 0 ? {} : { agent: this.agent }),
      });
      probe.status = answer.status;
      probe.body = answer.body;
    } catch {
      probe.status = 0;
    }
    probe.ended = Date.now();
    this.judge(probe);
    return probe.status;
  }

  reached(url) {
    const probe = this.probes[Number(/\/p(\d+)/.exec(url)?.[1] ?? -1)];
    if (probe?.forbidden) this.violation(`an upstream saw ${describe(probe)}`);
  }

  judge(probe) {
    const { kind, session, status, before } = probe;
    const tell = (what) =>
      this.violation(`${what}: ${describe(probe)} got ${status} ${probe.body?.slice(0, 200)}`);
    if (probe.forbidden && status >= 200 && status < 300) return tell('passed unapproved');
    if (!session || silent.includes(status)) return undefined;
    const refused = status === 401 || status === 302;
    if (before === 'limbo' && refused && session.state === 'limbo' && kind !== 'elsewhere') {
      session.state = 'ended'; // it was stored, or it would not be refused: never back from here on
      return undefined;
    }
    if (before !== 'live' || session.state !== 'live' || this.tampered) return undefined;
    const right = this.rightStatuses(probe);
    if (!right.includes(status)) tell('a login that holds was refused');
    return undefined;
  }

  rightStatuses({ kind, session, versions }) {
    if (kind === 'own') return [200];
    if (kind === 'admin') return [403];
    if (kind === 'elsewhere') return [401];
    const either = new Set([...versions, ...this.versions]);
    return [...either].map((version) => (mailReaders[version].includes(session.user) ? 200 : 403));
  }

  // ---- afterwards ------------------------------------------------------------------------------------

  // Everything right again within the bound: confirmed what was left open, each session asked.
  async settle() {
    const { gateway } = this.estate;
    const end = Date.now() + recoverWithin;
    const left = () => Math.max(1, end - Date.now());
    await until(async () => (await gateway.run('status', '--output', 'json')).json().ready, 'ready', left());
    await until(() => this.confirmed(), 'what was left open to be confirmed', left()).catch((error) => {
      throw new Error(`${error.message}: ${this.refusal}`);
    });
    await until(() => this.allRight(), 'every session to be answered rightly', left()).catch(() => {
      throw new Error(`not right again within ${recoverWithin} ms: ${this.wrong}`);
    });
    this.tampered = false;
    await until(() => masters(gateway).length === 1, 'one HAProxy and no other', left()).catch(() => {
      this.violation(`processes that are nobody's worker: ${masters(gateway)}`);
    });
    await this.checkSockets();
    await this.keepFew();
  }

  async confirmed() {
    for (const user of new Set(this.of('limbo').map((session) => session.user)))
      if (!(await this.revoke(user))) return false;
    return this.versions.size === 1 || this.applyWanted();
  }

  async allRight() {
    for (const session of this.sessions) {
      const wanted = { live: 200, ended: 401 }[session.state];
      const status = await this.ask('own', session);
      this.wrong = `${session.user} (${session.state}) got ${status}`;
      if (wanted && status !== wanted) return false;
    }
    const [session] = this.of('live');
    if (!session) return true;
    const status = await this.ask('mail', session);
    this.wrong = `mail got ${status}`;
    return silent.includes(status) ? false : this.tampered ? this.rightMail(session, status) : true;
  }

  rightMail(session, status) {
    return this.rightStatuses({ kind: 'mail', session, versions: [] }).includes(status);
  }

  async checkSockets() {
    for (const socket of this.sockets) {
      if (!socket.mustEndBy) continue;
      while (!socket.closed && Date.now() < socket.mustEndBy) await sleep(20);
      if (!socket.closed) this.violation(`a WebSocket of ${socket.session.user} outlived its revocation`);
      socket.ws.terminate();
    }
    this.sockets = this.sockets.filter((socket) => !socket.closed && !socket.mustEndBy);
  }

  // Ended ones are asked for a while longer, then forgotten; somebody is always signed in.
  async keepFew() {
    const ended = this.of('ended');
    for (const session of ended.slice(0, Math.max(0, ended.length - 4))) session.state = 'forgotten';
    this.sessions = this.sessions.filter((session) => session.state !== 'forgotten');
    if (this.of('live').length > sessionsMost) await this.revoke(this.of('live')[0].user);
    for (const user of people.slice(0, 2))
      if (!this.of('live').some((session) => session.user === user))
        await until(() => this.login(user), `${user} to sign in`, recoverWithin);
  }

  // ---- faults ----------------------------------------------------------------------------------------

  async kill({ durward = false, haproxy = [] }) {
    const { gateway } = this.estate;
    if (durward) {
      this.readerGone ||= Date.now();
      gateway.child.kill('SIGKILL');
    }
    for (const pid of haproxy) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        /* it went by itself */
      }
    }
    if (haproxy.length) this.lose();
    if (durward) await gateway.exited;
    this.count('kills');
  }

  // HAProxy looks for the reader of its log anew every few seconds.
  restarted() {
    const gone = this.readerGone;
    if (gone) this.away.push([gone, Date.now()]);
    setTimeout(() => {
      if (this.readerGone === gone) this.readerGone = 0;
    }, readerBackWithin).unref();
    this.versions = new Set([this.wanted.version]); // it read the bundle anew
  }

  // With Durward gone for longer than the lease nobody is served who needs a session.
  async mustBeShut() {
    for (const session of this.of('live')) {
      const status = await this.ask('own', session);
      if (!silent.includes(status)) this.violation(`${session.user} got ${status} after the lease had ended`);
    }
  }

  // The machine's clock is off by so many seconds; 0 = right again.
  async setClock(by) {
    if (Math.abs(by) >= shortestLife) {
      this.stepped = true;
      this.steps += 1;
    }
    this.machine.clock(by);
    if (by !== 0 || !this.stepped) return;
    await sleep(1500); // what is over is ended once a second
    this.stepped = false;
    for (const session of this.of('away')) session.state = 'limbo';
  }

  // ---- what may be lost of the log -------------------------------------------------------------------

  // A worker that is killed takes along what it had not handed over yet.
  lose(before = 2000, after = 1000) {
    const now = Date.now();
    this.losses.push([(this.readerGone || now) - before, now + after]);
  }
  // Durward was dead: when a worker ended meanwhile, nobody knows how many lines it had.
  unread({ at, ended }) {
    return this.away.some(([from, to]) => ended >= from && at <= to);
  }
  excused({ at, ended }) {
    return this.losses.some(([from, to]) => ended >= from && at <= to);
  }
}

function describe({ kind, session, number, before }) {
  return `probe ${number} (${kind}${session ? ` by ${session.user}, ${before}` : ''})`;
}
