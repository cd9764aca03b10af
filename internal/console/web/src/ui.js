// The small parts of views.
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { html } from './html.js';
import { ago, bytes, count, dateTime, exact, exactBytes, sentence, visible } from './format.js';
import { useNow } from './data.js';
import { createStore, useElement, useStore } from './store.js';

// Time shows a moment in the reader's zone, and exactly on hover.
export function Time({ at }) {
  if (!at) return null;
  return html`<time dateTime=${at} title=${exact(at)}>${dateTime(at)}</time>`;
}

// Ago shows how long ago something was.
export function Ago({ at }) {
  const now = useNow();
  if (!at) return null;
  return html`<time dateTime=${at} title=${exact(at)}>${ago(at, now)}</time>`;
}

export function Bytes({ n }) {
  return n == null ? null : html`<span class="number" title=${exactBytes(n)}>${bytes(n)}</span>`;
}

export function Count({ n }) {
  return n == null ? null : html`<span class="number">${count(n)}</span>`;
}

// Name shows a name from a repository as text that cannot affect its
// surroundings. dir makes a name in a right-to-left script read as it should.
export function Name({ text, ...rest }) {
  const shown = visible(text);
  return html`<bdi class="name" title=${shown} ...${rest}>${shown}</bdi>`;
}

const icons = {
  overview: 'M3 11 12 4l9 7M6 9.500V20h12V9.5',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 20 20',
  plus: 'M12 5v14M5 12h14',
  api: 'm8 7-5 5 5 5m8-10 5 5-5 5',
  folder: 'M3 6.500h6l2 2.500h10v10H3z',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  link: 'M10 14 20 4m-6 0h6v6M18 14v6H4V6h6',
  other: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16',
  sync: 'M4 12a8 8 0 0 1 14-5l2 2m0-5v5h-5M20 12a8 8 0 0 1-14 5l-2-2m0 5v-5h5',
  stop: 'M7 7h10v10H7z',
  edit: 'M4 20l1-5L16 4l4 4L9 19zM14 6l4 4',
  trash: 'M5 7h14M10 4h4M7 7l1 13h8l1-13',
  check: 'm5 12.5 4.5 4.500L19 7.5',
  warning: 'M12 4 2.5 20h19zM12 10v4.500m0 2.500v.01',
  error: 'M12 3.500a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 8v5m0 3v.01',
  download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  restore: 'M4 13v7h16v-7M12 3v11m-4.5-4.500L12 14l4.5-4.500M8 17h8',
  history: 'M4 12a8 8 0 1 0 2.5-5.800L4 8.500m0-5v5h5M12 8v4.500l3 2',
  compare: 'M8 4v16m0 0-4-4m4 4 4-4M16 20V4m0 0-4 4m4-4 4 4',
  space: 'M4 4h9v16H4zM13 4h7v8h-7zm0 8h7v8h-7z',
  back: 'M19 12H5m6-6-6 6 6 6',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.400m11.2 11.200L19 19M19 5l-1.4 1.400M6.4 17.6 5 19',
  out: 'M14 4h6v16h-6M4 12h11m-4-4 4 4-4 4',
  key: 'M14.5 4a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M10.5 13.500 4 20v1h4v-3h3v-2.500M15 9h.01',
  bell: 'M6 10a6 6 0 0 1 12 0c0 5 2 6.500 2 6.500H4S6 15 6 10M10 20h4',
  quiet: 'M6 10a6 6 0 0 1 12 0c0 5 2 6.500 2 6.500H4S6 15 6 10M10 20h4M4 4l16 16',
  settings: 'M4 7h9m4 0h3M4 17h3m4 0h9M15 4.500v5M9 14.500v5',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c0-4 3-6 8-6s8 2 8 6',
  host: 'M4 5h16v11H4zM9 20h6m-3-4v4',
  down: 'm6 9 6 6 6-6',
};

export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
    stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${icons[name]} /></svg>`;
}

export function Problem({ error, retry }) {
  if (!error) return null;
  return html`<div class="problem" role="alert"><${Icon} name="error" /><span>${sentence(visible(error.message))}</span>
    ${retry && html`<button class="quiet" onClick=${retry}>Try again</button>`}</div>`;
}

export function Loading({ what = 'Loading' }) {
  // Data that is there at once causes no flash.
  return html`<p class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${what}…</p>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

export function Progress({ percent, label }) {
  return html`<div class="progress" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
    <div style=${{ width: `${percent}%` }}></div></div>`;
}

// Button waits for its action and shows its failure.
export function Button({ onClick, icon, children, kind = '', ...rest }) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (busy) return;
    setBusy(true);
    try {
      await onClick();
    } catch (error) {
      notify(/** @type {Error} */ (error).message, 'error');
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class=${kind} aria-busy=${busy} onClick=${press} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children}</button>`;
}

// useModal opens a dialog. When the dialog closes, the focus returns to its
// former place.
export function useModal() {
  const dialog = useElement();
  useLayoutEffect(() => {
    const from = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current.showModal();
    return () => {
      // Another view may have taken the focus meanwhile.
      requestAnimationFrame(() => {
        if (from?.isConnected && (document.activeElement === document.body || document.activeElement === null)) from.focus({ preventScroll: true });
      });
    };
  }, []);
  return dialog;
}

// Confirm asks before something that cannot be undone.
/** @param {any} props */
export function Confirm({ title, children, action, onConfirm, onClose }) {
  const dialog = useModal();
  const [error, setError] = useState(/** @type {any} */ (null));
  const confirm = async () => {
    try {
      await onConfirm();
      onClose();
    } catch (problem) {
      setError(problem);
    }
  };
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" onClose=${onClose}>
    <h2 id="confirm-title">${visible(title)}</h2>
    <div class="dialog-text">${children}</div>
    <${Problem} error=${error} />
    <div class="actions">
      <button type="button" class="quiet" onClick=${onClose}>Cancel</button>
      <${Button} kind="danger" onClick=${confirm}>${action}<//>
    </div>
  </dialog>`;
}

const notices = createStore(/** @type {{ id: number, text: string, kind: string }[]} */ ([]));
let lastNotice = 0;

export function notify(text, kind = 'info') {
  const id = ++lastNotice;
  notices.set([...notices.get(), { id, text, kind }]);
  setTimeout(() => dismiss(id), kind === 'error' ? 12_000 : 5000);
}

function dismiss(id) {
  notices.set(notices.get().filter((n) => n.id !== id));
}

export function Notices() {
  const list = useStore(notices);
  return html`<div class="notices" role="status" aria-live="polite">${list.map(
    (n) => html`<div key=${n.id} class="notice ${n.kind}"><span>${sentence(visible(n.text))}</span>
      <button class="quiet small" aria-label="Dismiss" onClick=${() => dismiss(n.id)}>✕</button></div>`,
  )}</div>`;
}

// Heading names the view, in the page and in the window's title.
export function Heading({ title, above, children }) {
  const shown = visible(title);
  useEffect(() => {
    document.title = `${shown} · Syncline`;
  }, [shown]);
  return html`<header class="heading"><div class="heading-text">${above}<h1 tabIndex="-1"><bdi>${shown}</bdi></h1></div>
    <div class="actions">${children}</div></header>`;
}

export function Tabs({ label, tabs, current, kind = '' }) {
  return html`<nav class="tabs ${kind}" aria-label=${label}>${tabs.map(
    ([href, text]) => html`<a key=${href} href=${href} aria-current=${href === current ? 'page' : undefined}>${text}</a>`,
  )}</nav>`;
}
