// Restore points on a line of time, one lane for each host.
import { useLayoutEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { date, dateTime, plural } from '../format.js';
import { useElement } from '../store.js';
import { Name } from '../ui.js';

const dot = 11; // pixels; points that would lie closer share a mark

// useWidth measures an element, and again when it changes.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

// lanes puts each host's points into marks along width pixels.
export function lanes(points, width) {
  const times = points.map((p) => Date.parse(p.backupTime));
  const last = Math.max(...times);
  const first = Math.min(...times);
  const length = Math.max(last - first, 3600_000);
  const at = (t) => dot + ((t - first) / length) * (width - 2 * dot);
  const hosts = new Map();
  points.forEach((point, i) => {
    const x = at(times[i]);
    const marks = hosts.get(point.hostName) ?? [];
    const near = marks[marks.length - 1];
    if (near && near.x - x < dot) near.points.push(point);
    else marks.push({ x, points: [point] });
    hosts.set(point.hostName, marks);
  });
  return { first, last: first + length, hosts: [...hosts] };
}

export function Timeline({ points, host, pick }) {
  const box = useElement();
  const width = useWidth(box);
  const drawn = width > 0 ? lanes(points, width) : null;
  return html`<div class="timeline" ref=${box}>${drawn && html`
    <ul class="lanes">${drawn.hosts.map(([hostName, marks]) => html`<${Lane} key=${hostName} hostName=${hostName} marks=${marks} width=${width}
      chosen=${host === hostName} pick=${pick} />`)}</ul>
    <div class="axis" aria-hidden="true"><span>${date(drawn.first)}</span><span>${date((drawn.first + drawn.last) / 2)}</span><span>${date(drawn.last)}</span></div>`}
  </div>`;
}

function Lane({ hostName, marks, width, chosen, pick }) {
  const total = marks.reduce((n, m) => n + m.points.length, 0);
  return html`<li class="lane">
    <button class="lane-name" aria-pressed=${chosen} title="Show the restore points of this host only" onClick=${() => pick(chosen ? null : hostName)}>
      <${Name} text=${hostName} /><span class="quiet-text">${plural(total, 'restore point')}</span></button>
    <svg width=${width} height="26" aria-hidden="true" focusable="false">
      <line x1="0" x2=${width} y1="13" y2="13" class="lane-line" />
      ${marks.map((m) => html`<circle key=${m.points[0].id} cx=${m.x} cy="13" r=${Math.min(3.5 + Math.log2(m.points.length) * 0.9, 10)}
        class="mark"><title>${m.points.length === 1 ? dateTime(m.points[0].backupTime)
          : `${plural(m.points.length, 'restore point')}, ${dateTime(m.points[m.points.length - 1].backupTime)} – ${dateTime(m.points[0].backupTime)}`}</title></circle>`)}
    </svg></li>`;
}
