// Proves: `durward import` drafts a bundle that `durward validate` takes; the draft sends each request to the app of the
// backend that HAProxy itself sends it to, and refuses what HAProxy refuses (real HAProxy, seeded configurations); before
// anybody fills it in, it lets nobody in; a bundle that is there is never overwritten.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { binary, freePorts, root, until, workDir } from '../lib/paths.mjs';

const haproxy = process.env.DURWARD_HAPROXY ?? 'haproxy';
const dir = workDir('e2e-import');
const cases = Number(process.env.DURWARD_IMPORT_CASES ?? 12);

function durward(words, input) {
  const done = spawnSync(binary, words, { cwd: dir, input, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

// A generator of numbers that a seed repeats (mulberry32).
function random(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)] };
}

const hosts = ['a.example.com', 'b.example.com', 'www.import.invalid'];
const paths = ['/', '/x', '/x/', '/x/y', '/x/y/z', '/api', '/api/v1', '/pics/1', '/other'];
const methods = ['GET', 'POST', 'PUT'];
const sources = ['127.0.0.1', '127.0.0.9'];
const acls = [
  'a hdr(host) -i a.example.com',
  'b req.hdr(host),lower b.example.com',
  'x path_beg /x/',
  'y path_beg /x/y',
  'exact path /x /other',
  'api path_reg ^/api(/|$)',
  'pics path_dir pics',
  'post method POST PUT',
  'near src 127.0.0.8/29',
];
const names = acls.map((acl) => acl.split(' ')[0]);

function condition({ below, pick }, choose) {
  const term = () =>
    Array.from({ length: 1 + below(2) }, () => (below(3) === 0 ? '!' : '') + pick(choose)).join(' ');
  return `${below(5) === 0 ? 'unless' : 'if'} ${Array.from({ length: 1 + below(2) }, term).join(' || ')}`;
}

// byAddress: rules that choose a backend ask for addresses too. The draft guards there, and says so: it may refuse more.
function configuration(seed, port, byAddress) {
  const chance = random(seed);
  const { below, pick } = chance;
  const lines = [
    'defaults',
    ' mode http',
    ' timeout client 5s',
    ' timeout server 5s',
    ' timeout connect 1s',
    ' retries 0',
  ];
  lines.push(
    'frontend www',
    ` bind 127.0.0.1:${port}`,
    ' http-after-response set-header x-backend %[be_name]',
  );
  lines.push(...acls.map((acl) => ` acl ${acl}`));
  for (let i = below(4); i > 0; i -= 1)
    lines.push(` http-request ${pick(['deny', 'deny', 'allow'])} ${condition(chance, names)}`);
  const routed = names.filter((name) => name !== 'near');
  for (let i = 1 + below(6); i > 0; i -= 1)
    lines.push(` use_backend b${below(4)} ${condition(chance, routed)}`);
  if (byAddress)
    for (let i = 1 + below(3); i > 0; i -= 1)
      lines.splice(
        lines.findLastIndex((line) => line.startsWith(' use_backend')),
        0,
        ` use_backend b${below(4)} if ${pick(['near', '!near'])} ${pick(routed)}`,
      );
  lines.push(' use_backend b0 if a b'); // names both hosts, and never matches
  if (below(4) > 0) lines.push(` default_backend b${below(4)}`);
  for (let i = 0; i < 4; i += 1) {
    lines.push(`backend b${i}`, ` server s 127.0.0.1:1`);
    if (below(3) === 0) lines.push(' acl far src 127.0.0.1', ' http-request deny if far { path_beg /x/ }');
  }
  return `${lines.join('\n')}\n`;
}

function ask(port, { host, at, method, source }) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: at, method, localAddress: source, agent: false };
    const request = http.request({ ...options, headers: { host, 'content-length': 0 } }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({ status: response.statusCode, backend: response.headers['x-backend'] }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

async function answers(config, port, requests) {
  const file = path.join(dir, 'haproxy.cfg');
  fs.writeFileSync(file, config);
  const child = spawn(haproxy, ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    await until(() => ask(port, requests[0]).catch(() => undefined), 'HAProxy answers');
    const out = [];
    for (const request of requests) out.push(await ask(port, request));
    return out;
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => {
      child.on('exit', resolve);
    });
  }
}

const requests = hosts.flatMap((host) =>
  paths.flatMap((at) => methods.flatMap((method) => sources.map((source) => ({ host, at, method, source })))),
);

// What the draft says of the requests, of somebody who holds every role or none.
function verdicts(bundle, roles) {
  const questions = requests.map(({ host, at, method, source }) =>
    JSON.stringify({ url: `https://${host}${at}`, method, source, subject: 'ann@example.com', roles }),
  );
  const done = durward(['can', '--bundle', bundle, '--batch', '-'], `${questions.join('\n')}\n`);
  assert.equal(done.code, 0, done.err);
  return done.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a draft routes and refuses as HAProxy does', async () => {
  let served = 0;
  let refused = 0;
  for (let seed = 1; seed <= cases; seed += 1) {
    const [port] = await freePorts(1);
    const byAddress = seed % 3 === 0;
    const config = configuration(seed, port, byAddress);
    const real = await answers(config, port, requests);
    const bundle = path.join(dir, `draft-${seed}`);
    const done = durward(['import', 'haproxy.cfg', '--out', bundle, '--json']);
    assert.equal(done.code, 0, done.err);
    const { files, lines } = JSON.parse(done.out);
    for (const line of lines)
      assert.ok(line.outcome === 'blank' || line.notes.length > 0, JSON.stringify(line));
    if (!files['bundle.yaml']) {
      assert.ok(
        real.every(({ status, backend }) => status === 403 || !/^b\d$/.test(backend)),
        config,
      );
      continue;
    }
    assert.equal(durward(['validate', '--bundle', bundle]).code, 0);
    const roles = [...files['bundle.yaml'].matchAll(/^kind: Role\nmetadata: \{name: (.*)\}$/gm)].map(
      (m) => m[1],
    );
    const drafted = verdicts(bundle, roles);
    for (const verdict of verdicts(bundle, []))
      assert.equal(verdict.allow, false, 'nobody is let in by a draft');
    requests.forEach((request, i) => {
      const what = `seed ${seed} ${JSON.stringify(request)}\n${config}\n${JSON.stringify(drafted[i])}`;
      const serves = real[i].status !== 403 && /^b\d$/.test(real[i].backend);
      if (byAddress) assert.ok(!drafted[i].allow || serves, what);
      else assert.equal(drafted[i].allow, serves, what);
      if (drafted[i].allow) assert.equal(drafted[i].app.split('-')[0], real[i].backend, what);
      if (serves) served += 1;
      else refused += 1;
    });
  }
  assert.ok(served > 100 && refused > 100, `${served} served, ${refused} refused`);
});

test('a typical configuration is written with its report, and never over a bundle', () => {
  const text = fs.readFileSync(path.join(root, 'tests/golden/import/typical.case'), 'utf8');
  const config = text.slice(text.indexOf('-- haproxy.cfg --\n') + 18, text.indexOf('-- diagnostics --'));
  fs.writeFileSync(path.join(dir, 'typical.cfg'), config);
  const first = durward(['import', 'typical.cfg', '--out', 'typical']);
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /acl office src 10\.0\.0\.0\/8 .* guards \/admin\/\{\*\*\} of app web/);
  assert.equal(durward(['validate', '--bundle', 'typical']).code, 0);
  assert.ok(first.out.startsWith(fs.readFileSync(path.join(dir, 'typical/import-report.txt'), 'utf8')));
  assert.ok(!first.out.includes('notreal'), 'no password is shown');
  const again = durward(['import', 'typical.cfg', '--out', 'typical']);
  assert.equal(again.code, 1);
  assert.match(again.err, /CLI015/);
});

test('files are found below --root, and variables are given', () => {
  fs.mkdirSync(path.join(dir, 'copy/etc/haproxy'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'copy/etc/haproxy/hosts.map'), 'shop.example.com shop\n');
  fs.writeFileSync(
    path.join(dir, 'mapped.cfg'),
    `defaults\n mode http\nfrontend www\n bind :443 ssl crt x\n use_backend %[hdr(host),map(/etc/haproxy/hosts.map)]
backend shop\n server a "\${SHOP}:80"\n`,
  );
  const { files } = JSON.parse(
    durward(['import', 'mapped.cfg', '--root', 'copy', '--set', 'SHOP=10.9.8.7', '--json']).out,
  );
  assert.match(files['apps/shop.yaml'], /- shop\.example\.com/);
  assert.match(files['apps/shop.yaml'], /- 10\.9\.8\.7:80/);
  const without = durward(['import', 'mapped.cfg', '--output', 'json']);
  assert.deepEqual(
    JSON.parse(without.out).diagnostics.map((one) => one.code),
    ['IMP007', 'IMP003', 'IMP004'],
  );
});
