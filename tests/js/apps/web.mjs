// The sample web page: says who the gateway says you are, and whether its signed assertion holds.
import { Upstream, value } from './upstream.mjs';

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const style = `
:root{color-scheme:light dark;--ink:#17202b;--soft:#54606f;--paper:#f7f8fa;--card:#fff;--line:#dde2ea;--tint:#0b6b57;--ok:#0b6b57;--bad:#a3182c}
@media (prefers-color-scheme:dark){:root{--ink:#e9edf2;--soft:#a3afbd;--paper:#11161c;--card:#1a212a;--line:#303a46;--tint:#5fd1b5;--ok:#5fd1b5;--bad:#ff9aa8}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Liberation Sans",sans-serif}
header{border-bottom:1px solid var(--line);background:var(--card)}
header div,main{max-width:46rem;margin:auto;padding:1rem 1.25rem}
header div{display:flex;gap:1.2rem;align-items:baseline;flex-wrap:wrap}
header strong{font-size:1.1rem}
a{color:var(--tint)}
h1{font-size:1.6rem;margin:1.4rem 0 .4rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;margin:1.2rem 0;overflow-x:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.2rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.ok{color:var(--ok);font-weight:600}.bad{color:var(--bad);font-weight:600}
pre{margin:0;font:13px/1.5 ui-monospace,"Liberation Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere}
button{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:.5rem .9rem;cursor:pointer}`;

function identity(entry) {
  const rows = entry.headers.filter(([name]) => /^x-durward-/i.test(name) && !/assertion/i.test(name));
  if (rows.length === 0)
    return '<p>No identity came with this request: nobody is signed in here, or nobody needs to be.</p>';
  return `<dl>${rows.map(([name, text]) => `<dt>${escape(name)}</dt><dd>${escape(text)}</dd>`).join('')}</dl>`;
}

async function assertion(entry, verify) {
  const token = value(entry, 'x-durward-assertion');
  if (!token) return '<p>No assertion.</p>';
  try {
    const claims = await verify(token, `https://${value(entry, 'host')}`);
    return `<p class="ok" id="verified">Verified</p><pre>${escape(JSON.stringify(claims, null, 2))}</pre>`;
  } catch (error) {
    return `<p class="bad" id="verified">Not verified: ${escape(error.message)}</p>`;
  }
}

const titles = { '/admin': 'The admin area', '/public': 'A public page', '/reports': 'Reports' };

export function web({ port, verify }) {
  return new Upstream({
    name: 'web',
    port,
    handler: async (req, res, entry) => {
      const path = req.url.split('?')[0];
      const title = titles[`/${path.split('/')[1]}`] ?? 'Welcome';
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
      res.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(title)}</title><style>${style}</style></head><body>
<header><div><strong>Web</strong><a href="/">Home</a><a href="/reports/2026/q3?view=table">Reports</a><a href="/admin/">Admin</a><a href="/public/about">Public</a></div></header>
<main><h1>${escape(title)}</h1><p>You asked for <code id="path">${escape(req.url)}</code></p>
<section class="card" aria-label="Identity">${identity(entry)}</section>
<section class="card" aria-label="Assertion">${await assertion(entry, verify)}</section>
<form method="post" action="/.durward/logout"><button type="submit">Sign out of this app</button></form></main></body></html>`);
    },
  });
}
