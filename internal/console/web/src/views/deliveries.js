// The log of a channel: what was sent, and what was not taken.
import { html } from '../html.js';
import { kindOf } from '../alarms.js';
import { useGet } from '../data.js';
import { count, plural, sentence, visible } from '../format.js';
import { useKept } from '../kept.js';
import { Ago, Loading, Name, Problem, Time } from '../ui.js';

const pageSize = 20;

export function Deliveries({ id, name }) {
  const [from, setFrom] = useKept(`log ${id}`, 0);
  const log = useGet(`/v6/NotificationChannels/${id}/Deliveries?limit=${pageSize}&offset=${from}`, { every: 10_000 });
  if (!log.data) return log.error ? html`<${Problem} error=${log.error} retry=${log.reload} />` : html`<${Loading} />`;
  const { results, total } = log.data;
  return html`<div class="under-block">
    ${results.length === 0 && html`<p class="quiet-text">Nothing has been sent yet.</p>`}
    ${results.length > 0 && html`<ul class="under" aria-label=${`Log of ${visible(name)}`}>${results.map((d) => html`<${Delivery} key=${d.id} delivery=${d} />`)}</ul>`}
    ${total > pageSize && html`<div class="pager"><button class="small" disabled=${from === 0} onClick=${() => setFrom(Math.max(0, from - pageSize))}>Newer</button>
      <button class="small" disabled=${from + pageSize >= total} onClick=${() => setFrom(from + pageSize)}>Older</button>
      <span class="quiet-text">${count(from + 1)} to ${count(from + results.length)} of ${count(total)}</span></div>`}</div>`;
}

const looks = { Sent: 'synced', Failed: 'failed', Pending: 'late' };
const words = { Sent: 'sent', Failed: 'given up', Pending: 'tried again' };

function Delivery({ delivery: d }) {
  return html`<li><span class="badge ${looks[d.state] ?? ''}">${words[d.state] ?? d.state}</span>
    <div class="item-text"><span>${d.kind === 'Test' ? 'Test' : d.kind === 'Digest' ? 'Digest' : d.alarms.slice(0, 3).map((a, i) => html`${i > 0 && '; '}<a key=${a.alarmId} href="/alarms/${a.alarmId}">${kindOf(a)}</a> ${a.event.toLowerCase()}${a.hostName && html`, <${Name} text=${a.hostName} />`}`)}${
        d.alarms.length + (d.more ?? 0) > 3 && ` and ${plural(d.alarms.length + (d.more ?? 0) - 3, 'more', 'more')}`}</span>
      ${d.error && html`<span class=${d.state === 'Sent' ? 'quiet-text' : 'why'}>${sentence(visible(d.error))}</span>`}</div>
    <span class="quiet-text"><${Time} at=${d.createdTime} />${d.attempts > 1 && `, ${plural(d.attempts, 'attempt')}`}${d.state === 'Pending' && d.nextTime && html`, next <${Ago} at=${d.nextTime} />`}</span></li>`;
}
