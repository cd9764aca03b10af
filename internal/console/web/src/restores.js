// Restores on the server: their requests, and texts about the jobs.
import { bytes, count, localDay, plural, took } from './format.js';

// overwriting are the values of Overwrite, with the API's names.
export const overwriting = [
  ['Always', 'Replace what differs in content'],
  ['IfChanged', 'Replace what differs in size or time'],
  ['IfNewer', 'Replace only what is older'],
  ['Never', 'Keep them all'],
];

// wrongFolder says what is wrong with a folder below a target, or returns null.
export function wrongFolder(folder) {
  return folder.split('/').some((part) => part === '.' || part === '..') ? 'Write the folder without “.” and “..”: it lies below the allowed one.' : null;
}

// jobBody is the body of the request that starts a job. Another node than the one with the
// folder refuses it.
export function jobBody(entries, { target, proxyId, folder, overwrite, verify }) {
  const below = folder.split('/').filter(Boolean).join('/');
  return {
    targetPath: [target.replace(/\/+$/, ''), below].filter(Boolean).join('/') || '/',
    paths: entries.filter((e) => !e.rawPath).map((e) => e.path),
    rawPaths: entries.filter((e) => e.rawPath).map((e) => e.rawPath),
    overwrite,
    verify,
    proxyId,
  };
}

// folderFor suggests a folder for the files of a restore point. Its host's name
// may be any text.
export function folderFor(point) {
  const host = point.hostName.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 60);
  return [host, localDay(point.backupTime)].filter(Boolean).join('-');
}

export function kindOf(job) {
  return { Running: 'running', Succeeded: 'synced', Failed: 'failed', Stopped: 'stopped' }[job.state];
}

export function wordFor(job) {
  if (job.state === 'Running') return job.startTime ? `${job.progressPercent} %` : 'Waiting';
  return job.state === 'Succeeded' ? 'Success' : job.state;
}

export function lengthOf(job, now = Date.now()) {
  return job.startTime ? took((job.endTime ? Date.parse(job.endTime) : now) - Date.parse(job.startTime)) : '';
}

// doneOf says how much a job has restored.
export function doneOf({ state, statistics: s }) {
  if (state === 'Running' && s.totalFiles === 0) return 'counting';
  const files = s.files === s.totalFiles ? plural(s.files, 'file') : `${count(s.files)} of ${plural(s.totalFiles, 'file')}`;
  return s.failed > 0 ? `${files}, ${count(s.failed)} failed` : `${files}, ${bytes(s.totalBytes)}`;
}
