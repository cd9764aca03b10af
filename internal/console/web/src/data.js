// Data from the API for components. Each question has an entry, which is loaded
// again at intervals and when a lost connection is back. Loaded data stays on
// the screen while another attempt runs, and when it fails.
import { InfiniteQueryObserver, QueryClient, QueryObserver } from '@tanstack/query-core';
import { useEffect, useReducer, useState } from 'preact/hooks';
import { get, lost, user } from './api.js';

/** @typedef {import('./api.js').ApiError} ApiError */
/**
 * @template T
 * @typedef {{ data: T | undefined, error: ApiError | null, loading: boolean, old: boolean, at: number, reload: () => Promise<unknown> }} Loaded
 */

const minute = 60_000;

// client holds all loaded data. An entry lasts for ten minutes after its last
// view.
export const client = new QueryClient({
  defaultOptions: { queries: { retry: false, networkMode: 'always', refetchOnWindowFocus: false, refetchOnReconnect: false, gcTime: 10 * minute } },
});

// One user's data must not be shown to the next one.
user.subscribe((who) => who === null && client.clear());

// Lasting entries are loaded again only after a failure.
lost.subscribe((since) => {
  if (since === null) client.invalidateQueries({ predicate: (q) => !q.meta?.lasts || q.state.status === 'error' });
});

// renewed is called when a session has ended, which may have changed
// everything. It loads the data on the screen again, except for lists that were
// read on page by page.
export function renewed() {
  client.removeQueries({ type: 'inactive', predicate: (q) => q.meta?.lasts === true });
  return client.invalidateQueries({ predicate: (q) => !q.meta?.lasts });
}

// shownSince is the time of the oldest data on the screen, or null.
export function shownSince() {
  const times = client.getQueryCache().findAll({ type: 'active' }).map((q) => q.state.dataUpdatedAt).filter(Boolean);
  return times.length > 0 ? Math.min(...times) : null;
}

/** @returns {any} */
function useObserved(Observer, options) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  const full = { ...client.defaultQueryOptions(options), _optimisticResults: 'optimistic' };
  const [observer] = useState(() => new Observer(client, full));
  const result = observer.getOptimisticResult(full);
  useEffect(() => observer.setOptions(full));
  useEffect(() => observer.subscribe(() => redraw(0)), [observer]);
  return { observer, result };
}

// keepOf keeps the last data visible while the first part of the key stays the
// same.
const keepOf = (key) => (data, before) => (before?.queryKey[0] === key[0] ? data : undefined);

/**
 * useData loads with load(signal). The first part of key says what the data are
 * of; while that is the same, the last data stay until new ones are there.
 * What lasts is not loaded again once it is there, and settles even beyond the
 * end of a session when its key names that.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {unknown[]} key
 * @param {{ every?: number, lasts?: boolean | 'settled', off?: boolean }} [options]
 * @returns {Loaded<T>}
 */
export function useData(load, key, { every = 0, lasts = false, off = false } = {}) {
  const { observer, result } = useObserved(QueryObserver, {
    queryKey: key,
    queryFn: async ({ signal }) => (await load(signal)) ?? null,
    enabled: !off,
    staleTime: lasts ? Infinity : 0,
    meta: { lasts },
    refetchInterval: every ? () => (document.hidden ? 6 * every : every) : false,
    refetchIntervalInBackground: true,
    placeholderData: keepOf(key),
  });
  return {
    data: result.data ?? undefined, error: result.error, loading: result.isFetching, old: result.isPlaceholderData,
    at: result.dataUpdatedAt, reload: () => observer.refetch(),
  };
}

/**
 * useGet loads one path; null loads nothing.
 * @template [T=any]
 * @param {string | null} path
 * @param {{ every?: number, lasts?: boolean, off?: boolean }} [options]
 * @returns {Loaded<T>}
 */
export function useGet(path, options) {
  return useData((signal) => get(/** @type {string} */ (path), { signal }), [path], { ...options, off: path === null || options?.off });
}

/**
 * usePages loads the pages of a list one after the other, and keeps all of them.
 * @template T
 * @param {(cursor: string | undefined, signal: AbortSignal) => Promise<T & { nextCursor?: string }>} load
 * @param {unknown[]} key
 * @param {{ off?: boolean }} [options]
 */
export function usePages(load, key, { off = false } = {}) {
  const { observer, result } = useObserved(InfiniteQueryObserver, {
    queryKey: key,
    queryFn: ({ pageParam, signal }) => load(pageParam || undefined, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextCursor || undefined,
    enabled: !off,
    staleTime: Infinity,
    meta: { lasts: true },
    placeholderData: keepOf(key),
  });
  return {
    /** @type {(T & { nextCursor?: string })[]} */
    pages: off ? [] : result.data?.pages ?? [],
    /** @type {ApiError | null} */
    error: result.error,
    old: result.isPlaceholderData, loading: result.isFetching, next: result.hasNextPage,
    more: () => observer.fetchNextPage({ cancelRefetch: false }),
    retry: () => (result.data && !result.isPlaceholderData ? observer.fetchNextPage() : observer.refetch()),
  };
}

// useNow returns the time, again at intervals, so that ages stay right.
export function useNow(every = 20_000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
