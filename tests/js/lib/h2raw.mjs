// HTTP/2 as bytes: header lists that no client library would send, on one TLS connection. Fields are written as literals,
// without compression, so that what the gateway reads is what the test says.
import tls from 'node:tls';

const frame = (type, flags, id, payload = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
};
const DATA = 0;
const HEADERS = 1;
const RST = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM = 1;
const END_HEADERS = 4;

// An integer with a prefix of seven bits, as lengths of strings are written (RFC 7541, 5.1).
function length(value) {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

const literal = (text) => {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([length(bytes.length), bytes]);
};
const block = (pairs) =>
  Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));

// The status of a response's header block: an entry of the static table, or three digits behind its name.
const indexed = { 0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500 };
const statusOf = (payload) =>
  indexed[payload[0]] ?? Number(/\d{3}/.exec(payload.subarray(1, 8).toString('latin1'))?.[0]);

// One stream with these fields, in this order. body and trailers are optional; `open` leaves the stream unfinished.
// Gives { status, reset, goaway }: what of the three came.
export function h2raw(
  pairs,
  { port, ca, servername, address = '127.0.0.1', body, trailers, open = false, timeout = 8000 },
) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: address, port, ca, servername, ALPNProtocols: ['h2'] });
    const out = {};
    let buffer = Buffer.alloc(0);
    const done = () => {
      clearTimeout(limit);
      socket.destroy();
      resolve(out);
    };
    const limit = setTimeout(done, timeout);
    const take = (type, flags, id, payload) => {
      if (type === SETTINGS && !(flags & 1)) socket.write(frame(SETTINGS, 1, 0));
      if (type === HEADERS && id === 1) out.status ??= statusOf(payload);
      if (type === RST && id === 1) out.reset = payload.readUInt32BE(0);
      if (type === GOAWAY) out.goaway = payload.readUInt32BE(4);
      if ((id === 1 && (flags & END_STREAM || type === RST)) || type === GOAWAY) done();
    };
    socket.on('data', (chunk) => {
      buffer = Buffer.concat([buffer, chunk]);
      while (buffer.length >= 9 && buffer.length >= 9 + buffer.readUIntBE(0, 3)) {
        const size = buffer.readUIntBE(0, 3);
        take(buffer[3], buffer[4], buffer.readUInt32BE(5), buffer.subarray(9, 9 + size));
        buffer = buffer.subarray(9 + size);
      }
    });
    socket.on('close', done);
    socket.on('error', (error) => (error.code === 'ECONNRESET' ? done() : reject(error)));
    socket.on('secureConnect', () => {
      const more = body !== undefined || trailers !== undefined || open;
      const frames = [
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        frame(SETTINGS, 0, 0),
        frame(HEADERS, END_HEADERS | (more ? 0 : END_STREAM), 1, block(pairs)),
      ];
      if (body !== undefined)
        frames.push(frame(DATA, trailers || open ? 0 : END_STREAM, 1, Buffer.from(body, 'latin1')));
      if (trailers) frames.push(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(trailers)));
      socket.write(Buffer.concat(frames));
    });
  });
}
