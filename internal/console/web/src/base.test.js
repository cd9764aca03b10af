import test from 'node:test';
import assert from 'node:assert/strict';

globalThis.location = new URL('https://localhost/syncline/search?q=a');
globalThis.history = {};
globalThis.document = { querySelector: () => ({ getAttribute: () => '/syncline' }) };
const { withBase, withoutBase } = await import('./base.js');
const { address, hasView } = await import('./router.js');
const { html } = await import('./html.js');

test('the base goes in front of paths of this server and of nothing else', () => {
  assert.equal(withBase('/points/1?x=/a'), '/syncline/points/1?x=/a');
  assert.equal(withBase('/'), '/syncline/');
  for (const other of ['#main', 'https://x/y', '//x/y', '']) assert.equal(withBase(other), other);
});

test('addresses below the base are those of views', () => {
  assert.equal(withoutBase('/syncline'), '/');
  assert.equal(withoutBase('/syncline/'), '/');
  assert.equal(withoutBase('/syncline/search'), '/search');
  for (const other of ['/', '/search', '/synclines', '/x/syncline']) assert.equal(withoutBase(other), null);
  assert.equal(address.get().path, '/search');
  assert.equal(hasView('/search'), false); // no views are known here
});

test('links have the base, and components get addresses without it', () => {
  assert.equal(html`<a href="/attach">x</a>`.props.href, '/syncline/attach');
  assert.equal(html`<a href="#main">x</a>`.props.href, '#main');
  const Link = () => null;
  assert.equal(html`<${Link} href="/attach" />`.props.href, '/attach');
});
