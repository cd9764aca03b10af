// The space in a restore point: a treemap, the same as a table, its largest
// files and the kinds of files.
import { useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { get, query } from '../api.js';
import { useData, useGet } from '../data.js';
import { bytes, count, exactBytes, plural, visible } from '../format.js';
import { useKept } from '../kept.js';
import { Lack, Uncounted } from '../lacks.js';
import { at, browseAddress, entryAddress, historyAddress, nameOf, parent, placeIn, spaceAddress } from '../places.js';
import { PointPicker } from '../pointpicker.js';
import { usePoint, usePoints, useRepository } from '../resources.js';
import { navigate } from '../router.js';
import { useElement } from '../store.js';
import { tiles, towards } from '../treemap.js';
import { Trail } from '../trail.js';
import { Bytes, Empty, Heading, Icon, Loading, Name, Problem, Time } from '../ui.js';
import { useWidth } from './timeline.js';

const mostSteps = 64; // folders of folders

// sizesOf loads the sizes of a folder. Without one, it takes the first folder
// from the root that branches.
async function sizesOf(id, asked, signal) {
  let place = asked ?? { path: '/' };
  for (let step = 0; ; step++) {
    const folder = await get(query(`/v6/RestorePoints/${id}/FolderSizes`, { ...at(place), depth: 2, limit: 100 }), { signal });
    const only = folder.children?.length === 1 && !folder.rest ? folder.children[0] : null;
    if (asked || only?.type !== 'dir' || step >= mostSteps) return folder;
    place = only;
  }
}

export function Space({ id, params }) {
  const asked = params.get('path') || params.get('rawPath') ? placeIn(params) : null;
  const point = usePoint(id);
  const repositoryId = point.data?.repositoryId;
  const repository = useRepository(repositoryId);
  const points = usePoints(repositoryId);
  const sizes = useData((signal) => sizesOf(id, asked, signal), [`sizes ${id} ${asked ? asked.rawPath ?? asked.path : ''}`], { lasts: true });
  const place = asked ?? (sizes.data ? { path: sizes.data.path, rawPath: sizes.data.rawPath } : { path: '/' });
  const error = point.error ?? sizes.error;
  const link = (to) => spaceAddress(id, to);
  return html`
    <${Heading} title="Where the space goes" above=${html`<a class="crumb" href="/">Overview</a>${repositoryId && html` / <a class="crumb" href="/repositories/${repositoryId}">${
      repository.data ? html`<${Name} text=${repository.data.name} />` : 'Repository'}</a>`}`}>
      <a class="button" href=${browseAddress(id, place)}><${Icon} name="folder" />Browse</a>
      ${repositoryId && html`<a class="button" href="/repositories/${repositoryId}/growth"><${Icon} name="history" />Growth</a>`}
    <//>
    <${Problem} error=${error?.status ? error : null} retry=${error?.status === 404 ? null : sizes.reload} />
    ${points.data && html`<div class="choose"><${PointPicker} label="Restore point" points=${points.data} value=${id} pick=${(p) => navigate(spaceAddress(p, place))} /></div>`}
    <${Trail} place=${place} link=${link} label="Folder" />
    ${!sizes.data && !error && html`<${Loading} what="Adding up" />`}
    ${sizes.data && html`<${Folder} key=${sizes.data.rawPath ?? sizes.data.path} folder=${sizes.data} link=${link} point=${id} repositoryId=${repositoryId} />`}
    ${sizes.data && html`<${Whole} id=${id} link=${link} />`}`;
}

function Folder({ folder, link, point, repositoryId }) {
  const more = [plural(folder.files, 'file'), plural(folder.folders, 'folder')].join(', ');
  return html`<p><b title=${exactBytes(folder.size)}>${bytes(folder.size)}</b> <span class="quiet-text">in ${more}</span></p>
    <${Uncounted} folders=${folder.missingFolders} of="in this folder" />
    ${folder.size > 0 ? html`<${Treemap} folder=${folder} link=${link} point=${point} />`
      : folder.missingFolders > 0 ? html`<${Empty} title="Nothing is known to take space here" />`
      : html`<${Empty} title="Nothing takes space here"><p>There are no files with bytes in this folder.</p><//>`}
    ${folder.children?.length > 0 && html`<${Children} folder=${folder} link=${link} point=${point} repositoryId=${repositoryId} />`}`;
}

const go = { dir: (t, link) => link(t), other: (t, link, point) => entryAddress(point, t) };

function hrefOf(entry, link, point) {
  return (go[entry.type] ?? go.other)(entry, link, point);
}

// Treemap is one stop of the tab key. The arrow keys move in it.
function Treemap({ folder, link, point }) {
  const box = useElement();
  const width = useWidth(box);
  const height = Math.round(Math.min(560, Math.max(300, width * 0.5)));
  const list = useMemo(() => (width > 0 ? tiles(folder, width, height) : []), [folder, width]);
  const [current, setCurrent] = useState(0);
  const press = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.key !== 'Backspace' && !event.key.startsWith('Arrow'))) return;
    event.preventDefault();
    if (event.key === 'Backspace') {
      if (nameOf(folder) !== '/') navigate(link(parent(folder)));
      return;
    }
    const next = towards(list, Math.min(current, list.length - 1), event.key);
    setCurrent(next);
    box.current.querySelectorAll('.tile')[next].focus();
  };
  return html`<div ref=${box} class="treemap" role="group" aria-label="Treemap: the arrow keys lead from one to the next, Enter opens, Backspace goes up" style=${{ height: `${height}px` }} onKeyDown=${press}>
    ${list.map((t, i) => html`<${Tile} key=${i} tile=${t} total=${folder.size} stop=${i === Math.min(current, list.length - 1)} focus=${() => setCurrent(i)} link=${link} point=${point} />`)}</div>`;
}

function Tile({ tile: t, total, stop, focus, link, point }) {
  const rest = t.data.unlisted;
  const name = rest ? `${plural(rest.count, 'more entry', 'more entries')}` : nameOf(t.data);
  const style = { left: `${t.x}px`, top: `${t.y}px`, width: `${t.width}px`, height: `${t.height}px` };
  const named = t.width > 44 && t.height > 17;
  const sized = named && (t.holds ? t.width > 150 : t.height > 36);
  return html`<a class="tile tile-${t.depth} hue-${t.hue % 6} ${rest ? 'tile-rest' : t.holds ? 'tile-holds' : ''}" href=${rest ? browseAddress(point, t.data, { sort: 'size', order: 'desc' }) : hrefOf(t.data, link, point)}
    tabIndex=${stop ? 0 : -1} title=${`${visible(name)}: ${bytes(t.data.size)}`} style=${style} onFocus=${focus}>
    <bdi class=${named ? 'cut' : 'hidden'}>${visible(name)}</bdi> <span class=${sized ? 'cut' : 'hidden'}>${bytes(t.data.size)}</span><span class="hidden">, ${share(t.data.size, total)}</span></a>`;
}

function share(n, total) {
  const percent = (100 * n) / Math.max(1, total);
  return percent < 0.1 ? 'under 0.1 %' : `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

function Children({ folder, link, point, repositoryId }) {
  const [all, setAll] = useKept('children', false);
  const shown = all ? folder.children : folder.children.slice(0, 12);
  const hidden = folder.children.length - shown.length;
  return html`<section aria-labelledby="children-title">
    <div class="section-head"><h2 id="children-title">In this folder</h2></div>
    <div class="table-box"><table class="sizes"><thead><tr><th scope="col">Name</th><th scope="col" class="wide">Files</th><th scope="col">Size</th><th scope="col">Share</th><th scope="col" class="wide">Look at</th></tr></thead>
      <tbody>${shown.map((c) => html`<tr key=${c.rawPath ?? c.path}>
        <th scope="row"><span class="path-cell"><${Icon} name=${c.type === 'dir' ? 'folder' : c.type === 'file' ? 'file' : 'other'} size="15" />
          <a class="cut" href=${hrefOf(c, link, point)}><${Name} text=${nameOf(c)} /></a></span> <${Lack} point=${c} /></th>
        <td class="wide number">${c.type === 'dir' ? count(c.files) : ''}</td><td><${Bytes} n=${c.size} /></td>
        <td><span class="share"><span class="share-bar" aria-hidden="true"><span style=${{ width: `${(100 * c.size) / Math.max(1, folder.size)}%` }}></span></span><span class="number">${share(c.size, folder.size)}</span></span></td>
        <td class="wide">${repositoryId && html`<a href=${historyAddress(repositoryId, c)} aria-label=${`History of ${visible(nameOf(c))}`}>History</a>`}</td></tr>`)}
        ${!hidden && folder.rest && html`<tr><th scope="row"><span class="quiet-text">${plural(folder.rest.count, 'smaller entry', 'smaller entries')}</span></th>
          <td class="wide number">${count(folder.rest.files)}</td><td><${Bytes} n=${folder.rest.size} /></td><td><span class="number">${share(folder.rest.size, folder.size)}</span></td><td class="wide"></td></tr>`}</tbody></table></div>
    ${folder.children.length > 12 && html`<button class="quiet small" onClick=${() => setAll(!all)}>${all ? 'Show fewer' : `Show ${count(hidden)} more`}</button>`}
  </section>`;
}

// Whole is about the whole restore point.
function Whole({ id, link }) {
  const { data, error, reload } = useGet(`/v6/RestorePoints/${id}/Statistics`);
  if (!data) return error ? html`<${Problem} error=${error} retry=${reload} />` : html`<${Loading} what="Looking through the restore point" />`;
  return html`<section aria-labelledby="whole-title" class="whole">
    <div class="section-head"><h2 id="whole-title">The whole restore point</h2><span class="quiet-text">${bytes(data.size)} in ${plural(data.files, 'file')};
      ${' '}${bytes(data.addedStoredSize)} were new with it, and ${bytes(data.uniqueStoredSize)} are in no other one</span></div>
    <${Uncounted} folders=${data.missingFolders} of="of this restore point" />
    <div class="columns">
      <${Sizes} title="Largest files" first="File" list=${data.largestFiles} total=${data.size}
        what=${(f) => html`<a class="cut" href=${entryAddress(id, f)} title=${visible(f.path)}><${Name} text=${nameOf(f)} /></a>
          ${f.modified && html`<span class="quiet-text block">modified <${Time} at=${f.modified} /></span>`}`} />
      <${Sizes} title="Kinds of files" first="Kind" list=${data.kinds} total=${data.kinds.reduce((n, k) => n + k.size, 0)}
        what=${(k) => html`<${Name} text=${k.other ? 'all others' : k.kind || 'without an ending'} /> <span class="quiet-text">${plural(k.files, 'file')}</span>`} />
      <${Sizes} title="Largest folders" first="Folder" list=${data.largestFolders} total=${data.size}
        what=${(f) => html`<a class="cut" href=${link(f)}><${Name} text=${f.path} /></a>`} />
    </div></section>`;
}

function Sizes({ title, first, list, total, what }) {
  const [all, setAll] = useKept(title, false);
  if (!list || list.length === 0) return null;
  const shown = all ? list : list.slice(0, 8);
  return html`<div class="card sizes-card"><table class="sizes"><caption>${title}</caption>
    <thead><tr><th scope="col">${first}</th><th scope="col">Size</th><th scope="col">Share</th></tr></thead>
    <tbody>${shown.map((x, i) => html`<tr key=${i}><th scope="row">${what(x)}</th><td><${Bytes} n=${x.size} /></td><td class="number">${share(x.size, total)}</td></tr>`)}</tbody></table>
    ${list.length > 8 && html`<button class="quiet small" onClick=${() => setAll(!all)} aria-label=${`${title}: show ${all ? 'fewer' : 'all'}`}>${all ? 'Show fewer' : `Show all ${count(list.length)}`}</button>`}</div>`;
}
