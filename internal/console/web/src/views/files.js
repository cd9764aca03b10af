// The list of a folder's entries, with the keys and the mouse of a file
// manager. The list itself has the keyboard's focus. One of its rows is the
// active one.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { bytes, count, dateTime, exact, exactBytes, visible } from '../format.js';
import { EntryIcon, entryIn, entryParams, lostFolder, typeName } from '../entries.js';
import { wasScrolled } from '../kept.js';
import { browseAddress } from '../places.js';
import { setParams } from '../router.js';
import { useElement } from '../store.js';
import { useBoxRows } from '../table.js';
import { Name } from '../ui.js';

const rowHeight = 36;
const headHeight = 38;
const pause = 900; // between two letters of one name, in milliseconds
const settle = 90; // without another letter, until the name is looked for

const columns = [['name', 'Name', 'asc'], ['size', 'Size', 'desc'], ['modified', 'Modified', 'desc'], ['type', 'Type', 'asc']];

const fresh = (listing) => ({ listing, index: 0, anchor: 0, selected: new Set(), scroll: /** @type {any} */ (null) });

// useCursor holds the active entry and the selected ones, separately for each
// listing. The address names the active entry.
export function useCursor(listing, params) {
  const [state, setState] = useState(() => fresh(listing));
  const [ready, setReady] = useState(/** @type {any} */ (null));
  const written = useRef(/** @type {string | null} */ (null));
  const timer = useElement();
  const asked = entryIn(params);
  const key = asked && JSON.stringify(asked);
  const cursor = state.listing === listing ? state : fresh(listing);
  const change = (changes) => setState((s) => ({ ...(s.listing === listing ? s : fresh(listing)), scroll: null, ...changes }));

  useEffect(() => {
    if (ready === listing && key === written.current) return undefined;
    if (!asked) {
      setReady(listing);
      return undefined;
    }
    let gone = false;
    const show = (index) => {
      if (gone) return;
      if (index >= 0) change({ index, anchor: index, scroll: wasScrolled('files') ? 'auto' : 'center' });
      setReady(listing);
    };
    listing.find(asked).then(show, () => show(-1));
    return () => {
      gone = true;
    };
  }, [listing, key]);
  useEffect(() => () => clearTimeout(timer.current), [listing]);

  // move makes an entry the active one. extend selects all up to it.
  const move = (to, { extend = false } = {}) => {
    const index = Math.max(0, Math.min(to, (listing.total ?? 1) - 1));
    if (extend) {
      const [first, last] = [Math.min(cursor.anchor, index), Math.max(cursor.anchor, index)];
      change({ index, scroll: 'auto', selected: new Set(Array.from({ length: last - first + 1 }, (_, i) => first + i)) });
    } else {
      change({ index, anchor: index, scroll: 'auto' });
    }
    clearTimeout(timer.current);
    timer.current = setTimeout(async () => {
      const entry = await listing.at(index).catch(() => null);
      if (!entry) return;
      written.current = JSON.stringify(entryIn(new URLSearchParams(Object.entries(entryParams(entry)).flatMap(([k, v]) => (v ? [[k, v]] : [])))));
      setParams(entryParams(entry));
    }, 250);
  };
  const toggle = (index) => {
    const selected = new Set(cursor.selected);
    if (!selected.delete(index)) selected.add(index);
    change({ index, anchor: index, selected });
  };
  const all = () => change({ selected: new Set(Array.from({ length: listing.total ?? 0 }, (_, i) => i)) });
  const none = () => change({ selected: new Set() });
  return { ...cursor, ready: ready === listing, move, toggle, all, none };
}

// useKeys returns the handler of the list's keys.
function useKeys({ listing, cursor, page, open, up }) {
  const typed = useRef(/** @type {{ text: string, at: number, timer?: number }} */ ({ text: '', at: 0 }));
  useEffect(() => () => clearTimeout(typed.current.timer), [listing]);
  const type = (letter) => {
    const now = Date.now();
    const { text, at, timer } = typed.current;
    const again = now - at > pause;
    clearTimeout(timer);
    /** @type {{ text: string, at: number, timer?: number }} */
    const mine = { text: again ? letter : text + letter, at: now };
    typed.current = mine;
    // The same letter several times steps through the names that begin with it.
    const next = listing.entries.get(cursor.index + 1);
    if (!again && mine.text === letter.repeat(mine.text.length) && next?.name.toLowerCase().startsWith(letter.toLowerCase())) {
      cursor.move(cursor.index + 1);
      return;
    }
    mine.timer = setTimeout(async () => {
      const index = await listing.find({ name: mine.text }).catch(() => -1);
      if (index >= 0 && typed.current === mine) cursor.move(index);
    }, settle);
  };
  return (event) => {
    if (event.target !== event.currentTarget || event.altKey || listing.total === null) return;
    const command = event.ctrlKey || event.metaKey;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page(), PageUp: -page(), Home: -Infinity, End: Infinity };
    const typing = Date.now() - typed.current.at < pause;
    if (event.key in steps && !command) cursor.move(cursor.index + steps[event.key], { extend: event.shiftKey });
    else if (event.key === 'Enter' || event.key === 'ArrowRight') open(listing.entries.get(cursor.index), event.key === 'Enter');
    else if (event.key === 'Backspace' || event.key === 'ArrowLeft') up();
    else if (event.key === ' ' && !typing) cursor.toggle(cursor.index);
    else if (command && event.key === 'a') cursor.all();
    else if (event.key === 'Escape') cursor.none();
    else if (event.key.length === 1 && !command && event.key !== '/') type(event.key);
    else return;
    event.preventDefault();
  };
}

export function Files({ point, listing, cursor, sort, order, open, up }) {
  const box = useElement();
  const rows = useBoxRows(listing.total ?? 0, rowHeight, box, headHeight);
  const page = () => Math.max(1, Math.floor((box.current.clientHeight - headHeight) / rowHeight) - 1);
  const keys = useKeys({ listing, cursor, page, open, up });
  useLayoutEffect(() => box.current.focus({ preventScroll: true }), []);
  useLayoutEffect(() => {
    box.current.scrollTop = 0;
  }, [listing]);
  useLayoutEffect(() => {
    if (cursor.scroll && listing.total > 0) rows.scrollToIndex(cursor.index, { align: cursor.scroll });
  }, [cursor.index, cursor.scroll, listing.total === null]);
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const end = items.length > 0 ? items[items.length - 1].index + 1 : 1;
  useEffect(() => {
    if (cursor.ready) listing.want(first, end);
  }, [listing, cursor.ready, first, end]);

  const click = (event, index) => {
    if (event.target.closest('a')) return;
    if (event.shiftKey) cursor.move(index, { extend: true });
    else if (event.ctrlKey || event.metaKey || event.target.closest('input')) cursor.toggle(index);
    else cursor.move(index);
    box.current.focus({ preventScroll: true });
  };
  const active = items.some((item) => item.index === cursor.index) ? `entry-${cursor.index}` : undefined;
  return html`<div ref=${box} class="files-box" data-keep-scroll="files" role="grid" tabIndex="0" aria-label="Entries of the folder" aria-multiselectable="true"
      aria-rowcount=${listing.total === null ? -1 : listing.total + 1} aria-activedescendant=${active} aria-busy=${listing.total === null} onKeyDown=${keys}>
    <${Head} listing=${listing} cursor=${cursor} sort=${sort} order=${order} />
    <div class="grid-body" role="rowgroup" style=${{ height: `${rows.getTotalSize()}px` }}>${items.map((item) => html`<${Row}
      key=${item.index} index=${item.index} top=${item.start - headHeight} point=${point} entry=${listing.entries.get(item.index)}
      active=${item.index === cursor.index} selected=${cursor.selected.has(item.index)} click=${click} open=${open} />`)}</div>
  </div>`;
}

function Head({ listing, cursor, sort, order }) {
  const press = (name, usual) => {
    const next = sort === name ? (order === 'asc' ? 'desc' : 'asc') : usual;
    setParams({ sort: name === 'name' ? null : name, order: next === usual ? null : next });
  };
  const size = cursor.selected.size;
  const every = size > 0 && size === listing.total;
  return html`<div class="grid-head" role="rowgroup"><div class="file-columns" role="row" aria-rowindex="1">
    <span role="columnheader"><input type="checkbox" aria-label="Select all" checked=${every} ref=${(e) => e && (e.indeterminate = size > 0 && !every)}
      onChange=${every ? cursor.none : cursor.all} /></span>
    ${columns.map(([name, text, usual]) => html`<span key=${name} role="columnheader" class="column-${name}"
      aria-sort=${sort === name ? (order === 'asc' ? 'ascending' : 'descending') : undefined}>
      <button class="sort" onClick=${() => press(name, usual)}>${text}${sort === name && html`<span aria-hidden="true">${order === 'asc' ? '↑' : '↓'}</span>`}</button></span>`)}
  </div></div>`;
}

function Row({ index, top, point, entry, active, selected, click, open }) {
  const place = { id: `entry-${index}`, class: `grid-row file-columns${active ? ' active' : ''}${selected ? ' selected' : ''}`, role: 'row',
    'aria-rowindex': index + 2, 'aria-selected': selected, style: { transform: `translateY(${top}px)` } };
  if (!entry) return html`<div ...${place}><span role="gridcell"></span><span role="gridcell" class="quiet-text">…</span></div>`;
  const folder = entry.type === 'dir' && !entry.contentMissing;
  const name = visible(entry.name);
  return html`<div ...${place} onClick=${(e) => click(e, index)} onDblClick=${() => open(entry, true)}>
    <span role="gridcell"><input type="checkbox" tabIndex="-1" aria-label=${`Select ${name.slice(0, 200)}`} checked=${selected} /></span>
    <span role="gridcell" class="column-name"><${EntryIcon} type=${entry.type} />
      ${folder ? html`<a href=${browseAddress(point, entry)} tabIndex="-1" class="cut"><${Name} text=${entry.name} /></a>` : html`<${Name} text=${entry.name} />`}
      ${entry.contentMissing && html`<span class="badge late" title=${lostFolder}>lost</span>`}
      ${entry.linkTarget && html`<span class="quiet-text link-target">→ <${Name} text=${entry.linkTarget} /></span>`}</span>
    <span role="gridcell" class="column-size number" title=${entry.type === 'file' ? exactBytes(entry.size) : undefined}>${entry.type === 'file' ? bytes(entry.size) : ''}</span>
    <span role="gridcell" class="column-modified">${entry.modifyTime && html`<time dateTime=${entry.modifyTime} title=${exact(entry.modifyTime)}>${dateTime(entry.modifyTime)}</time>`}</span>
    <span role="gridcell" class="column-type">${typeName(entry.type)}</span>
  </div>`;
}

// countText is the number of entries in words.
export function countText(total) {
  return total === 1 ? '1 entry' : `${count(total)} entries`;
}
