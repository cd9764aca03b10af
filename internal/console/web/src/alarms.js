// Texts about alarms.

/** @typedef {import('./api.js').Schemas['Alarm']} Alarm */

// kinds are the kinds of alarms, with words for them.
/** @type {[string, string][]} */
export const kinds = [
  ['BackupLate', 'Backup late'],
  ['BackupUnusual', 'Unusual backup'],
  ['RepositoryUnreachable', 'Repository unreachable'],
  ['RepositoryDamaged', 'Repository damaged'],
  ['SynchronizationFailed', 'Synchronization failed'],
  ['StorageLow', 'Storage nearly full'],
];

export const kindOf = (alarm) => kinds.find(([name]) => name === alarm.kind)?.[1] ?? alarm.kind;

const looks = { Critical: 'failed', Warning: 'late', Info: 'running' };
export const badgeFor = (severity) => looks[severity] ?? '';

const weights = { Critical: 3, Warning: 2, Info: 1 };

// silenced reports whether nobody is told of an alarm.
/** @param {Alarm} alarm @param {number} now */
export function silenced(alarm, now) {
  return alarm.state === 'Open' && alarm.silencedUntil !== undefined && Date.parse(alarm.silencedUntil) > now;
}

// isUrgent reports whether an open alarm is more than an information, and nobody
// looks after it.
/** @param {Alarm} alarm @param {number} now */
export function isUrgent(alarm, now) {
  return alarm.severity !== 'Info' && !alarm.acknowledgedBy && !silenced(alarm, now);
}

// byUrgency puts first what nobody looks after yet: neither acknowledged nor
// silenced, the gravest first.
/** @param {Alarm[]} alarms @param {number} now */
export function byUrgency(alarms, now) {
  const calm = (a) => (a.acknowledgedBy || silenced(a, now) ? 1 : 0);
  return alarms.toSorted((a, b) => calm(a) - calm(b) || (weights[b.severity] ?? 0) - (weights[a.severity] ?? 0) || Date.parse(b.startTime) - Date.parse(a.startTime));
}

// silences are the lengths that are offered, in hours.
/** @type {[string, string][]} */
export const silences = [['1', 'An hour'], ['4', 'Four hours'], ['24', 'A day'], ['168', 'A week'], ['720', '30 days']];
