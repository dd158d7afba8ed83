// Proves: rows 53 and 63: text that a team writes into a bundle never becomes configuration, a command or a map row of its own:
// names that could are refused with place and hint, and what is free text is escaped; no upstream is where only the gateway reaches.
import fs from 'node:fs';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { documents, writeDocuments } from '../lib/estate.mjs';
import { binary, workDir } from '../lib/paths.mjs';

const ports = {
  https: 8443,
  http: 8080,
  provider: 9443,
  web: 9101,
  api: 9102,
  chat: 9103,
  grpc: 9104,
  metrics: 9090,
  spare: 9105,
};
const dir = workDir('attacks-bundle');
let count = 0;

function validate(change) {
  const docs = documents(ports);
  change(docs);
  count += 1;
  const bundle = path.join(dir, `bundle-${count}`);
  writeDocuments(bundle, docs);
  for (const folder of ['certs', 'secrets']) fs.mkdirSync(path.join(bundle, folder));
  fs.writeFileSync(path.join(bundle, 'secrets', 'corp-client'), 'x\n');
  return new Promise((resolve) => {
    execFile(binary, ['validate', '--bundle', bundle], (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, text: stdout + stderr }),
    );
  });
}

const hostile = [
  'x\nset map #0 a b',
  'a;disable server',
  'a b',
  '#',
  'a\\',
  'a\u0000b',
  ' a',
  "a'b",
  'a"b',
  'a`b',
  '${HOME}',
  '%[src]',
  'a|b',
  'a/b',
  'ä',
  'x'.repeat(300),
  '',
  '..',
];

test('the base line is valid', async () => {
  const answer = await validate(() => {});
  assert.equal(answer.code, 0, answer.text);
});

const places = {
  "an app's name": (docs, text) => {
    docs.web.metadata.name = text;
  },
  "a route's id": (docs, text) => {
    docs.web.spec.routes[0].id = text;
    docs.web.spec.access[0].routes[0] = text;
  },
  "a rule's id": (docs, text) => {
    docs.web.spec.access[0].id = text;
  },
  'a host': (docs, text) => {
    docs.web.spec.hosts = [text];
  },
  'a server': (docs, text) => {
    docs.web.spec.upstreams.main.servers = [text];
  },
  "an upstream's name": (docs, text) => {
    docs.web.spec.upstreams = { [text]: docs.web.spec.upstreams.main };
    docs.web.spec.routes.forEach((route) => {
      route.upstream = text;
    });
  },
  'a path': (docs, text) => {
    docs.web.spec.routes[0].path = `/${text}x y`;
  },
  'a method': (docs, text) => {
    docs.web.spec.routes[0].methods = [text];
  },
  "a role's name": (docs, text) => {
    docs.roles[0].metadata.name = text;
    for (const app of [docs.web, docs.api, docs.chat, docs.grpc])
      for (const rule of app.spec.access)
        if (rule.allow?.roles)
          rule.allow.roles = rule.allow.roles.map((role) => (role === 'staff' ? text : role));
  },
  "a provider's name": (docs, text) => {
    docs.corp.metadata.name = text;
  },
  'a level of the ladder': (docs, text) => {
    docs.gateway.spec.acr = ['pwd', 'otp', 'webauthn', text];
  },
  'an address to listen on': (docs, text) => {
    docs.gateway.spec.listen[0].bind = [text];
  },
  'a health path': (docs, text) => {
    docs.web.spec.upstreams.main.health = { path: `/x ${text}` };
  },
};

for (const [place, put] of Object.entries(places)) {
  test(`53: ${place} that is more than a name is refused with its place`, async () => {
    for (const text of hostile) {
      const answer = await validate((docs) => put(docs, text));
      assert.equal(answer.code, 1, `${place} ${JSON.stringify(text)}: ${answer.code} ${answer.text}`);
      assert.match(answer.text, /\.yaml:\d+:\d+/, `${place} ${JSON.stringify(text)}`);
    }
  });
}

test('free text (titles, owners, labels, group names) is taken and cannot break the configuration', async () => {
  for (const text of ["x'; deny", 'a "b" c', '%[src] ${HOME}', 'a # b', '<b>ä</b>', 'a\\nb']) {
    const answer = await validate((docs) => {
      docs.corp.spec.title = text;
      docs.web.metadata.owner = text;
      docs.roles[0].spec.members = [{ group: text }];
    });
    assert.ok(answer.code === 0 || /\.yaml:\d+:\d+/.test(answer.text), `${text}: ${answer.text}`);
  }
});

const noUpstreams = [
  // metadata services and link-local addresses, in each family and disguise
  '169.254.169.254:80',
  '169.254.0.1:80',
  '169.254.170.2:80',
  '[::ffff:169.254.169.254]:80',
  '[::ffff:a9fe:a9fe]:80',
  '[64:ff9b::169.254.169.254]:80',
  '[fe80::1]:80',
  '[fe80::1%25eth0]:80',
  '[fe80::1%eth0]:80',
  '[febf::1]:80',
  '[fd00:ec2::254]:80',
  '[FD00:EC2::254]:80',
  '100.100.100.200:80',
  '168.63.129.16:80',
  '192.0.0.192:80',
  'metadata.google.internal:80',
  'metadata.google.internal.:80',
  'METADATA.GOOGLE.INTERNAL:80',
  'instance-data:80',
  // nowhere, everywhere, everybody
  '0.0.0.0:80',
  '0.1.2.3:80',
  '[::]:80',
  '[::ffff:0.0.0.0]:80',
  '224.0.0.1:80',
  '255.255.255.255:80',
  '240.0.0.1:80',
  '[ff02::1]:80',
  // addresses as a resolver of C reads them
  '2852039166:80',
  '0xa9fea9fe:80',
  '0xa9.0xfe.0xa9.0xfe:80',
  '169.254.43518:80',
  '169.16689662:80',
  '0251.0376.0251.0376:80',
  '127.1:80',
  '0:80',
  '1.2.3.4.5:80',
  '169.254.169.254.:80',
  // HAProxy's own ways of naming an address, and sockets
  'unix@/run/durward/admin.sock',
  'unix@admin.sock:80',
  'abns@durward:80',
  'fd@3',
  'sockpair@3',
  'ipv4@127.0.0.1:80',
  'ipv6@::1:80',
  '/run/durward/control.sock',
  '${DURWARD_RUN}/control.sock:80',
  '"$DURWARD_RUN":80',
  '*:80',
  ':80',
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '127.0.0.1:+80',
  '127.0.0.1:80-90',
  '127.0.0.1:80,169.254.169.254:80',
  'user@127.0.0.1:80',
  'http://169.254.169.254:80',
  // the gateway itself
  `127.0.0.1:${ports.https}`,
  `[::1]:${ports.https}`,
  `[::ffff:127.0.0.1]:${ports.https}`,
  `127.0.0.1:${ports.http}`,
  `localhost:${ports.https}`,
  `login.localhost:${ports.https}`,
  `web.localhost:${ports.https}`,
  `api.localhost:${ports.http}`,
];

test('63: an upstream that is no application is refused with its place', async () => {
  for (const server of noUpstreams) {
    const answer = await validate((docs) => {
      docs.web.spec.upstreams.main.servers = ['10.20.4.11:8443', server];
    });
    assert.equal(answer.code, 1, `${server}: ${answer.text}`);
    assert.match(answer.text, /\.yaml:\d+:\d+/, server);
  }
  for (const server of [
    '10.20.4.11:8443',
    '127.0.0.1:3000',
    '[::1]:3000',
    '[fd00::1]:80',
    'db.internal:8443',
  ]) {
    const answer = await validate((docs) => {
      docs.web.spec.upstreams.main.servers = [server];
    });
    assert.equal(answer.code, 0, `${server}: ${answer.text}`);
  }
});
