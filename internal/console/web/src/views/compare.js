// Two restore points side by side: totals, changed folders, and every change.
import { useEffect, useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, get, query } from '../api.js';
import { useGet, usePages } from '../data.js';
import { bytes, count, exactBytes, plural, visible } from '../format.js';
import { Download } from '../download.js';
import { useKept } from '../kept.js';
import { Note } from '../lacks.js';
import { at, browseAddress, compareAddress, entryAddress, historyAddress, nameOf, placeIn } from '../places.js';
import { PointPicker } from '../pointpicker.js';
import { usePoint, usePoints, useRepository } from '../resources.js';
import { navigate, setParams } from '../router.js';
import { useElement } from '../store.js';
import { useNarrow, useWindowRows } from '../table.js';
import { Trail } from '../trail.js';
import { Bytes, Empty, Heading, Icon, Loading, Name, Problem } from '../ui.js';

// kinds are the API's kinds, with the name on the page, the field in a summary,
// and a badge.
/** @type {[string, string, string, string][]} */
const kinds = [
  ['Added', 'added', 'added', 'synced'],
  ['Removed', 'removed', 'removed', 'failed'],
  ['ContentChanged', 'content changed', 'contentChanged', 'running'],
  ['MetadataChanged', 'attributes changed', 'metadataChanged', ''],
  ['TypeChanged', 'type changed', 'typeChanged', 'behind'],
];
const sum = (n) => kinds.reduce((total, [, , field]) => total + n[field], 0);

// neighbour chooses the other restore point if the address does not name it:
// the newest other one of the host, or of the repository. points come newest
// first.
/**
 * @param {import('../resources.js').Point[]} points
 * @param {import('../resources.js').Point} before
 */
export function neighbour(points, before) {
  const others = points.filter((p) => p.id !== before.id);
  return others.find((p) => p.hostName === before.hostName) ?? others[0] ?? null;
}

export function Compare({ id, params, who }) {
  const place = placeIn(params);
  const before = usePoint(id);
  const repositoryId = before.data?.repositoryId;
  const repository = useRepository(repositoryId);
  const points = usePoints(repositoryId);
  const chosen = params.get('with');
  const other = points.data && before.data && (chosen ?? neighbour(points.data, before.data)?.id);
  useEffect(() => {
    if (other && !chosen) setParams({ with: other });
  }, [other, chosen]);
  const error = before.error ?? points.error;
  return html`
    <${Heading} title="Compare two restore points" above=${html`<a class="crumb" href="/">Overview</a>${repositoryId && html` / <a class="crumb" href="/repositories/${repositoryId}">${
      repository.data ? html`<${Name} text=${repository.data.name} />` : 'Repository'}</a>`}`} />
    <${Problem} error=${error?.status ? error : null} retry=${error?.status === 404 ? null : points.reload} />
    ${!points.data && !error && html`<${Loading} what="Loading the restore points" />`}
    ${points.data && html`<${Pickers} points=${points.data} before=${id} after=${other} place=${place} kind=${params.get('kind')} />`}
    ${points.data && !other && html`<${Empty} title="There is nothing to compare with"><p>The repository has only this restore point.</p><//>`}
    ${chosen && points.data && html`<${Comparison} repositoryId=${repositoryId} before=${id} after=${chosen} place=${place} kind=${params.get('kind')} who=${who} />`}`;
}

function Pickers({ points, before, after, place, kind }) {
  const go = (one, two) => navigate(compareAddress(one, two, place, { kind }));
  return html`<div class="card pickers">
    <${Picker} label="Before" points=${points} value=${before} pick=${(p) => go(p, after)} place=${place} />
    <button class="quiet icon-only" title="Swap the two" aria-label="Swap the two restore points" disabled=${!after} onClick=${() => go(after, before)}><${Icon} name="compare" /></button>
    <${Picker} label="After" points=${points} value=${after} pick=${(p) => go(before, p)} place=${place} />
  </div>`;
}

function Picker({ label, points, value, pick, place }) {
  return html`<div class="picker"><${PointPicker} label=${label} points=${points} value=${value} pick=${pick} />
    ${value && html`<a class="quiet-text" href=${browseAddress(value, place)}>Browse this one</a>`}</div>`;
}

function Comparison({ repositoryId, before, after, place, kind, who }) {
  const params = { with: after, ...at(place) };
  const summary = useGet(query(`/v6/RestorePoints/${before}/DifferenceSummary`, params));
  const link = (to) => compareAddress(before, after, to, { kind });
  const known = kinds.find(([k]) => k === kind);
  return html`
    <${Trail} place=${place} link=${link} label="Compared folder" />
    <${Problem} error=${summary.error?.status ? summary.error : null} retry=${summary.error?.status === 404 ? null : summary.reload} />
    ${!summary.data && !summary.error && html`<${Loading} what="Comparing" />`}
    ${summary.data?.missingFolders > 0 && html`<${Note}>${plural(summary.data.missingFolders, 'folder')} ${summary.data.missingFolders === 1 ? 'differs' : 'differ'} in a way that nobody knows, because the repository has lost what was in ${summary.data.missingFolders === 1 ? 'it' : 'them'}. Nothing of that is counted or listed here.<//>`}
    ${summary.data && html`
      <${Totals} summary=${summary.data} kind=${known?.[0]} />
      ${sum(summary.data) === 0 ? (summary.data.missingFolders > 0
        ? html`<${Empty} title="No differences are known"><p>What is left of the folder is the same in both.</p><//>` : html`<${Empty} title="No differences"><p>The folder is the same in both.</p><//>`) : html`
        <${Folders} folders=${summary.data.folders} link=${link} />
        <${Changes} key=${`${before} ${after} ${place.rawPath ?? place.path} ${kind}`} url=${`/v6/RestorePoints/${before}/Differences`}
          params=${{ ...params, kind: known?.[0] }} total=${known ? summary.data[known[2]] : sum(summary.data)} word=${known?.[1]}
          sides=${{ before, after, repositoryId, place, who }} />`}`}`;
}

function Totals({ summary, kind }) {
  const choose = (k) => setParams({ kind: k === kind ? null : k }, { replace: false });
  return html`<div class="totals">
    <div role="group" aria-label="Kinds of changes" class="kinds">
      <button class="chip" aria-pressed=${!kind} onClick=${() => choose(null)}>All <b>${count(sum(summary))}</b></button>
      ${kinds.map(([k, word, field]) => html`<button key=${k} class="chip" aria-pressed=${k === kind} disabled=${summary[field] === 0 && k !== kind} onClick=${() => choose(k)}>
        ${word} <b>${count(summary[field])}</b></button>`)}</div>
    <p><${Delta} of=${summary} /> <span class="quiet-text">in files that are new, gone or have other content</span></p>
  </div>`;
}

function Delta({ of: { bytesAdded, bytesRemoved } }) {
  return html`<span class="number"><span class="plus" title=${exactBytes(bytesAdded)}>+${bytes(bytesAdded)}</span>
    ${bytesRemoved > 0 && html` <span class="minus" title=${exactBytes(bytesRemoved)}>−${bytes(bytesRemoved)}</span>`}</span>`;
}

function Folders({ folders, link }) {
  const [all, setAll] = useKept('folders', false);
  if (folders.length < 2 && folders[0]?.type !== 'dir') return null;
  const most = Math.max(1, ...folders.map((f) => f.bytesAdded + f.bytesRemoved));
  const shown = all ? folders : folders.slice(0, 6);
  const part = (n) => ({ width: `${(100 * n) / most}%` });
  return html`<section aria-labelledby="where-title"><div class="section-head"><h2 id="where-title">Where</h2></div>
    <ul class="where">${shown.map((f) => html`<li key=${f.rawPath ?? f.path}>
      <${Icon} name=${f.type === 'dir' ? 'folder' : f.type === 'file' ? 'file' : 'other'} size="15" />
      ${f.type === 'dir' ? html`<a class="cut" href=${link(f)}><${Name} text=${nameOf(f)} /></a>` : html`<${Name} text=${nameOf(f)} />`}
      <span class="delta" aria-hidden="true"><span class="delta-plus" style=${part(f.bytesAdded)}></span><span class="delta-minus" style=${part(f.bytesRemoved)}></span></span>
      <${Delta} of=${f} />
      <span class="quiet-text number">${plural(sum(f), 'change')}</span></li>`)}</ul>
    ${folders.length > 6 && html`<button class="quiet small" onClick=${() => setAll(!all)}>${all ? 'Show fewer' : `Show all ${count(folders.length)}${folders.length === 200 ? ' largest' : ''}`}</button>`}
  </section>`;
}

// useChanges loads the pages of a list one after the other.
function useChanges(url, params) {
  const found = usePages((cursor, signal) => get(query(url, { ...params, limit: 500, cursor }), { signal }), [query(url, params)]);
  const list = useMemo(() => found.pages.flatMap((page) => page.results), [found.pages]);
  return { list, more: () => found.next && !found.loading && found.more(), begun: found.pages.length > 0, done: found.pages.length > 0 && !found.next, error: found.error, reload: found.retry };
}

function Changes({ url, params, total, word, sides }) {
  const { list, more, begun, done, error, reload } = useChanges(url, params);
  const box = useElement();
  const rows = useWindowRows(list.length, useNarrow() ? 92 : 52, box);
  const items = rows.getVirtualItems();
  const last = items[items.length - 1]?.index ?? -1;
  useEffect(() => {
    if (begun && !error && last >= list.length - 60) more();
  }, [begun, last, list.length, error]);
  return html`<section aria-labelledby="changes-title">
    <div class="section-head"><h2 id="changes-title">${word ? `Changes: ${word}` : 'Changes'}</h2><span class="quiet-text">${count(total)}${
      begun && !done ? `, ${count(list.length)} loaded` : ''}</span></div>
    <${Problem} error=${error?.status ? error : null} retry=${reload} />
    <div class="grid changes" role="table" aria-label="Changes" aria-rowcount=${done ? list.length + 1 : -1}>
      <div class="grid-head" role="row"><span role="columnheader">Change</span><span role="columnheader">Path</span><span role="columnheader">Size</span><span role="columnheader">Look at</span></div>
      <div ref=${box} class="grid-body" role="rowgroup" style=${{ height: `${rows.getTotalSize()}px` }}>
        ${items.map((item) => html`<${Change} key=${item.index} change=${list[item.index]} index=${item.index} top=${item.start - rows.options.scrollMargin} ...${sides} />`)}
      </div></div>
    ${!begun && !error && html`<${Loading} what="Loading the changes" />`}
  </section>`;
}

function Change({ change: c, index, top, before, after, repositoryId, place, who }) {
  const [, word, , badge] = /** @type {string[]} */ (kinds.find(([k]) => k === c.change));
  const entry = c.after ?? c.before;
  const base = place.path === '/' ? '/' : `${place.path}/`;
  const shown = c.path.startsWith(base) ? c.path.slice(base.length) : c.path;
  const side = (point, e, label) => e && html`<a class="button small" href=${e.type === 'dir' ? browseAddress(point, c) : entryAddress(point, c)}
    aria-label=${`${label}: ${visible(c.path)}`}>${label}</a>`;
  return html`<div class="grid-row" role="row" aria-rowindex=${index + 2} style=${{ transform: `translateY(${top}px)` }}>
    <span role="cell"><span class="badge ${badge}">${word}</span></span>
    <span role="cell" class="cut path-cell"><${Icon} name=${entry.type === 'dir' ? 'folder' : entry.type === 'symlink' ? 'link' : entry.type === 'file' ? 'file' : 'other'} size="15" />
      <a class="cut" href=${historyAddress(repositoryId, c)} title=${`History of ${visible(c.path)}`}><${Name} text=${shown} /></a></span>
    <span role="cell" class="number"><${Sizes} before=${c.before} after=${c.after} /></span>
    <span role="cell" class="actions">${side(before, c.before, 'Before')}${side(after, c.after, 'After')}
      ${entry.type === 'file' && allowed(who, 'restore') && html`<${Download} point=${c.after ? after : before} place=${c} label=${`Download ${visible(c.path)}`} />`}</span>
  </div>`;
}

function Sizes({ before, after }) {
  const was = before?.type === 'file' ? before.size : null;
  const is = after?.type === 'file' ? after.size : null;
  if (was != null && is != null && was !== is) return html`<${Bytes} n=${was} /> → <${Bytes} n=${is} />`;
  return html`<${Bytes} n=${is ?? was} />`;
}
