// A real OpenID provider (panva's oidc-provider) in this process, over TLS, with every fault a relying party must
// survive: other keys, a wrong clock, claims left out or malformed, silence.
import { randomUUID, generateKeyPairSync, randomBytes, createPrivateKey } from 'node:crypto';
import https from 'node:https';
import http from 'node:http';
import fs from 'node:fs';
import Provider, { interactionPolicy } from 'oidc-provider';
import * as jose from 'jose';
import { levels, methods, people as samplePeople } from './people.mjs';
import * as pages from './pages.mjs';

const scopes = ['openid', 'email', 'profile', 'groups', 'offline_access'];

function signingKey(alg) {
  const { privateKey } = alg.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: randomUUID() };
}

// Everything the provider remembers, so that an instance with other keys can take over where one stopped.
class Memory {
  constructor() {
    this.rows = new Map();
  }

  adapter() {
    const { rows } = this;
    return class {
      constructor(kind) {
        this.kind = kind;
      }
      key(id) {
        return `${this.kind}:${id}`;
      }
      async upsert(id, payload) {
        rows.set(this.key(id), payload);
        if (payload.uid) rows.set(this.key(`uid:${payload.uid}`), payload);
      }
      async find(id) {
        return rows.get(this.key(id));
      }
      async findByUid(uid) {
        return rows.get(this.key(`uid:${uid}`));
      }
      async findByUserCode() {
        return undefined;
      }
      async destroy(id) {
        rows.delete(this.key(id));
      }
      async consume(id) {
        rows.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
      }
      async revokeByGrantId(grantId) {
        for (const [key, row] of rows) if (row.grantId === grantId) rows.delete(key);
      }
    };
  }
}

const rank = (acr) => levels.indexOf(acr);

// Beside the usual reasons to ask for a login: the session is below every level that the application asked for.
function loginPolicy() {
  const policy = interactionPolicy.base();
  policy.get('login').checks.add(
    new interactionPolicy.Check('acr_values', 'a stronger login is required', (ctx) => {
      const asked = (ctx.oidc.params.acr_values ?? '').split(' ').filter((value) => rank(value) >= 0);
      const enough = asked.length === 0 || rank(ctx.oidc.acr) >= Math.min(...asked.map(rank));
      return enough || ctx.oidc.result?.login
        ? interactionPolicy.Check.NO_NEED_TO_PROMPT
        : interactionPolicy.Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}

async function readForm(req) {
  let text = '';
  for await (const chunk of req) {
    text += chunk;
    if (text.length > 16384) throw new Error('form too large');
  }
  return new URLSearchParams(text);
}

export class SampleProvider {
  // issuer: https URL whose port is listened on (0 in tests is not possible: choose one first).
  // tls: {key, cert}; clients: oidc-provider client metadata; alg: RS256 or ES256. refresh: whether codes give refresh
  // tokens, too. fetch: how it reaches back-channel logout addresses, if it is to use them.
  constructor({
    issuer,
    tls,
    clients,
    people = samplePeople(),
    title = 'Corp',
    tint = '#2f5fd0',
    alg = 'RS256',
    refresh = false,
    fetch,
  }) {
    Object.assign(this, { issuer, clients, people, alg, refresh, fetch, brand: { title, tint } });
    this.memory = new Memory();
    this.cookieKeys = [randomBytes(16).toString('hex')];
    this.keys = [signingKey(alg)];
    this.seen = []; // {method, path, query, params} of each request, newest last
    this.sockets = new Set();
    this.reset();
    this.rebuild();
    this.server = https.createServer(tls, (req, res) => this.handle(req, res));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  // ---- faults: plain fields, so that a test says `provider.skew = -3600` ----

  reset() {
    this.skew = 0; // seconds added to the ID token's iat, exp and auth_time
    this.omitGroups = false; // leave the groups claim out
    this.overage = false; // send _claim_names in place of groups
    this.emailVerified = undefined; // a value sent in place of each person's own; null leaves the claim out
    this.hanging = false; // accept connections and never answer
    this.claims = undefined; // (claims) => claims: a last word on the ID token's payload
    this.header = undefined; // (header) => header: a last word on its protected header
    this.forge = undefined; // async (claims, header) => compact JWT: replaces the ID token altogether
    this.overrides = new Map(); // path -> (req, res) => void: answers in the provider's place
    this.acrSays = undefined; // what the token claims, whatever the person did
    this.rotate = false; // every refresh gives another refresh token, and the one that was shown is spent
  }

  person(user) {
    return this.people.find((p) => p.user === user);
  }
  setGroups(user, groups) {
    this.person(user).groups = groups;
  }

  // A new signing key. `keepOld` leaves the former one published, as a careful provider does.
  rotateKeys({ keepOld = true } = {}) {
    this.keys = [signingKey(this.alg), ...(keepOld ? this.keys : [])];
    this.rebuild();
  }

  forgetSessions() {
    this.memory.rows.clear();
  }

  // ---- life ----

  async up() {
    const { port } = new URL(this.issuer);
    if (!this.server.listening) {
      await new Promise((resolve, reject) => {
        this.server.once('error', reject);
        this.server.listen({ port: Number(port), host: '::', ipv6Only: false }, resolve);
      });
    }
  }

  async down() {
    const closed = new Promise((resolve) => {
      this.server.close(resolve);
    });
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  // A loopback-only way for people and scripts to play with the faults: a unix socket, one JSON object a POST.
  async control(file) {
    fs.rmSync(file, { force: true });
    const server = http.createServer(async (req, res) => {
      let text = '';
      for await (const chunk of req) text += chunk;
      try {
        res.end(`${JSON.stringify(await this.command(JSON.parse(text || '{}')))}\n`);
      } catch (error) {
        res.writeHead(400).end(`${error.message}\n`);
      }
    });
    await new Promise((resolve) => {
      server.listen(file, resolve);
    });
    fs.chmodSync(file, 0o600);
    return server;
  }

  async command(order) {
    const fields = ['skew', 'omitGroups', 'overage', 'emailVerified', 'hanging'];
    for (const [key, value] of Object.entries(order)) {
      if (fields.includes(key)) this[key] = value;
      else if (key === 'rotateKeys') this.rotateKeys(value === true ? {} : value);
      else if (key === 'groups')
        for (const [user, groups] of Object.entries(value)) this.setGroups(user, groups);
      else if (key === 'down') await (value ? this.down() : this.up());
      else if (key === 'reset') this.reset();
      else
        throw new Error(
          `unknown order '${key}': ${[...fields, 'rotateKeys', 'groups', 'down', 'reset'].join(', ')}`,
        );
    }
    return Object.fromEntries(fields.map((key) => [key, this[key]]));
  }

  // ---- the protocol ----

  rebuild() {
    this.provider = new Provider(this.issuer, this.configuration());
    this.provider.use(async (ctx, next) => {
      await next();
      if (ctx.oidc?.params) this.note(ctx);
      if (ctx.oidc?.route === 'token' && ctx.body?.id_token)
        ctx.body.id_token = await this.alter(ctx.body.id_token);
    });
    this.callback = this.provider.callback();
  }

  configuration() {
    return {
      adapter: this.memory.adapter(),
      clients: this.clients.map((client) => ({
        response_types: ['code'],
        grant_types: ['authorization_code', ...(this.refresh ? ['refresh_token'] : [])],
        require_auth_time: true,
        id_token_signed_response_alg: this.alg,
        ...client,
      })),
      jwks: { keys: this.keys },
      cookies: { keys: this.cookieKeys },
      acrValues: levels,
      scopes,
      claims: {
        openid: ['sub', 'acr', 'amr', 'auth_time'],
        email: ['email', 'email_verified'],
        groups: ['groups', '_claim_names', '_claim_sources'],
        profile: ['name', 'preferred_username', 'dept', 'employee_id'],
      },
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
      rotateRefreshToken: () => this.rotate,
      ...(this.fetch ? { fetch: this.fetch } : {}),
      findAccount: (ctx, sub) => this.account(sub),
      loadExistingGrant: (ctx) => this.grant(ctx),
      interactions: { policy: loginPolicy(), url: (ctx, interaction) => `/interaction/${interaction.uid}` },
      ttl: {
        AccessToken: 300,
        AuthorizationCode: 60,
        IdToken: 600,
        Interaction: 600,
        Session: 36000,
        Grant: 36000,
        RefreshToken: 36000,
      },
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: this.fetch !== undefined },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: (ctx, form) => {
            ctx.body = pages.signOut(this.brand, form);
          },
          postLogoutSuccessSource: (ctx) => {
            ctx.body = pages.page(
              this.brand,
              'Signed out',
              '<h1>Signed out</h1><p>You can close this tab.</p>',
            );
          },
        },
      },
      renderError: (ctx, out) => {
        ctx.type = 'html';
        ctx.body = pages.page(
          this.brand,
          'Error',
          `<h1>That did not work</h1><p class="error">${pages.escape(out.error)}</p><p>${pages.escape(out.error_description ?? '')}</p>`,
        );
      },
    };
  }

  account(sub) {
    const person = this.people.find((p) => p.sub === sub);
    if (!person || person.disabled) return undefined;
    return { accountId: sub, claims: async () => this.claimsOf(person) };
  }

  claimsOf(person) {
    const { sub, name, email, dept, employee_id, user } = person;
    const claims = { sub, name, email, dept, employee_id, preferred_username: user, ...person.extra };
    const verified = this.emailVerified === undefined ? person.email_verified : this.emailVerified;
    if (verified !== null && verified !== undefined) claims.email_verified = verified;
    if (this.overage) {
      claims._claim_names = { groups: 'src1' };
      claims._claim_sources = { src1: { endpoint: `${this.issuer}/groups/${sub}` } };
    } else if (person.groups !== undefined && !this.omitGroups) {
      claims.groups = person.groups;
    }
    return claims;
  }

  // Nobody is asked for consent: the applications are the company's own.
  async grant(ctx) {
    const known = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    const found = known && (await this.provider.Grant.find(known));
    if (found) return found;
    const grant = new this.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope(scopes.join(' '));
    await grant.save();
    return grant;
  }

  note(ctx) {
    const params = Object.fromEntries(
      Object.entries({ ...ctx.oidc.params }).filter(([, value]) => value !== undefined),
    );
    this.seen.push({
      route: ctx.oidc.route,
      method: ctx.method,
      params,
      authorization: ctx.get('authorization'),
    });
    if (this.seen.length > 1000) this.seen.shift();
  }

  // Signs the ID token anew when a fault asks for one.
  async alter(token) {
    let claims = jose.decodeJwt(token);
    let header = jose.decodeProtectedHeader(token);
    if (this.skew) for (const key of ['iat', 'exp', 'auth_time']) claims[key] += this.skew;
    if (this.acrSays !== undefined) claims.acr = this.acrSays;
    if (this.claims) claims = this.claims(claims);
    if (this.header) header = this.header(header);
    if (this.forge) return this.forge(claims, header);
    return this.sign(claims, header);
  }

  // A token with exactly these claims, signed with the current key.
  sign(claims, header = {}) {
    const [jwk] = this.keys;
    const payload = new TextEncoder().encode(JSON.stringify(claims));
    return new jose.CompactSign(payload)
      .setProtectedHeader({ alg: this.alg, kid: jwk.kid, typ: 'JWT', ...header })
      .sign(createPrivateKey({ key: jwk, format: 'jwk' }));
  }

  async handle(req, res) {
    const { pathname } = new URL(req.url, this.issuer);
    this.hits = this.hits ?? new Map();
    this.hits.set(pathname, (this.hits.get(pathname) ?? 0) + 1);
    if (this.hanging) return;
    const override = this.overrides.get(pathname);
    if (override) {
      override(req, res);
    } else if (pathname.startsWith('/interaction/')) {
      await this.interact(req, res).catch((error) => {
        res.writeHead(400, { 'content-type': 'text/html' });
        res.end(
          pages.page(
            this.brand,
            'Error',
            `<h1>That did not work</h1><p class="error">${pages.escape(error.message)}</p>`,
          ),
        );
      });
    } else {
      this.callback(req, res);
    }
  }

  async interact(req, res) {
    const { uid, params, session } = await this.provider.interactionDetails(req, res);
    const asked = (params.acr_values ?? '').split(' ').filter((value) => rank(value) >= 0);
    const client =
      this.clients.find((c) => c.client_id === params.client_id)?.client_name ?? params.client_id;
    const known = this.people.find((p) => p.sub === session?.accountId)?.user;
    const form = { uid, client, wanted: asked[0], hint: params.login_hint ?? known };
    if (req.method === 'GET') return this.show(res, form);
    const answer = await readForm(req);
    const person = this.person(answer.get('user') ?? '');
    if (!person || person.password !== answer.get('password'))
      return this.show(res, { ...form, error: 'That name and password do not match.' });
    const acr = person.factors.includes(answer.get('acr')) ? answer.get('acr') : person.factors.at(-1);
    const login = { accountId: person.sub, acr, amr: methods[acr], remember: true };
    return this.provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
  }

  show(res, form) {
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    res.end(pages.signIn(this.brand, form));
  }
}
