// Snapshots of a repository that are no restore points.
import { html } from '../html.js';
import { plural } from '../format.js';
import { useKept } from '../kept.js';
import { hiddenInOrder, newestUnseen } from '../missing.js';
import { Icon, Name, Problem, Time } from '../ui.js';

const reasons = {
  NotSynchronized: 'not synchronized yet',
  Damaged: 'its file is damaged, so nothing but its id is known',
};
const shownFirst = 5;

// Hidden lists them, and says when the newest snapshot is one of them.
/** @param {{ hidden: import('../data.js').Loaded<import('../resources.js').HiddenSnapshot[]>, points: import('../resources.js').Point[] }} props */
export function Hidden({ hidden, points }) {
  const [all, setAll] = useKept('hidden', false);
  const list = hiddenInOrder(hidden.data ?? []);
  if (hidden.error?.status && hidden.error.status !== 409) return html`<${Problem} error=${hidden.error} retry=${hidden.reload} />`;
  if (list.length === 0) return null;
  const shown = all ? list : list.slice(0, shownFirst);
  const newest = newestUnseen(list, points);
  return html`<section class="card hidden-snapshots" aria-labelledby="hidden-title">
    <h2 id="hidden-title"><${Icon} name="warning" /> ${plural(list.length, 'snapshot')} ${list.length === 1 ? 'is' : 'are'} in the repository and cannot be shown</h2>
    ${newest && html`<p>${newest}</p>`}
    <ul>${shown.map((h) => html`<li key=${h.snapshotId}>
      <code title=${h.snapshotId}>${h.snapshotId.slice(0, 8)}</code>
      ${h.backupTime ? html`<span><${Time} at=${h.backupTime} /> <${Name} text=${h.hostName ?? ''} /></span>` : html`<span class="quiet-text">time and host are not known</span>`}
      <span class="grow cut">${(h.paths ?? []).map((p) => html`<${Name} key=${p} text=${p} /> `)}</span>
      <span class="badge ${h.reason === 'Damaged' ? 'failed' : 'behind'}" title=${reasons[h.reason] ?? ''}>${h.reason === 'Damaged' ? 'damaged' : 'not synchronized'}</span></li>`)}</ul>
    ${list.length > shownFirst && html`<button class="quiet small" onClick=${() => setAll(!all)}>${all ? 'Show fewer' : `Show all ${list.length}`}</button>`}
  </section>`;
}
