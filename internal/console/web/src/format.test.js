import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, bytes, plural, short, span, took, visible } from './format.js';

const minute = 60_000;
const day = 24 * 60 * minute;

test('sizes have three digits that matter', () => {
  for (const [n, want] of [[0, '0 bytes'], [1, '1 byte'], [1023, '1023 bytes'], [1024, '1.00 KiB'], [1023 * 1024, '1.00 MiB'],
    [10 * 1024 * 1024, '10.0 MiB'], [123 * 2 ** 30, '123 GiB'], [2 ** 60, '1.00 EiB'], [null, '']]) {
    assert.equal(bytes(n), want);
  }
});

test('spans are in the unit that people would take', () => {
  for (const [ms, want] of [[500, 'under a second'], [59_000, '59 seconds'], [minute, '1 minute'], [23 * 60 * minute, '23 hours'],
    [day, '1 day'], [13 * day, '13 days'], [14 * day, '2 weeks'], [70 * day, '2 months'], [800 * day, '2 years']]) assert.equal(span(ms), want);
  assert.equal(ago(1_000_000, 1_000_000 + 3 * day), '3 days ago');
  assert.equal(ago(1_000_000 + 3 * day, 1_000_000), 'in 3 days');
  assert.equal(ago(1_000_000, 1_020_000), 'just now');
});

test('durations can be compared', () => {
  for (const [ms, want] of [[3, '3 ms'], [944, '940 ms'], [1000, '1.0 s'], [59_000, '59 s'], [80_000, '1 min 20 s'], [3_660_000, '1 h 1 min']]) {
    assert.equal(took(ms), want);
  }
});

test('numbers are grouped and nouns agree', () => {
  assert.equal(plural(1, 'file'), '1 file');
  assert.equal(plural(1234567, 'entry', 'entries'), '1,234,567 entries');
});

test('what hides or turns text is shown', () => {
  assert.equal(visible('plain ä 日本語 🗄️.bin'), 'plain ä 日本語 🗄️.bin');
  assert.equal(visible('a\u202egpj.exe'), 'a<U+202E>gpj.exe');
  assert.equal(visible('new\nline\u0000'), 'new␊line␀');
  assert.equal(visible('zero\u200bwidth'), 'zero<U+200B>width');
  assert.equal(short('x'.repeat(200), 21).length, 21);
});
