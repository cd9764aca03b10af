import assert from 'node:assert/strict';
import test from 'node:test';
import { hiddenInOrder, lack, missing, newestUnseen, onDayHidden } from './missing.js';

const points = /** @type {any[]} */ ([{ backupTime: '2026-03-05T10:00:00Z' }, { backupTime: '2026-03-01T10:00:00Z' }]);
const old = { snapshotId: 'a', reason: 'NotSynchronized', backupTime: '2026-03-02T12:00:00Z', hostName: 'desk' };
const young = { snapshotId: 'b', reason: 'NotSynchronized', backupTime: '2026-03-07T12:00:00Z', hostName: 'desk' };
const damaged = { snapshotId: 'c', reason: 'Damaged' };

test('a restore point that lacks something has a word and a reason', () => {
  assert.equal(lack(undefined), '');
  assert.equal(lack({}), '');
  assert.equal(lack({ missingFolders: 2 }), 'incomplete');
  assert.equal(lack({ missingFolders: 1, isLost: true }), 'lost');
  assert.match(missing({ missingFolders: 2 }), /lost 2 folders of it; the rest is there/);
  assert.match(missing({ missingFolders: 1, isLost: true }), /Nothing of it can be shown/);
});

test('the newest restore point is not taken for the newest snapshot', () => {
  const of = (...hidden) => newestUnseen(/** @type {any[]} */ (hidden), points);
  assert.equal(of(), '');
  assert.equal(of(old), '');
  assert.match(of(old, young), /The newest snapshot of the repository.*is an older one/);
  assert.match(of(old, damaged), /not known: it may be newer/);
  assert.match(of(young, damaged), /is an older one/);
  assert.equal(newestUnseen(/** @type {any[]} */ ([young]), []), '');
});

test('a day that seems to have none may have what cannot be shown', () => {
  const of = (hidden, day, host = null) => onDayHidden(/** @type {any[]} */ (hidden), day, host);
  assert.equal(of([], '2026-03-02'), '');
  assert.match(of([old], '2026-03-02'), /^1 snapshot of that day is in the repository/);
  assert.equal(of([old], '2026-03-02', 'lap'), '');
  assert.equal(of([old], '2026-03-03'), '');
  assert.match(of([damaged], '2026-03-03'), /A damaged snapshot, whose time is not known/);
});

test('those of unknown time come first, and then the newest', () => {
  assert.deepEqual(hiddenInOrder(/** @type {any[]} */ ([damaged, old, young])).map((h) => h.snapshotId), ['c', 'b', 'a']);
});
