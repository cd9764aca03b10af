import assert from 'node:assert/strict';
import { test } from 'node:test';
import { added, concerns, newestByHost, scheduleText, standing } from './status.js';

const now = Date.parse('2026-11-24T12:00:00Z');
const session = (state, result) => /** @type {any} */ ({ id: 's', state, result, startTime: '2026-11-24T10:00:00Z', endTime: '2026-11-24T11:00:00Z', error: 'it broke', progressPercent: 5 });
const repository = (name, isOutOfSync = false, more = {}) => /** @type {any} */ ({ id: name, name, isOutOfSync, nextCheckTime: '2026-11-24T12:10:00Z', lastCheckTime: '2026-11-24T11:59:00Z', lastCheckResult: 'Success', ...more });

test('each host has its newest restore point', () => {
  const points = /** @type {any} */ ([{ id: '3', hostName: 'a' }, { id: '2', hostName: 'b' }, { id: '1', hostName: 'a' }]);
  assert.deepEqual(newestByHost(points).map((h) => h.hostName + h.point.id), ['a3', 'b2']);
});

test('what is gravest comes first, and nothing comes twice', () => {
  const rows = [
    { repository: repository('good'), session: session('None', 'Success') },
    { repository: repository('gone', false, { lastCheckResult: 'Failed', lastCheckError: 'no such folder' }), session: session('None', 'Success') },
    { repository: repository('behind', true), session: session('None', 'Stopped') },
    { repository: repository('new', true), session: undefined },
    { repository: repository('failed', true), session: session('Failed', 'Failed') },
    { repository: repository('running', true), session: session('Synchronizing') },
  ];
  const alarm = (id, severity, more) => /** @type {any} */ ({ id, severity, kind: 'BackupLate', state: 'Open', message: id, startTime: '2026-11-24T10:00:00Z', repositoryName: 'good', ...more });
  const alarms = [
    alarm('late', 'Warning'), alarm('seen', 'Critical', { acknowledgedBy: 'ann' }), alarm('info', 'Info'), alarm('quiet', 'Critical', { silencedUntil: '2026-11-25T00:00:00Z' }),
    alarm('unreachable', 'Critical', { kind: 'RepositoryUnreachable', repositoryId: 'gone', repositoryName: 'gone' }),
  ];
  assert.deepEqual(concerns(rows, alarms, now).map((c) => c.key), ['failed', 'unreachable', 'behind', 'late', 'new']);
  assert.equal(concerns(rows, alarms, now)[0].text, 'it broke');
  assert.equal(standing(rows[1].repository, rows[1].session, now).why, 'no such folder');
  assert.equal(standing(rows[5].repository, rows[5].session, now).kind, 'running');
  assert.equal(standing(rows[3].repository, undefined, now).text, 'Never synchronized');
});

test('nothing is in sync of which that is not known', () => {
  const of = (isOutOfSync, s, more = {}) => standing(repository('r', isOutOfSync, more), s, now).kind;
  const done = session('None', 'Success');
  assert.equal(of(false, done), 'synced');
  assert.equal(of(true, done), 'behind');
  assert.equal(of(true, undefined), 'behind');
  assert.equal(of(false, undefined), 'unknown');
  assert.equal(of(/** @type {any} */ (null), done), 'unknown');
  assert.equal(of(false, done, { lastCheckResult: 'Failed' }), 'failed', 'the last look failed');
  assert.equal(of(false, done, { lastCheckResult: 'Failed', lastCheckTime: '2026-11-24T10:30:00Z' }), 'synced', 'a session went well after it');
  assert.equal(of(false, done, { nextCheckTime: '2026-11-24T11:49:00Z' }), 'unknown', 'a check is overdue');
  assert.equal(of(false, done, { nextCheckTime: undefined }), 'synced');
  assert.equal(of(false, done, { nextCheckTime: undefined, lastCheckTime: '2026-11-22T11:59:00Z' }), 'synced', 'an hour after a session');
  assert.equal(standing(repository('r', false, { nextCheckTime: undefined }), done, now + 25 * 3600_000).kind, 'unknown', 'nobody has looked for a day');
});

test('a schedule is told in words', () => {
  assert.equal(scheduleText({ enabled: false }), 'not checked by itself');
  assert.equal(scheduleText({ enabled: true }), 'at the server’s interval');
  assert.equal(scheduleText({ enabled: true, interval: '1h30m' }), 'every 1h30m');
  assert.equal(scheduleText({ enabled: true, cron: '0 3 * * *', timeZone: 'Europe/Berlin' }), 'cron 0 3 * * *, Europe/Berlin');
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
