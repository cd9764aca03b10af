// The path under which a reverse proxy has this server, such as /syncline. The
// views and the requests name addresses without it. It is put in front where they
// go to the browser, and taken off where they come from there.

// base is the path, "" for none.
export const base = globalThis.document?.querySelector?.('meta[name="syncline-base"]')?.getAttribute('content') ?? '';

/** @param {string} path @returns {string} */
export const withBase = (path) => (path.startsWith('/') && !path.startsWith('//') ? base + path : path);

// withoutBase returns null for a path that is not below the base.
/** @param {string} path @returns {string | null} */
export function withoutBase(path) {
  if (path !== base && !path.startsWith(`${base}/`)) return null;
  return path.slice(base.length) || '/';
}
