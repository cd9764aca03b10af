import{a as N,b as x,c as y}from"./chunk-XUEBLZMG.js";import{a as b}from"./chunk-TRBKX5E6.js";import"./chunk-WBZVKYOI.js";import{Z as n,ba as p,da as v,e as t,f,fa as w,ga as g,ja as r,la as l,ma as k,z as o}from"./chunk-2M5QBSSA.js";function E(){let e=b();return t`<section class="settings-section" aria-labelledby="nodes-title">
    <div class="section-head"><h2 id="nodes-title">Nodes</h2></div>
    <p class="quiet-text">The servers that share this installation’s database. A node in maintenance takes no new work, ends what it runs, and goes on answering.</p>
    <${w} error=${e.error?.status?e.error:null} retry=${e.reload} />
    ${!e.data&&!e.error&&t`<${g} />`}
    ${e.data&&t`<ul class="items" aria-labelledby="nodes-title">${e.data.map(a=>t`<${C} key=${a.id} one=${a} alone=${e.data?.length===1} reload=${e.reload} />`)}</ul>`}
  </section>`}function C({one:e,alone:a,reload:d}){let[m,i]=f(""),$=()=>i(""),c=N(e),s=x(e),h=async u=>{await o(`/v6/Proxies/${e.id}/${u?"EnableMaintenanceMode":"DisableMaintenanceMode"}`),k(u?"The node takes no new work.":"The node takes work again."),await d()};return t`<li>
    <div class="item-text"><span class="item-title"><${v} text=${e.hostName} /><span class="badge ${c.kind}">${c.text}</span></span>
      <span class="quiet-text wrap-name">${n([e.address,e.version].filter(Boolean).join(", version "))}</span>
      <span class="quiet-text">${e.status==="Online"?y(e):t`Last sign of life <${p} at=${e.lastSeenTime} />`}</span></div>
    <div class="actions">
      <${r} kind="quiet small" aria-label=${`${s?"End the maintenance of":"Put into maintenance"} ${n(e.hostName)}`} onClick=${()=>s?h(!1):i("maintenance")}>${s?"End maintenance":"Maintenance"}<//>
      ${!a&&t`<${r} kind="quiet small" icon="trash" disabled=${e.status==="Online"} title=${e.status==="Online"?"It runs":void 0} aria-label=${`Remove ${n(e.hostName)}`} onClick=${()=>i("remove")}>Remove<//>`}</div>
    ${m==="maintenance"&&t`<${l} title=${`Put ${e.hostName} into maintenance?`} action="Put into maintenance" onClose=${$} onConfirm=${()=>h(!0)}>
      <p>It takes no new work until the maintenance ends, also after a restart.${a?" It is the only node, so that nothing is synchronized meanwhile.":""}</p><//>`}
    ${m==="remove"&&t`<${l} title=${`Remove ${e.hostName}?`} action="Remove" onClose=${$} onConfirm=${async()=>{await o(`/v6/Proxies/${e.id}/Remove`,{}),await d()}}><p>The installation forgets the node. Restores that wait for it fail. It comes back when it is started again.</p><//>`}
  </li>`}export{E as Nodes};
