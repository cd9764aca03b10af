// Texts about the nodes.
import { bytes, plural } from './format.js';

/** @typedef {import('./api.js').Schemas['Proxy']} Node */

// stateOf describes the state of a node.
/** @param {Node} n @returns {{ kind: string, text: string }} */
export function stateOf(n) {
  if (n.status !== 'Online') return { kind: 'failed', text: 'offline' };
  if (n.maintenanceModeState === 'Enabling') return { kind: 'behind', text: 'going into maintenance' };
  if (n.maintenanceModeState === 'Enabled') return { kind: 'behind', text: 'in maintenance' };
  return { kind: 'synced', text: 'online' };
}

// inMaintenance says whether a node takes no new work.
/** @param {Node} n */
export const inMaintenance = (n) => n.maintenanceModeState === 'Enabling' || n.maintenanceModeState === 'Enabled';

// loadOf says what a node has to do, without what it does not tell.
/** @param {Node} n */
export function loadOf(n) {
  const parts = [];
  if (n.sessionsRunning) parts.push(plural(n.sessionsRunning, 'synchronization'));
  if (n.restoresRunning) parts.push(plural(n.restoresRunning, 'restore'));
  if (n.workQueued) parts.push(`${n.workQueued} waiting`);
  if (parts.length === 0) parts.push('no work');
  if (n.cpuUsagePercent !== undefined) parts.push(`${n.cpuUsagePercent} % of the processors`);
  if (n.memoryBytes) parts.push(`${bytes(n.memoryBytes)} of memory`);
  return parts.join(', ');
}
