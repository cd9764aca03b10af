// Running sessions and restores are followed by their events.
import { useEffect, useState } from 'preact/hooks';
import { connectionLost, request } from './api.js';
import { withBase } from './base.js';

// The kinds of followed work: its address, the name of its events, and whether
// it runs.
const sessions = { path: (id) => `/v6/RepositorySynchronizeSessions/${id}`, event: 'session', runs: (s) => s?.state === 'Synchronizing' };
const jobs = { path: (id) => `/v6/RestoreJobs/${id}`, event: 'job', runs: (j) => j?.state === 'Running' };

// watches holds the event stream of each followed session and restore.
const watches = new Map();

function openWatch(kind, id) {
  const path = kind.path(id);
  /** @type {{ listeners: Set<(latest: any) => void>, last: any, source: any, timer: any }} */
  const watch = { listeners: new Set(), last: null, source: null, timer: null };
  const connect = () => {
    watch.source = new EventSource(withBase(`${path}/Events`));
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
      // No view may follow it any more.
      if (watches.get(id) === watch) connect();
    } catch (problem) {
      const error = /** @type {import('./api.js').ApiError} */ (problem);
      if (watches.get(id) !== watch) return;
      if (error.status === 0) connectionLost();
      if (error.status !== 404 && error.status !== 401) watch.timer = setTimeout(retry, 2000);
    }
  };
  connect();
  return watch;
}

// useFollowed follows a session or restore by its events and returns its latest
// state.
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
  // An answer to a request may be newer than the last event.
  if (!latest || latest.id !== known?.id) return known;
  if (!running || latest.progressPercent < known.progressPercent) return known;
  return latest;
}

export const useSession = (session) => useFollowed(sessions, session);
export const useJob = (job) => useFollowed(jobs, job);
