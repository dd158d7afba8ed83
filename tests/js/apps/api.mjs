// The sample API: refunds to list, read and create (/v1/refunds/new is a form); /echo says what arrived.
import { Upstream, value } from './upstream.mjs';

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>New refund</title>
<style>body{font:16px/1.5 system-ui,"Liberation Sans",sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}</style></head>
<body><main><h1>New refund</h1><p>You see this because you used a security key a moment ago.</p>
<form method="post" action="/v1/refunds"><label>Amount <input name="amount" value="12.50"></label> <button>Create the refund</button></form></main></body></html>`;

export function api({ port }) {
  const refunds = [
    { id: 17, amount: '12.50', for: 'order 4711' },
    { id: 18, amount: '80.00', for: 'order 4712' },
  ];
  return new Upstream({
    name: 'api',
    port,
    handler: (req, res, entry) => {
      const send = (status, body) => {
        res.writeHead(status, { 'content-type': 'application/json' });
        res.end(`${JSON.stringify(body)}\n`);
      };
      const path = req.url.split('?')[0];
      if (path === '/v1/refunds/new') {
        res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
        return res.end(page);
      }
      const by = value(entry, 'x-durward-user');
      if (path === '/v1/refunds' && req.method === 'POST') {
        const refund = { id: refunds.at(-1).id + 1, body: entry.body, by };
        refunds.push(refund);
        return send(201, refund);
      }
      if (path === '/v1/refunds') return send(200, { refunds, by });
      const [, id] = /^\/v1\/refunds\/(\d+)$/.exec(path) ?? [];
      const refund = refunds.find((r) => String(r.id) === id);
      if (id) return refund ? send(200, refund) : send(404, { title: 'no such refund' });
      return send(200, { line: entry.line, headers: entry.headers });
    },
  });
}
