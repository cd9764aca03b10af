import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gaps, nearestTo, onDay, windowOf } from './times.js';

const day = 86400_000;
const nights = (...list) => list.map((n) => Date.UTC(2026, 0, 1) + n * day).reverse();

test('a pause much longer than usual is a gap', () => {
  assert.deepEqual(gaps(nights(1, 2, 3, 4, 5)), []);
  const [a, b] = nights(5, 9).reverse();
  assert.deepEqual(gaps(nights(1, 2, 3, 4, 5, 9, 10, 11)), [[a, b]]);
  assert.deepEqual(gaps(nights(1, 40)), [], 'two have no rhythm');
});

test('the nearest time is found', () => {
  const times = nights(1, 2, 5);
  assert.equal(nearestTo(times, times[0] + day), 0);
  assert.equal(nearestTo(times, times[1] + day), 1);
  assert.equal(nearestTo(times, times[2] - day), 2);
  assert.equal(nearestTo(times, times[1] - day / 4), 1);
});

test('a day leads to its last restore point, or else to the one before', () => {
  const points = [[2026, 2, 9, 22], [2026, 2, 9, 4], [2026, 2, 3, 23], [2026, 2, 2, 1]].map(([y, m, d, h]) => ({ backupTime: new Date(y, m, d, h).toISOString() }));
  const at = (text) => {
    const { point, where } = onDay(/** @type {any} */ (points), text);
    return [points.indexOf(/** @type {any} */ (point)), where];
  };
  assert.deepEqual(at('2026-03-09'), [0, 'on']);
  assert.deepEqual(at('2026-03-03'), [2, 'on']);
  assert.deepEqual(at('2026-03-05'), [2, 'before']);
  assert.deepEqual(at('2026-04-01'), [0, 'before']);
  assert.deepEqual(at('2026-01-01'), [3, 'after']);
});

test('a window lies within the whole', () => {
  assert.deepEqual(windowOf(0, 100 * day, null, 0), [0, 100 * day]);
  assert.deepEqual(windowOf(0, 100 * day, 10 * day, 50 * day), [45 * day, 55 * day]);
  assert.deepEqual(windowOf(0, 100 * day, 10 * day, 0), [0, 10 * day]);
  assert.deepEqual(windowOf(0, 100 * day, 10 * day, 100 * day), [90 * day, 100 * day]);
});
