// The box in the navigation for searching from everywhere.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { address, navigate, setParams } from '../router.js';
import { useElement } from '../store.js';
import { Icon } from '../ui.js';

const pause = 180; // milliseconds without a key, until it is searched

export function SearchBox({ path, params }) {
  const here = path === '/search';
  const q = here ? params.get('q') ?? '' : '';
  const [text, setText] = useState(q);
  const input = useElement();
  const sent = useRef(q);
  const timer = useElement();
  useEffect(() => {
    if (q === sent.current) return;
    clearTimeout(timer.current);
    sent.current = q;
    setText(q);
  }, [q]);
  useEffect(() => {
    const key = (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.('input, select, textarea') || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      input.current.focus();
      input.current.select();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
  const go = (value) => {
    clearTimeout(timer.current);
    if (value === sent.current && here) return;
    sent.current = value;
    if (address.get().path === '/search') setParams({ q: value });
    else if (value) navigate(`/search?${new URLSearchParams({ q: value })}`);
  };
  const type = (event) => {
    const { value } = event.target;
    setText(value);
    clearTimeout(timer.current);
    const from = location.pathname;
    // A user who has opened another view meanwhile stays there.
    timer.current = setTimeout(() => location.pathname === from && go(value), pause);
  };
  const keys = (event) => {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (document.querySelector('.found a'))?.focus();
  };
  return html`<form class="search-box" role="search" onSubmit=${(e) => { e.preventDefault(); go(text); }}>
    <${Icon} name="search" />
    <input ref=${input} type="search" aria-label="Search in all backups" aria-keyshortcuts="/" placeholder="Search all backups" title="Search in all backups ( / )"
      maxLength="1000" autoComplete="off" spellCheck=${false} value=${text} onInput=${type} onKeyDown=${keys} />
  </form>`;
}
