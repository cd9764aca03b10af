// Words about what a storage told of the removal of a repository's files.
import { date, plural } from './format.js';

/** @typedef {NonNullable<import('./resources.js').Repository['immutability']>} Immutability */

// removalText says until when files are kept from removal.
/** @param {Immutability} found */
export function removalText(found, now = Date.now()) {
  const { state, until, sample, legalHolds: held } = found;
  const of = (n) => `${n} of ${plural(sample.looked, 'file')} looked at`;
  if (state === 'Unknown') return `Unknown: ${found.error ?? 'the storage does not tell'}`;
  if (state === 'NotKept') return sample.isWhole ? 'The storage keeps no file from removal' : `No file is kept (${of(0)})`;
  const parts = [];
  if (until) {
    const ended = Date.parse(until.newest) <= now;
    const days = [...new Set([date(until.oldest), date(until.newest)])].join(' to ');
    parts.push(`${ended ? 'Was kept' : 'Kept'} until ${days} (${of(sample.kept)})`);
  }
  if (held > 0) parts.push(`${parts.length ? 'legal hold' : 'Legal hold'} without an end (${of(held)})`);
  return parts.join('; ');
}

// archiveText says how many files must be brought back before they can be read.
/** @param {Immutability} found */
export function archiveText({ archived, archiveClass, sample }) {
  return `${archived} of ${plural(sample.looked, 'file')} looked at lie in an archive${archiveClass ? ` (${archiveClass})` : ''} and cannot be read before the storage has brought them back`;
}

/** @param {Immutability} found */
export function rightsText({ rights }) {
  return { ReadOnly: 'Read only', MayChange: 'Can write, which Syncline does not need' }[rights] ?? 'Unknown: the storage does not tell';
}
