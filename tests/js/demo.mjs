// `./dev demo`: a provider with people, three apps and a gateway in front of them, on this machine, until Ctrl-C.
// `./dev demo --check`: the same, then proves in a real browser that it does what it says, and ends.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { authority, leaf, writeBundle } from './lib/certs.mjs';
import { Gateway } from './lib/gateway.mjs';
import { buildDir, root } from './lib/paths.mjs';
import { SampleProvider } from './provider/provider.mjs';
import { verifier } from './apps/assertion.mjs';
import { web } from './apps/web.mjs';
import { api } from './apps/api.mjs';
import { chat } from './apps/chat.mjs';

export const url = (app, target = '') => `https://${app}.localhost:8443${target}`;
const ports = {
  8443: 'the gateway',
  8080: 'its redirect',
  9443: 'the provider',
  9090: 'metrics',
  9101: 'web',
  9102: 'api',
  9103: 'chat',
};

function portFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}

async function requirePorts() {
  const taken = [];
  for (const port of Object.keys(ports))
    if (!(await portFree(Number(port)))) taken.push(`${port} (${ports[port]})`);
  if (taken.length) throw new Error(`these ports are in use and the demo needs them: ${taken.join(', ')}`);
}

// The bundle of examples/demo, with the certificate and the secrets it refers to beside it.
function writeDemoBundle(dir, ca, clientSecret) {
  const bundle = path.join(dir, 'bundle');
  fs.cpSync(path.join(root, 'examples', 'demo'), bundle, { recursive: true });
  writeBundle(
    path.join(bundle, 'certs', 'localhost.pem'),
    leaf(
      ca,
      ['login', 'web', 'api', 'chat'].map((label) => `${label}.localhost`),
    ),
  );
  fs.mkdirSync(path.join(bundle, 'secrets'), { mode: 0o700 });
  fs.writeFileSync(path.join(bundle, 'secrets', 'corp-client'), `${clientSecret}\n`, { mode: 0o600 });
  fs.copyFileSync(ca.cert, path.join(bundle, 'secrets', 'corp-ca.pem'));
  return bundle;
}

async function start() {
  await requirePorts();
  const dir = path.join(buildDir, 'demo');
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = authority(path.join(dir, 'ca'));
  const clientSecret = 'demo-client-secret-7d1f';
  const provider = new SampleProvider({
    issuer: 'https://id.localhost:9443',
    tls: leaf(ca, ['id.localhost']),
    clients: [
      {
        client_id: 'durward',
        client_secret: clientSecret,
        client_name: 'Durward demo',
        redirect_uris: [url('login', '/callback/corp')],
        post_logout_redirect_uris: [url('login', '/signed-out')],
      },
    ],
  });
  const verify = verifier({ gateway: url('login'), ca: ca.pem });
  const apps = { web: web({ port: 9101, verify }), api: api({ port: 9102 }), chat: chat({ port: 9103 }) };
  const parts = [provider, ...Object.values(apps)];
  const gateway = new Gateway({
    bundle: writeDemoBundle(dir, ca, clientSecret),
    state: path.join(dir, 'state'),
    env: 'demo',
    metrics: '127.0.0.1:9090',
    log: path.join(dir, 'durward.log'),
  });
  const control = path.join(dir, 'provider.sock');
  const demo = { dir, ca, provider, apps, gateway, control };
  let controlServer;
  demo.stop = async () => {
    await gateway.stop();
    controlServer?.close();
    await Promise.allSettled(parts.map((part) => part.down()));
  };
  try {
    await Promise.all(parts.map((part) => part.up()));
    controlServer = await provider.control(control);
    await gateway.start();
  } catch (error) {
    await demo.stop();
    throw error;
  }
  return demo;
}

function explain(demo) {
  const relative = (file) => path.relative(process.cwd(), file) || '.';
  const state = `--state ${relative(demo.gateway.state)}`;
  const people = [
    ['ann', 'refunds, staff'],
    ['sam', 'support, staff'],
    ['ada', 'admin, staff'],
    ['eve', 'none'],
    ['otto', 'refunds, staff; has no security key'],
  ];
  console.log(`
Durward is in front of three apps on this machine.

  ${url('web', '/')}                  a page for anyone who is signed in; /admin/ for admins; /public/ for all
  ${url('api', '/v1/refunds')}        an API: support and refunds read; refunds create, with a security key
  ${url('chat', '/')}                 a WebSocket for staff
  ${url('login', '/')}                who you are, and sign out

People (the password is the name):
${people.map(([name, roles]) => `  ${name.padEnd(6)} ${roles}`).join('\n')}

Try:
  open ${url('web', '/reports/2026/q3?view=table')} and sign in as ann: you come back to that very page
  open ${url('web', '/admin/')} as ann (refused, with the reason) and as ada
  open ${url('api', '/v1/refunds/new')} as ann: asks for the security key
  open ${url('chat', '/')} and then: build/durward revoke --person ann@corp.example ${state}
  build/durward sessions ${state}      build/durward log tail ${state}
  build/durward token create --person ann@corp.example --host api.localhost --for 1h --name try ${state}
  curl --unix-socket ${relative(demo.control)} http://provider/ -d '{"rotateKeys":true}'    (also: down, skew, omitGroups, groups)

  certificate authority  ${relative(demo.ca.cert)} (give it to your browser, or accept the warning)
  bundle                 ${relative(demo.gateway.bundle)}
  log of Durward         ${relative(demo.gateway.log)}
  metrics                http://127.0.0.1:9090/metrics

Ctrl-C ends it all.`);
}

async function main(words) {
  const checking = words.includes('--check');
  const unknown = words.filter((word) => word !== '--check');
  if (unknown.length) throw new Error(`unknown words: ${unknown.join(' ')} (only --check)`);
  console.log('starting the provider, the apps and the gateway…');
  const demo = await start();
  const stopped = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(130));
  });
  try {
    if (checking) {
      const { check } = await import('./demo_check.mjs');
      return await Promise.race([check(demo), stopped]);
    }
    explain(demo);
    const ended = demo.gateway.exited.then((code) => {
      console.error(`durward up ended by itself (${code}); see ${demo.gateway.log}`);
      return 1;
    });
    const code = await Promise.race([stopped, ended]);
    return code === 130 ? 0 : code;
  } finally {
    await demo.stop();
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    console.error(`demo: ${error.message}`);
    process.exit(1);
  },
);
