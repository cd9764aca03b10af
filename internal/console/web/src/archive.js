// Downloads of one or several entries. The browser itself makes the request, so
// a saved file may have any size.
import { begins, query } from './api.js';
import { withBase } from './base.js';
import { contentAddress } from './places.js';

// formats are the formats of archives, with the API's names.
export const formats = ['zip', 'tar', 'tar.gz', 'tar.zst'];

// Bounds of a request by paths: the number of entries, and their characters. A
// request for the folder itself has no such bound.
export const maxChosen = 500;
const maxAddress = 100_000;

// downloadAddress is the address of one file, or of an archive of all entries.
export function downloadAddress(point, entries, format) {
  if (entries.length === 1 && entries[0].type === 'file') return contentAddress(point, entries[0]);
  return query(`/v6/RestorePoints/${point}/Archive`, {
    path: entries.filter((e) => !e.rawPath).map((e) => e.path),
    rawPath: entries.filter((e) => e.rawPath).map((e) => e.rawPath),
    format,
  });
}

// save saves the answer of an address. It first asks whether the server gives
// it, because a browser does not tell why a download fails.
export async function save(address) {
  if (address.length > maxAddress) throw new Error('The names of what is selected are too long for one download. Select less, or the folder as a whole.');
  await begins(address);
  const link = Object.assign(document.createElement('a'), { href: withBase(address), download: '' });
  document.body.append(link);
  link.click();
  link.remove();
}
