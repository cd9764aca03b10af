// Texts about the state of a repository, and the order in which repositories
// need attention.
import { isUrgent } from './alarms.js';
import { count } from './format.js';

// newestByHost returns each host's latest restore point, the latest first.
// points come newest first, as the API gives them.
/** @param {import('./resources.js').Point[]} points */
export function newestByHost(points) {
  /** @type {Map<string, { hostName: string, point: import('./resources.js').Point }>} */
  const hosts = new Map();
  for (const point of points) {
    if (!hosts.has(point.hostName)) hosts.set(point.hostName, { hostName: point.hostName, point });
  }
  return [...hosts.values()];
}

const minute = 60_000;
const grace = 10 * minute; // for a check that is due
const lasting = 24 * 60 * minute; // of a look, where no further one is planned

// looked says when a repository was looked at last, by a check or a session, and
// whether that is too long ago to say how the repository is.
/** @param {Repository} repository @param {Session | undefined} session @param {number} now */
export function looked(repository, session, now) {
  const ended = session?.state === 'None' && session.result === 'Success' ? session.endTime : undefined;
  const times = [repository.lastCheckTime, ended].filter((t) => t !== undefined).sort((x, y) => Date.parse(x) - Date.parse(y));
  const at = times.pop();
  const due = repository.nextCheckTime;
  const old = due ? now > Date.parse(due) + grace : at !== undefined && now > Date.parse(at) + lasting;
  return { at, old };
}

// scheduleText says when a repository is checked by itself.
/** @param {Repository['synchronization']} s */
export function scheduleText(s) {
  if (!s.enabled) return 'not checked by itself';
  if (s.cron) return `cron ${s.cron}, ${s.timeZone || 'UTC'}`;
  return s.interval ? `every ${s.interval}` : 'at the server’s interval';
}

// standing describes the state of a repository. weight orders the attention it
// needs: 3 failed, 2 out of sync, 1 worth a look, 0 nothing. seen says that since
// is the time of a look.
/**
 * @typedef {import('./resources.js').Repository} Repository
 * @typedef {import('./resources.js').Session} Session
 * @typedef {{ kind: string, text: string, weight: number, since?: string, why?: string, seen?: boolean }} Standing
 * @param {Repository} repository
 * @param {Session | undefined} session
 * @returns {Standing}
 */
export function standing(repository, session, now = Date.now()) {
  if (session?.state === 'Synchronizing') {
    return { kind: 'running', text: session.startTime ? 'Synchronizing' : 'Waiting to start', weight: 0, since: session.startTime, why: session.waitingReason };
  }
  const { at, old } = looked(repository, session, now);
  const checked = repository.lastCheckTime;
  if (repository.lastCheckResult === 'Failed' && checked && at === checked) {
    return { kind: 'failed', text: 'Cannot be read', weight: 3, since: checked, seen: true, why: repository.lastCheckError ?? 'The last check failed.' };
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
  if (old) return { kind: 'unknown', text: 'Not known', weight: 1, since: at, seen: true, why: repository.nextCheckTime ? 'A check is overdue, so it is not known whether it has changed.' : 'It has not been looked at for long, and no check is planned.' };
  if (session.result === 'Stopped') return { kind: 'synced', text: 'In sync, last run stopped', weight: 0, since: at ?? session.endTime, seen: at !== undefined };
  return { kind: 'synced', text: 'In sync', weight: 0, since: at ?? session.endTime, seen: true };
}

const ofRepository = ['RepositoryUnreachable', 'RepositoryDamaged', 'SynchronizationFailed'];

// concerns lists everything that needs attention, the gravest first: the open
// alarms that nobody looks after, and the repositories without an alarm that are
// not well. An alarm for information only is none of them.
/** @param {{ repository: Repository, session: Session | undefined }[]} rows @param {import('./alarms.js').Alarm[]} alarms @param {number} now */
export function concerns(rows, alarms, now) {
  const list = [];
  const told = new Set();
  for (const alarm of alarms) {
    if (ofRepository.includes(alarm.kind)) told.add(alarm.repositoryId);
    if (!isUrgent(alarm, now)) continue;
    const weight = alarm.severity === 'Critical' ? 3 : 2;
    list.push({ key: alarm.id, alarm, weight, kind: weight === 3 ? 'failed' : 'late', text: alarm.message, since: alarm.startTime, name: alarm.repositoryName ?? '', repository: undefined });
  }
  for (const { repository, session } of rows) {
    const s = standing(repository, session, now);
    if (s.weight > 0 && !told.has(repository.id)) list.push({ key: repository.id, alarm: undefined, repository, weight: s.weight, kind: s.kind, text: s.why, since: s.since, name: repository.name });
  }
  return list.sort((a, b) => b.weight - a.weight || a.name.localeCompare(b.name));
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
