import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inMaintenance, loadOf, stateOf } from './nodes.js';

test('the state of a node', () => {
  const node = (status, maintenanceModeState) => /** @type {any} */ ({ status, maintenanceModeState });
  assert.deepEqual(stateOf(node('Online', 'Disabled')), { kind: 'synced', text: 'online' });
  assert.equal(stateOf(node('Online', 'Enabling')).text, 'going into maintenance');
  assert.equal(stateOf(node('Online', 'Enabled')).text, 'in maintenance');
  assert.deepEqual(stateOf(node('Offline', 'Enabled')), { kind: 'failed', text: 'offline' });
  assert.equal(inMaintenance(node('Offline', 'Enabled')), true);
  assert.equal(inMaintenance(node('Online', 'Disabled')), false);
});

test('the load of a node, without what is not known', () => {
  assert.equal(loadOf({}), 'no work');
  assert.equal(loadOf({ sessionsRunning: 2, restoresRunning: 1, workQueued: 3, cpuUsagePercent: 0, memoryBytes: 2 * 1024 * 1024 }),
    '2 synchronizations, 1 restore, 3 waiting, 0 % of the processors, 2.00 MiB of memory');
});
