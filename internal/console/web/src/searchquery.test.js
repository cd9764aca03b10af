import test from 'node:test';
import assert from 'node:assert/strict';
import { dayOf, fold, requestOf, sizeOf } from './searchquery.js';

test('a size is read as people write it', () => {
  for (const [text, n] of [['1500', 1500], ['10k', 10240], ['10 KiB', 10240], ['1.5 MB', 1572864], ['1,5m', 1572864], ['2G', 2 ** 31], ['7 bytes', 7]]) {
    assert.equal(sizeOf(text), n, text);
  }
  for (const text of ['', 'k', '-1', '1 x', '1e3', '99999999999t']) assert.equal(sizeOf(text), undefined, text);
});

test('a day ends where the next one begins', () => {
  assert.equal(Date.parse(dayOf('2026-11-24', true)) - Date.parse(dayOf('2026-11-24')), 86_400_000);
  assert.equal(dayOf('yesterday'), undefined);
});

const of = (q) => requestOf(new URLSearchParams(q));
const sent = (q) => JSON.parse(JSON.stringify(of(q).request));

test('an address says what is searched', () => {
  assert.equal(of('').request, null);
  assert.equal(of('mode=pattern&case=1').request, null);
  assert.deepEqual(sent('q=a b'), { query: 'a b' });
  assert.deepEqual(sent('type=dir'), { query: null, type: 'dir' });
  assert.deepEqual(sent('q=x&mode=pattern&case=1&min=1k&path=/a&host=h&tag=t'), { query: 'x', mode: 'pattern', ignoreCase: 'false', minSize: 1024, path: '/a', host: 'h', tag: 't' });
  assert.match(of('q=x&max=big').wrong, /no size/);
  assert.match(of('q=x&after=noon').wrong, /no day/);
});

test('the versions of a path are one line', () => {
  const v = (path, first, type = 'file') => ({ repositoryId: 'r', path, firstRestorePointId: first, entry: { type } });
  const page = fold([], [v('/a', 1), v('/a', 2), v('/b', 1)]);
  assert.deepEqual(page.map((g) => g.versions.length), [2, 1]);
  assert.deepEqual(fold(page, [v('/b', 1), v('/b', 3), v('/c', 1)]).map((g) => g.versions.length), [2, 2, 1]);
  assert.equal(page[1].versions.length, 1);
});
