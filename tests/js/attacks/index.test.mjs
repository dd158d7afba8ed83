// Proves: docs/security.md is true: each test it names exists under that name, and it names each test of this folder.
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { root } from '../lib/paths.mjs';

const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');
const page = read('docs/security.md');
const cited = [...page.matchAll(/`([\w./-]+)` “([^”]+)”/g)].map(([, file, name]) => ({ file, name }));
const attacks = fs
  .readdirSync(path.join(root, 'tests/js/attacks'))
  .filter((name) => name.endsWith('.test.mjs'))
  .map((name) => `attacks/${name.slice(0, -'.test.mjs'.length)}`);

// The names of the tests in a file, as written; what a template fills in is "a name".
function names(file) {
  if (file.endsWith('_test.cc'))
    return [...read(file).matchAll(/^TEST(?:_F)?\((\w+), (\w+)\)/gm)].map(
      ([, suite, name]) => `${suite}.${name}`,
    );
  const text = read(`tests/js/${file}.test.mjs`);
  return [...text.matchAll(/^ *test\(\s*(['"`])(.*?)\1,/gms)].map(([, , name]) =>
    name.replaceAll('\\', '').replace(/\$\{\w+\}/g, 'a name'),
  );
}

test('every test that the page names exists', () => {
  assert.ok(cited.length > 60, `${cited.length} tests cited`);
  assert.equal(cited.length, page.split('“').length - 1, 'a citation is not `file` “name”');
  const missing = cited.filter(({ file, name }) => !names(file).includes(name));
  assert.deepEqual(missing, []);
});

test('the page names every attack', () => {
  const known = new Set(cited.map(({ file, name }) => `${file} ${name}`));
  const silent = attacks
    .filter((file) => file !== 'attacks/index')
    .flatMap((file) => names(file).map((name) => `${file} ${name}`))
    .filter((each) => !known.has(each));
  assert.deepEqual(silent, []);
});
