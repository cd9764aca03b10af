// The filters of a search. The address holds all of them.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { short, visible } from '../format.js';
import { placeIn } from '../places.js';
import { setParams } from '../router.js';
import { filters } from '../searchquery.js';
import { useElement } from '../store.js';

const types = [['', 'Everything'], ['file', 'Files'], ['dir', 'Folders'], ['symlink', 'Symbolic links']];
const pause = 350; // milliseconds without a key, until a text counts

export function Filters({ params, repositories }) {
  const set = filters.filter((f) => params.get(f));
  const [open, setOpen] = useState(set.length > 0);
  const raw = params.get('rawPath');
  const select = (label, name, options) => html`<label>${label}<select value=${params.get(name) ?? ''} onChange=${(e) => setParams({ [name]: e.target.value })}>
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>`;
  const field = (label, name, more) => html`<${Field} key=${name} label=${label} name=${name} value=${params.get(name) ?? ''} ...${more} />`;
  return html`<details class="filters card" open=${open} onToggle=${(e) => setOpen(e.target.open)}>
    <summary>Filters ${set.length > 0 && html`<span class="badge running">${set.length}</span>`}</summary>
    <div class="filter-fields">
      ${select('Looking for', 'mode', [['', 'Part of a name'], ['pattern', 'Pattern (* ? [a-z])']])}
      ${select('Type', 'type', types)}
      ${select('Repository', 'repository', [['', 'All repositories'], ...repositories.map((r) => [r.id, short(visible(r.name), 60)])])}
      ${raw ? html`<label>Folder<input readOnly value=${visible(placeIn(params).path)} /></label>` : field('Folder', 'path', { placeholder: '/home/ann' })}
      ${field('Size from', 'min', { placeholder: '500k, 10 MB' })}
      ${field('Size to', 'max', { placeholder: '1.5 GB' })}
      ${field('Modified from', 'after', { type: 'date' })}
      ${field('Modified to', 'before', { type: 'date' })}
      ${field('Host', 'host')}
      ${field('Tag', 'tag')}
      <label class="check"><input type="checkbox" checked=${Boolean(params.get('case'))} onChange=${(e) => setParams({ case: e.target.checked ? '1' : null })} />Match case</label>
      ${set.length > 0 && html`<button class="small" onClick=${() => setParams(Object.fromEntries(filters.map((f) => [f, null])))}>Clear the filters</button>`}
    </div>
  </details>`;
}

// Field is a text that counts a moment after the last key.
function Field({ label, name, value, ...rest }) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const timer = useElement();
  useEffect(() => {
    if (value === sent.current) return;
    clearTimeout(timer.current);
    sent.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event) => {
    const next = event.target.value;
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = next;
      setParams({ [name]: next });
    }, pause);
  };
  return html`<label>${label}<input maxLength="4096" autoComplete="off" spellCheck=${false} value=${text} onInput=${type} ...${rest} /></label>`;
}
