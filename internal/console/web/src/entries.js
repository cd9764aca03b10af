// Texts about the entries of a restore point.
import { html } from './html.js';
import { trail } from './places.js';
import { Icon } from './ui.js';

const types = {
  file: ['file', 'File'], dir: ['folder', 'Folder'], symlink: ['link', 'Symbolic link'], dev: ['other', 'Block device'],
  chardev: ['other', 'Character device'], fifo: ['other', 'Named pipe'], socket: ['other', 'Socket'],
};

// lostFolder explains an entry whose content is missing.
export const lostFolder = 'The repository has lost the list of what was in this folder: it can be neither opened nor restored.';

export function typeName(type) {
  return types[type]?.[1] ?? 'Other';
}

export function EntryIcon({ type }) {
  return html`<span class="entry-icon ${type}"><${Icon} name=${types[type]?.[0] ?? 'other'} /></span>`;
}

// entryIn reads the name of the entry that an address shows.
export function entryIn(params) {
  const rawName = params.get('rawEntry');
  const name = params.get('entry');
  if (rawName) return { name: '', rawName };
  return name ? { name } : null;
}

// entryParams are an address's parameters for an entry in its folder.
/** @param {{ name: string, rawName?: string }} entry */
export function entryParams({ name, rawName }) {
  return rawName ? { entry: null, rawEntry: rawName } : { entry: name, rawEntry: null };
}

// ownName is the name of the entry at a place.
export function ownName(place) {
  const steps = trail(place);
  const { name } = steps[steps.length - 1];
  if (!place.rawPath || !name.includes('\ufffd')) return { name };
  const bytes = atob(place.rawPath.replaceAll('-', '+').replaceAll('_', '/'));
  const own = bytes.slice(bytes.replace(/\/+$/, '').lastIndexOf('/') + 1);
  return { name, rawName: btoa(own) };
}
