import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headline, usual, why, worst } from './machines.js';

const hour = 3600_000;
const now = Date.parse('2026-11-24T12:00:00Z');
const ago = (h) => new Date(now - h * hour).toISOString();

test('a rhythm reads as people say it', () => {
  assert.equal(usual(3600), 'hourly');
  assert.equal(usual(86_400 + 900), 'daily');
  assert.equal(usual(7 * 86_400), 'weekly');
  assert.equal(usual(15 * 60), 'every 15 minutes');
  assert.equal(usual(36 * 3600), 'every 36 hours');
  assert.equal(usual(30 * 86_400), 'every 30 days');
});

test('the state of a series has a reason', () => {
  const of = (s) => why(/** @type {any} */ (s), now);
  assert.equal(of({ state: 'Late', lastSeenTime: ago(50), rhythmSeconds: 86_400 }), 'No backup for 2 days; usually daily');
  assert.equal(of({ state: 'Late', lastSeenTime: ago(50), ruleName: 'servers' }), 'No backup for 2 days; rule “servers”');
  assert.equal(of({ state: 'Late', rhythmSeconds: 86_400 }), 'No backup that counts; usually daily');
  assert.equal(of({ state: 'InTime', lastSeenTime: ago(2), rhythmSeconds: 86_400, lateAfter: ago(-34) }), 'Usually daily; due within 1 day');
  assert.match(of({ state: 'Unknown', unknownReason: 'NotLookedAt' }), /could not be looked at/);
  assert.match(of({ state: 'Unknown', unknownReason: 'NoRhythm' }), /Too few/);
  assert.equal(of({ state: 'Retired', retiredBy: 'ann' }), 'Not watched; retired by ann');
});

test('the series that explains a machine is the one with its state that was due first', () => {
  const series = [{ id: 'a', state: 'InTime' }, { id: 'b', state: 'Late', lateAfter: ago(1) }, { id: 'c', state: 'Late', lateAfter: ago(9) }];
  assert.equal(worst(/** @type {any} */ ({ state: 'Late', series }))?.id, 'c');
});

test('the headline is green only when all are in time', () => {
  const of = (machines, inTime, late, unknown) => headline(/** @type {any} */ ({ machines, inTime, late, unknown }));
  assert.deepEqual(of(68, 67, 1, 0), { text: '67 of 68 machines backed up in time', kind: 'bad' });
  assert.deepEqual(of(68, 60, 0, 8), { text: '60 of 68 machines backed up in time', kind: 'warn' });
  assert.deepEqual(of(68, 68, 0, 0), { text: 'All 68 machines are backed up in time', kind: 'good' });
  assert.equal(of(0, 0, 0, 0).kind, 'unknown');
});
