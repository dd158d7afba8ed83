// The sample chat: a WebSocket that echoes and ticks, and server-sent events that tick.
import { WebSocketServer } from 'ws';
import { Upstream, value } from './upstream.mjs';

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chat</title>
<style>body{font:16px/1.5 system-ui,"Liberation Sans",sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}output{display:block;white-space:pre-wrap}</style></head>
<body><main><h1>Chat</h1><p>State: <strong id="state">connecting</strong></p><output id="log"></output></main>
<script>
const say = (id, text) => { document.getElementById(id).textContent = text; };
const socket = new WebSocket('wss://' + location.host + '/ws');
socket.onopen = () => { say('state', 'open'); socket.send('hello'); };
socket.onmessage = (event) => say('log', event.data);
socket.onclose = (event) => say('state', 'closed ' + event.code);
</script></body></html>`;

export function chat({ port }) {
  const app = new Upstream({
    name: 'chat',
    port,
    handler: (req, res) => {
      if (req.url.split('?')[0] === '/events') {
        res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        let count = 0;
        const timer = setInterval(() => res.write(`data: tick ${(count += 1)}\n\n`), 200);
        res.write('data: hello\n\n');
        res.on('close', () => clearInterval(timer));
      } else {
        res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
        res.end(page);
      }
    },
  });
  const server = new WebSocketServer({ noServer: true });
  app.frames = [];
  app.upgrade = (req, socket, head) =>
    server.handleUpgrade(req, socket, head, (ws) => {
      const user = value(app.last(), 'x-durward-user') ?? 'nobody';
      ws.on('message', (data) => {
        app.frames.push(String(data));
        ws.send(`${user}: ${data}`);
      });
    });
  return app;
}
