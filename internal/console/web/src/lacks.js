// Marks and notes about missing data.
import { html } from './html.js';
import { plural } from './format.js';
import { lack, missing } from './missing.js';
import { Icon } from './ui.js';

// Lack marks an incomplete restore point.
export function Lack({ point }) {
  const word = lack(point);
  return word && html`<span class=${`badge ${point.isLost ? 'failed' : 'late'}`} title=${missing(point)}>${word}</span>`;
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
