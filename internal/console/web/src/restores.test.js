import test from 'node:test';
import assert from 'node:assert/strict';
import { doneOf, folderFor, jobBody, wrongFolder } from './restores.js';

test('what starts a job', () => {
  const how = { target: '/srv/restores/', proxyId: 'a', folder: '/ann//back/', overwrite: 'Never', verify: true };
  assert.deepEqual(jobBody([{ path: '/a' }, { path: '/\ufffd', rawPath: 'L/8=' }], how), {
    targetPath: '/srv/restores/ann/back', paths: ['/a'], rawPaths: ['L/8='], overwrite: 'Never', verify: true, proxyId: 'a',
  });
  assert.equal(wrongFolder('a/../b') !== null, true);
  assert.equal(wrongFolder('a/..b/c.'), null);
  assert.equal(jobBody([], { ...how, folder: '' }).targetPath, '/srv/restores');
  assert.equal(jobBody([], { ...how, target: '/', folder: '' }).targetPath, '/');
});

test('a folder is suggested, whatever the host is called', () => {
  const at = (hostName) => folderFor({ hostName, backupTime: '2026-11-20T19:00:00Z' });
  assert.equal(at('laptop.example'), 'laptop.example-2026-11-20');
  assert.equal(at('../../etc'), 'etc-2026-11-20');
  assert.equal(at('<b>\u202e/'), 'b-2026-11-20');
  assert.equal(at('\u202e'), '2026-11-20');
});

test('what a job has done', () => {
  const job = (state, statistics) => doneOf({ state, statistics: { files: 0, totalFiles: 0, totalBytes: 0, failed: 0, ...statistics } });
  assert.equal(job('Running', {}), 'counting');
  assert.equal(job('Running', { files: 1, totalFiles: 3, totalBytes: 2048 }), '1 of 3 files, 2.00 KiB');
  assert.equal(job('Failed', { files: 2, totalFiles: 3, failed: 1 }), '2 of 3 files, 1 failed');
  assert.equal(job('Succeeded', {}), '0 files, 0 bytes');
});
