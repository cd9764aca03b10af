// Choosing one of a repository's restore points.
import { useMemo } from 'preact/hooks';
import { html } from './html.js';
import { dateTime, plural, visible } from './format.js';
import { lack, newestUnseen } from './missing.js';
import { useHidden } from './resources.js';

// PointPicker lists the points, newest first, host by host, and says which
// points it cannot list.
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
  const hidden = useHidden(points[0]?.repositoryId).data ?? [];
  return html`<label>${label}<select value=${value} onChange=${(e) => pick(e.target.value)}>
    ${hosts.map(([host, list]) => html`<optgroup key=${host} label=${visible(host)}>
      ${list.map((p) => html`<option key=${p.id} value=${p.id}>${dateTime(p.backupTime)} · ${[p.snapshotId.slice(0, 8), lack(p)].filter(Boolean).join(' · ')}</option>`)}</optgroup>`)}
    ${hidden.length > 0 && html`<option disabled title=${newestUnseen(hidden, points)}>${plural(hidden.length, 'snapshot')} cannot be shown</option>`}
    </select></label>`;
}
