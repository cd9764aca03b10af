// A repository's size and growth as a small line. Its data is loaded when it
// comes into view, a few at a time.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { get } from './api.js';
import { useData } from './data.js';
import { bytes, exactBytes } from './format.js';
import { height, summary, width } from './sparkline.js';

// The number of loads at a time.
const atOnce = 3;
/** @type {(() => Promise<void>)[]} */
const waiting = [];
let running = 0;

async function work() {
  if (running >= atOnce) return;
  running++;
  for (let load = waiting.shift(); load; load = waiting.shift()) await load();
  running--;
}

// inTurn loads in its turn, unless the data is not wanted any more.
function inTurn(path, signal) {
  return new Promise((done, failed) => {
    waiting.push(async () => {
      if (signal.aborted) return;
      await get(path, { signal }).then(done, failed);
    });
    work();
  });
}

// useSeen reports whether an element has come into view.
function useSeen(box) {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      setSeen(true);
    }, { rootMargin: '150px' });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return seen;
}

export function GrowthLine({ id, settled }) {
  const box = useRef(null);
  const seen = useSeen(box);
  // A damaged catalog has no sizes; the view shows its state beside this.
  const { data } = useData(
    async (signal) => ({ drawn: summary((await inTurn(`/v6/BackupRepositories/${id}/Statistics?points=${width}`, signal)).growth) }),
    [`growth line ${id}`, settled], { lasts: 'settled', off: !seen },
  );
  const drawn = data?.drawn;
  return html`<a class="growth-line" ref=${box} href="/repositories/${id}/growth">
    ${drawn && html`<span><b class="number" title=${exactBytes(drawn.size)}>${bytes(drawn.size)}</b>
      ${drawn.grown != null && html`<span class="quiet-text number">${drawn.grown < 0 ? '−' : '+'}${bytes(Math.abs(drawn.grown))} in ${drawn.days} days</span>`}</span>
      <svg width=${width} height=${height} aria-hidden="true"><path d=${drawn.path} /><circle cx=${drawn.end[0]} cy=${drawn.end[1]} r="2.5" /></svg>`}
    <span class="hidden">${drawn ? ' stored. Show the growth' : 'Show the growth'}</span></a>`;
}
