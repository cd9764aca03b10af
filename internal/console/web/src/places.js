// Places in a restore point, and the addresses of what can be seen there. A
// place is a path, or, where its bytes are not UTF-8, those in Base64.

// placeIn reads the place that an address names; without one it is the root.
export function placeIn(params) {
  const rawPath = params.get('rawPath');
  return rawPath ? { path: decode(rawPath), rawPath } : { path: params.get('path') || '/' };
}

// at are the parameters that name a place, for the API and for addresses.
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
export function trail(place) {
  const bytes = place.rawPath ? bytesOf(place.rawPath) : null;
  const steps = [{ path: '/', name: '/' }];
  let end = 0;
  let start = 1;
  for (const part of (bytes ?? place.path).split('/').slice(1)) {
    end = start + part.length;
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

// parent is the folder that a place lies in; the root's is the root.
export function parent(place) {
  const steps = trail(place);
  return steps[Math.max(0, steps.length - 2)];
}

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
export const browseAddress = (point, place, more) => address(`/points/${point}/files`, { ...at(place), ...more });
export const spaceAddress = (point, place, more) => address(`/points/${point}/space`, { ...at(place), ...more });
export const historyAddress = (repository, place, more) => address(`/repositories/${repository}/history`, { ...at(place), ...more });
export const compareAddress = (before, after, place, more) => address(`/points/${before}/compare`, { with: after, ...at(place), ...more });
export const contentAddress = (point, place) => address(`/v6/RestorePoints/${point}/Content`, at(place));

// entryAddress leads to the folder that a place lies in, with the place chosen.
export function entryAddress(point, place) {
  const bytes = place.rawPath && bytesOf(place.rawPath);
  return browseAddress(point, parent(place), bytes ? { rawEntry: btoa(bytes.slice(bytes.lastIndexOf('/') + 1)) } : { entry: nameOf(place) });
}
