// The restore points of a repository: a timeline, and the list below it.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { count, date, dateTime, localDay, visible } from '../format.js';
import { Lack, Note, TimeMark } from '../lacks.js';
import { missing, onDayHidden } from '../missing.js';
import { compareAddress, spaceAddress } from '../places.js';
import { setParams } from '../router.js';
import { useElement } from '../store.js';
import { useNarrow, useWindowRows } from '../table.js';
import { Term } from '../terms.js';
import { onDay } from '../times.js';
import { Ago, Empty, Icon, Name, Time } from '../ui.js';
import { Timeline } from './timeline.js';

/** @typedef {import('../resources.js').Point} Point */

/** @param {{ repository: import('../resources.js').Repository, points: Point[], hidden: import('../resources.js').HiddenSnapshot[], params: URLSearchParams, session: any }} props */
export function Points({ repository, points, hidden, params, session }) {
  const host = params.get('host');
  const [asked, setAsked] = useState(0);
  const [first, setFirst] = useState(/** @type {Point | null} */ (null)); // to be compared
  const shown = useMemo(() => (host ? points.filter((p) => p.hostName === host) : points), [points, host]);
  const incomplete = useMemo(() => shown.filter((p) => p.isIncomplete).length, [shown]);
  if (points.length === 0) {
    const [title, text] = hidden.length > 0 ? ['No restore point can be shown', 'What is in the repository is named above.'] : session?.state === 'Synchronizing' ? ['No restore points yet', 'They appear here as soon as the synchronization has found them.']
      : repository.isOutOfSync || !session ? ['No restore points are known', 'Synchronize the repository to see what is in it.']
        : ['The repository has no snapshots', 'It is in sync: nothing has been backed up into it, or everything has been forgotten.'];
    return html`<${Empty} title=${title}><p>${text}</p><//>`;
  }
  const chosen = points.find((p) => p.id === params.get('point'));
  const choose = (point) => setParams({ point: point?.id ?? null, ...(host && point && point.hostName !== host && { host: point.hostName }) });
  return html`
    <${Timeline} points=${points} host=${host} pick=${(name) => setParams({ host: name })} chosen=${chosen} choose=${choose} first=${first} />
    <${Choice} points=${shown} chosen=${chosen} choose=${choose} hidden=${hidden} host=${host} first=${first} setFirst=${setFirst} show=${() => setAsked(asked + 1)} />
    <div class="section-head"><h2>Restore points</h2><span class="quiet-text">${count(shown.length)}${host ? ` of ${count(points.length)}` : ''}</span>
      ${incomplete > 0 && html`<span><span class="badge late">${count(incomplete)} incomplete</span><${Term} of="incomplete" /></span>`}
      ${host && html`<button class="chip" onClick=${() => setParams({ host: null })}>Host: <${Name} text=${host} /> ✕</button>`}</div>
    <${List} points=${shown} chosen=${chosen} shown=${asked} />`;
}

// Choice goes to a day, and offers what can be done with the chosen restore
// point.
/** @param {{ points: Point[], chosen: Point | undefined, choose: (point: Point | undefined) => void, hidden: import('../resources.js').HiddenSnapshot[], host: string | null, first: Point | null, setFirst: (point: Point | null) => void, show: () => void }} props */
function Choice({ points, chosen, choose, hidden, host, first, setFirst, show }) {
  const [note, setNote] = useState({ of: '', text: '' });
  const jump = (day) => {
    if (!/^\d{4}-\d\d-\d\d$/.test(day)) return;
    const { point, where } = onDay(points, day);
    const asked = date(`${day}T12:00`);
    setNote({ of: point.id, text: where === 'on' ? '' : `${hidden.length > 0 ? 'None can be shown' : 'There is none'} of ${asked}: this is the ${where === 'before' ? 'last one before' : 'first one after'}. ${onDayHidden(hidden, day, host)}` });
    choose(point);
  };
  const pair = first && chosen && first.id !== chosen.id ? [first, chosen].sort((a, b) => Date.parse(a.backupTime) - Date.parse(b.backupTime)) : null;
  return html`<div class="point-choice">
    <label class="inline">Go to day<input type="date" max=${localDay(Date.now())} onChange=${(e) => jump(e.target.value)} /></label>
    <div class="grow" role="status">${chosen ? html`<span><b>${dateTime(chosen.backupTime)}</b> <${Name} text=${chosen.hostName} /> <${Lack} point=${chosen} /> <${TimeMark} point=${chosen} /> ${note.of === chosen.id && note.text && html`<span class="quiet-text">${note.text}</span>`}</span>
      <span class="actions"><a class="button small" href="/points/${chosen.id}/files"><${Icon} name="folder" size="15" />Browse</a>
      <button class="small" onClick=${show}>Show in the list</button>
      ${pair ? html`<a class="button small" href=${compareAddress(pair[0].id, pair[1].id, root)}><${Icon} name="compare" size="15" />Compare with ${dateTime(/** @type {Point} */ (first).backupTime)}</a>`
        : first?.id !== chosen.id && html`<button class="small" onClick=${() => setFirst(chosen)}><${Icon} name="compare" size="15" />Compare with…</button>`}
      ${first && html`<button class="quiet small" onClick=${() => setFirst(null)}>${pair ? 'Do not compare' : 'Choose the other one in the timeline, or stop comparing'}</button>`}</span>`
      : html`<span class="quiet-text">Choose a restore point in the timeline, or a day.</span>`}</div>
    ${chosen?.isIncomplete && html`<${Note}>${missing(chosen)}<//>`}
  </div>`;
}

// shown counts the requests to show the chosen row.
/** @param {{ points: Point[], chosen: Point | undefined, shown: number }} props */
function List({ points, chosen, shown }) {
  const box = useElement();
  const rows = useWindowRows(points.length, useNarrow(560) ? 78 : 48, box);
  const before = useMemo(() => earlier(points), [points]);
  useEffect(() => {
    if (shown > 0 && chosen) rows.scrollToIndex(points.indexOf(chosen), { align: 'center' });
  }, [shown]);
  return html`<div class="grid points" role="table" aria-label="Restore points" aria-rowcount=${points.length + 1}>
    <div class="grid-head" role="row"><span role="columnheader">Time</span><span role="columnheader">Host</span><span role="columnheader">What</span>
      <span role="columnheader">Snapshot</span><span role="columnheader">Look at</span></div>
    <div ref=${box} class="grid-body" role="rowgroup" style=${{ height: `${rows.getTotalSize()}px` }}>
      ${rows.getVirtualItems().map((item) => html`<${Row} key=${points[item.index].id} point=${points[item.index]} before=${before.get(points[item.index].id)} index=${item.index} chosen=${points[item.index] === chosen}
        top=${item.start - rows.options.scrollMargin} />`)}
    </div></div>`;
}

const root = { path: '/' };

// earlier finds the restore point of the same host and folders before each one.
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

/** @param {{ point: Point, before: Point | undefined, index: number, top: number, chosen: boolean }} props */
function Row({ point, before, index, top, chosen }) {
  const when = `${dateTime(point.backupTime)} on ${visible(point.hostName)}`;
  return html`<div class=${`grid-row${chosen ? ' active' : ''}`} role="row" aria-rowindex=${index + 2} style=${{ transform: `translateY(${top}px)` }}>
    <span role="cell" class="two-lines"><a href="/points/${point.id}/files"><${Time} at=${point.backupTime} /></a><span class="quiet-text"><${Ago} at=${point.backupTime} /></span></span>
    <span role="cell" class="cut"><${Name} text=${point.hostName} /></span>
    <span role="cell" class="two-lines"><span class="cut">${point.paths.map((p) => html`<${Name} key=${p} text=${p} /> `)}</span>
      ${(point.tags.length > 0 || point.isIncomplete || point.timeMark) && html`<span class="cut tags"><${Lack} point=${point} /> <${TimeMark} point=${point} /> ${point.tags.map((t) => html`<span key=${t} class="tag"><${Name} text=${t} /></span> `)}</span>`}</span>
    <span role="cell"><code title=${point.snapshotId}>${point.snapshotId.slice(0, 8)}</code></span>
    <span role="cell" class="look-at"><a class="button quiet icon-only" href=${spaceAddress(point.id)} title="Where the space goes" aria-label=${`Where the space goes in ${when}`}><${Icon} name="space" /></a>
      ${before && html`<a class="button quiet icon-only" href=${compareAddress(before.id, point.id, root)} title="Compare with the one before" aria-label=${`Compare ${when} with the one before`}><${Icon} name="compare" /></a>`}</span>
  </div>`;
}
