import assert from 'node:assert/strict';
import test from 'node:test';
import { archiveText, removalText, rightsText } from './immutability.js';
import { date } from './format.js';

const found = (more) => /** @type {any} */ ({ state: 'Kept', sample: { looked: 340, kept: 21, isWhole: false }, legalHolds: 0, archived: 0, rights: 'Unknown', ...more });
const oldest = '2026-12-12T12:00:00Z';
const newest = '2027-01-09T12:00:00Z';

test('until when files are kept from removal', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  for (const [more, want] of [
    [{ until: { oldest, newest } }, `Kept until ${date(oldest)} to ${date(newest)} (21 of 340 files looked at)`],
    [{ until: { oldest, newest: oldest } }, `Kept until ${date(oldest)} (21 of 340 files looked at)`],
    [{ until: { oldest, newest: oldest }, legalHolds: 2 }, `Kept until ${date(oldest)} (21 of 340 files looked at); legal hold without an end (2 of 340 files looked at)`],
    [{ legalHolds: 2 }, 'Legal hold without an end (2 of 340 files looked at)'],
    [{ state: 'NotKept' }, 'No file is kept (0 of 340 files looked at)'],
    [{ state: 'NotKept', sample: { looked: 21, kept: 0, isWhole: true } }, 'The storage keeps no file from removal'],
    [{ state: 'Unknown', error: 'it is away' }, 'Unknown: it is away'],
  ]) assert.equal(removalText(found(more), now), want);
  assert.equal(removalText(found({ until: { oldest, newest } }), Date.parse(newest)), `Was kept until ${date(oldest)} to ${date(newest)} (21 of 340 files looked at)`);
});

test('archives and rights', () => {
  assert.equal(archiveText(found({ archived: 3, archiveClass: 'GLACIER' })), '3 of 340 files looked at lie in an archive (GLACIER) and cannot be read before the storage has brought them back');
  assert.equal(rightsText(found({ rights: 'ReadOnly' })), 'Read only');
  assert.equal(rightsText(found({})), 'Unknown: the storage does not tell');
});
