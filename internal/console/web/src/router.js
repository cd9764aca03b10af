// Addresses. Each view has one, which is enough to open the same view
// elsewhere.
import { withBase, withoutBase } from './base.js';
import { createStore } from './store.js';

/** @typedef {{ path: string, params: URLSearchParams, key: string, back: boolean }} Address */

const first = 'first'; // the key of the entry of the history that the page began with

/** @returns {Address} */
const read = (back = false) => ({ path: withoutBase(location.pathname) ?? location.pathname, params: new URLSearchParams(location.search), key: history.state?.key ?? first, back });

/** @type {import('./store.js').Store<Address>} */
export const address = createStore(read());

/** @param {string} href */
export function navigate(href, { replace = false } = {}) {
  const key = replace ? read().key : crypto.randomUUID();
  history[replace ? 'replaceState' : 'pushState']({ key }, '', withBase(href));
  address.set(read());
  if (!replace) scrollTo(0, 0);
}

// setParams changes parameters of the present address. An empty value drops
// one.
export function setParams(changes, { replace = true } = {}) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === '' || value === false) params.delete(name);
    else params.set(name, value);
  }
  const q = params.toString();
  navigate(read().path + (q ? `?${q}` : ''), { replace });
}

// match compares a path with a pattern such as /repositories/:id. The value of
// :id becomes a part of requests, so it must be an id.
export function match(pattern, path) {
  const want = pattern.split('/');
  const have = path.split('/');
  if (want.length !== have.length) return null;
  const found = {};
  for (let i = 0; i < want.length; i++) {
    const named = want[i].startsWith(':');
    if (named ? !/^[\w-]+$/.test(have[i]) : want[i] !== have[i]) return null;
    if (named) found[want[i].slice(1)] = have[i];
  }
  return found;
}

/** @type {(path: string) => boolean} */
let known = () => false;

// hasView reports whether a view has this address.
export function hasView(href) {
  return known(new URL(href, location.href).pathname);
}

// listen handles clicks on links to views.
export function listen(isView) {
  known = isView;
  addEventListener('popstate', () => address.set(read(true)));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element && /** @type {HTMLAnchorElement | null} */ (event.target.closest('a[href]'));
    if (!link || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href, location.href);
    const path = withoutBase(url.pathname);
    if (url.origin !== location.origin || path === null || !isView(path) || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    navigate(path + url.search);
  });
}
