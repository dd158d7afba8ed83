// What an application does with X-Durward-Assertion: verify it against the gateway's published keys, for its own host.
import * as jose from 'jose';
import { fetchWith } from '../lib/client.mjs';

// Returns an async (assertion, host) => claims that throws when the assertion does not prove this gateway and host.
export function verifier({ gateway, ca }) {
  const keys = jose.createRemoteJWKSet(new URL('/.well-known/jwks.json', gateway), {
    [jose.customFetch]: fetchWith(ca),
    cooldownDuration: 0,
  });
  return async (assertion, audience) => {
    const { payload } = await jose.jwtVerify(assertion ?? '', keys, {
      issuer: gateway,
      audience,
      algorithms: ['ES256'],
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    return payload;
  };
}
