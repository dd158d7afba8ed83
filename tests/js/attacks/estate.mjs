// The estate of the attacks: the usual one, and an app whose every path is open but /admin.
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';

function wide(docs, ports) {
  docs.more = ['wide'];
  docs.gateway.spec.apps.push({ path: 'apps/wide' });
  docs.wide = {
    apiVersion: 'durward/v1',
    kind: 'App',
    metadata: { name: 'wide' },
    spec: {
      hosts: ['other.localhost'],
      upstreams: { main: { servers: [`127.0.0.1:${ports.web}`] } },
      routes: [
        { id: 'all', path: '/{**}' },
        { id: 'admin', path: '/admin' },
        { id: 'admin-all', path: '/admin/{**}' },
      ],
      access: [
        { id: 'open', allow: 'anyone', routes: ['all'] },
        { id: 'admins', allow: { roles: ['admin'] }, routes: ['admin', 'admin-all'] },
      ],
    },
  };
}

// more(docs, ports): further changes to the documents.
export const up = (name, { more = () => {}, ...options } = {}) =>
  Estate.up(name, {
    change: (docs, ports) => {
      wide(docs, ports);
      more(docs, ports);
    },
    ...options,
  });

// The general pass rule: an answer that lets nothing through, no way to a foreign host, and an upstream that saw nothing.
export function denied(estate, answer, what) {
  const codes = [302, 303, 400, 401, 403, 404, 405, 411, 413, 421, 431, 501, undefined];
  assert.ok(codes.includes(answer.status), `${what}: ${answer.status}\n${answer.text.slice(0, 300)}`);
  if (answer.location)
    assert.ok(answer.location.startsWith(estate.url('login')), `${what}: Location ${answer.location}`);
  assert.equal(
    estate.upstreamSaw(),
    0,
    `${what}: the upstream saw ${Object.values(estate.apps)
      .flatMap((app) => app.seen.map((e) => e.line ?? e[':path']))
      .join(', ')}`,
  );
}
