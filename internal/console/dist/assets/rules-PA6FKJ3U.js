import{a as c}from"./chunk-TBRAFQGO.js";import{c as p}from"./chunk-4KLAVBK2.js";import{d as k}from"./chunk-WBZVKYOI.js";import{a as w}from"./chunk-QKG4GXTG.js";import{A as h,B as u,L as f,Z as m,da as r,e as t,f as d,fa as g,ga as y,ha as v,ja as l,la as b}from"./chunk-2M5QBSSA.js";function N(){let e=f("/v6/AlarmRules"),n=w(),[a,s]=d(!1),o=new Map((n.data??[]).map(i=>[i.id,i.name]));return t`<section class="settings-section" aria-labelledby="rules-title">
    <div class="section-head"><h2 id="rules-title">Alarm rules</h2><${l} kind="primary small" icon="plus" onClick=${()=>s(!0)}>Add a rule<//></div>
    <p class="quiet-text">The rhythm of a machine is learned from its own backups. A rule takes its place, where another measure is wanted. If several rules fit a series, the most specific one holds.</p>
    <${g} error=${e.error?.status?e.error:null} retry=${e.reload} />
    ${!e.data&&!e.error&&t`<${y} />`}
    ${e.data?.length===0&&t`<${v} title="No rules"><p>Each machine is judged by its own rhythm.</p><//>`}
    ${e.data?.length>0&&t`<ul class="items" aria-labelledby="rules-title">${e.data.map(i=>t`<${A} key=${i.id} rule=${i} names=${o} reload=${e.reload} />`)}</ul>`}
    ${a&&t`<${c} onClose=${()=>s(!1)} reload=${e.reload} />`}
  </section>`}function x(e,n){let a=[e.hostPattern?t`hosts <code>${m(e.hostPattern)}</code>`:"every host"];return e.paths?.length>0&&a.push(t` with ${e.paths.map((s,o)=>t`${o>0&&", "}<${r} key=${s} text=${s} />`)}`),e.tag&&a.push(t` tagged <${r} text=${e.tag} />`),a.push(e.repositoryId?t` in <${r} text=${n.get(e.repositoryId)??"\u2026"} />`:" in every repository"),a}function A({rule:e,names:n,reload:a}){let[s,o]=d(""),i=()=>o(""),$=m(e.name),R=async()=>{await h(`/v6/AlarmRules/${e.id}`,{enabled:!e.enabled}),await a()};return t`<li>
    <div class="item-text"><span class="item-title"><${r} text=${e.name} /><span class="badge ${p(e.severity)}">${e.severity}</span>${!e.enabled&&t`<span class="badge">not in force</span>`}<${k} by=${e.managedBy} /></span>
      <span class="quiet-text">At least every ${m(e.maxAge)}: ${x(e,n)}</span></div>
    ${!e.managedBy&&t`<div class="actions">
      <${l} kind="quiet small" aria-label=${`${e.enabled?"Suspend":"Put in force"} ${$}`} onClick=${R}>${e.enabled?"Suspend":"Put in force"}<//>
      <${l} kind="quiet small" icon="edit" aria-label=${`Edit ${$}`} onClick=${()=>o("edit")}>Edit<//>
      <${l} kind="quiet small" icon="trash" aria-label=${`Remove ${$}`} onClick=${()=>o("remove")}>Remove<//></div>`}
    ${s==="edit"&&t`<${c} rule=${e} onClose=${i} reload=${a} />`}
    ${s==="remove"&&t`<${b} title=${`Remove ${e.name}?`} action="Remove" onClose=${i} onConfirm=${async()=>{await u(`/v6/AlarmRules/${e.id}`),await a()}}><p>The machines are judged by their own rhythm again, or by another rule.</p><//>`}
  </li>`}export{N as Rules};
