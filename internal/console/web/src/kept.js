// The state that Back restores: each entry of the browser's history keeps how
// far its view was scrolled and how much of it was opened.
import { useState } from 'preact/hooks';
import { address } from './router.js';

const most = 200; // entries of the history

/** @type {Map<string, Map<string, any>>} */
const entries = new Map();

function of(key) {
  let entry = entries.get(key);
  if (!entry) {
    entry = new Map();
    entries.set(key, entry);
    if (entries.size > most) entries.delete(entries.keys().next().value ?? '');
  }
  return entry;
}

/**
 * useKept is a state that is there again when one comes back to this entry of
 * the history. It goes along from one address of the view to the next.
 * @template T
 * @param {string} name
 * @param {T} initial
 * @returns {[T, (next: T) => void]}
 */
export function useKept(name, initial) {
  const { key } = address.get();
  const [, setTurn] = useState(0);
  const [own] = useState({ key: '', value: initial });
  if (own.key !== key) {
    own.key = key;
    if (of(key).has(name)) own.value = of(key).get(name);
    else of(key).set(name, own.value);
  }
  return [own.value, (next) => {
    own.value = next;
    of(own.key).set(name, next);
    setTurn((n) => n + 1);
  }];
}

const pageName = 'scroll';
const calm = 15; // frames without a change
const boxName = (box) => `scroll ${box.dataset.keepScroll}`;
let restoring = () => {};
let busy = false;

// wasScrolled reports whether the box with this name has a kept position.
export function wasScrolled(name) {
  return busy && of(address.get().key).has(`scroll ${name}`);
}

function remember(event) {
  if (busy) return;
  const entry = of(address.get().key);
  if (event.target === document) entry.set(pageName, scrollY);
  else if (event.target.dataset?.keepScroll) entry.set(boxName(event.target), event.target.scrollTop);
}

// goBackTo scrolls to the position of an entry of the history, as soon as the
// content is long enough. Scrolling by the user ends it.
function goBackTo(key) {
  restoring();
  const wanted = new Map([...of(key)].filter(([name]) => name.startsWith(pageName)));
  if (wanted.size === 0) {
    scrollTo(0, 0);
    return;
  }
  busy = true;
  const stop = () => {
    busy = false;
    for (const name of interruptions) removeEventListener(name, stop, true);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    restoring = () => {};
  };
  let still = 0;
  let before = 0;
  const step = () => {
    const y = wanted.get(pageName);
    const height = document.documentElement.scrollHeight;
    if (y !== undefined && height - innerHeight >= y) {
      scrollTo(0, y);
      // The content above may still grow and push it away.
      still = height === before && Math.abs(scrollY - y) < 2 ? still + 1 : 0;
      if (still > calm) wanted.delete(pageName);
    }
    before = height;
    for (const box of document.querySelectorAll('[data-keep-scroll]')) {
      const top = wanted.get(boxName(box));
      if (top === undefined || box.scrollHeight - box.clientHeight < top) continue;
      box.scrollTop = top;
      wanted.delete(boxName(box));
    }
    if (wanted.size === 0) requestAnimationFrame(stop); // after the events of this scrolling
    else frame = requestAnimationFrame(step);
  };
  const timer = setTimeout(stop, 10_000);
  for (const name of interruptions) addEventListener(name, stop, true);
  restoring = stop;
  let frame = requestAnimationFrame(step);
}

const interruptions = ['wheel', 'touchstart', 'keydown', 'pointerdown'];

// keepScrolling starts to record positions. It is called once.
export function keepScrolling() {
  history.scrollRestoration = 'manual';
  addEventListener('scroll', remember, { capture: true, passive: true });
  addEventListener('pagehide', () => history.replaceState({ ...history.state, y: scrollY }, ''));
  const { y } = history.state ?? {};
  if (y) {
    of(address.get().key).set(pageName, y);
    goBackTo(address.get().key);
  }
  let { key } = address.get();
  address.subscribe((now) => {
    if (now.key === key) return;
    ({ key } = now);
    if (now.back) goBackTo(key);
    else restoring();
  });
}
