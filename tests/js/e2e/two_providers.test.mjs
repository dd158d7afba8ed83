// Proves: two providers at once stay apart. A subject is (issuer, sub); a provider asserts only the roles and e-mail
// domains it may; an answer meant for one is refused at the other; one that is down does not touch the other's people.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Estate } from '../lib/estate.mjs';
import { forms, isSignIn } from '../lib/client.mjs';
import { people } from '../provider/people.mjs';
import { value } from '../apps/upstream.mjs';

let estate;
before(async () => {
  const partners = people().map((person) => ({
    ...person,
    email: person.email.replace('corp.example', 'partner.example'),
  }));
  estate = await Estate.up('e2e-two-providers', {
    partner: {
      people: [
        ...partners,
        {
          ...partners[0],
          user: 'mallory',
          password: 'mallory',
          sub: '6666',
          email: 'ann@corp.example',
          groups: ['staff', 'admins', 'contractors'],
        },
      ],
    },
  });
});
beforeEach(() => {
  estate.provider.reset();
  estate.partner.reset();
  estate.clear();
});
after(() => estate.down());

test('a person chooses, and is who that provider says', async () => {
  const corp = await estate.signedIn('ann', { target: '/reports/x', provider: 'corp' });
  const one = await estate.verify()(value(estate.apps.web.last(), 'x-durward-assertion'), estate.url('web'));
  const partner = await estate.signedIn('ann', { target: '/reports/x', provider: 'partner' });
  const two = await estate.verify()(value(estate.apps.web.last(), 'x-durward-assertion'), estate.url('web'));
  assert.equal(one.sub, two.sub);
  assert.notEqual(one.idp, two.idp);
  assert.equal(value(estate.apps.web.last(), 'x-durward-email'), 'ann@partner.example');
  assert.notEqual(estate.cookie(corp), estate.cookie(partner));
});

test('a provider asserts no role and no e-mail address beyond what it may', async () => {
  const tab = await estate.signedIn('mallory', { target: '/reports/x', provider: 'partner' });
  const seen = estate.apps.web.last();
  assert.equal(value(seen, 'x-durward-email'), undefined, 'an address of another domain');
  assert.equal(value(seen, 'x-durward-roles'), 'contractor');
  estate.clear();
  for (const target of ['/admin/x', '/mail/x', '/inside/x'])
    assert.equal((await tab.once(estate.url('web', target))).status, 403, target);
  assert.equal(estate.upstreamSaw(), 0);
});

test('revoking a person of one provider spares the same sub at the other', async () => {
  const corp = await estate.signedIn('ann', { target: '/reports/x', provider: 'corp' });
  const partner = await estate.signedIn('ann', { target: '/reports/x', provider: 'partner' });
  await estate.gateway.ask('revoke', '--person', 'ann@partner.example');
  assert.equal((await corp.once(estate.url('web', '/reports/x'))).status, 200);
  assert.notEqual((await partner.once(estate.url('web', '/reports/x'))).status, 200);
});

test("an answer of one provider delivered to the other's callback is refused (mix-up)", async () => {
  const tab = estate.tab();
  const chooser = await tab.walk(estate.url('web', '/reports/x'));
  const link = [...chooser.body.matchAll(/href="([^"]*provider=corp[^"]*)"/g)][0][1].replaceAll('&amp;', '&');
  const page = await tab.walk(new URL(link, chooser.url).href);
  assert.ok(isSignIn(page));
  const [form] = forms(page.body, page.url);
  Object.assign(form.fields, { user: 'ann', password: 'ann' });
  const end = await tab.walk('', {
    first: await tab.post({ ...form, from: page.url }),
    stop: (a) => a.headers.location?.includes('/callback/corp'),
  });
  const refused = await tab.once(end.headers.location.replace('/callback/corp', '/callback/partner'));
  assert.ok(refused.status >= 400, `${refused.status}`);
  assert.equal(estate.upstreamSaw(), 0);
});

test("one provider down leaves the other's logins alone", async () => {
  await estate.partner.down();
  try {
    assert.equal((await estate.signedIn('ann', { target: '/reports/x', provider: 'corp' })).page.status, 200);
  } finally {
    await estate.partner.up();
  }
});
