// Data from the API for components: loaded when what is asked for changes,
// again at intervals, and again when a lost connection is back.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { connectionLost, get, lost, request } from './api.js';

// useData loads with load(signal) when one of deps changes. The first of them
// says what the data are of; while that is the same, the last data stay visible
// until new ones are there, and when an attempt fails.
export function useData(load, deps, { every } = {}) {
  const [state, setState] = useState({ loading: true });
  const [turn, setTurn] = useState(0);
  const known = useRef(undefined);
  const reload = useCallback(() => setTurn((n) => n + 1), []);

  useEffect(() => {
    if (known.current !== deps[0]) {
      known.current = deps[0];
      setState({ loading: true });
    }
    const abort = new AbortController();
    let timer;
    const run = async () => {
      try {
        const data = await load(abort.signal);
        if (!abort.signal.aborted) setState({ data, loading: false });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((s) => ({ data: s.data, error, loading: false }));
      }
      if (every && !abort.signal.aborted) timer = setTimeout(run, document.hidden ? 6 * every : every);
    };
    run();
    const unsubscribe = lost.subscribe((since) => since === null && reload());
    return () => {
      abort.abort();
      clearTimeout(timer);
      unsubscribe();
    };
  }, [...deps, turn]);

  return { ...state, reload };
}

// useGet loads one path; null loads nothing.
export function useGet(path, options) {
  return useData((signal) => (path ? get(path, { signal }) : Promise.resolve(undefined)), [path], options);
}

// What runs has events: where it is, what they are called, until when it runs.
const sessions = { path: (id) => `/v6/RepositorySynchronizeSessions/${id}`, event: 'session', runs: (s) => s?.state === 'Synchronizing' };
const jobs = { path: (id) => `/v6/RestoreJobs/${id}`, event: 'job', runs: (j) => j?.state === 'Running' };

// watches holds the event stream of whatever is followed on the screen.
const watches = new Map();

function openWatch(kind, id) {
  const path = kind.path(id);
  const watch = { listeners: new Set(), last: null, source: null, timer: null };
  const connect = () => {
    watch.source = new EventSource(`${path}/Events`);
    watch.source.addEventListener(kind.event, (event) => {
      watch.last = JSON.parse(event.data);
      for (const listener of [...watch.listeners]) listener(watch.last);
      if (!kind.runs(watch.last)) watch.source.close();
    });
    watch.source.onerror = () => {
      // The stream ended early: the token has expired, or the server is gone.
      // An ordinary request finds out which, and renews the token.
      watch.source.close();
      clearTimeout(watch.timer);
      watch.timer = setTimeout(retry, 500);
    };
  };
  const retry = async () => {
    try {
      await request('GET', path);
      // By now nobody may look at it any more.
      if (watches.get(id) === watch) connect();
    } catch (error) {
      if (watches.get(id) !== watch) return;
      if (error.status === 0) connectionLost();
      if (error.status !== 404 && error.status !== 401) watch.timer = setTimeout(retry, 2000);
    }
  };
  connect();
  return watch;
}

// useFollowed follows something by its events and returns its latest state.
function useFollowed(kind, known) {
  const [latest, setLatest] = useState(known);
  const running = kind.runs(known);
  useEffect(() => {
    setLatest(known);
    if (!running) return undefined;
    const { id } = known;
    if (!watches.has(id)) watches.set(id, openWatch(kind, id));
    const watch = watches.get(id);
    watch.listeners.add(setLatest);
    if (watch.last) setLatest(watch.last);
    return () => {
      watch.listeners.delete(setLatest);
      if (watch.listeners.size > 0) return;
      clearTimeout(watch.timer);
      watch.source.close();
      watches.delete(id);
    };
  }, [known?.id, running]);
  // What was asked for by hand may be newer than the last event.
  if (!latest || latest.id !== known?.id) return known;
  if (!running || latest.progressPercent < known.progressPercent) return known;
  return latest;
}

export const useSession = (session) => useFollowed(sessions, session);
export const useJob = (job) => useFollowed(jobs, job);

// useNow gives the time, anew every so often, so that ages stay right.
export function useNow(every = 20_000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
