// Explanations of words that only users of restic know, in their place. A
// screen reader reads the explanation with the word. It appears when the sign
// is pointed at or has the focus; Escape closes it.
import { useId, useState } from 'preact/hooks';
import { html } from './html.js';
import { useElement } from './store.js';

const terms = {
  restorePoint: 'What one backup has saved, as it was at that time. restic calls it a snapshot.',
  snapshot: 'The first letters of the name that restic gave it. restic takes them in its commands.',
  sync: 'Whether Syncline’s catalog, which all these pages are read from, has everything that the repository had when it was looked at last.',
  stored: 'What the repository takes in its storage. restic cuts files into pieces, and stores a piece once however many files and backups have it.',
  data: 'The same pieces as they are before restic compresses them.',
  all: 'What it would take to restore every restore point, with everything that they have in common counted each time.',
  unused: 'Pieces that no restore point needs since some were forgotten. “restic prune” removes them.',
  frees: 'What only this restore point needs. “restic forget” and “restic prune” free it.',
  added: 'What was not in the repository before this restore point.',
  versions: 'Each content that a path has had counts as one.',
  foundVersions: 'Each path is listed once. It has a version for each content or attributes that it had in the restore points.',
  vanished: 'The next restore point of the same host and folders does not have it. Older ones still do, and it can be taken from there.',
  tags: 'Words that were given to a backup with “restic backup --tag”.',
  incomplete: 'The repository has lost folders of this restore point. What is there can be looked at and restored; what is missing is named where it would be.',
};

/** @param {{ of: keyof typeof terms }} props */
export function Term({ of }) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [shift, setShift] = useState(0);
  const tip = useElement();
  const show = () => {
    setOpen(true);
    requestAnimationFrame(() => {
      const box = tip.current?.getBoundingClientRect();
      if (!box) return;
      const over = box.right - shift - (document.documentElement.clientWidth - 8);
      setShift(over > 0 ? -over : 0);
    });
  };
  const hide = () => setOpen(false);
  return html`<span class="term" onPointerEnter=${show} onPointerLeave=${hide}><button type="button" aria-label="What is that?" aria-describedby=${id}
    onFocus=${show} onBlur=${hide} onClick=${show} onKeyDown=${(e) => e.key === 'Escape' && hide()}>?</button>
    <span ref=${tip} id=${id} role="tooltip" class=${open ? 'term-tip' : 'term-tip away'} style=${{ transform: `translateX(${shift}px)` }}>${terms[of]}</span></span>`;
}
