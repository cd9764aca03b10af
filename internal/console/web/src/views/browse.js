// A restore point's folders and files.
import { useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { allowed } from '../api.js';
import { downloadAddress, formats, maxChosen, save } from '../archive.js';
import { bytes, count, sentence, short, visible } from '../format.js';
import { entryParams, ownName } from '../entries.js';
import { useListing } from '../listing.js';
import { Note } from '../lacks.js';
import { missing } from '../missing.js';
import { browseAddress, compareAddress, nameOf, parent, placeIn, spaceAddress } from '../places.js';
import { usePoint, usePoints, useRepository } from '../resources.js';
import { hasView, navigate } from '../router.js';
import { Trail } from '../trail.js';
import { Button, Empty, Heading, Icon, Loading, Name, Problem } from '../ui.js';
import { Details } from './details.js';
import { Files, countText, useCursor } from './files.js';
import { PointSwitch, neighbours } from './pointswitch.js';
import { Restoring, useTargets } from './restoring.js';

// useAround loads a restore point and its neighbours. Another one of the same
// repository is there at once.
function useAround(id) {
  const around = useRef('');
  const own = usePoint(id);
  if (own.data) around.current = own.data.repositoryId;
  const repository = useRepository(around.current);
  const points = usePoints(around.current);
  const known = points.data?.find((p) => p.id === id);
  const data = repository.data && points.data && { repository: repository.data, points: points.data, point: known ?? own.data };
  return { data, error: own.error ?? points.error ?? repository.error, reload: () => Promise.all([own, points, repository].map((l) => l.error && l.reload())) };
}

export function Browse({ id, params, who }) {
  const { data, error, reload } = useAround(id);
  const place = placeIn(params);
  const sort = params.get('sort') || 'name';
  const order = params.get('order') || (sort === 'size' || sort === 'modified' ? 'desc' : 'asc');
  const listing = useListing({ pointId: id, place, sort, order });
  const cursor = useCursor(listing, params);
  const point = data?.point?.id === id ? data?.point ?? null : null;
  const targets = useTargets(who);
  const [restoring, setRestoring] = useState(/** @type {any} */ (null));
  const restore = point && targets.length > 0 ? setRestoring : null;
  if (error?.status === 404 || error?.status === 400) {
    return html`<${Heading} title="Files" /><${Problem} error=${error} /><p><a href="/">Go to the overview</a></p>`;
  }
  const view = { sort: params.get('sort'), order: params.get('order') };
  const up = () => {
    if (nameOf(place) !== '/') navigate(browseAddress(id, parent(place), { ...view, ...entryParams(ownName(place)) }));
  };
  const open = (entry, details) => {
    if (entry?.type === 'dir' && !entry.contentMissing) navigate(browseAddress(id, entry, view));
    else if (entry && details) /** @type {HTMLElement | null} */ (document.querySelector('.details button, .details a'))?.focus();
  };
  const link = (to) => browseAddress(to, place, { ...view, entry: params.get('entry'), rawEntry: params.get('rawEntry') });
  const points = data?.points ?? [];
  const before = point ? neighbours(points, point).before : undefined;
  return html`
    <${Heading} title=${short(nameOf(place))} above=${data?.repository && html`<span class="crumb"><a href="/repositories/${data.repository.id}"><${Name} text=${data.repository.name} /></a>
      ${point && html` · <${Name} text=${point.hostName} />`}</span>`}>
      ${point && html`<${PointSwitch} points=${points} point=${point} link=${link} />`}
    <//>
    <${Problem} error=${error?.status ? error : null} retry=${reload} />
    ${point?.isIncomplete && html`<${Note}>This restore point is not whole. ${missing(point)}<//>`}
    <div class="browse">
      <section class="files" aria-label="Files">
        <div class="files-bar">
          <button class="quiet icon-only" aria-label="To the folder above" title="To the folder above (Backspace)" disabled=${nameOf(place) === '/'} onClick=${up}><${Icon} name="back" /></button>
          <${Trail} place=${place} label="Path" link=${(step) => browseAddress(id, step, view)} /></div>
        <${Files} point=${id} listing=${listing} cursor=${cursor} sort=${sort} order=${order} open=${open} up=${up} />
        <${State} id=${id} place=${place} listing=${listing} view=${view} incomplete=${Boolean(point?.isIncomplete)} />
        <${Bar} id=${id} place=${place} listing=${listing} cursor=${cursor} before=${before} who=${who} repository=${data?.repository} restore=${restore} />
      </section>
      <${Side} id=${id} listing=${listing} cursor=${cursor} before=${before} repository=${data?.repository} who=${who} restore=${restore} />
      ${restoring && point && html`<${Restoring} point=${point} entries=${restoring} targets=${targets} onClose=${() => setRestoring(null)} />`}
    </div>`;
}

function Side({ id, listing, cursor, before, repository, who, restore }) {
  const entry = listing.entries.get(cursor.index);
  if (!entry) return html`<aside class="details card" aria-label="Details"><p class="quiet-text">Nothing is chosen.</p></aside>`;
  return html`<${Details} point=${id} repositoryId=${repository?.id} before=${before} entry=${entry} who=${who} restore=${restore} />`;
}

// State says why there are no entries.
function State({ id, place, listing, view, incomplete }) {
  const { error } = listing;
  if (error?.status === 404) {
    return html`<div class="files-state"><${Empty} title="There is nothing under this path in this restore point">
      <p>Another restore point may have it. Or go on from <a href=${browseAddress(id, parent(place), view)}>the folder above</a>.</p><//></div>`;
  }
  if (error?.status === 400) {
    return html`<div class="files-state"><${Empty} title="This is not a folder">
      <p><a href=${browseAddress(id, parent(place), { ...view, ...entryParams(ownName(place)) })}>Show it in its folder</a></p><//></div>`;
  }
  if (error?.status === 409 && incomplete) {
    return html`<div class="files-state"><${Empty} title="What was in this folder is lost"><p>${sentence(visible(error.message))}</p>
      ${nameOf(place) !== '/' && html`<p><a href=${browseAddress(id, parent(place), { ...view, ...entryParams(ownName(place)) })}>The folder above</a></p>`}<//></div>`;
  }
  if (error) return html`<div class="files-state"><${Problem} error=${error} retry=${() => listing.retry()} /></div>`;
  if (listing.total === null) return html`<div class="files-state"><${Loading} what="Loading the entries" /></div>`;
  return listing.total === 0 ? html`<div class="files-state"><${Empty} title="This folder is empty" /></div>` : null;
}

// chosen are the entries to download: the selected ones, or the folder itself
// if all are selected.
async function chosen(listing, selected, place) {
  if (selected.size === 0 || selected.size === listing.total) return [{ ...place, type: 'dir' }];
  if (selected.size > maxChosen) throw new Error(`Up to ${maxChosen} entries can be chosen for one download, or the folder as a whole.`);
  const entries = [];
  for (const index of [...selected].sort((a, b) => a - b)) entries.push(await listing.at(index));
  return entries;
}

// Bar is about the folder or the selection in it.
function Bar({ id, place, listing, cursor, before, who, repository, restore }) {
  const [format, setFormat] = useState(formats[0]);
  const { selected } = cursor;
  const download = async () => save(downloadAddress(id, await chosen(listing, selected, place), format));
  const links = [
    before && [compareAddress(before.id, id, place), 'compare', 'Changes since the one before'],
    [spaceAddress(id, place), 'space', 'Where the space goes'],
    repository && [`/search?${new URLSearchParams({ repository: repository.id, ...(place.rawPath ? { rawPath: place.rawPath } : { path: place.path }) })}`, 'search', 'Search in this folder'],
  ].filter((l) => l && hasView(l[0]));
  const loaded = [...selected].slice(0, 1000).map((i) => listing.entries.get(i));
  const size = selected.size <= 1000 && loaded.every(Boolean) ? loaded.reduce((n, e) => n + (e.type === 'file' ? e.size : 0), 0) : null;
  return html`<div class="files-bar files-foot">
    <span class="grow" role="status">${listing.total === null ? '' : selected.size > 0
      ? `${count(selected.size)} of ${countText(listing.total)} selected${size ? `, files of ${bytes(size)}` : ''}` : countText(listing.total)}</span>
    ${selected.size > 0 && html`<button class="quiet small" onClick=${cursor.none}>Select none</button>`}
    ${selected.size === 0 && links.map(([href, icon, text]) => html`<a key=${icon} class="button quiet icon-only" href=${href} title=${text} aria-label=${text}><${Icon} name=${icon} /></a>`)}
    ${restore && listing.total > 0 && html`<${Button} icon="restore" kind="small" onClick=${async () => restore(await chosen(listing, selected, place))}>${selected.size > 0 ? 'Restore selected…' : 'Restore folder…'}<//>`}
    ${allowed(who, 'restore') && listing.total > 0 && html`<span class="download"><select aria-label="Format of the archive" value=${format} onChange=${(e) => setFormat(e.target.value)}>
      ${formats.map((f) => html`<option key=${f}>${f}</option>`)}</select>
      <${Button} icon="download" kind="small" onClick=${download}>${selected.size > 0 ? 'Download selected' : 'Download folder'}<//></span>`}
  </div>`;
}
