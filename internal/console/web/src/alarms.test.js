import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byUrgency, silenced } from './alarms.js';

const now = Date.parse('2026-11-24T12:00:00Z');
const alarm = (id, severity, more = {}) => /** @type {any} */ ({ id, severity, state: 'Open', startTime: '2026-11-24T10:00:00Z', ...more });

test('nobody is told of a silenced alarm, until its silence ends', () => {
  assert.equal(silenced(alarm('a', 'Info', { silencedUntil: '2026-11-24T12:00:01Z' }), now), true);
  assert.equal(silenced(alarm('a', 'Info', { silencedUntil: '2026-11-24T11:59:59Z' }), now), false);
  assert.equal(silenced(alarm('a', 'Info'), now), false);
});

test('the alarms that nobody looks after come first, the gravest of them at the top', () => {
  const list = [
    alarm('seen', 'Critical', { acknowledgedBy: 'ann' }), alarm('info', 'Info'), alarm('critical', 'Critical'),
    alarm('newer', 'Warning', { startTime: '2026-11-24T11:00:00Z' }), alarm('older', 'Warning'), alarm('quiet', 'Critical', { silencedUntil: '2026-12-01T00:00:00Z' }),
  ];
  assert.deepEqual(byUrgency(list, now).map((a) => a.id), ['critical', 'newer', 'older', 'info', 'seen', 'quiet']);
});
