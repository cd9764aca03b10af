import test from 'node:test';
import assert from 'node:assert/strict';
import { tiles, towards } from './treemap.js';

const file = (name, size) => ({ name, path: `/${name}`, type: 'file', size });
const folder = {
  path: '/', name: '/', type: 'dir', size: 1000,
  children: [
    { name: 'a', path: '/a', type: 'dir', size: 600, children: [file('a/x', 400), file('a/y', 100)], rest: { count: 7, files: 7, size: 100 } },
    file('b', 300),
    file('empty', 0),
  ],
  rest: { count: 3, files: 3, size: 100 },
};

test('areas follow sizes, and nothing sticks out', () => {
  const list = tiles(folder, 800, 500);
  assert.deepEqual(list.map((t) => t.data.path + (t.data.unlisted ? ' rest' : '')), ['/a', '/a/x', '/a/y', '/a rest', '/b', '/ rest']);
  const [a, x] = list;
  const b = list[4];
  assert.ok(a.holds && !x.holds && !b.holds);
  const ratio = (a.width * a.height) / (b.width * b.height);
  assert.ok(ratio > 1.8 && ratio < 2.2, `${ratio}`);
  for (const t of list) assert.ok(t.x >= 0 && t.y >= 0 && t.x + t.width <= 800 && t.y + t.height <= 500);
  for (const t of list.slice(1, 4)) assert.ok(t.x >= a.x && t.y >= a.y + 20 && t.x + t.width <= a.x + a.width && t.y + t.height <= a.y + a.height);
});

test('a folder without bytes has no tiles', () => {
  assert.deepEqual(tiles({ path: '/', name: '/', type: 'dir', size: 0, children: [file('e', 0)] }, 100, 100), []);
  assert.deepEqual(tiles({ path: '/', name: '/', type: 'dir', size: 0 }, 100, 100), []);
});

test('arrow keys lead to neighbours', () => {
  const at = (x, y) => ({ x, y, width: 10, height: 10 });
  const list = [at(0, 0), at(12, 0), at(0, 12), at(12, 12)];
  assert.equal(towards(list, 0, 'ArrowRight'), 1);
  assert.equal(towards(list, 0, 'ArrowDown'), 2);
  assert.equal(towards(list, 3, 'ArrowUp'), 1);
  assert.equal(towards(list, 0, 'ArrowLeft'), 0);
});
