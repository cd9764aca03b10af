// The marks and notes of what is missing.
import { html } from './html.js';
import { plural } from './format.js';
import { lack, missing } from './missing.js';
import { Icon } from './ui.js';

// Lack marks a restore point that is not whole.
export function Lack({ point }) {
  const word = lack(point);
  return word && html`<span class=${`badge ${point.isLost ? 'failed' : 'late'}`} title=${missing(point)}>${word}</span>`;
}

// Note tells of something that is missing.
export function Note({ children }) {
  return html`<p class="lacks" role="note"><${Icon} name="warning" size="16" /><span>${children}</span></p>`;
}

// Uncounted tells how many folders were lost of what numbers are about.
export function Uncounted({ folders, of = '' }) {
  if (!folders) return null;
  return html`<${Note}>The repository has lost ${plural(folders, 'folder')}${of && ` ${of}`}: what was in ${folders === 1 ? 'it' : 'them'} is not known, and not counted here.<//>`;
}
