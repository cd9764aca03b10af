import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goneFrom, inOrder } from './found.js';

const group = (name, modifyTime, size = 1, last = 'p1') => /** @type {any} */ ({
  key: name, path: `/${name}`, versions: [{ lastTime: '2026-01-01T00:00:00Z', lastRestorePointId: last, entry: { name, type: 'file', size, modifyTime } }],
});
const names = (groups) => groups.map((g) => g.key);

test('whole names come before parts, then the newest', () => {
  const groups = [group('my-report-old.txt', '2026-05-01'), group('report', '2020-01-01'), group('reported.md', '2026-01-01'), group('report.pdf', '2024-01-01'),
    group('unreported', '2026-06-01'), group('reporting', '2026-02-01')];
  assert.deepEqual(names(inOrder(groups, 'best', 'Report')), ['report', 'report.pdf', 'reporting', 'reported.md', 'my-report-old.txt', 'unreported']);
  assert.deepEqual(names(inOrder(groups, 'modified', 'report')).slice(0, 2), ['unreported', 'my-report-old.txt']);
  assert.deepEqual(names(inOrder([group('a', '2026-01-01', 5), group('b', '2026-01-01', 7)], 'size', '')), ['b', 'a']);
  assert.deepEqual(names(inOrder(groups, 'path', 'report')), names(groups));
});

test('what the newest backup of the same folders does not have is gone', () => {
  const point = (id, hostName, backupTime, paths = ['/home']) => /** @type {any} */ ({ id, hostName, backupTime, paths });
  const old = point('p1', 'desk', '2026-01-01');
  assert.equal(goneFrom(group('a', '2026-01-01'), [point('p2', 'desk', '2026-01-02'), old]), 'desk');
  assert.equal(goneFrom(group('a', '2026-01-01'), [point('p2', 'lap', '2026-01-02'), point('p3', 'desk', '2026-01-02', ['/srv']), old]), null);
  assert.equal(goneFrom(group('a', '2026-01-01'), [old]), null);
  assert.equal(goneFrom(group('a', '2026-01-01'), undefined), null);
});
