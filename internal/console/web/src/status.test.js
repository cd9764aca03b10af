import assert from 'node:assert/strict';
import { test } from 'node:test';
import { added, concerns, newestByHost, overdue, standing } from './status.js';

const day = 24 * 3600_000;
const now = Date.parse('2026-11-24T12:00:00Z');
const points = (hostName, ...ages) => ages.map((age) => ({ id: `${hostName}${age}`, hostName, backupTime: new Date(now - age * day).toISOString() }));

test('a host is overdue by its own measure', () => {
  const late = (...ages) => overdue(newestByHost(points('a', ...ages))[0], now);
  assert.equal(late(0.5, 1.5, 2.5, 3.5), null);
  assert.equal(late(2, 3, 4, 5), null, 'a missed night is no alarm');
  assert.deepEqual(late(4, 5, 6, 7), { usual: day, silent: 4 * day });
  assert.equal(late(18, 25, 32, 39), null, 'it comes every week');
  assert.equal(late(300, 301, 302), null, 'too few to judge by');
});

test('what is gravest comes first', () => {
  const session = (state, result) => ({ id: 's', state, result, startTime: '2026-11-24T10:00:00Z', endTime: '2026-11-24T11:00:00Z', error: 'it broke', progressPercent: 5 });
  const repository = (name, isOutOfSync = false) => ({ id: name, name, isOutOfSync });
  const rows = [
    { repository: repository('good'), session: session('None', 'Success'), hosts: newestByHost(points('fine', 0.1, 1, 2, 3)) },
    { repository: repository('late'), session: session('None', 'Success'), hosts: newestByHost(points('laptop', 30, 31, 32, 33)) },
    { repository: repository('behind', true), session: session('None', 'Stopped') },
    { repository: repository('new', true) },
    { repository: repository('failed', true), session: session('Failed', 'Failed') },
    { repository: repository('running', true), session: session('Synchronizing') },
  ];
  assert.deepEqual(concerns(rows, now).map((c) => c.repository.name), ['failed', 'behind', 'new', 'late']);
  assert.equal(concerns(rows, now)[0].text, 'it broke');
  assert.equal(standing(rows[5].repository, rows[5].session).kind, 'running');
  assert.equal(standing(rows[3].repository).text, 'Never synchronized');
});

test('nothing is in sync of which that is not known', () => {
  const of = (isOutOfSync, session) => standing(/** @type {any} */ ({ isOutOfSync }), session).kind;
  assert.equal(of(false, { state: 'None', result: 'Success' }), 'synced');
  assert.equal(of(true, { state: 'None', result: 'Success' }), 'behind');
  assert.equal(of(true, undefined), 'behind');
  assert.equal(of(false, undefined), 'unknown');
  assert.equal(of(undefined, { state: 'None', result: 'Success' }), 'unknown');
});

test('a session says what it has brought, and a running one does not say that there is nothing', () => {
  const of = (state, result, statistics) => added(/** @type {any} */ ({ state, result, statistics }));
  assert.equal(of('Synchronizing', 'None', {}), 'looking for what is new');
  assert.equal(of('Synchronizing', 'None', { snapshotsFound: 3 }), '3 found so far');
  assert.equal(of('Synchronizing', 'None', { snapshotsFound: 3, entriesAdded: 250_000 }), '3 found, 250,000 new entries so far');
  assert.equal(of('None', 'Success', {}), 'nothing new');
  assert.equal(of('None', 'Success', { snapshotsFound: 2, snapshotsAdded: 2 }), '2 added');
  assert.equal(of('None', 'Stopped', {}), 'none added');
  assert.equal(of('Failed', 'Failed', { snapshotsFound: 2, damaged: 1 }), '2 found, none added, 1 damaged');
});
