// Looking up the times of restore points.

/** @typedef {import('./resources.js').Point} Point */

const hour = 3600_000;

// gaps are the pauses between restore points that are much longer than usual,
// as [from, to]. times descend.
/** @param {number[]} times @returns {[number, number][]} */
export function gaps(times) {
  if (times.length < 4) return [];
  const pauses = times.slice(1).map((t, i) => times[i] - t);
  const usual = pauses.toSorted((a, b) => a - b)[Math.floor(pauses.length / 2)];
  const limit = Math.max(3 * usual, usual + 26 * hour);
  return pauses.flatMap((pause, i) => (pause > limit ? [/** @type {[number, number]} */ ([times[i + 1], times[i]])] : []));
}

// nearestTo is the index of the nearest time. times descend.
/** @param {number[]} times @param {number} at */
export function nearestTo(times, at) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] > at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && times[low - 1] - at < at - times[low] ? low - 1 : low;
}

// onDay finds the last restore point of a day in the reader's zone, given as
// YYYY-MM-DD. Without one it finds the last one before the day, or the first
// one after it. points come newest first.
/** @param {Point[]} points @param {string} day */
export function onDay(points, day) {
  const [year, month, date] = day.split('-').map(Number);
  const begin = new Date(year, month - 1, date).getTime();
  const end = new Date(year, month - 1, date + 1).getTime();
  const point = points.find((p) => Date.parse(p.backupTime) < end) ?? points[points.length - 1];
  const time = point ? Date.parse(point.backupTime) : NaN;
  return { point, where: time >= end ? 'after' : time >= begin ? 'on' : 'before' };
}

// windowOf is the visible part of the time: of a length, around a moment, and
// within the first and the last time.
/** @param {number} first @param {number} last @param {number | null} length @param {number} around @returns {[number, number]} */
export function windowOf(first, last, length, around) {
  if (length === null || length >= last - first) return [first, Math.max(last, first + hour)];
  const from = Math.min(Math.max(around - length / 2, first), last - length);
  return [from, from + length];
}
