// The address of a search as a request to the API.

const units = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

// sizeOf reads a size such as 1500, 10k or 1.5 GiB, or returns undefined.
export function sizeOf(text) {
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*(?:([kmgt])(?:i?b)?|b|bytes?)?\s*$/i.exec(text);
  if (!found) return undefined;
  const n = Math.round(Number(found[1].replace(',', '.')) * units[(found[2] ?? '').toLowerCase()]);
  return n <= Number.MAX_SAFE_INTEGER ? n : undefined;
}

// dayOf returns the moment at which a day begins in the reader's zone, or the
// next day does. It returns undefined for a text that is no day.
export function dayOf(text, next = false) {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!found) return undefined;
  const day = new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3]) + (next ? 1 : 0));
  return Number.isNaN(day.getTime()) ? undefined : day.toISOString();
}

// filters are the parameters of an address that narrow a search.
export const filters = ['mode', 'case', 'type', 'min', 'max', 'after', 'before', 'host', 'tag', 'repository', 'path', 'rawPath'];

// requestOf returns the request's parameters, or what is wrong with them, or
// null without a question.
export function requestOf(params) {
  const value = (name) => params.get(name)?.trim() || undefined;
  if (!params.get('q') && !filters.some((f) => f !== 'mode' && f !== 'case' && value(f))) return { request: null };
  const request = {
    query: params.get('q'), mode: value('mode') === 'pattern' ? 'pattern' : undefined, ignoreCase: value('case') ? 'false' : undefined,
    type: value('type'), host: value('host'), tag: value('tag'), repositoryId: value('repository'),
    ...(value('rawPath') ? { rawPath: value('rawPath') } : { path: value('path') }),
  };
  for (const [name, field] of [['min', 'minSize'], ['max', 'maxSize']]) {
    if (value(name)) request[field] = sizeOf(value(name));
    if (value(name) && request[field] === undefined) return { wrong: `“${value(name)}” is no size. Write for example 500k, 10 MB or 1.5 GB.` };
  }
  for (const [name, field] of [['after', 'modifiedAfter'], ['before', 'modifiedBefore']]) {
    if (value(name)) request[field] = dayOf(value(name), name === 'before');
    if (value(name) && !request[field]) return { wrong: `“${value(name)}” is no day. Write it as 2026-11-24.` };
  }
  return { request };
}

// fold joins the versions of one path, which follow one another. A version that
// repeats after a synchronization counts once.
export function fold(groups, results) {
  const out = [...groups];
  for (const v of results) {
    const key = `${v.repositoryId} ${v.rawPath ?? v.path}`;
    const last = out[out.length - 1];
    if (last?.key !== key) {
      out.push({ key, repositoryId: v.repositoryId, path: v.path, rawPath: v.rawPath, versions: [v] });
      continue;
    }
    const again = (o) => o.firstRestorePointId === v.firstRestorePointId && o.entry.type === v.entry.type;
    const versions = [...last.versions.filter((o) => !again(o)), v];
    out[out.length - 1] = { ...last, versions };
  }
  return out;
}
