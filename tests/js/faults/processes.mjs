// HAProxy's processes of a gateway, told apart.
import fs from 'node:fs';

const parent = (pid) => Number(/^PPid:\t(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Those that are nobody's worker: more than one are two gateways on one address, or a worker nobody can reach.
export function masters(gateway) {
  const pids = gateway.haproxyPids();
  return pids.filter((pid) => {
    try {
      return !pids.includes(parent(pid));
    } catch {
      return false; // it has just gone
    }
  });
}

// The master is the one whose parent is not among them; right after a reload there may be several workers.
export function processes(gateway) {
  const pids = gateway.haproxyPids();
  const [master] = masters(gateway);
  const workers = pids.filter((pid) => pid !== master);
  return { master, workers: workers.length ? workers : [master] };
}
