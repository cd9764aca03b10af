// The growth of a repository: the stored size, the size that each restore point
// added, and the size that forgetting one would free.
import { useMemo, useState } from 'preact/hooks';
import { area, curveStepAfter } from 'd3-shape';
import { html } from '../html.js';
import { get } from '../api.js';
import { byteScale, nearest, timeScale } from '../charts.js';
import { useData } from '../data.js';
import { bytes, count, date, dateTime, plural, visible } from '../format.js';
import { Lack, Uncounted } from '../lacks.js';
import { browseAddress, spaceAddress } from '../places.js';
import { setParams } from '../router.js';
import { useElement } from '../store.js';
import { useNarrow, useWindowRows } from '../table.js';
import { Term } from '../terms.js';
import { Bytes, Empty, Icon, Loading, Name, Problem, Time } from '../ui.js';
import { useWidth } from './timeline.js';

// settled identifies the state of the repository, so that the numbers are
// loaded again after a change.
export function Growth({ repositoryId, params, settled }) {
  const { data, error, reload } = useData((signal) => get(`/v6/BackupRepositories/${repositoryId}/Statistics`, { signal }), [`growth ${repositoryId}`, settled], { lasts: 'settled' });
  if (!data) return error ? html`<${Problem} error=${error} retry=${reload} />` : html`<${Loading} what="Adding up" />`;
  if (data.growth.length === 0) return html`<${Empty} title="No restore points"><p>There is no growth to show.</p><//>`;
  return html`
    <${Totals} totals=${data.totals} points=${data.restorePoints} />
    <${Plot} growth=${data.growth} />
    <${Table} growth=${data.growth} params=${params} />`;
}

function Totals({ totals: t, points }) {
  const fact = (label, value, note, term) => html`<div><span class="label">${label}${term && html`<${Term} of=${term} />`}</span><b>${value}</b>${note && html`<span class="quiet-text block">${note}</span>`}</div>`;
  return html`<div class="card facts">
    ${fact('Stored', html`<${Bytes} n=${t.storedSize} />`, 'compressed, each piece once', 'stored')}
    ${fact('Data', html`<${Bytes} n=${t.rawDataSize} />`, 'each piece once', 'data')}
    ${fact('All restore points', html`<${Bytes} n=${t.size} />`, `if ${points === 1 ? 'it' : `all ${count(points)}`} were restored`, 'all')}
    ${fact('Versions of files', count(t.fileVersions), null, 'versions')}
    ${t.unusedStoredSize > 0 && (t.missingFolders > 0 ? fact('Not known to be needed', html`<${Bytes} n=${t.unusedStoredSize} />`, 'the lost folders may have had it in them')
      : fact('Not needed any more', html`<${Bytes} n=${t.unusedStoredSize} />`, '“restic prune” would free it', 'unused'))}
    <${Uncounted} folders=${t.missingFolders} of="of these restore points" />
    ${t.missingBlobs > 0 && html`<p class="why">${plural(t.missingBlobs, 'piece')} that restore points need ${t.missingBlobs === 1 ? 'is' : 'are'} in no index: the repository is damaged or not fully synchronized.</p>`}
  </div>`;
}

const margin = { left: 74, right: 12 };
const stored = { top: 12, height: 170 };
const added = { top: 214, height: 90 };
const plotHeight = 330;

function Plot({ growth }) {
  const box = useElement();
  const width = useWidth(box);
  return html`<figure class="plot card" aria-label="Growth over time">
    <figcaption><span><span class="key key-stored"></span>stored in all</span> <span><span class="key key-added"></span>added by each restore point</span>
      <span><span class="key key-unique"></span>of that, in no other restore point: forgetting it frees this</span></figcaption>
    <div ref=${box} class="plot-box" aria-hidden="true">${width > margin.left + 60 && html`<${Drawing} growth=${growth} width=${width} />`}</div>
  </figure>`;
}

// shapes are the paths of the plot. Two thousand bars are one path.
function shapes(growth, times, width) {
  const x = timeScale(times, [margin.left + 6, width - 46]);
  const above = byteScale(Math.max(...growth.map((g) => g.storedSize)), [stored.top + stored.height, stored.top]);
  const below = byteScale(Math.max(...growth.map((g) => Math.max(g.addedStoredSize, g.uniqueStoredSize))), [added.top + added.height, added.top]);
  // The last size continues to the edge.
  /** @type {any} */
  const shape = area();
  const total = shape.x((g, i) => (i < times.length ? x(times[i]) : width - margin.right)).y0(stored.top + stored.height)
    .y1((g) => above.scale(g.storedSize)).curve(curveStepAfter)([...growth, growth[growth.length - 1]]);
  const bars = (value, shift) => growth.map((g, i) => (value(g) > 0 ? `M${(x(times[i]) + shift).toFixed(1)} ${added.top + added.height}V${Math.min(below.scale(value(g)), added.top + added.height - 1).toFixed(1)}` : '')).join('');
  const bar = Math.max(1.5, Math.min(9, (width - margin.left) / growth.length / 2.6));
  return { x, above, below, total, bar, added: bars((g) => g.addedStoredSize, 0), unique: bars((g) => g.uniqueStoredSize, bar * 0.9) };
}

function Drawing({ growth, width }) {
  const [at, setAt] = useState(/** @type {any} */ (null));
  const times = useMemo(() => growth.map((g) => Date.parse(g.backupTime)), [growth]);
  const drawn = useMemo(() => shapes(growth, times, width), [growth, times, width]);
  const move = (event) => {
    const left = event.currentTarget.getBoundingClientRect().left;
    setAt(nearest(times, drawn.x.invert(event.clientX - left).getTime()));
  };
  const point = at === null ? null : growth[at];
  const line = (scale) => (n) => html`<g key=${n} transform=${`translate(0 ${scale(n)})`}><line x1=${margin.left} x2=${width - margin.right} class="plot-line" />
    <text x=${margin.left - 8} dy="0.32em" text-anchor="end">${n === 0 ? '0' : bytes(n).replace(/\.0+ /, ' ')}</text></g>`;
  return html`<svg width=${width} height=${plotHeight} onPointerMove=${move} onPointerDown=${move} onPointerLeave=${() => setAt(null)}>
      ${drawn.above.ticks.map(line(drawn.above.scale))}
      <path d=${drawn.total} class="plot-total" />
      ${drawn.below.ticks.filter((n, i, all) => i === 0 || i === all.length - 1).map(line(drawn.below.scale))}
      <path d=${drawn.added} class="plot-added" stroke-width=${drawn.bar} />
      <path d=${drawn.unique} class="plot-unique" stroke-width=${drawn.bar} />
      ${drawn.x.ticks(Math.max(2, Math.floor(width / 170))).map((t) => html`<text key=${t} x=${drawn.x(t)} y=${plotHeight - 4} text-anchor="middle">${date(t)}</text>`)}
      ${point && html`<line x1=${drawn.x(times[at])} x2=${drawn.x(times[at])} y1=${stored.top} y2=${added.top + added.height} class="plot-cursor" />`}
    </svg>
    ${point && html`<div class="plot-tip" style=${{ left: `${Math.min(Math.max(drawn.x(times[at]) + 12, 0), Math.max(0, width - 236))}px` }}>
      <b>${dateTime(point.backupTime)}</b><${Name} text=${point.hostName} /> <${Lack} point=${point} />
      <span>stored <b>${bytes(point.storedSize)}</b></span><span>added <b>${bytes(point.addedStoredSize)}</b></span>
      <span>only here <b>${bytes(point.uniqueStoredSize)}</b></span><span>${plural(point.files, 'file')}, ${bytes(point.size)}</span></div>`}`;
}

const sorts = {
  time: ['Newest first', (a, b) => Date.parse(b.backupTime) - Date.parse(a.backupTime)],
  frees: ['What forgetting frees', (a, b) => b.uniqueStoredSize - a.uniqueStoredSize],
  added: ['What was added', (a, b) => b.addedStoredSize - a.addedStoredSize],
  size: ['Size', (a, b) => b.size - a.size],
};

function Table({ growth, params }) {
  const host = params.get('host') ?? '';
  const sort = sorts[params.get('sort')] ? params.get('sort') : 'time';
  const hosts = useMemo(() => [...new Set(growth.map((g) => g.hostName))].sort(), [growth]);
  const shown = useMemo(() => growth.filter((g) => !host || g.hostName === host).sort(sorts[sort][1]), [growth, host, sort]);
  const most = Math.max(1, ...shown.map((g) => g.uniqueStoredSize));
  const box = useElement();
  const rows = useWindowRows(shown.length, useNarrow() ? 66 : 46, box);
  return html`<section aria-labelledby="growth-title">
    <div class="section-head"><h2 id="growth-title">What each restore point holds</h2><span class="quiet-text">${count(shown.length)}</span></div>
    <div class="choose">
      <label class="inline">Sort by<select value=${sort} onChange=${(e) => setParams({ sort: e.target.value === 'time' ? null : e.target.value })}>
        ${Object.entries(sorts).map(([key, [text]]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>
      ${hosts.length > 1 && html`<label class="inline">Host<select value=${host} onChange=${(e) => setParams({ host: e.target.value })}>
        <option value="">All</option>${hosts.map((h) => html`<option key=${h} value=${h}>${visible(h)}</option>`)}</select></label>`}
    </div>
    <div class="grid growth" role="table" aria-label="Restore points and their sizes" aria-rowcount=${shown.length + 1}>
      <div class="grid-head" role="row"><span role="columnheader">Time</span><span role="columnheader">Host</span><span role="columnheader">Files</span><span role="columnheader">Size</span>
        <span role="columnheader">Added</span><span role="columnheader">Forgetting frees</span><span role="columnheader">Look at</span></div>
      <div ref=${box} class="grid-body" role="rowgroup" style=${{ height: `${rows.getTotalSize()}px` }}>
        ${rows.getVirtualItems().map((item) => html`<${Row} key=${shown[item.index].restorePointId} point=${shown[item.index]} index=${item.index} most=${most} top=${item.start - rows.options.scrollMargin} />`)}
      </div></div></section>`;
}

function Row({ point: g, index, most, top }) {
  const when = dateTime(g.backupTime);
  return html`<div class="grid-row" role="row" aria-rowindex=${index + 2} style=${{ transform: `translateY(${top}px)` }}>
    <span role="cell"><a href=${browseAddress(g.restorePointId, { path: '/' })}><${Time} at=${g.backupTime} /></a></span>
    <span role="cell" class="cut"><${Name} text=${g.hostName} /> <${Lack} point=${g} /></span>
    <span role="cell" class="number">${count(g.files)}</span>
    <span role="cell"><${Bytes} n=${g.size} /></span>
    <span role="cell"><${Bytes} n=${g.addedStoredSize} /></span>
    <span role="cell" class="frees"><${Bytes} n=${g.uniqueStoredSize} /><span class="frees-bar" aria-hidden="true"><span style=${{ width: `${(100 * g.uniqueStoredSize) / most}%` }}></span></span></span>
    <span role="cell"><a class="button small" href=${spaceAddress(g.restorePointId)} aria-label=${`Where the space goes in the restore point of ${when}`}><${Icon} name="space" size="15" />Space</a></span>
  </div>`;
}
