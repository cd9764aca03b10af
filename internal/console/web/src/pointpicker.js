// Choosing one of a repository's restore points.
import { useMemo } from 'preact/hooks';
import { html } from './html.js';
import { dateTime, visible } from './format.js';

// PointPicker lists the points, newest first, host by host.
export function PointPicker({ label, points, value, pick }) {
  const hosts = useMemo(() => {
    const found = new Map();
    for (const p of points) {
      const list = found.get(p.hostName);
      if (list) list.push(p);
      else found.set(p.hostName, [p]);
    }
    return [...found];
  }, [points]);
  return html`<label>${label}<select value=${value} onChange=${(e) => pick(e.target.value)}>
    ${hosts.map(([host, list]) => html`<optgroup key=${host} label=${visible(host)}>
      ${list.map((p) => html`<option key=${p.id} value=${p.id}>${dateTime(p.backupTime)} · ${p.snapshotId.slice(0, 8)}</option>`)}</optgroup>`)}
    </select></label>`;
}
