import test from 'node:test';
import assert from 'node:assert/strict';
import { summary } from './sparkline.js';

const day = (n, storedSize) => ({ backupTime: new Date(Date.UTC(2026, 0, 1 + n)).toISOString(), storedSize });

test('the size, and what it grew by in a month', () => {
  assert.equal(summary([]), null);
  assert.deepEqual([summary([day(0, 5)]).size, summary([day(0, 5)]).grown], [5, null]);
  const drawn = summary([day(0, 100), day(5, 110), day(20, 150), day(36, 200)]);
  assert.equal(drawn.size, 200);
  assert.deepEqual([drawn.grown, drawn.days], [90, 31]);
  assert.match(drawn.path, /^M0,13/);
});
