// HAProxy's processes of a gateway, told apart.
import fs from 'node:fs';

const parent = (pid) => Number(/^PPid:\t(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// The master is the one whose parent is not among them; right after a reload there may be several workers.
export function processes(gateway) {
  const pids = gateway.haproxyPids();
  const master = pids.find((pid) => !pids.includes(parent(pid)));
  const workers = pids.filter((pid) => pid !== master);
  return { master, workers: workers.length ? workers : [master] };
}
