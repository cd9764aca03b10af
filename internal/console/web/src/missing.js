// Lost folders and hidden snapshots in words.
import { count, dateTime, localDay, plural } from './format.js';

/** @typedef {import('./resources.js').Point} Point */
/** @typedef {import('./resources.js').HiddenSnapshot} HiddenSnapshot */

// missing says what an incomplete restore point lacks.
/** @param {{ isLost?: boolean, missingFolders?: number }} point */
export function missing(point) {
  if (point.isLost) return 'Nothing of it can be shown: the repository has lost its root folder.';
  return `The repository has lost ${point.missingFolders ? plural(point.missingFolders, 'folder') : 'folders'} of it; the rest is there.`;
}

// lack is one word for an incomplete restore point, or nothing.
/** @param {{ isLost?: boolean, missingFolders?: number }} [point] */
export function lack(point) {
  return point?.isLost ? 'lost' : point?.missingFolders ? 'incomplete' : '';
}

const time = (snapshot) => (snapshot.backupTime ? Date.parse(snapshot.backupTime) : Infinity);

// newestUnseen says how the newest restore point relates to the hidden
// snapshots, one of which may be newer. points come newest first.
/** @param {HiddenSnapshot[]} hidden @param {Point[]} points */
export function newestUnseen(hidden, points) {
  const known = hidden.filter((h) => h.backupTime);
  const last = Math.max(-Infinity, ...known.map(time));
  if (points.length > 0 && last > Date.parse(points[0].backupTime)) {
    return `The newest snapshot of the repository, of ${dateTime(last)}, is among them: the newest restore point that can be shown, of ${dateTime(points[0].backupTime)}, is an older one.`;
  }
  if (points.length === 0) return '';
  return known.length < hidden.length ? 'When a damaged one was made is not known: it may be newer than the newest restore point that can be shown.' : '';
}

// onDayHidden says which hidden snapshots a day may have, or nothing.
/** @param {HiddenSnapshot[]} hidden @param {string} day @param {string | null} host */
export function onDayHidden(hidden, day, host) {
  const there = hidden.filter((h) => h.backupTime && localDay(h.backupTime) === day && (!host || h.hostName === host)).length;
  if (there > 0) return `${plural(there, 'snapshot')} of that day ${there === 1 ? 'is' : 'are'} in the repository and cannot be shown.`;
  const undated = hidden.filter((h) => !h.backupTime).length;
  return undated > 0 ? `${undated === 1 ? 'A damaged snapshot' : `${count(undated)} damaged snapshots`}, whose time is not known, may be of it.` : '';
}

// hiddenInOrder has the damaged ones first, whose time is unknown, and then the
// others, newest first.
/** @param {HiddenSnapshot[]} hidden */
export const hiddenInOrder = (hidden) => hidden.toSorted((a, b) => (time(a) === time(b) ? 0 : time(b) - time(a)));
