// The history of one path: its versions on each host, and their times.
import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { allowed, get, query } from '../api.js';
import { useData } from '../data.js';
import { bytes, count, date, dateTime, plural, short, visible } from '../format.js';
import { useKept } from '../kept.js';
import { Download } from '../download.js';
import { Note } from '../lacks.js';
import { at, browseAddress, compareAddress, entryAddress, historyAddress, nameOf, parent, placeIn } from '../places.js';
import { useRepository } from '../resources.js';
import { setParams } from '../router.js';
import { useElement } from '../store.js';
import { Term } from '../terms.js';
import { Trail } from '../trail.js';
import { Ago, Bytes, Empty, Heading, Icon, Loading, Name, Problem, Time } from '../ui.js';
import { useWidth } from './timeline.js';

// The number of versions that are loaded, and the number shown of a host at
// first.
const maxVersions = 5000;
const shownFirst = 50;

async function loadVersions(id, place, signal) {
  const versions = [];
  let unknown = 0;
  for (let cursor; ;) {
    const page = await get(query(`/v6/BackupRepositories/${id}/History`, { ...at(place), limit: 1000, cursor }), { signal });
    versions.push(...page.results);
    unknown = Math.max(unknown, page.unknownRestorePoints ?? 0);
    cursor = page.nextCursor;
    if (!cursor || versions.length >= maxVersions) return { versions, unknown, cut: Boolean(cursor) };
  }
}

// byHost returns each host's versions, oldest first, each with the one before.
export function byHost(versions) {
  const hosts = new Map();
  for (const version of versions) {
    const list = hosts.get(version.hostName) ?? [];
    list.push({ ...version, before: list[list.length - 1] ?? null });
    hosts.set(version.hostName, list);
  }
  return [...hosts].sort(([a], [b]) => a.localeCompare(b));
}

// changes names the differences between the entries of two versions.
export function changes(before, after) {
  const found = [];
  const of = (label, was, is) => was !== is && found.push(`${label} ${was || 'none'} → ${is || 'none'}`);
  if (before.type !== after.type) found.push(`type ${before.type} → ${after.type}`);
  else if (after.type === 'file' && before.size !== after.size) found.push('size');
  if (before.modifyTime !== after.modifyTime) found.push('time of modification');
  of('rights', before.mode, after.mode);
  if (before.uid !== after.uid || before.gid !== after.gid || owner(before) !== owner(after)) {
    const ids = owner(before) === owner(after);
    found.push(`owner ${ids ? `${before.uid}:${before.gid}` : owner(before)} → ${ids ? `${after.uid}:${after.gid}` : owner(after)}`);
  }
  if (after.type === 'symlink') of('target', before.linkTarget, after.linkTarget);
  if (found.length > 0) return found.join(', ');
  return after.type === 'dir' ? 'what is in it, or its attributes' : 'its content or attributes';
}

function owner(entry) {
  return `${entry.user || entry.uid}:${entry.group || entry.gid}`;
}

export function History({ id, params, who }) {
  const place = placeIn(params);
  const host = params.get('host');
  const repository = useRepository(id);
  const found = useData((signal) => loadVersions(id, place, signal), [`history ${id} ${place.rawPath ?? place.path}`]);
  const hosts = useMemo(() => byHost(found.data?.versions ?? []), [found.data]);
  const error = repository.error ?? found.error;
  const shown = host ? hosts.filter(([name]) => name === host) : hosts;
  return html`
    <${Heading} title=${`History of ${short(nameOf(place))}`} above=${html`<a class="crumb" href="/">Overview</a> / <a class="crumb" href="/repositories/${id}">${
      repository.data ? html`<${Name} text=${repository.data.name} />` : 'Repository'}</a>`} />
    <${Trail} place=${place} link=${(step) => historyAddress(id, step, { host })} label="Folders of this path" />
    <${Problem} error=${error?.status ? error : null} retry=${error?.status === 404 ? null : found.reload} />
    ${!found.data && !found.error && html`<${Loading} what="Looking through the restore points" />`}
    ${found.data && html`
      ${found.data.unknown > 0 && html`<${Note}>${plural(found.data.unknown, 'restore point')} ${found.data.unknown === 1 ? 'says' : 'say'} nothing about this path, because the repository has lost folders on the way to it. It may have been there, and have had other versions.<//>`}
      ${hosts.length > 1 && html`<${HostChoice} hosts=${hosts} host=${host} />`}
      ${shown.length === 0 && html`<${Empty} title="This host never had it"><p><a href=${historyAddress(id, place)}>Show all hosts</a></p><//>`}
      ${shown.length > 0 && html`<${Strips} hosts=${shown} />`}
      ${shown.map(([name, versions]) => html`<${Host} key=${name} id=${id} name=${name} versions=${versions} place=${place} who=${who} />`)}
      ${found.data.cut && html`<p class="quiet-text">Only the oldest ${count(found.data.versions.length)} versions are shown.</p>`}`}`;
}

function HostChoice({ hosts, host }) {
  return html`<label class="inline">Host<select value=${host ?? ''} onChange=${(e) => setParams({ host: e.target.value })}>
    <option value="">All ${count(hosts.length)}</option>
    ${hosts.map(([name]) => html`<option key=${name} value=${name}>${visible(name)}</option>`)}</select></label>`;
}

// Strips draw the times of each version, with a line for each host.
function Strips({ hosts }) {
  const box = useElement();
  const width = useWidth(box);
  const times = hosts.flatMap(([, versions]) => versions.flatMap((v) => [Date.parse(v.firstTime), Date.parse(v.lastTime)]));
  const first = Math.min(...times);
  const last = Math.max(...times, first + 3600_000);
  const x = (time) => ((Date.parse(time) - first) / (last - first)) * (width - 4);
  return html`<div class="timeline strips" ref=${box} aria-hidden="true">${width > 0 && html`
    ${hosts.slice(0, 12).map(([name, versions]) => html`<div key=${name} class="strip">
      <${Name} text=${name} />
      <svg width=${width} height="18"><line x1="0" x2=${width} y1="9" y2="9" class="lane-line" />
        ${versions.filter((v) => v.entry).map((v) => html`<rect key=${v.firstRestorePointId} x=${x(v.firstTime)} y="3" height="12" rx="2"
          width=${Math.max(4, x(endOf(v, versions)) - x(v.firstTime))} class="strip-part"><title>${
          `${dateTime(v.firstTime)} – ${dateTime(v.lastTime)}, ${v.entry.type === 'file' ? bytes(v.entry.size) : v.entry.type}`}</title></rect>`)}
      </svg></div>`)}
    <div class="axis"><span>${date(first)}</span><span>${date(last)}</span></div>`}
  </div>`;
}

// endOf is the end of a version: the beginning of the next one, or its last
// restore point.
function endOf(version, versions) {
  return versions[versions.indexOf(version) + 1]?.firstTime ?? version.lastTime;
}

function Host({ id, name, versions, place, who }) {
  const [limit, setLimit] = useKept(`versions ${name}`, shownFirst);
  const newest = versions[versions.length - 1];
  const there = versions.filter((v) => v.entry);
  const shown = versions.slice(-limit).reverse();
  return html`<section class="host-history" aria-label=${`On ${visible(name)}`}>
    <div class="section-head"><h2><${Icon} name="host" /> <${Name} text=${name} /></h2>
      <span class="quiet-text">${plural(there.length, 'version')}${newest.entry ? '' : ', gone now'}<${Term} of=${newest.entry ? 'versions' : 'vanished'} /></span></div>
    <ol class="versions">${shown.map((v) => html`<${Version} key=${v.firstRestorePointId + v.event} id=${id} version=${v} place=${place} who=${who} />`)}</ol>
    ${versions.length > limit && html`<button class="small" onClick=${() => setLimit(limit * 4)}>Show older versions</button>`}
  </section>`;
}

const words = { Appeared: ['appeared', 'synced'], Changed: ['changed', 'running'], Vanished: ['vanished', 'behind'] };

function Version({ version: v, place, who }) {
  const [word, kind] = words[v.event];
  const when = dateTime(v.firstTime);
  const file = v.entry?.type === 'file';
  return html`<li>
    <span class="badge ${kind}">${word}</span>
    <div class="version-when"><${Time} at=${v.firstTime} /> <span class="quiet-text block"><${Ago} at=${v.firstTime} />, ${
      v.restorePoints === 1 ? 'in one restore point' : html`in ${count(v.restorePoints)} restore points, until <${Time} at=${v.lastTime} />`}</span></div>
    <div class="version-what">${v.entry ? html`<${Facts} version=${v} />` : html`<span class="quiet-text">no longer there</span>`}</div>
    <div class="actions">
      ${file && allowed(who, 'restore') && html`<${Download} point=${v.lastRestorePointId} place=${place} label=${`Download the version of ${when}`}>Download<//>`}
      <a class="button small" href=${v.entry?.type === 'dir' ? browseAddress(v.lastRestorePointId, place) : v.entry ? entryAddress(v.lastRestorePointId, place) : browseAddress(v.lastRestorePointId, parent(place))}
        aria-label=${`Browse the restore point of ${when}`}><${Icon} name="folder" size="15" />Browse</a>
      ${v.before && html`<a class="button small" href=${compareAddress(v.before.lastRestorePointId, v.firstRestorePointId, v.before.entry?.type === 'dir' && v.entry?.type === 'dir' ? place : parent(place))}
        aria-label=${`Compare the folder of ${when} with the version before`}><${Icon} name="compare" size="15" />Compare</a>`}
    </div></li>`;
}

function Facts({ version: { entry, event, before } }) {
  const grown = before?.entry?.type === 'file' && entry.type === 'file' ? entry.size - before.entry.size : 0;
  return html`<span>${entry.type === 'file' ? html`<${Bytes} n=${entry.size} />` : entry.type === 'dir' ? 'folder' : entry.type}
      ${grown !== 0 && html` <span class="quiet-text number">(${grown > 0 ? '+' : '−'}${bytes(Math.abs(grown))})</span>`}</span>
    ${entry.modifyTime && html`<span class="quiet-text">modified <${Time} at=${entry.modifyTime} /></span>`}
    ${event === 'Changed' && before?.entry && html`<span class="quiet-text block">changed: <bdi>${visible(changes(before.entry, entry))}</bdi></span>`}`;
}
