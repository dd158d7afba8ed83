// HTTP clients for tests: one that behaves like a browser's tab (cookies per host, redirects, forms that post
// themselves), and one that puts exact bytes on a TLS connection. Names under .localhost mean this machine.
import https from 'node:https';
import http2 from 'node:http2';
import tls from 'node:tls';
import net from 'node:net';

export const loopback =
  (address = '127.0.0.1') =>
  (name, options, done) => {
    const family = address.includes(':') ? 6 : 4;
    if (options.all) done(null, [{ address, family }]);
    else done(null, address, family);
  };

// A connection an exchange, so that no test inherits another's.
const once = new https.Agent({ keepAlive: false });

// One exchange; no redirects. Returns { status, headers, rawHeaders, body, json() }.
export function request(
  url,
  { method = 'GET', headers = {}, body, ca, address, timeout = 15000, agent = once } = {},
) {
  return new Promise((resolve, reject) => {
    const req = https.request(
      url,
      { method, headers, ca, agent, lookup: loopback(address), timeout },
      (res) => {
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            url: String(url),
            status: res.statusCode,
            headers: res.headers,
            rawHeaders: res.rawHeaders,
            body: text,
            json: () => JSON.parse(text),
          });
        });
      },
    );
    req.on('timeout', () => req.destroy(new Error(`no answer from ${url} within ${timeout} ms`)));
    req.on('error', reject);
    req.end(body);
  });
}

// `fetch` for libraries that take one (openid-client, jose), through request().
export const fetchWith =
  (ca) =>
  async (url, { method, headers, body, redirect } = {}) => {
    void redirect; // redirects are never followed here, which is stricter than any caller asks
    const plain = Object.fromEntries(new Headers(headers).entries());
    const answer = await request(url, {
      method,
      headers: plain,
      body: body === undefined ? undefined : String(body),
      ca,
    });
    const pairs = [];
    for (let i = 0; i < answer.rawHeaders.length; i += 2)
      pairs.push([answer.rawHeaders[i], answer.rawHeaders[i + 1]]);
    return new Response([204, 304].includes(answer.status) ? null : answer.body, {
      status: answer.status,
      headers: pairs,
    });
  };

const unescape = (text) =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot|apos));/gi, (all, dec, hex, name) =>
    name
      ? { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name.toLowerCase()]
      : String.fromCodePoint(dec ? Number(dec) : parseInt(hex, 16)),
  );

const attribute = (tag, name) => {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return found && unescape(found[1] ?? found[2] ?? found[3]);
};

// The forms of a page: [{ action, method, fields }], radio buttons by their checked value.
export function forms(html, base) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([text]) => {
    const [open] = /<form\b[^>]*>/i.exec(text);
    const fields = {};
    for (const [tag] of text.matchAll(/<(?:input|button)\b[^>]*>/gi)) {
      const name = attribute(tag, 'name');
      const radio = attribute(tag, 'type') === 'radio';
      if (name && (!radio || /\schecked/i.test(tag))) fields[name] = attribute(tag, 'value') ?? '';
    }
    return {
      action: new URL(attribute(open, 'action') ?? base, base).href,
      method: (attribute(open, 'method') ?? 'get').toUpperCase(),
      fields,
    };
  });
}

// A browser tab without a screen. Cookies are kept per host, as __Host- asks.
export class Tab {
  constructor({ ca, address } = {}) {
    this.ca = ca;
    this.address = address;
    this.jar = new Map();
    this.log = [];
  }

  cookies(url) {
    const { host } = new URL(url);
    if (!this.jar.has(host)) this.jar.set(host, new Map());
    return this.jar.get(host);
  }

  cookieHeader(url) {
    const { pathname } = new URL(url);
    return [...this.cookies(url)]
      .filter(([, c]) => pathname.startsWith(c.path))
      .map(([name, c]) => `${name}=${c.value}`)
      .join('; ');
  }

  keep(url, lines = []) {
    for (const line of lines) {
      const [pair, ...rest] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      const flag = (key) =>
        rest.find((part) => part.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
      const gone = flag('max-age') === '0' || Date.parse(flag('expires') ?? '') < Date.now() || value === '';
      if (gone) this.cookies(url).delete(name);
      else this.cookies(url).set(name, { value, path: flag('path') ?? '/', line });
    }
  }

  async once(url, options = {}) {
    const cookie = this.cookieHeader(url);
    const navigation = {
      accept: 'text/html,*/*;q=0.8',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    const headers = { ...navigation, ...(cookie ? { cookie } : {}), ...options.headers };
    const answer = await request(url, { ...options, headers, ca: this.ca, address: this.address });
    this.keep(url, answer.headers['set-cookie']);
    this.log.push({ method: options.method ?? 'GET', url: String(url), status: answer.status });
    return answer;
  }

  post(form) {
    const body = new URLSearchParams(form.fields).toString();
    return this.once(form.action, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: form.origin ?? new URL(form.from ?? form.action).origin,
        'content-length': Buffer.byteLength(body),
      },
    });
  }

  // Follows redirects and forms that post themselves, up to a page that waits for a person. `stop` may end it early.
  async walk(url, { stop = () => false, hops = 20, first } = {}) {
    let answer = first ?? (await this.once(url));
    for (let hop = 0; hop < hops; hop += 1) {
      if (stop(answer)) return answer;
      if (answer.status >= 300 && answer.status < 400 && answer.headers.location) {
        answer = await this.once(new URL(answer.headers.location, answer.url).href);
        continue;
      }
      const posting = /data-auto-submit|\.submit\(\)|\.click\(\)/.test(answer.body)
        ? forms(answer.body, answer.url)[0]
        : undefined;
      if (!posting) return answer;
      answer = await this.post({ ...posting, from: answer.url });
    }
    throw new Error(
      `more than ${hops} hops: ${this.log
        .slice(-hops)
        .map((l) => `${l.method} ${l.url} ${l.status}`)
        .join('\n')}`,
    );
  }

  // Opens a guarded URL and signs in where the provider asks. Returns the page at the end of the walk.
  async login(url, user, { password = user, acr, stop, provider } = {}) {
    let page = await this.walk(url, { stop });
    if (provider && !isSignIn(page)) {
      const link = [...page.body.matchAll(/href="([^"]*)"/g)]
        .map(([, href]) => unescape(href))
        .find((href) => href.includes(`provider=${provider}`));
      if (link) page = await this.walk(new URL(link, page.url).href, { stop });
    }
    if (!isSignIn(page)) return page;
    const [form] = forms(page.body, page.url);
    Object.assign(form.fields, { user, password }, acr ? { acr } : {});
    return this.walk(form.action, { stop, first: await this.post({ ...form, from: page.url }) });
  }
}

export const isSignIn = (page) => page.url.includes('/interaction/');

// ---- exact bytes ----

// Sends `bytes` and returns everything that came back until the peer closes or is silent for `quiet` ms. `prefix` goes
// ahead of the TLS handshake, as a PROXY protocol header does.
export function raw(
  bytes,
  {
    port,
    ca,
    servername,
    address = '127.0.0.1',
    quiet = 400,
    timeout = 6000,
    plain = false,
    prefix = '',
    alpn = ['http/1.1'],
  },
) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let timer;
    const tcp = net.connect({ host: address, port });
    if (prefix) tcp.write(prefix);
    const socket = plain ? tcp : tls.connect({ socket: tcp, ca, servername, ALPNProtocols: alpn });
    const done = () => {
      clearTimeout(timer);
      clearTimeout(limit);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    const limit = setTimeout(done, timeout);
    socket.on(plain ? 'connect' : 'secureConnect', () => {
      socket.write(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'));
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(done, quiet);
    });
    socket.on('close', done);
    socket.on('error', (error) => (chunks.length || error.code === 'ECONNRESET' ? done() : reject(error)));
  });
}

// The status codes of the responses in a raw answer, in order; header blocks only.
export const statuses = (answer) =>
  [...answer.matchAll(/(?:^|\r\n|\n)HTTP\/1\.[01] (\d{3})/g)].map(([, code]) => Number(code));

// A request as text; `headers` is a list of complete lines.
export const message = (line, host, headers = [], body = '') =>
  `${line}\r\nHost: ${host}\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n${body}`;

export function h2(url, { ca, address = '127.0.0.1' } = {}) {
  const session = http2.connect(url, { ca, lookup: loopback(address) });
  session.on('error', () => {});
  return session;
}

// One HTTP/2 exchange: { headers, body, code } where code is the reset code, if any.
export function h2request(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const out = { headers: undefined, body: '', code: 0 };
    stream.setEncoding('utf8');
    stream.on('response', (h) => {
      out.headers = h;
    });
    stream.on('trailers', (t) => {
      out.trailers = t;
    });
    stream.on('data', (d) => {
      out.body += d;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      out.code = stream.rstCode;
      resolve(out);
    });
    setTimeout(() => reject(new Error('no HTTP/2 answer')), 10000).unref();
    if (body !== undefined) stream.end(body);
  });
}
