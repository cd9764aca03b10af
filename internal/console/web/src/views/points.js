// The restore points of a repository: a timeline, and the list beneath it.
import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { count, dateTime, visible } from '../format.js';
import { compareAddress, spaceAddress } from '../places.js';
import { setParams } from '../router.js';
import { useElement } from '../store.js';
import { useNarrow, useWindowRows } from '../table.js';
import { Ago, Empty, Icon, Name, Time } from '../ui.js';
import { Timeline } from './timeline.js';

/** @typedef {import('../resources.js').Point} Point */

/** @param {{ points: Point[], params: URLSearchParams, session: any }} props */
export function Points({ points, params, session }) {
  const host = params.get('host');
  const shown = useMemo(() => (host ? points.filter((p) => p.hostName === host) : points), [points, host]);
  if (points.length === 0) {
    return html`<${Empty} title="No restore points"><p>${session?.state === 'Synchronizing'
      ? 'They appear here as soon as the synchronization has found them.'
      : 'Synchronize the repository to see what is in it.'}</p><//>`;
  }
  return html`
    <${Timeline} points=${points} host=${host} pick=${(name) => setParams({ host: name })} />
    <div class="section-head"><h2>Restore points</h2><span class="quiet-text">${count(shown.length)}${host ? ` of ${count(points.length)}` : ''}</span>
      ${host && html`<button class="chip" onClick=${() => setParams({ host: null })}>Host: <${Name} text=${host} /> ✕</button>`}</div>
    <${List} points=${shown} />`;
}

function List({ points }) {
  const box = useElement();
  const rows = useWindowRows(points.length, useNarrow(560) ? 78 : 48, box);
  const before = useMemo(() => earlier(points), [points]);
  return html`<div class="grid points" role="table" aria-label="Restore points" aria-rowcount=${points.length + 1}>
    <div class="grid-head" role="row"><span role="columnheader">Time</span><span role="columnheader">Host</span><span role="columnheader">What</span>
      <span role="columnheader">Snapshot</span><span role="columnheader">Look at</span></div>
    <div ref=${box} class="grid-body" role="rowgroup" style=${{ height: `${rows.getTotalSize()}px` }}>
      ${rows.getVirtualItems().map((item) => html`<${Row} key=${points[item.index].id} point=${points[item.index]} before=${before.get(points[item.index].id)} index=${item.index}
        top=${item.start - rows.options.scrollMargin} />`)}
    </div></div>`;
}

const root = { path: '/' };

// earlier finds the restore point of the same host and folders before each.
// points come newest first.
/** @param {Point[]} points */
export function earlier(points) {
  /** @type {Map<string, Point>} */
  const found = new Map();
  /** @type {Map<string, string>} */
  const newer = new Map();
  for (const point of points) {
    const series = JSON.stringify([point.hostName, point.paths]);
    const after = newer.get(series);
    if (after) found.set(after, point);
    newer.set(series, point.id);
  }
  return found;
}

/** @param {{ point: Point, before: Point | undefined, index: number, top: number }} props */
function Row({ point, before, index, top }) {
  const when = `${dateTime(point.backupTime)} on ${visible(point.hostName)}`;
  return html`<div class="grid-row" role="row" aria-rowindex=${index + 2} style=${{ transform: `translateY(${top}px)` }}>
    <span role="cell" class="two-lines"><a href="/points/${point.id}/files"><${Time} at=${point.backupTime} /></a><span class="quiet-text"><${Ago} at=${point.backupTime} /></span></span>
    <span role="cell" class="cut"><${Name} text=${point.hostName} /></span>
    <span role="cell" class="two-lines"><span class="cut">${point.paths.map((p) => html`<${Name} key=${p} text=${p} /> `)}</span>
      ${point.tags.length > 0 && html`<span class="cut tags">${point.tags.map((t) => html`<span key=${t} class="tag"><${Name} text=${t} /></span> `)}</span>`}</span>
    <span role="cell"><code title=${point.snapshotId}>${point.snapshotId.slice(0, 8)}</code></span>
    <span role="cell" class="look-at"><a class="button quiet icon-only" href=${spaceAddress(point.id, root)} title="Where the space goes" aria-label=${`Where the space goes in ${when}`}><${Icon} name="space" /></a>
      ${before && html`<a class="button quiet icon-only" href=${compareAddress(before.id, point.id, root)} title="Compare with the one before" aria-label=${`Compare ${when} with the one before`}><${Icon} name="compare" /></a>`}</span>
  </div>`;
}
