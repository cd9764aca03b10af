// Places in a restore point, and the addresses of their views. A place is a
// path, or its bytes in Base64 if they are not UTF-8.

/** @typedef {{ path: string, rawPath?: string }} Place */

// placeIn reads the place in an address. Without one it is the root.
/** @param {URLSearchParams} params @returns {Place} */
export function placeIn(params) {
  const rawPath = params.get('rawPath');
  return rawPath ? { path: decode(rawPath), rawPath } : { path: params.get('path') || '/' };
}

// at returns the parameters of a place, for the API and for addresses.
/** @param {Place} place @returns {{ path?: string, rawPath?: string }} */
export function at({ path, rawPath }) {
  return rawPath ? { rawPath } : { path };
}

function bytesOf(rawPath) {
  try {
    return atob(rawPath.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '/';
  }
}

function decode(rawPath) {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytesOf(rawPath), (c) => c.charCodeAt(0)));
}

// trail lists the places from the root to this one, with their names.
/** @param {Place} place @returns {(Place & { name: string })[]} */
export function trail(place) {
  const bytes = place.rawPath ? bytesOf(place.rawPath) : null;
  const steps = [{ path: '/', name: '/' }];
  let start = 1;
  for (const part of (bytes ?? place.path).split('/').slice(1)) {
    const end = start + part.length;
    if (part) {
      const upTo = (bytes ?? place.path).slice(0, end);
      const plain = bytes ? decode(btoa(upTo)) : upTo;
      // The bytes are needed only from the first odd name on.
      const odd = bytes && plain.includes('\ufffd');
      const step = odd ? { path: plain, rawPath: btoa(upTo) } : { path: plain };
      steps.push({ ...step, name: bytes ? decode(btoa(part)) : part });
    }
    start = end + 1;
  }
  return steps;
}

// parent is the folder of a place. The root's is the root.
/** @param {Place} place */
export function parent(place) {
  const steps = trail(place);
  return steps[Math.max(0, steps.length - 2)];
}

/** @param {Place} place */
export function nameOf(place) {
  const steps = trail(place);
  return steps[steps.length - 1].name;
}

function address(path, params) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) q.append(name, value);
  const s = q.toString();
  return s ? `${path}?${s}` : path;
}

// The addresses of the views of a place. more are further parameters.
/** @typedef {Record<string, string | null | undefined>} More */
/** @param {string} point @param {Place} place @param {More} [more] */
export const browseAddress = (point, place, more) => address(`/points/${point}/files`, { ...at(place), ...more });
// Without a place the view begins at the first folder that branches.
/** @param {string} point @param {Place} [place] @param {More} [more] */
export const spaceAddress = (point, place, more) => address(`/points/${point}/space`, { ...(place && at(place)), ...more });
/** @param {string} repository @param {Place} place @param {More} [more] */
export const historyAddress = (repository, place, more) => address(`/repositories/${repository}/history`, { ...at(place), ...more });
/** @param {string} before @param {string} after @param {Place} place @param {More} [more] */
export const compareAddress = (before, after, place, more) => address(`/points/${before}/compare`, { with: after, ...at(place), ...more });
/** @param {string} point @param {Place} place */
export const contentAddress = (point, place) => address(`/v6/RestorePoints/${point}/Content`, at(place));

// entryAddress leads to the folder of a place, with the place chosen.
/** @param {string} point @param {Place} place */
export function entryAddress(point, place) {
  const bytes = place.rawPath && bytesOf(place.rawPath);
  return browseAddress(point, parent(place), bytes ? { rawEntry: btoa(bytes.slice(bytes.lastIndexOf('/') + 1)) } : { entry: nameOf(place) });
}
