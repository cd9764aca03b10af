// Marks and notes about missing data.
import { html } from './html.js';
import { dateTime, plural } from './format.js';
import { lack, missing } from './missing.js';
import { Icon } from './ui.js';

// Lack marks an incomplete restore point.
export function Lack({ point }) {
  const word = lack(point);
  return word && html`<span class=${`badge ${point.isLost ? 'failed' : 'late'}`} title=${missing(point)}>${word}</span>`;
}

/** @type {Record<string, [string, string]>} */
const timeMarks = {
  Future: ['clock ahead', 'It claims a time after it was first seen: the clock of its machine was ahead.'],
  LateSeen: ['seen late', 'It was not there yet long after the time that it claims: it was copied here later, or the clock of its machine was behind.'],
};

// TimeMark marks a restore point whose time is not to be believed alone.
export function TimeMark({ point }) {
  const mark = timeMarks[point.timeMark];
  return mark && html`<span class="badge late time-mark" title=${mark[1] + (point.firstSeenTime ? ` First seen: ${dateTime(point.firstSeenTime)}.` : '')}>${mark[0]}</span>`;
}

// Note names missing data.
export function Note({ children }) {
  return html`<p class="lacks" role="note"><${Icon} name="warning" size="16" /><span>${children}</span></p>`;
}

// Uncounted names the number of lost folders that numbers leave out.
export function Uncounted({ folders, of = '' }) {
  if (!folders) return null;
  return html`<${Note}>The repository has lost ${plural(folders, 'folder')}${of && ` ${of}`}: what was in ${folders === 1 ? 'it' : 'them'} is not known, and not counted here.<//>`;
}
