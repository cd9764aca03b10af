// Search while typing, over all repositories: a line for each path, with its
// versions below.
import { useEffect, useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { get, query } from '../api.js';
import { client, useData, usePages } from '../data.js';
import { bytes, count, dateTime, plural, visible } from '../format.js';
import { EntryIcon, entryParams } from '../entries.js';
import { goneFrom, inOrder, newestOf, orders } from '../found.js';
import { useKept } from '../kept.js';
import { browseAddress, historyAddress, parent } from '../places.js';
import { useRepositories } from '../resources.js';
import { hasView, setParams } from '../router.js';
import { fold, requestOf } from '../searchquery.js';
import { useElement } from '../store.js';
import { useWindowRows } from '../table.js';
import { Term } from '../terms.js';
import { Empty, Heading, Icon, Loading, Name, Problem, Time } from '../ui.js';
import { Filters } from './searchfilters.js';

// The first page is small, so that it comes at once. The others follow by
// themselves up to this number of versions, since the best one may be among the
// last.
const firstPage = 200;
const nextPage = 1000;
const byItself = 5000;

// useSearch requests the first page when the request changes, and keeps the
// former answer on the screen until the next one arrives.
function useSearch(request) {
  const found = usePages((cursor, signal) => get(query('/v6/Search', { ...request, limit: cursor ? nextPage : firstPage, cursor }), { signal }), ['search', request], { off: !request });
  const last = found.pages[found.pages.length - 1];
  const groups = useMemo(() => found.pages.reduce((list, page) => fold(list, page.results), []), [found.pages]);
  return {
    groups, versions: found.pages.reduce((n, page) => n + page.results.length, 0), last: last?.results.length ?? 0, next: found.next,
    cut: { time: last?.cut === 'time', folders: found.pages.some((page) => page.cut === 'folders') }, notSearched: last?.notSearched ?? [],
    incomplete: Math.max(0, ...found.pages.map((page) => page.incompleteRestorePoints ?? 0)), pages: found.pages.length,
    loading: found.loading, error: found.error, fresh: Boolean(last) && !found.old, more: found.more, retry: found.retry,
  };
}

export function Search({ params }) {
  const { request, wrong } = requestOf(params);
  const found = useSearch(request ?? null);
  const repositories = useRepositories();
  const names = useMemo(() => new Map((repositories.data ?? []).map((r) => [r.id, r.name])), [repositories.data]);
  const q = params.get('q');
  const order = orders[params.get('sort') ?? ''] ? /** @type {string} */ (params.get('sort')) : 'best';
  const text = params.get('mode') === 'pattern' ? '' : q ?? '';
  const groups = useMemo(() => inOrder(found.groups, order, text), [found.groups, order, text]);
  // A filter may leave out a later version, so no result is called deleted.
  const series = useSeries(doubtful.some((name) => params.get(name)) ? [] : found.groups, repositories.data);
  // A page that found nothing in its time is not followed by another one.
  const onward = Boolean(found.next) && !found.loading && !found.error && found.fresh && found.last > 0 && found.versions < byItself;
  useEffect(() => {
    if (onward) found.more();
  }, [onward, found.versions]);
  return html`<${Heading} title=${q ? `Search: ${q.slice(0, 80)}` : 'Search'} />
    <${Filters} params=${params} repositories=${repositories.data ?? []} />
    <${Problem} error=${wrong ? { message: wrong } : found.error?.status ? found.error : null} retry=${wrong ? null : found.retry} />
    ${!request ? !wrong && html`<${Empty} title="What are you looking for?"><p>Type a part of a name into the search box, or choose a filter. Every restore point of every repository is searched.</p><//>`
      : html`<${Told} found=${found} names=${names} order=${order} onward=${onward} />
        ${found.fresh && !found.loading && found.groups.length === 0 && !found.next ? html`<${Nothing} params=${params} />`
          : html`<${Found} found=${found} groups=${groups} series=${series} names=${names} q=${text} onward=${onward} />`}`}`;
}

// doubtful are the filters that may hide later versions of a path.
const doubtful = ['type', 'min', 'max', 'after', 'before', 'host', 'tag'];
const mostSeries = 20; // repositories

// useSeries loads the restore points of the repositories with results, to find
// deleted paths. A repository that is out of sync may have newer, hidden
// snapshots, so nothing in it is called deleted.
function useSeries(groups, repositories) {
  const ids = useMemo(() => {
    const known = new Set((repositories ?? []).filter((r) => r.isOutOfSync === false).map((r) => r.id));
    return [...new Set(groups.map((g) => g.repositoryId))].filter((id) => known.has(id)).slice(0, mostSeries);
  }, [groups, repositories]);
  const { data } = useData(async (signal) => new Map(await Promise.all(ids.map(async (id) => {
    const path = `/v6/RestorePoints?repositoryId=${id}`;
    const list = await client.fetchQuery({ queryKey: [path], queryFn: () => get(path, { signal }), staleTime: 60_000 }).catch(() => undefined);
    return /** @type {[string, any]} */ ([id, list]);
  }))), ['series', ids.join()], { off: ids.length === 0 });
  return data ?? new Map();
}

function Nothing({ params }) {
  const filtered = [...params.keys()].some((name) => name !== 'q' && name !== 'sort');
  return html`<${Empty} title="Nothing has been found"><p>${filtered ? 'Fewer filters may find more.'
    : 'Part of a name is enough. For patterns with * and ?, choose “Pattern” among the filters.'}</p><//>`;
}

const reasons = {
  NotSynchronized: 'has not been synchronized yet', Synchronizing: 'is being synchronized for the first time',
  Damaged: 'has a damaged catalog; the next synchronization mends it', Time: 'took longer than a page may take',
};

// Told names the number of results, and what was not searched.
function Told({ found, names, order, onward }) {
  const { groups, versions, next, cut, notSearched, loading, fresh } = found;
  return html`<div class="told">
    <p role="status">${loading && html`<span class="spinner" aria-hidden="true"></span>`}
      ${fresh || groups.length > 0 ? html`<span>${plural(groups.length, 'path')} in ${plural(versions, 'version')}${next ? ' so far' : ''}<${Term} of="foundVersions" /></span>` : html`<span>Searching…</span>`}
      ${versions > 0 && html`<label class="inline found-order">Sort<select value=${order} onChange=${(e) => setParams({ sort: e.target.value === 'best' ? null : e.target.value })}>
        ${Object.entries(orders).map(([key, [text]]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>`}</p>
    ${next && fresh && !loading && !onward && order !== 'path' && html`<p class="quiet-text"><${Icon} name="warning" size="16" /><span>Only what has been found so far is sorted: better ones may follow. Search on at the end of the list, or narrow the search down.</span></p>`}
    ${cut?.folders && html`<p class="quiet-text"><${Icon} name="warning" size="16" /><span>Folders nested so deeply that their paths have more than 8 KiB were not looked into.</span></p>`}
    ${found.incomplete > 0 && html`<p class="quiet-text"><${Icon} name="warning" size="16" /><span>${found.pages > 1 || next ? 'At least ' : ''}${plural(found.incomplete, 'restore point')} that ${found.incomplete === 1 ? 'was' : 'were'} searched ${found.incomplete === 1 ? 'is' : 'are'} incomplete<${Term} of="incomplete" />: there may be more in the folders that are lost.</span></p>`}
    ${notSearched.map((n) => html`<p key=${n.repositoryId} class="quiet-text"><${Icon} name="warning" size="16" /><span>Not searched: <a href="/repositories/${n.repositoryId}"><${Name} text=${names.get(n.repositoryId) ?? n.repositoryId} /></a> ${reasons[n.reason] ?? ''}.</span></p>`)}
  </div>`;
}

const rowHeight = 54;

function Found({ found, groups, series, names, q, onward }) {
  const [open, setOpen] = useKept('versions', new Set());
  const box = useElement();
  const { next, loading, fresh, cut } = found;
  const lines = useMemo(() => groups.flatMap((group) => [{ group }, ...(open.has(group.key) ? [...group.versions].reverse().map((version) => ({ group, version })) : [])]), [groups, open]);
  const rows = useWindowRows(lines.length, rowHeight, box);
  const items = rows.getVirtualItems();
  const toggle = (key) => {
    const changed = new Set(open);
    if (!changed.delete(key)) changed.add(key);
    setOpen(changed);
  };
  return html`<div class=${`found${fresh ? '' : ' stale'}`}>
    <div ref=${box} role="list" aria-label="Found" class="grid-body" style=${{ height: `${rows.getTotalSize()}px` }}>${items.map(({ index, start }) => {
      const { group, version } = lines[index];
      const top = { transform: `translateY(${start - rows.options.scrollMargin}px)` };
      return version ? html`<${Version} key=${`${group.key} ${version.firstRestorePointId} ${version.entry.type}`} top=${top} version=${version} />`
        : html`<${Path} key=${group.key} top=${top} group=${group} gone=${goneFrom(group, series.get(group.repositoryId))} names=${names} q=${q} open=${open.has(group.key)} toggle=${toggle} />`;
    })}</div>
    ${next && fresh && !loading && !onward && html`<p class="onward"><button onClick=${found.more}>Search on</button>
      <span class="quiet-text">${cut.time ? 'The time for one page was over; there may be more.' : 'There is more.'}</span></p>`}
    ${loading && groups.length === 0 && html`<${Loading} what="Searching" />`}
  </div>`;
}

const jump = (version) => browseAddress(version.lastRestorePointId, parent(version), entryParams(version.entry));

function Path({ top, group, gone, names, q, open, toggle }) {
  const newest = newestOf(group);
  const { entry } = newest;
  const more = group.versions.length > 1;
  const history = historyAddress(group.repositoryId, group);
  return html`<div role="listitem" class="grid-row found-row" style=${top}>
    <${EntryIcon} type=${entry.type} />
    <div class="found-text"><a href=${jump(newest)} title=${`Show it in the restore point of ${dateTime(newest.lastTime)}`}><${Marked} text=${entry.name} q=${q} /></a>
      <span class="quiet-text cut">${gone !== null && html`<span class="badge late" title=${`It is not in the newest backup of ${visible(gone)}; the last one that has it is of ${dateTime(newest.lastTime)}`}>deleted now</span> `}<${Name} text=${parent(group).path} /> · <${Name} text=${names.get(group.repositoryId) ?? ''} /></span></div>
    <span class="found-size number">${entry.type === 'file' ? bytes(entry.size) : ''}</span>
    <span class="found-time quiet-text" title="Last modified"><${Time} at=${entry.modifyTime ?? newest.lastTime} /></span>
    <span class="found-more">${more ? html`<button class="small" aria-expanded=${open} onClick=${() => toggle(group.key)}>${count(group.versions.length)} versions <span class=${open ? 'flip' : ''}><${Icon} name="down" size="14" /></span></button>`
      : html`<span class="quiet-text">1 version</span>`}
      ${hasView(history) && html`<a class="button quiet icon-only" href=${history} title="History" aria-label=${`History of ${visible(entry.name).slice(0, 200)}`}><${Icon} name="history" size="16" /></a>`}</span>
  </div>`;
}

function Version({ top, version: v }) {
  return html`<div role="listitem" class="grid-row found-row found-version" style=${top}>
    <span></span>
    <div class="found-text"><a href=${jump(v)}><${Time} at=${v.firstTime} />${v.firstTime !== v.lastTime && html` – <${Time} at=${v.lastTime} />`}</a>
      <span class="quiet-text cut">in ${plural(v.restorePoints, 'restore point')}${v.entry.modifyTime && html`, modified <${Time} at=${v.entry.modifyTime} />`}</span></div>
    <span class="found-size number">${v.entry.type === 'file' ? bytes(v.entry.size) : ''}</span>
  </div>`;
}

// Marked shows a name with the searched part marked.
function Marked({ text, q }) {
  const shown = visible(text);
  const at = q ? shown.toLowerCase().indexOf(q.toLowerCase()) : -1;
  // Letters with a longer lower-case form would shift the part behind them.
  if (at < 0 || shown.toLowerCase().length !== shown.length) return html`<bdi class="name" title=${shown}>${shown}</bdi>`;
  return html`<bdi class="name" title=${shown}>${shown.slice(0, at)}<mark>${shown.slice(at, at + q.length)}</mark>${shown.slice(at + q.length)}</bdi>`;
}
