import test from 'node:test';
import assert from 'node:assert/strict';

globalThis.location = new URL('https://localhost/');
globalThis.history = {};
const { match } = await import('./router.js');

test('addresses of views hold ids and nothing else', () => {
  const pattern = '/repositories/:id';
  assert.deepEqual(match(pattern, '/repositories/c6d1fc1b-1aef-411f-9a7f-de35e546c615'), { id: 'c6d1fc1b-1aef-411f-9a7f-de35e546c615' });
  for (const id of ['', '..', ':id', '%zz', 'a b', '..%2FRestorePoints%2F1%2FContent%3Fpath=%2Fx', 'a%00']) assert.equal(match(pattern, `/repositories/${id}`), null, id);
  assert.equal(match(pattern, '/repositories/a/b'), null);
});
