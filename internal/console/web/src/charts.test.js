import test from 'node:test';
import assert from 'node:assert/strict';
import { byteScale, nearest, timeScale } from './charts.js';

test('sizes have round values in their unit', () => {
  const { scale, ticks } = byteScale(2.7 * 1024 ** 3, [100, 0]);
  assert.deepEqual(ticks.map((n) => n / 1024 ** 3), [0, 1, 2, 3]);
  assert.equal(scale(0), 100);
  assert.equal(scale(3 * 1024 ** 3), 0);
  assert.equal(byteScale(0, [100, 0]).scale(0), 100);
});

test('a single moment has a place, too', () => {
  assert.equal(timeScale([5000], [0, 10])(5000), 0);
});

test('the nearest moment', () => {
  const times = [10, 20, 40];
  for (const [at, want] of [[0, 0], [14, 0], [16, 1], [29, 1], [31, 2], [90, 2]]) assert.equal(nearest(times, at), want, `${at}`);
});
