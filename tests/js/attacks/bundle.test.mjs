// Proves: row 53: text that a team writes into a bundle never becomes configuration, a command or a map row of its own:
// names that could are refused with place and hint, and what is free text is escaped.
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
  test(`${place} that is more than a name is refused with its place`, async () => {
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
