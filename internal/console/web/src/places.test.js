import test from 'node:test';
import assert from 'node:assert/strict';
import { at, compareAddress, entryAddress, nameOf, parent, placeIn, trail } from './places.js';

const raw = btoa('/a/\xff b/c\xc3\xa4');

test('places are read from addresses', () => {
  assert.deepEqual(placeIn(new URLSearchParams('')), { path: '/' });
  assert.deepEqual(placeIn(new URLSearchParams({ path: '/a b/%' })), { path: '/a b/%' });
  assert.deepEqual(placeIn(new URLSearchParams({ rawPath: raw })), { path: '/a/\ufffd b/cä', rawPath: raw });
  assert.deepEqual(placeIn(new URLSearchParams({ rawPath: raw.replaceAll('/', '_') })).path, '/a/\ufffd b/cä');
  assert.equal(placeIn(new URLSearchParams({ rawPath: '???' })).path, '/');
});

test('a name may begin with a byte order mark', () => {
  const steps = trail(placeIn(new URLSearchParams({ rawPath: btoa('/\xff/\xef\xbb\xbfx') })));
  assert.deepEqual(steps.map((s) => s.name), ['/', '\ufffd', '\ufeffx']);
});

test('only one way of naming a place is sent', () => {
  assert.deepEqual(at({ path: '/x', rawPath: 'L3g=' }), { rawPath: 'L3g=' });
  assert.deepEqual(at({ path: '/x' }), { path: '/x' });
  assert.equal(compareAddress('1', '2', { path: '/a&b' }), '/points/1/compare?with=2&path=%2Fa%26b');
});

test('the way to a place', () => {
  assert.deepEqual(trail({ path: '/' }), [{ path: '/', name: '/' }]);
  assert.deepEqual(trail({ path: '/a//b/' }).map((s) => s.name), ['/', 'a', 'b']);
  assert.deepEqual(trail({ path: '/a/b' })[2], { path: '/a/b', name: 'b' });
  const steps = trail(placeIn(new URLSearchParams({ rawPath: raw })));
  assert.deepEqual(steps.map((s) => s.name), ['/', 'a', '\ufffd b', 'cä']);
  assert.equal(steps[1].rawPath, undefined);
  assert.equal(steps[2].rawPath, btoa('/a/\xff b'));
  assert.equal(steps[3].rawPath, raw);
  assert.equal(parent({ path: '/' }).path, '/');
  assert.equal(parent({ path: '/a/b' }).path, '/a');
  assert.equal(nameOf({ path: '/a/b' }), 'b');
});

test('an entry is chosen in its folder', () => {
  assert.equal(entryAddress('1', { path: '/a/b' }), '/points/1/files?path=%2Fa&entry=b');
  const odd = new URLSearchParams(entryAddress('1', { path: '/a/\ufffd', rawPath: btoa('/a/\xff') }).split('?')[1]);
  assert.deepEqual([odd.get('path'), odd.get('rawEntry')], ['/a', btoa('\xff')]);
});
