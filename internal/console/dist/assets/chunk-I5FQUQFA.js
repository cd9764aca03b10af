import{O as l,T as r,b as s,h as i}from"./chunk-4EFARV7O.js";function h({label:n,points:a,value:m,pick:p}){let u=i(()=>{let e=new Map;for(let t of a){let o=e.get(t.hostName);o?o.push(t):e.set(t.hostName,[t])}return[...e]},[a]);return s`<label>${n}<select value=${m} onChange=${e=>p(e.target.value)}>
    ${u.map(([e,t])=>s`<optgroup key=${e} label=${r(e)}>
      ${t.map(o=>s`<option key=${o.id} value=${o.id}>${l(o.backupTime)} · ${o.snapshotId.slice(0,8)}</option>`)}</optgroup>`)}
    </select></label>`}export{h as a};
