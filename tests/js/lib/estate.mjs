// A whole estate for one test file: authority, provider(s), sample apps, a bundle and a gateway, on ports of its own.
import fs from 'node:fs';
import path from 'node:path';
import { authority, leaf, writeBundle } from './certs.mjs';
import { Gateway } from './gateway.mjs';
import { Tab, fetchWith, message, raw, request, statuses } from './client.mjs';
import { freePorts, until, workDir } from './paths.mjs';
import { SampleProvider } from '../provider/provider.mjs';
import { verifier } from '../apps/assertion.mjs';
import { web } from '../apps/web.mjs';
import { api } from '../apps/api.mjs';
import { chat } from '../apps/chat.mjs';
import { grpc } from '../apps/grpc.mjs';

const resource = (kind, name, spec) => ({ apiVersion: 'durward/v1', kind, metadata: { name }, spec });
const acrMap = { 'urn:corp:pwd': 'pwd', 'urn:corp:otp': 'otp', 'urn:corp:key': 'webauthn' };

export const secret = 'a-client-secret-that-must-never-be-logged';

// The documents of the estate, as objects to change before they are written. JSON is YAML.
export function documents(ports, { hosts = {}, session = { idle: '30m', absolute: '10h' } } = {}) {
  const upstream = (port) => ({ main: { servers: [`127.0.0.1:${port}`] } });
  const app = (name, spec) => ({
    ...resource('App', name, { hosts: hosts[name] ?? [`${name}.localhost`], ...spec }),
  });
  return {
    gateway: resource('Gateway', 'edge', {
      listen: [
        { bind: [`127.0.0.1:${ports.https}`, `[::1]:${ports.https}`], tls: { certificates: 'certs' } },
        { bind: [`127.0.0.1:${ports.http}`, `[::1]:${ports.http}`], redirect: 'https' },
      ],
      loginHost: 'login.localhost',
      acr: ['pwd', 'otp', 'webauthn'],
      apps: [{ path: 'apps/web' }, { path: 'apps/api' }, { path: 'apps/chat' }, { path: 'apps/grpc' }],
    }),
    corp: resource('IdentityProvider', 'corp', {
      title: 'Corp',
      issuer: `https://id.localhost:${ports.provider}`,
      client: { id: 'durward', secret: 'corp-client' },
      ca: 'test-ca',
      scopes: ['openid', 'email', 'profile', 'groups'],
      claims: { groups: 'groups', email: 'email' },
      unique: ['sub', 'employee_id'],
      acr: acrMap,
      session,
      mayAssert: { emailDomains: ['corp.example'] },
    }),
    roles: [
      resource('Role', 'staff', { members: [{ group: 'staff' }] }),
      resource('Role', 'support', { members: [{ group: 'shop-support' }] }),
      resource('Role', 'refunds', { members: [{ group: 'fin-refunds' }] }),
      resource('Role', 'admin', { members: [{ group: 'admins' }] }),
      resource('Role', 'by-mail', {
        members: [{ person: 'uma@corp.example' }, { person: 'ann@corp.example' }],
      }),
      resource('Role', 'contractor', { members: [{ group: 'contractors' }] }),
    ],
    credentials: [
      resource('Credential', 'corp-client', { from: { file: 'secrets/corp-client' }, usedBy: ['idp/corp'] }),
      resource('Credential', 'test-ca', { from: { file: 'secrets/ca.pem' }, usedBy: ['idp/corp'] }),
    ],
    web: app('web', {
      upstreams: upstream(ports.web),
      routes: [
        { id: 'home', methods: ['GET'], path: '/' },
        { id: 'reports', methods: ['GET'], path: '/reports/{**}' },
        { id: 'public', path: '/public/{**}' },
        { id: 'admin', path: '/admin' },
        { id: 'admin-all', path: '/admin/{**}' },
        { id: 'mail', methods: ['GET'], path: '/mail/{**}' },
        { id: 'not-contractors', methods: ['GET'], path: '/inside/{**}' },
      ],
      access: [
        { id: 'signed-in', allow: 'signedIn', routes: ['home', 'reports', 'not-contractors'] },
        { id: 'open', allow: 'anyone', routes: ['public'] },
        { id: 'admins', allow: { roles: ['admin'] }, routes: ['admin', 'admin-all'] },
        { id: 'mail', allow: { roles: ['by-mail'] }, routes: ['mail'] },
        { id: 'contractors-out', deny: { roles: ['contractor'] }, routes: ['not-contractors'] },
      ],
    }),
    api: app('api', {
      upstreams: upstream(ports.api),
      routes: [
        { id: 'list-refunds', methods: ['GET'], path: '/v1/refunds' },
        { id: 'read-refund', methods: ['GET'], path: '/v1/refunds/{id}' },
        { id: 'create-refund', methods: ['POST'], path: '/v1/refunds' },
        { id: 'approve', methods: ['GET'], path: '/v1/approve' },
        { id: 'fresh', methods: ['GET'], path: '/v1/fresh' },
        { id: 'echo', path: '/echo/{**}' },
        { id: 'cross', methods: ['GET', 'PUT'], path: '/cross/{**}', cors: 'preflight' },
      ],
      access: [
        { id: 'read', allow: { roles: ['support', 'refunds'] }, routes: ['list-refunds', 'read-refund'] },
        {
          id: 'write',
          allow: { roles: ['refunds'] },
          routes: ['create-refund'],
          when: { acr: 'webauthn', authAge: '15m' },
        },
        { id: 'approve', allow: { roles: ['refunds'] }, routes: ['approve'], when: { acr: 'webauthn' } },
        { id: 'fresh', allow: { roles: ['staff'] }, routes: ['fresh'], when: { authAge: '2s' } },
        { id: 'echo', allow: { roles: ['staff'] }, routes: ['echo', 'cross'] },
      ],
    }),
    chat: app('chat', {
      upstreams: upstream(ports.chat),
      routes: [
        { id: 'page', methods: ['GET'], path: '/' },
        { id: 'socket', methods: ['GET'], path: '/ws' },
        { id: 'events', methods: ['GET'], path: '/events' },
      ],
      access: [{ id: 'staff', allow: { roles: ['staff'] } }],
    }),
    grpc: app('grpc', {
      upstreams: { main: { servers: [`127.0.0.1:${ports.grpc}`], protocol: 'h2' } },
      routes: [{ id: 'say', methods: ['POST'], path: '/durward.Echo/Say', limits: { stream: true } }],
      access: [{ id: 'staff', allow: { roles: ['staff'] } }],
    }),
  };
}

export function writeDocuments(dir, docs) {
  const text = (list) => list.map((doc) => JSON.stringify(doc, null, 2)).join('\n---\n');
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'gateway.yaml'), text([docs.gateway]));
  fs.writeFileSync(
    path.join(dir, 'identity.yaml'),
    text([docs.corp, ...(docs.partner ? [docs.partner] : []), ...docs.roles, ...docs.credentials]),
  );
  for (const name of ['web', 'api', 'chat', 'grpc', ...(docs.more ?? [])]) {
    const folder = path.join(dir, 'apps', name);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'app.yaml'), text([docs[name]]));
  }
}

export class Estate {
  // name: of the test file. change(docs, ports): alters the documents before they are written. partner: a second provider.
  static async up(name, options = {}) {
    const estate = new Estate(name, options);
    await estate.prepare(options);
    await estate.gateway.start();
    return estate;
  }

  // args, supervised: as Gateway takes them. reachable: as workDir.
  constructor(name, { args = [], supervised, reachable }) {
    this.dir = workDir(name, { reachable });
    this.ca = authority(path.join(this.dir, 'ca'));
    this.bundle = path.join(this.dir, 'bundle');
    this.args = args;
    this.supervised = supervised;
  }

  async prepare({ change = () => {}, partner = false, session, provider = {} }) {
    const names = ['https', 'http', 'provider', 'partner', 'web', 'api', 'chat', 'grpc', 'metrics', 'spare'];
    const numbers = await freePorts(names.length);
    const ports = Object.fromEntries(names.map((key, i) => [key, numbers[i]]));
    this.ports = ports;
    const docs = documents(ports, { session });
    if (partner) this.addPartner(docs);
    change(docs, ports);
    this.docs = docs;
    this.writeFiles();
    this.gateway = new Gateway({
      bundle: this.bundle,
      state: path.join(this.dir, 'state'),
      metrics: `127.0.0.1:${ports.metrics}`,
      args: this.args,
      supervised: this.supervised,
    });
    this.apps = {
      web: web({ port: ports.web, verify: this.verify() }),
      api: api({ port: ports.api }),
      chat: chat({ port: ports.chat }),
      grpc: grpc({ port: ports.grpc }),
    };
    this.provider = this.makeProvider('corp', ports.provider, provider);
    if (partner) this.partner = this.makeProvider('partner', ports.partner, partner === true ? {} : partner);
    await Promise.all(
      [...Object.values(this.apps), this.provider, ...(partner ? [this.partner] : [])].map((part) =>
        part.up(),
      ),
    );
  }

  addPartner(docs) {
    docs.partner = structuredClone(docs.corp);
    for (const credential of docs.credentials) credential.spec.usedBy.push('idp/partner');
    docs.partner.metadata.name = 'partner';
    Object.assign(docs.partner.spec, {
      title: 'Partner',
      issuer: `https://partner.localhost:${this.ports.partner}`,
      mayAssert: { roles: ['contractor'], emailDomains: ['partner.example'] },
    });
  }

  writeFiles() {
    writeDocuments(this.bundle, this.docs);
    const hosts = ['login', 'web', 'api', 'chat', 'grpc', 'other'].map((label) => `${label}.localhost`);
    writeBundle(path.join(this.bundle, 'certs', 'localhost.pem'), leaf(this.ca, hosts));
    fs.mkdirSync(path.join(this.bundle, 'secrets'), { recursive: true, mode: 0o700 });
    fs.writeFileSync(path.join(this.bundle, 'secrets', 'corp-client'), `${secret}\n`, { mode: 0o600 });
    fs.copyFileSync(this.ca.cert, path.join(this.bundle, 'secrets', 'ca.pem'));
  }

  // backChannel: the provider tells the gateway when somebody signs out there.
  makeProvider(name, port, { backChannel = false, ...options }) {
    const host = name === 'corp' ? 'id.localhost' : `${name}.localhost`;
    return new SampleProvider({
      issuer: `https://${host}:${port}`,
      tls: leaf(this.ca, [host]),
      title: name === 'corp' ? 'Corp' : 'Partner',
      tint: name === 'corp' ? '#2f5fd0' : '#8a3ffc',
      clients: [
        {
          client_id: 'durward',
          client_secret: secret,
          client_name: 'Durward',
          redirect_uris: [`${this.url('login')}/callback/${name}`],
          post_logout_redirect_uris: [`${this.url('login')}/signed-out`],
          ...(backChannel
            ? {
                backchannel_logout_uri: `${this.url('login')}/back-channel-logout/${name}`,
                backchannel_logout_session_required: true,
              }
            : {}),
        },
      ],
      ...(backChannel ? { fetch: fetchWith(this.ca.pem) } : {}),
      ...options,
    });
  }

  url(app, target = '') {
    return `https://${app}.localhost:${this.ports.https}${target}`;
  }
  verify() {
    return verifier({ gateway: this.url('login'), ca: this.ca.pem });
  }
  tab(options = {}) {
    return new Tab({ ca: this.ca.pem, ...options });
  }

  // A tab that has signed in and opened `target`.
  async signedIn(user, { app = 'web', target = '/', ...options } = {}) {
    const tab = this.tab();
    const page = await tab.login(this.url(app, target), user, options);
    if (page.status >= 400 && !options.anyStatus)
      throw new Error(
        `${user} at ${app}${target}: ${page.status} at ${page.url}\n${page.body.slice(0, 600)}`,
      );
    tab.page = page;
    return tab;
  }

  // The session cookie of a tab at an app, as a Cookie header.
  cookie(tab, app = 'web') {
    const found = tab.cookies(this.url(app)).get('__Host-durward');
    return found && `__Host-durward=${found.value}`;
  }

  // A bearer token of somebody who is signed in, for one app.
  async bearer(user, app, { life, name }) {
    const person = `${user}@corp.example`;
    const words = ['--person', person, '--host', `${app}.localhost`, '--for', life, '--name', name];
    return (await this.gateway.ask('token', 'create', ...words)).token;
  }

  // What a program is answered, with this cookie or none.
  async status(target, cookie, app = 'web') {
    const headers = { accept: 'application/json', ...(cookie ? { cookie } : {}) };
    return (await request(this.url(app, target), { ca: this.ca.pem, headers })).status;
  }

  // Exact bytes to an app's host; returns the raw answer.
  raw(app, bytes, options = {}) {
    return raw(bytes, {
      port: this.ports.https,
      ca: this.ca.pem,
      servername: `${app}.localhost`,
      ...options,
    });
  }

  // The same from a request line and header lines, with Host and Connection: close added; returns { status, text }.
  async send(
    app,
    line,
    headers = [],
    { host = `${app}.localhost:${this.ports.https}`, body = '', ...options } = {},
  ) {
    const text = await this.raw(app, message(line, host, [...headers, 'Connection: close'], body), options);
    return { status: statuses(text)[0], text, location: /^location: (.*)\r$/im.exec(text)?.[1] };
  }

  clear() {
    for (const app of Object.values(this.apps)) app.clear();
  }

  // How many requests reached any upstream since clear().
  upstreamSaw() {
    return Object.values(this.apps).reduce((sum, app) => sum + app.seen.length, 0);
  }

  // Lines of the access log that match, waiting a moment for the reader.
  async logged(match, what = 'a log line') {
    return until(
      async () => {
        const lines = (await this.logLines()).filter(match);
        return lines.length ? lines : undefined;
      },
      what,
      8000,
    );
  }

  async logLines() {
    const { stdout } = await this.gateway.run('log', 'tail', '--output', 'json', '--lines', '2000');
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  async down() {
    await this.gateway?.stop();
    await Promise.all(
      [...Object.values(this.apps ?? {}), this.provider, this.partner]
        .filter(Boolean)
        .map((part) => part.down().catch(() => {})),
    );
  }
}
