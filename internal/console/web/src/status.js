// Texts about the state of a repository, and the order in which repositories
// need attention.
import { count, span } from './format.js';

// newestByHost returns each host's latest restore point, the latest first.
// points come newest first, as the API gives them.
/** @param {import('./resources.js').Point[]} points */
export function newestByHost(points) {
  /** @type {Map<string, { hostName: string, point: import('./resources.js').Point, times: number[] }>} */
  const hosts = new Map();
  for (const point of points) {
    const host = hosts.get(point.hostName);
    if (host) host.times.push(Date.parse(point.backupTime));
    else hosts.set(point.hostName, { hostName: point.hostName, point, times: [Date.parse(point.backupTime)] });
  }
  return [...hosts.values()];
}

// overdue reports a host that is silent for much longer than usual. The pauses
// between its last backups say what is usual.
/** @param {{ times: number[] }} host @param {number} now */
export function overdue({ times }, now) {
  if (times.length < 4) return null;
  const pauses = [];
  for (let i = 1; i < Math.min(times.length, 21); i++) pauses.push(times[i - 1] - times[i]);
  pauses.sort((a, b) => a - b);
  const usual = pauses[Math.floor(pauses.length / 2)];
  const silent = now - times[0];
  return silent > Math.max(3 * usual, usual + 26 * 3600_000) ? { usual, silent } : null;
}

// standing describes the state of a repository. weight orders the attention it
// needs: 3 failed, 2 out of sync, 1 worth a look, 0 nothing.
/**
 * @typedef {{ kind: string, text: string, weight: number, since?: string, why?: string }} Standing
 * @param {import('./resources.js').Repository} repository
 * @param {import('./resources.js').Session | undefined} session
 * @returns {Standing}
 */
export function standing(repository, session) {
  if (session?.state === 'Synchronizing') {
    return { kind: 'running', text: session.startTime ? 'Synchronizing' : 'Waiting to start', weight: 0, since: session.startTime };
  }
  if (session?.state === 'Failed') {
    return { kind: 'failed', text: 'Failed', weight: 3, since: session.endTime, why: session.error };
  }
  if (repository.isOutOfSync) {
    if (!session) return { kind: 'behind', text: 'Never synchronized', weight: 2, why: 'It has not been synchronized yet.' };
    const why = session.result === 'Stopped' ? 'The last synchronization was stopped before it was complete.' : 'Its catalog is missing, damaged or behind the repository.';
    return { kind: 'behind', text: 'Out of sync', weight: 2, since: session.endTime, why };
  }
  if (!session || repository.isOutOfSync !== false) return { kind: 'unknown', text: 'Not known', weight: 1, why: 'It is not known whether it is in sync: no synchronization of it is known.' };
  if (session.result === 'Stopped') return { kind: 'synced', text: 'In sync, last run stopped', weight: 0, since: session.endTime };
  return { kind: 'synced', text: 'In sync', weight: 0, since: session.endTime };
}

// concerns lists everything that needs attention, the gravest first.
export function concerns(rows, now) {
  const list = [];
  for (const { repository, session, hosts } of rows) {
    const s = standing(repository, session);
    if (s.weight > 0) list.push({ repository, weight: s.weight, kind: s.kind, text: s.why, since: s.since });
    for (const host of hosts ?? []) {
      const late = overdue(host, now);
      if (late) {
        list.push({
          repository, weight: 1, kind: 'late', since: host.point.backupTime, hostName: host.hostName,
          text: `has had no new restore point for ${span(late.silent)}; usually one comes every ${span(late.usual)}.`,
        });
      }
    }
  }
  return list.sort((a, b) => b.weight - a.weight || a.repository.name.localeCompare(b.repository.name));
}

// added says what a session has brought. A running session has brought nothing
// yet, and a session that ended early does not know whether there is more.
/** @param {import('./resources.js').Session} session */
export function added({ state, result, statistics }) {
  const parts = [];
  if (statistics.snapshotsAdded) parts.push(`${count(statistics.snapshotsAdded)} added`);
  if (statistics.snapshotsRemoved) parts.push(`${count(statistics.snapshotsRemoved)} removed`);
  if (statistics.damaged) parts.push(`${count(statistics.damaged)} damaged`);
  if (state === 'Synchronizing') {
    if (statistics.snapshotsFound) parts.unshift(`${count(statistics.snapshotsFound)} found`);
    if (statistics.entriesAdded) parts.push(`${count(statistics.entriesAdded)} new entries`);
    return parts.length > 0 ? `${parts.join(', ')} so far` : 'looking for what is new';
  }
  const ended = state === 'Failed' || result === 'Stopped';
  if (!statistics.snapshotsAdded && (ended || statistics.snapshotsFound)) parts.unshift(statistics.snapshotsFound ? `${count(statistics.snapshotsFound)} found, none added` : 'none added');
  return parts.join(', ') || 'nothing new';
}
