// Another restore point, at the same place.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { dateTime, plural, visible } from '../format.js';
import { Lack, Note } from '../lacks.js';
import { newestUnseen } from '../missing.js';
import { useHidden } from '../resources.js';
import { useElement } from '../store.js';
import { useBoxRows } from '../table.js';
import { Ago, Icon, Name, Time, useModal } from '../ui.js';

// neighbours are the restore points of the same machine before and after one,
// of the same folders if there are such. points come newest first.
/**
 * @param {import('../resources.js').Point[]} points
 * @param {import('../resources.js').Point} point
 */
export function neighbours(points, point) {
  const at = points.findIndex((p) => p.id === point.id);
  const same = (p) => p.hostName === point.hostName;
  const alike = (p) => same(p) && p.paths.join('\0') === point.paths.join('\0');
  const older = points.slice(at + 1);
  const newer = points.slice(0, Math.max(at, 0)).reverse();
  return { before: older.find(alike) ?? older.find(same), after: newer.find(alike) ?? newer.find(same) };
}

// PointSwitch goes to the neighbours and to any other restore point. link gives
// the address of one.
export function PointSwitch({ points, point, link }) {
  const [open, setOpen] = useState(false);
  const { before, after } = useMemo(() => neighbours(points, point), [points, point]);
  const step = (to, sign, text) => {
    const label = to ? `${text}: ${dateTime(to.backupTime)}` : `There is no ${text.toLowerCase()} of this host`;
    return to ? html`<a class="button icon-only" href=${link(to.id)} title=${label} aria-label=${label}>${sign}</a>`
      : html`<button class="icon-only" disabled aria-label=${label}>${sign}</button>`;
  };
  return html`<div class="switch" role="group" aria-label="Restore point">
    ${step(before, '‹', 'Earlier restore point')}
    <button onClick=${() => setOpen(true)} aria-haspopup="dialog"><${Time} at=${point.backupTime} /><${Icon} name="down" size="15" /></button>
    ${step(after, '›', 'Later restore point')}
    ${open && html`<${Choice} points=${points} point=${point} link=${link} onClose=${() => setOpen(false)} />`}
  </div>`;
}

function Choice({ points, point, link, onClose }) {
  const dialog = useModal();
  const hosts = useMemo(() => [...new Set(points.map((p) => p.hostName))].sort(), [points]);
  const [host, setHost] = useState(hosts.length > 1 ? point.hostName : '');
  const hidden = useHidden(point.repositoryId).data ?? [];
  const shown = useMemo(() => (host ? points.filter((p) => p.hostName === host) : points), [points, host]);
  return html`<dialog ref=${dialog} class="choice" aria-labelledby="choice-title" onClose=${onClose}>
    <div class="choice-head"><h2 id="choice-title">Choose a restore point</h2>
      <button class="quiet icon-only" aria-label="Close" onClick=${onClose}>✕</button></div>
    ${hosts.length > 1 && html`<label>Host<select value=${host} onChange=${(e) => setHost(e.target.value)}>
      <option value="">All hosts</option>${hosts.map((h) => html`<option key=${h} value=${h}>${visible(h).slice(0, 120)}</option>`)}</select></label>`}
    <p class="quiet-text">${plural(shown.length, 'restore point')}, the newest first</p>
    ${hidden.length > 0 && html`<${Note}>${plural(hidden.length, 'snapshot')} of the repository cannot be shown. ${newestUnseen(hidden, points)} <a href="/repositories/${point.repositoryId}">Which ones</a><//>`}
    <${ChoiceList} key=${host} points=${shown} point=${point} link=${link} onClose=${onClose} />
  </dialog>`;
}

const rowHeight = 54;

function ChoiceList({ points, point, link, onClose }) {
  const box = useElement();
  const rows = useBoxRows(points.length, rowHeight, box);
  const current = Math.max(0, points.findIndex((p) => p.id === point.id));
  const goTo = (index) => {
    rows.scrollToIndex(index, { align: 'auto' });
    requestAnimationFrame(() => box.current?.querySelector(`[data-index='${index}']`)?.focus({ preventScroll: true }));
  };
  useEffect(() => {
    rows.scrollToIndex(current, { align: 'center' });
    goTo(current);
  }, []);
  const keys = (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6, Home: -points.length, End: points.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const now = Number(/** @type {HTMLElement | null} */ (document.activeElement)?.dataset.index ?? current);
    goTo(Math.max(0, Math.min(points.length - 1, now + steps[event.key])));
  };
  return html`<div class="choice-box" ref=${box} onKeyDown=${keys} tabIndex="-1" style=${{ height: `min(60vh, 480px, ${rows.getTotalSize() + 2}px)` }}><ul style=${{ height: `${rows.getTotalSize()}px` }}>
    ${rows.getVirtualItems().map(({ index, start }) => html`<li key=${points[index].id} style=${{ transform: `translateY(${start}px)` }}>
      <a href=${link(points[index].id)} data-index=${index} aria-current=${index === current && points[index].id === point.id ? 'true' : undefined} onClick=${onClose}>
        <span class="choice-time cut"><${Time} at=${points[index].backupTime} /> <span class="quiet-text"><${Ago} at=${points[index].backupTime} /></span> <${Lack} point=${points[index]} /></span>
        <span class="quiet-text cut"><${Name} text=${points[index].hostName} /> ${points[index].paths.map((p) => html`<${Name} key=${p} text=${p} /> `)}
          ${points[index].tags.map((t) => html`<span key=${t} class="tag"><${Name} text=${t} /></span>`)}</span>
      </a></li>`)}</ul></div>`;
}
