import{e as $}from"./chunk-QKG4GXTG.js";import{m as p,n as u}from"./chunk-FPUQB2RO.js";import{P as r,U as s,Z as m,e as n,k as a}from"./chunk-2M5QBSSA.js";function y({label:c,points:i,value:d,pick:f}){let h=a(()=>{let e=new Map;for(let t of i){let o=e.get(t.hostName);o?o.push(t):e.set(t.hostName,[t])}return[...e]},[i]),l=$(i[0]?.repositoryId).data??[];return n`<label>${c}<select value=${d} onChange=${e=>f(e.target.value)}>
    ${h.map(([e,t])=>n`<optgroup key=${e} label=${m(e)}>
      ${t.map(o=>n`<option key=${o.id} value=${o.id}>${s(o.backupTime)} · ${[o.snapshotId.slice(0,8),p(o)].filter(Boolean).join(" \xB7 ")}</option>`)}</optgroup>`)}
    ${l.length>0&&n`<option disabled title=${u(l,i)}>${r(l.length,"snapshot")} cannot be shown</option>`}
    </select></label>`}export{y as a};
