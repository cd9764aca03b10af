// A value that components follow.
import { useEffect, useRef, useState } from 'preact/hooks';

/**
 * @template T
 * @typedef {{ get(): T, set(next: T): void, subscribe(listener: (value: T) => void): () => void }} Store
 */

/**
 * @template T
 * @param {T} value
 * @returns {Store<T>}
 */
export function createStore(value) {
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/**
 * @template T
 * @param {Store<T>} store
 */
export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(store.get()); // it may have changed before the subscription
    return store.subscribe(setValue);
  }, [store]);
  return value;
}

/**
 * useElement is a ref for an element, which is there once the view is drawn.
 * @returns {{ current: any }}
 */
export function useElement() {
  return useRef(null);
}
