// A certificate authority of our own and leaf certificates for *.localhost, made with openssl at run time.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

// Makes (or reuses) the authority in `dir`; returns { dir, cert, key } as paths, `pem` as text.
export function authority(dir) {
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const key = path.join(dir, 'ca.key');
  const cert = path.join(dir, 'ca.pem');
  if (!fs.existsSync(cert)) {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/O=Durward tests/CN=Durward test authority',
      '-addext',
      'basicConstraints=critical,CA:TRUE,pathlen:0',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
      '-keyout',
      key,
      '-out',
      cert,
    );
  }
  return { dir, key, cert, pem: fs.readFileSync(cert, 'utf8') };
}

// A leaf for `names` (DNS names or addresses); returns { key, cert } as PEM text.
export function leaf(ca, names) {
  const base = path.join(ca.dir, `leaf-${names[0].replace(/[^a-z0-9.-]/gi, '_')}`);
  const san = names.map((name) => (/^[0-9.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  fs.writeFileSync(
    `${base}.ext`,
    `subjectAltName=${san}\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n`,
  );
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${names[0]}`,
    '-keyout',
    `${base}.key`,
    '-out',
    `${base}.csr`,
  );
  openssl(
    'x509',
    '-req',
    '-in',
    `${base}.csr`,
    '-CA',
    ca.cert,
    '-CAkey',
    ca.key,
    '-CAcreateserial',
    '-days',
    '20',
    '-extfile',
    `${base}.ext`,
    '-out',
    `${base}.pem`,
  );
  return { key: fs.readFileSync(`${base}.key`, 'utf8'), cert: fs.readFileSync(`${base}.pem`, 'utf8') };
}

// One PEM file as HAProxy reads it: certificate, then key.
export function writeBundle(file, { cert, key }) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, cert + key, { mode: 0o600 });
}
