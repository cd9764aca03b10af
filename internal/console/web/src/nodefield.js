// The question for the nodes, and the field that binds a repository to one.
import { html } from './html.js';
import { useGet } from './data.js';
import { Select } from './forms.js';

/** @returns {import('./data.js').Loaded<import('./nodes.js').Node[]>} */
export const useNodes = () => useGet('/v6/Proxies', { every: 15_000 });

// NodeField chooses the node that serves a repository, where there are several. value is
// an id, or "" for what none says.
export function NodeField({ folder, none = '', value, onChange }) {
  const nodes = useNodes();
  if (!nodes.data || nodes.data.length < 2) return null;
  const help = folder ? 'A folder is opened by the node that has it. To choose another one, use this page of that node.' : undefined;
  return html`<${Select} label="Node" value=${value} onChange=${onChange} help=${help}
    options=${[...(none ? [['', none]] : []), ...nodes.data.map((n) => [n.id, `${n.hostName} (${n.address})`])]} />`;
}
