// The provider's own pages: sign in, sign out, errors. Plain forms, no scripts but the one that posts the sign-out.
import { levelNames, levels } from './people.mjs';

export const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const style = `
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566275;--paper:#f2f4f8;--card:#fff;--line:#d5dbe5;--bad:#a3182c}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf3;--soft:#a5b0c0;--paper:#12161d;--card:#1b212b;--line:#343e4d;--bad:#ff9aa8}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"Liberation Sans",sans-serif}
main{width:min(26rem,calc(100vw - 2rem));background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem;box-shadow:0 12px 40px #0002}
.brand{display:flex;gap:.7rem;align-items:center;font-weight:600;margin:0 0 1.4rem}
.brand i{width:2rem;height:2rem;border-radius:9px;background:var(--tint)}
h1{font-size:1.35rem;margin:0 0 .3rem}
p{margin:0 0 1.2rem;color:var(--soft)}
label,legend{display:block;font-weight:600;font-size:.92rem;margin:0 0 .3rem;padding:0}
input[type=text],input[type=password]{width:100%;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:8px;padding:.6rem .7rem;margin:0 0 1rem}
input:focus-visible,button:focus-visible{outline:3px solid var(--tint);outline-offset:2px}
fieldset{border:0;padding:0;margin:0 0 1.2rem}
.choice{display:flex;gap:.5rem;font-weight:400;font-size:1rem}
.wanted{font-size:.85rem;color:var(--soft)}
button{width:100%;font:inherit;font-weight:600;border:0;border-radius:8px;padding:.7rem;color:#fff;background:var(--tint);cursor:pointer}
.error{color:var(--bad);font-weight:600}`;

export function page(brand, title, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(title)} · ${escape(brand.title)}</title><style>:root{--tint:${brand.tint}}${style}</style></head>
<body><main><div class="brand"><i aria-hidden="true"></i>${escape(brand.title)}</div>${body}</main></body></html>`;
}

// `wanted` is the level the application asked for, or undefined.
export function signIn(brand, { uid, client, wanted, hint, error }) {
  const chosen = wanted ?? levels[0];
  const choices = levels
    .map(
      (
        level,
      ) => `<label class="choice"><input type="radio" name="acr" value="${level}"${level === chosen ? ' checked' : ''}>
${escape(levelNames[level])}${level === wanted ? ' <span class="wanted">(asked for)</span>' : ''}</label>`,
    )
    .join('');
  return page(
    brand,
    'Sign in',
    `<h1>Sign in</h1><p>to continue to <strong>${escape(client)}</strong></p>
${error ? `<p class="error" role="alert">${escape(error)}</p>` : ''}
<form method="post" action="/interaction/${escape(uid)}">
<label for="user">User name</label><input id="user" name="user" type="text" autocomplete="username" value="${escape(hint ?? '')}" autofocus required>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<fieldset><legend>How you prove it is you</legend>${choices}</fieldset>
<button type="submit">Sign in</button></form>`,
  );
}

// `form` is oidc-provider's own form, id op.logoutForm, which carries its token against cross-site requests.
export function signOut(brand, form) {
  const fields = '<input type="hidden" name="logout" value="yes"><button type="submit">Sign out</button>';
  return page(
    brand,
    'Sign out',
    `<h1>Signing out</h1><p>of ${escape(brand.title)}</p>${form.replace('</form>', `${fields}</form>`)}
<script>document.forms[0].submit()</script>`,
  );
}
