// Restore points on a line of time, with one lane for each host. A lane is one
// stop of the tab key. The arrow keys lead from one restore point to the next.
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { count, date, dateTime, plural, span, visible } from '../format.js';
import { useKept } from '../kept.js';
import { lack } from '../missing.js';
import { useElement } from '../store.js';
import { gaps, nearestTo, windowOf } from '../times.js';
import { Name } from '../ui.js';

/** @typedef {import('../resources.js').Point} Point */

const dot = 11; // pixels; points that would lie closer share a mark
const day = 86400_000;

// useWidth measures an element, and again when its width changes.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

// byHost returns each host's points with their times, newest first.
/** @param {Point[]} points */
function byHost(points) {
  /** @type {Map<string, { points: Point[], times: number[] }>} */
  const hosts = new Map();
  for (const point of points) {
    const host = hosts.get(point.hostName) ?? { points: [], times: [] };
    host.points.push(point);
    host.times.push(Date.parse(point.backupTime));
    hosts.set(point.hostName, host);
  }
  return [...hosts].map(([hostName, host]) => ({ hostName, ...host, gaps: gaps(host.times) }));
}

// marksOf joins the points of a lane to marks on the line.
function marksOf({ points, times }, x, width) {
  /** @type {{ x: number, points: Point[] }[]} */
  const marks = [];
  times.forEach((time, i) => {
    const at = x(time);
    if (at < 0 || at > width) return;
    const near = marks[marks.length - 1];
    if (near && near.x - at < dot) near.points.push(points[i]);
    else marks.push({ x: at, points: [points[i]] });
  });
  return marks;
}

/** @type {Record<string, [string, number | null]>} */
const lengths = { all: ['Everything', null], year: ['A year', 365 * day], quarter: ['Three months', 91 * day], month: ['A month', 31 * day], week: ['A week', 7 * day] };

/** @param {{ points: Point[], host: string | null, pick: (host: string | null) => void, chosen: Point | undefined, choose: (point: Point) => void, first: Point | null }} props */
export function Timeline({ points, host, pick, chosen, choose, first }) {
  const box = useElement();
  const width = useWidth(box);
  const [length, setLength] = useKept('length of time', 'all');
  const hosts = useMemo(() => byHost(points), [points]);
  const all = useMemo(() => points.map((p) => Date.parse(p.backupTime)), [points]);
  const [oldest, newest] = [Math.min(...all), Math.max(...all)];
  const [from, to] = windowOf(oldest, newest, lengths[length][1], chosen ? Date.parse(chosen.backupTime) : newest);
  const x = (time) => dot + ((time - from) / (to - from)) * (width - 2 * dot);
  const moment = (at) => from + ((at - dot) / Math.max(1, width - 2 * dot)) * (to - from);
  const labels = Math.max(2, Math.min(7, Math.floor(width / 170)));
  return html`<div class="timeline">
    ${newest - oldest > 7 * day && html`<div class="zoom" role="group" aria-label="What the line of time shows">${Object.entries(lengths).map(([key, [text, ms]]) => (ms === null || ms < newest - oldest)
      && html`<button key=${key} class="chip" aria-pressed=${key === length} onClick=${() => setLength(key)}>${text}</button>`)}</div>`}
    <div ref=${box}>${width > 0 && html`
      <ul class="lanes">${hosts.map((lane) => html`<${Lane} key=${lane.hostName} lane=${lane} x=${x} moment=${moment} width=${width}
        picked=${host === lane.hostName} pick=${pick} chosen=${chosen} choose=${choose} first=${first} />`)}</ul>
      <div class="axis" aria-hidden="true">${Array.from({ length: labels }, (_, i) => html`<span key=${i}>${date(from + ((to - from) * i) / (labels - 1))}</span>`)}</div>`}</div>
  </div>`;
}

// told names a restore point and says what it lacks.
/** @param {Point} point */
const told = (point) => [dateTime(point.backupTime), lack(point)].filter(Boolean).join(', ');

/** @param {Point[]} points */
function lacking(points) {
  const some = points.filter(lack).length;
  return some > 0 ? `, ${count(some)} incomplete` : '';
}

function Lane({ lane, x, moment, width, picked, pick, chosen, choose, first }) {
  const { hostName, points, times } = lane;
  const marks = marksOf(lane, x, width);
  const here = chosen?.hostName === hostName ? points.indexOf(chosen) : -1;
  const shown = Math.max(here, 0);
  const keys = (event) => {
    const steps = { ArrowLeft: 1, ArrowDown: 1, ArrowRight: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: points.length, End: -points.length };
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = here < 0 ? (event.key === 'Home' ? points.length - 1 : 0) : here + steps[event.key];
    choose(points[Math.max(0, Math.min(points.length - 1, next))]);
  };
  const press = (event) => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left;
    choose(points[nearestTo(times, moment(at))]);
  };
  return html`<li class="lane">
    <button class="lane-name" aria-pressed=${picked} title="Show the restore points of this host only" onClick=${() => pick(picked ? null : hostName)}>
      <${Name} text=${hostName} /><span class="quiet-text">${plural(points.length, 'restore point')}${lane.gaps.length > 0 && `, ${plural(lane.gaps.length, 'gap')}`}</span></button>
    <div class="lane-box" role="slider" tabIndex="0" aria-label=${`Restore points of ${visible(hostName)}`} aria-orientation="horizontal" aria-valuemin="1" aria-valuemax=${points.length}
      aria-valuenow=${points.length - shown} aria-valuetext=${`${here < 0 ? 'None is chosen. The newest: ' : ''}${told(points[shown])}`} onKeyDown=${keys} onClick=${press}>
    <svg width=${width} height="26" aria-hidden="true" focusable="false">
      <line x1="0" x2=${width} y1="13" y2="13" class="lane-line" />
      ${marks.map((m) => html`<circle key=${m.points[0].id} cx=${m.x} cy="13" r=${Math.min(3.5 + Math.log2(m.points.length) * 0.9, 10)}
        class=${m.points.some(lack) ? 'mark mark-incomplete' : 'mark'}><title>${m.points.length === 1 ? told(m.points[0])
          : `${plural(m.points.length, 'restore point')}, ${dateTime(m.points[m.points.length - 1].backupTime)} – ${dateTime(m.points[0].backupTime)}${lacking(m.points)}`}</title></circle>`)}
      ${lane.gaps.map(([begin, end]) => x(end) >= 0 && x(begin) <= width && html`<rect key=${begin} class="gap" x=${x(begin)} y="3" height="20" rx="1" width=${Math.max(3, x(end) - x(begin))}><title>${
        `No restore point for ${span(end - begin)}, from ${dateTime(begin)} to ${dateTime(end)}`}</title></rect>`)}
      ${first?.hostName === hostName && html`<circle class="mark-first" cx=${x(Date.parse(first.backupTime))} cy="13" r="8" />`}
      ${here >= 0 && html`<path class="mark-chosen" d=${`M${x(times[here])} 1v24`} /><circle class="mark-chosen" cx=${x(times[here])} cy="13" r="6" />`}
    </svg></div></li>`;
}
