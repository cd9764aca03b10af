// Downloads of one or several entries. The browser itself makes the request,
// so that what is saved may be of any size.
import { begins, query } from './api.js';
import { contentAddress } from './places.js';

// formats are those of archives, as the API names them.
export const formats = ['zip', 'tar', 'tar.gz', 'tar.zst'];

// So many entries at most are asked for by their paths, and so many characters
// of them. The folder itself can always be.
export const maxChosen = 500;
const maxAddress = 100_000;

// downloadAddress is where one file, or else an archive of all entries, is.
export function downloadAddress(point, entries, format) {
  if (entries.length === 1 && entries[0].type === 'file') return contentAddress(point, entries[0]);
  return query(`/v6/RestorePoints/${point}/Archive`, {
    path: entries.filter((e) => !e.rawPath).map((e) => e.path),
    rawPath: entries.filter((e) => e.rawPath).map((e) => e.rawPath),
    format,
  });
}

// save saves what is at an address, after it has been asked whether the server
// gives it: a browser does not tell why a download fails.
export async function save(address) {
  if (address.length > maxAddress) throw new Error('The names of what is selected are too long for one download. Select less, or the folder as a whole.');
  await begins(address);
  const link = Object.assign(document.createElement('a'), { href: address, download: '' });
  document.body.append(link);
  link.click();
  link.remove();
}
