// The entries of one folder of any length. The pages in view are loaded, and
// entries are kept by their index in the folder's order.
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { get, lost, query } from './api.js';
import { client } from './data.js';
import { at } from './places.js';

const pageSize = 500;
const atOnce = 2; // requests

client.setQueryDefaults(['entries'], { meta: { lasts: true } });

export class Listing {
  /** @type {number | null} */
  total = null; // until it is known
  /** @type {import('./api.js').ApiError | null} */
  error = null;
  /** @type {Map<number, any>} */
  entries = new Map(); // by index
  /** @type {Map<unknown, AbortController | true>} */
  #pages = new Map(); // an AbortController while it is loaded, then true
  #wanted = [0, 0];
  #ended = false;

  constructor({ pointId, place, sort, order }, changed) {
    this.path = `/v6/RestorePoints/${pointId}/Entries`;
    this.params = { ...at(place), sort, order, foldersFirst: true };
    this.key = ['entries', this.path, this.params];
    this.changed = changed;
    // Entries that were loaded before are there at once.
    for (const [key, page] of client.getQueriesData({ queryKey: this.key })) {
      if (!page) continue;
      this.#fill(page);
      if (Number.isInteger(key[3])) this.#pages.set(key[3], true);
    }
  }

  // want sets the range of entries in view, from first up to end, exclusive.
  want(first, end) {
    this.#wanted = [first, end];
    if (!this.error) this.#load();
  }

  // at returns an entry, and loads it if necessary.
  async at(index) {
    if (!this.entries.has(index)) await this.#page(Math.floor(index / pageSize));
    return this.entries.get(index);
  }

  // find returns the index of the entry with this name, or of the first one
  // whose name begins with it, or -1.
  async find(entry) {
    if (this.complete() && !entry.rawName) return this.#findLoaded(entry.name);
    const abort = new AbortController();
    this.#pages.set(abort, abort);
    try {
      const page = await get(query(this.path, { ...this.params, ...(entry.rawName ? { rawFind: entry.rawName } : { find: entry.name }), limit: pageSize }), { signal: abort.signal });
      this.#keep(page);
      return page.offset < page.total ? page.offset : -1;
    } finally {
      this.#pages.delete(abort);
    }
  }

  complete() {
    return this.total !== null && this.entries.size === this.total;
  }

  // retry loads the wanted entries again, after a failure.
  retry() {
    this.error = null;
    this.#load();
  }

  end() {
    this.#ended = true;
    for (const page of this.#pages.values()) if (page !== true) page.abort();
  }

  #findLoaded(name) {
    const begin = name.toLowerCase();
    let prefix = -1;
    for (let i = 0; i < (this.total ?? 0); i++) {
      const other = this.entries.get(i).name;
      if (other === name) return i;
      if (prefix < 0 && other.toLowerCase().startsWith(begin)) prefix = i;
    }
    return prefix;
  }

  // Two requests at a time, for the entries wanted at that moment: a quick drag
  // to the end does not load everything on its way.
  #load() {
    const [first, end] = this.#wanted;
    const last = Math.floor(Math.max(first, end - 1, 0) / pageSize);
    for (let page = Math.floor(first / pageSize); page <= last; page++) {
      const busy = [...this.#pages.values()].filter((p) => p !== true).length;
      if (busy >= atOnce || this.#ended) return;
      if (this.#pages.has(page) || (this.total !== null && page > 0 && page * pageSize >= this.total)) continue;
      this.#page(page).then(() => this.#load(), () => {});
    }
  }

  async #page(page) {
    const abort = new AbortController();
    this.#pages.set(page, abort);
    try {
      const found = await get(query(this.path, { ...this.params, offset: page * pageSize || null, limit: pageSize }), { signal: abort.signal });
      client.setQueryData([...this.key, page], found);
      this.#pages.set(page, true);
      this.#keep(found);
    } catch (error) {
      this.#pages.delete(page);
      if (!this.#ended) {
        this.error = /** @type {import('./api.js').ApiError} */ (error);
        this.changed();
      }
      throw error;
    }
  }

  #keep(page) {
    if (this.#ended) return;
    this.#fill(page);
    this.changed();
  }

  #fill(page) {
    this.total = page.total;
    page.results.forEach((entry, i) => this.entries.set(page.offset + i, entry));
  }
}

// useListing returns the listing for a question, and another one for another
// question.
export function useListing(question) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  const key = JSON.stringify(question);
  /** @type {{ current: { key: string, listing: Listing } | any }} */
  const ref = useRef(null);
  if (ref.current?.key !== key) {
    ref.current?.listing.end();
    const listing = new Listing(question, () => ref.current?.listing === listing && redraw(0));
    ref.current = { key, listing };
  }
  useEffect(() => {
    const unsubscribe = lost.subscribe((since) => since === null && ref.current.listing.error && ref.current.listing.retry());
    return () => {
      unsubscribe();
      ref.current.listing.end();
    };
  }, []);
  return ref.current.listing;
}
