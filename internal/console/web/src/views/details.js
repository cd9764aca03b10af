// All properties of one entry.
import { html } from '../html.js';
import { allowed, get, query } from '../api.js';
import { downloadAddress, save } from '../archive.js';
import { useData } from '../data.js';
import { count, visible } from '../format.js';
import { EntryIcon, lostFolder, typeName } from '../entries.js';
import { at, browseAddress, compareAddress, historyAddress, spaceAddress } from '../places.js';
import { hasView } from '../router.js';
import { Button, Bytes, Icon, Name, Problem, Time, notify } from '../ui.js';

const pause = 120; // milliseconds: whoever goes through entries quickly asks for none

const after = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', () => clearTimeout(timer));
});

export function Details({ point, repositoryId, before, entry, who, restore }) {
  const full = useData(async (signal) => {
    await after(pause, signal);
    return get(query(`/v6/RestorePoints/${point}/Entry`, at(entry)), { signal });
  }, [`entry ${point} ${entry.rawPath ?? entry.path}`], { lasts: true });
  return html`<aside class="details card" aria-label="Details">
    <h2><${EntryIcon} type=${entry.type} /><${Name} text=${entry.name} /></h2>
    <${Actions} point=${point} repositoryId=${repositoryId} before=${before} entry=${entry} who=${who} restore=${restore} />
    <${Facts} entry=${full.data ?? entry} />
    <${Problem} error=${full.error?.status ? full.error : null} retry=${full.reload} />
  </aside>`;
}

function Actions({ point, repositoryId, before, entry, who, restore }) {
  const lost = entry.contentMissing;
  const folder = entry.type === 'dir' && !lost;
  const links = [];
  if (folder) links.push([browseAddress(point, entry), 'folder', 'Open']);
  if (repositoryId) links.push([historyAddress(repositoryId, entry), 'history', 'History']);
  if (folder && before) links.push([compareAddress(before.id, point, entry), 'compare', 'Changes']);
  if (folder) links.push([spaceAddress(point, entry), 'space', 'Space']);
  return html`<div class="actions">
    ${(folder || entry.type === 'file') && allowed(who, 'restore') && html`<${Button} icon="download" kind="primary small"
      onClick=${() => save(downloadAddress(point, [entry], 'zip'))}>Download<//>`}
    ${restore && !lost && html`<button class="small" onClick=${() => restore([entry])}><${Icon} name="restore" size="16" />Restore…</button>`}
    ${links.filter(([href]) => hasView(href)).map(([href, icon, text]) => html`<a key=${text} class="button small" href=${href}><${Icon} name=${icon} size="16" />${text}</a>`)}
  </div>`;
}

function Facts({ entry: e }) {
  const owner = [e.user || e.uid, e.group || e.group === '' ? e.group || e.gid : e.gid].join(' : ');
  const facts = [
    ['Type', typeName(e.type)],
    ['Content', e.contentMissing && html`<span class="why">${lostFolder}</span>`],
    ['Size', e.type === 'file' && html`<${Bytes} n=${e.size} />`],
    ['Leads to', e.linkTarget && html`<${Name} text=${e.linkTarget} />`],
    ['Modified', e.modifyTime && html`<${Time} at=${e.modifyTime} />`],
    ['Changed', e.changeTime && html`<${Time} at=${e.changeTime} />`],
    ['Accessed', e.accessTime && html`<${Time} at=${e.accessTime} />`],
    ['Mode', e.path !== '/' && html`<code>${e.mode}</code> <span class="quiet-text">${e.permissions}</span>`],
    ['Owner', e.path !== '/' && html`<span title=${`user ${e.uid}, group ${e.gid}`}><bdi>${visible(owner)}</bdi></span>`],
    ['Hard links', e.links > 1 && count(e.links)],
    ['Device', e.device && count(e.device)],
    ['Inode', e.inode && html`<span class="number">${e.inode}</span>`],
    ['Not read', e.error && html`<span class="why">${visible(e.error)}</span>`],
    ...(e.extendedAttributes ?? []).map((x) => [x.name, html`<code class="attribute">${attributeText(x.value)}</code>`]),
    ...(e.genericAttributes ?? []).map((x) => [x.name, html`<code class="attribute">${attributeText(x.value)}</code>`]),
    ['Path', html`<${Copy} entry=${e} /><span class="whole-path"><bdi>${broken(visible(e.path))}</bdi></span>`],
  ];
  return html`<dl class="detail-facts">${facts.filter(([, value]) => value).map(([name, value], i) => html`<div key=${i}><dt><bdi>${visible(name)}</bdi></dt><dd>${value}</dd></div>`)}</dl>`;
}

// shellQuoted returns bytes, given in Base64, in the form that bash, zsh and
// other shells read.
export function shellQuoted(rawPath) {
  const bytes = atob(rawPath.replaceAll('-', '+').replaceAll('_', '/'));
  return `$'${bytes.replace(/['\\]|[^\x20-\x7e]/g, (c) => (c === "'" || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))}'`;
}

// Copy copies a path as it is in the backup. The page shows signs in place of
// hidden characters.
function Copy({ entry: e }) {
  const copy = async () => {
    await navigator.clipboard.writeText(e.rawPath ? shellQuoted(e.rawPath) : e.path);
    notify(e.rawPath ? 'The path has bytes that are no text. It is copied as $\'…\', with these bytes as \\x…, which shells such as bash read.' : 'The path is copied.');
  };
  return html`<${Button} kind="quiet small copy" aria-label="Copy the path" title="Copy the path as it is in the backup" onClick=${copy}>Copy<//>`;
}

// broken allows line breaks in a path after its slashes.
function broken(path) {
  return path.split(/(?<=\/)/).map((part) => html`${part}<wbr />`);
}

const longest = 400; // characters of an attribute

// attributeText shows an attribute's bytes, given in Base64, as text if they
// are text.
export function attributeText(base64) {
  const bytes = Uint8Array.from(atob(base64 ?? ''), (c) => c.charCodeAt(0));
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\0$/, '');
  } catch {
    text = [...bytes.subarray(0, longest / 3)].map((b) => b.toString(16).padStart(2, '0')).join(' ');
  }
  const shown = visible(text);
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}
