// The order of search results, and the results that are deleted.

/** @typedef {import('./api.js').Schemas['FoundVersion']} Version */
/** @typedef {{ key: string, repositoryId: string, path: string, rawPath?: string, versions: Version[] }} Group */

// newestOf is the last version.
/** @param {Group} group */
export function newestOf({ versions }) {
  return versions.reduce((a, b) => (Date.parse(b.lastTime) >= Date.parse(a.lastTime) ? b : a));
}

// fit ranks how well a name fits the text, the best with the smallest number:
// the whole name, the name without its ending, its beginning, the beginning of
// a word in it, and any part.
export function fit(name, q) {
  if (!q) return 0;
  const [have, want] = [name.toLowerCase(), q.toLowerCase()];
  if (have === want) return 0;
  if (have.replace(/\.[^.]+$/, '') === want) return 1;
  if (have.startsWith(want)) return 2;
  const at = have.indexOf(want);
  return at > 0 && /[^\p{L}\p{N}]/u.test(have[at - 1]) ? 3 : 4;
}

const time = (text) => (text ? Date.parse(text) : 0);

/** @type {Record<string, [string, (a: any, b: any) => number]>} */
export const orders = {
  best: ['Best first', (a, b) => a.fit - b.fit || b.modified - a.modified],
  modified: ['Last modified first', (a, b) => b.modified - a.modified],
  size: ['Largest first', (a, b) => b.size - a.size],
  path: ['By path', () => 0],
};

// inOrder sorts results. Equal ones keep the order of their paths.
/** @param {Group[]} groups @param {string} order @param {string} q */
export function inOrder(groups, order, q) {
  const known = groups.map((group) => {
    const { entry, lastTime } = newestOf(group);
    return { group, fit: fit(entry.name, q), modified: time(entry.modifyTime ?? lastTime), size: entry.type === 'file' ? entry.size : -1 };
  });
  return known.sort((orders[order] ?? orders.best)[1]).map(({ group }) => group);
}

// goneFrom names the machine whose newest backup of these folders lacks a path,
// or returns null. A backup without some of its folders decides nothing. points
// are those of the repository, the newest first, or undefined while unknown.
/** @param {Group} group @param {import('./resources.js').Point[] | undefined} points */
export function goneFrom(group, points) {
  const last = newestOf(group);
  const point = points?.find((p) => p.id === last.lastRestorePointId);
  if (!points || !point) return null;
  const folders = point.paths.join('\0');
  const newest = points.find((p) => p.hostName === point.hostName && p.paths.join('\0') === folders);
  if (newest?.isIncomplete) return null; // it may be in what is lost
  return newest && newest.id !== point.id && Date.parse(newest.backupTime) > Date.parse(point.backupTime) ? point.hostName : null;
}
