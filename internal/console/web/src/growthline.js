// A repository's size and how it grew, as a small line. What it takes is
// loaded when it comes into view, a few at a time.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { get } from './api.js';
import { bytes, exactBytes } from './format.js';
import { height, summary, width } from './sparkline.js';

// found keeps what is drawn, by repository, until its restore points change.
const found = new Map();
const atOnce = 3;
const waiting = [];
let running = 0;

async function work() {
  if (running >= atOnce) return;
  running++;
  for (let load = waiting.shift(); load; load = waiting.shift()) await load();
  running--;
}

export function GrowthLine({ id, settled }) {
  const box = useRef();
  const [drawn, setDrawn] = useState(found.get(id)?.drawn);
  useEffect(() => {
    const known = found.get(id);
    if (known) setDrawn(known.drawn);
    if (known?.settled === settled) return undefined;
    const abort = new AbortController();
    const load = async () => {
      if (abort.signal.aborted) return;
      try {
        const { growth } = await get(`/v6/BackupRepositories/${id}/Statistics?points=${width}`, { signal: abort.signal });
        found.set(id, { settled, drawn: summary(growth) });
      } catch (error) {
        // A damaged catalog has no sizes; its state is told beside this. After
        // a lost connection it is asked again when the list is.
        if (error.status) found.set(id, { settled, drawn: null });
      }
      if (!abort.signal.aborted) setDrawn(found.get(id)?.drawn);
    };
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      waiting.push(load);
      work();
    }, { rootMargin: '150px' });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      abort.abort();
    };
  }, [id, settled]);
  return html`<a class="growth-line" ref=${box} href="/repositories/${id}/growth">
    ${drawn && html`<span><b class="number" title=${exactBytes(drawn.size)}>${bytes(drawn.size)}</b>
      ${drawn.grown != null && html`<span class="quiet-text number">${drawn.grown < 0 ? '−' : '+'}${bytes(Math.abs(drawn.grown))} in ${drawn.days} days</span>`}</span>
      <svg width=${width} height=${height} aria-hidden="true"><path d=${drawn.path} /><circle cx=${drawn.end[0]} cy=${drawn.end[1]} r="2.5" /></svg>`}
    <span class="hidden">${drawn ? ' stored. Show the growth' : 'Show the growth'}</span></a>`;
}
