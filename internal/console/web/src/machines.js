// Texts about machines, which are the hosts that are backed up, and about their
// series.
import { plural, sentence, span, visible } from './format.js';

/** @typedef {import('./api.js').Schemas['Machine']} Machine */
/** @typedef {import('./api.js').Schemas['MachineSeries']} Series */
/** @typedef {import('./api.js').Schemas['MachineSummary']} Summary */

// states are the states of machines and series: the API's names, the words for
// them, and the look of their badges. They stand in the order of their urgency.
/** @type {[string, string, string][]} */
export const states = [
  ['Late', 'Late', 'failed'],
  ['Unknown', 'Not known', 'late'],
  ['InTime', 'In time', 'synced'],
  ['Retired', 'Retired', ''],
];

export const wordFor = (state) => states.find(([name]) => name === state)?.[1] ?? state;
export const badgeFor = (state) => states.find(([name]) => name === state)?.[2] ?? '';

const minute = 60_000;
const hour = 60 * minute;

// usual says how often a series is backed up: "hourly", "every 36 hours".
/** @param {number} seconds */
export function usual(seconds) {
  const ms = seconds * 1000;
  for (const [word, length] of /** @type {[string, number][]} */ ([['hourly', hour], ['daily', 24 * hour], ['weekly', 7 * 24 * hour]])) {
    if (Math.abs(ms - length) <= 0.08 * length) return word;
  }
  if (ms < 90 * minute) return `every ${plural(Math.max(1, Math.round(ms / minute)), 'minute')}`;
  if (ms < 72 * hour) return `every ${plural(Math.round(ms / hour), 'hour')}`;
  return `every ${plural(Math.round(ms / (24 * hour)), 'day')}`;
}

// measure says by what a series is judged.
/** @param {Series} s */
export function measure(s) {
  if (s.ruleName !== undefined) return `rule “${visible(s.ruleName)}”`;
  return s.rhythmSeconds ? `usually ${usual(s.rhythmSeconds)}` : 'no rhythm is known yet';
}

// why says in a sentence how a series stands. seen is the time that counts for
// its newest backup.
/** @param {Series} s @param {number} now */
export function why(s, now) {
  const seen = s.lastSeenTime ?? s.lastBackupTime;
  const silence = seen ? `No backup for ${span(now - Date.parse(seen))}` : 'No backup that counts';
  switch (s.state) {
    case 'Late': return `${silence}; ${measure(s)}${s.silentAtFirst ? ', and silent ever since it was found' : ''}`;
    case 'Retired': return s.retiredBy ? `Not watched; retired by ${visible(s.retiredBy)}` : 'Not watched';
    case 'Unknown': return s.unknownReason === 'NotLookedAt' ? 'Its repository could not be looked at since a backup was due' : 'Too few backups to know a rhythm, and no rule applies';
    default: return s.lateAfter ? sentence(`${measure(s)}; due within ${span(Date.parse(s.lateAfter) - now)}`) : '';
  }
}

// worst is the series that explains the state of its machine.
/** @param {Machine} machine @returns {Series | undefined} */
export function worst(machine) {
  const of = machine.series.filter((s) => s.state === machine.state);
  return of.find((s) => s.unknownReason === 'NotLookedAt') ?? of.toSorted((a, b) => Date.parse(a.lateAfter ?? '9999-01-01') - Date.parse(b.lateAfter ?? '9999-01-01'))[0] ?? machine.series[0];
}

// headline says how all machines are, and how good that is.
/** @param {Summary} s @returns {{ text: string, kind: string }} */
export function headline({ machines, inTime, late, unknown }) {
  if (machines === 0) return { text: 'No machine is watched yet', kind: 'unknown' };
  const all = machines === 1 ? 'The one machine is' : `All ${plural(machines, 'machine')} are`;
  if (inTime === machines) return { text: `${all} backed up in time`, kind: 'good' };
  return { text: `${inTime} of ${plural(machines, 'machine')} backed up in time`, kind: late > 0 ? 'bad' : unknown > 0 ? 'warn' : '' };
}
