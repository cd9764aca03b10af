import{b as w,c as x,d as N,f as v,g as q}from"./chunk-4KLAVBK2.js";import{a as b,b as k,c as D}from"./chunk-WBZVKYOI.js";import{e as I}from"./chunk-MEQD3JOO.js";import{$ as m,L as S,N as O,S as T,Z as $,aa as u,ba as g,da as c,e as t,ea as f,f as y,fa as B,ja as p,ma as C,t as A,z as d}from"./chunk-2M5QBSSA.js";function L({alarms:e,who:i,reload:s,label:n,shown:o,withMachine:a=!0,sorted:l=!0}){let r=O();return t`<ul class="items alarms" aria-label=${n}>${(l?v(e,r):e).map(h=>t`<${F} key=${h.id} alarm=${h} who=${i} reload=${s} now=${r} open=${h.id===o} withMachine=${a} />`)}</ul>`}function K({machine:e="",repository:i="",who:s}){let n=S(`/v6/Alarms?state=Open&limit=1000${i&&`&repositoryId=${i}`}`,{every:15e3}),o=(n.data?.results??[]).filter(a=>!e||a.machineId===e);return n.error?.status?t`<${B} error=${n.error} retry=${n.reload} />`:o.length===0?null:t`<section class="settings-section" aria-labelledby="alarms-title"><div class="section-head"><h2 id="alarms-title">Open alarms</h2></div>
    <${L} alarms=${o} who=${s} reload=${n.reload} label="Open alarms" withMachine=${!e} /></section>`}function F({alarm:e,who:i,reload:s,now:n,open:o,withMachine:a}){let l=N(e,n),r=e.state==="Open"&&(!!e.acknowledgedBy||l);return t`<li class=${`alarm ${e.state==="Open"?e.severity.toLowerCase():"ended"}${r?" calm":""}${o?" open":""}`}>
    <span class="badge ${e.state==="Open"?x(e.severity):""}">${e.severity}</span>
    <div class="item-text">
      <span class="item-title"><a href="/alarms/${e.id}">${w(e)}</a>${a&&e.hostName&&t`<${U} alarm=${e} />`}${e.repositoryName&&t`<span class="quiet-text cut">in <a href="/repositories/${e.repositoryId}"><${c} text=${e.repositoryName} /></a></span>`}</span>
      <span class="alarm-text">${m($(e.message))}${e.link&&I(e.link)&&t` <a href=${e.link}>Look at it</a>`}</span>
      <span class="quiet-text">${e.state==="Open"?t`since <${u} at=${e.startTime} />, <${g} at=${e.startTime} />`:t`<${u} at=${e.startTime} />, ended after ${T(Date.parse(e.endTime??e.startTime)-Date.parse(e.startTime))}`}${e.reopened>0&&`, began again ${e.reopened===1?"once":`${e.reopened} times`}`}</span>
      ${(e.acknowledgedBy||e.note)&&t`<span class="alarm-note"><${f} name="check" size="15" /> ${e.acknowledgedBy&&t`Acknowledged by <${c} text=${e.acknowledgedBy} />${e.acknowledgedTime&&t` <${g} at=${e.acknowledgedTime} />`}`}${e.note&&t`${e.acknowledgedBy?": ":"Note: "}<bdi>${$(e.note)}</bdi>`}</span>`}
      ${l&&t`<span class="alarm-note"><${f} name="quiet" size="15" /> Silenced until <${u} at=${e.silencedUntil} /></span>`}
    </div>
    ${A(i,"answer")&&t`<${E} alarm=${e} quiet=${l} reload=${s} />`}
  </li>`}function U({alarm:e}){return e.machineId?t`<a class="cut" href="/machines/${e.machineId}"><${c} text=${e.hostName} /></a>`:t`<${c} text=${e.hostName} />`}function E({alarm:e,quiet:i,reload:s}){let[n,o]=y(""),a=()=>o(""),l=`${w(e)}${e.hostName?` of ${$(e.hostName)}`:""}`;return t`<div class="actions">
    ${(!e.acknowledgedBy||e.state==="Open")&&t`<${p} kind=${e.acknowledgedBy?"quiet small":"small"} icon="check" aria-label=${`${e.acknowledgedBy?"Change the note on":"Acknowledge"} ${l}`} onClick=${()=>o("acknowledge")}>${e.acknowledgedBy?"Note":"Acknowledge"}<//>`}
    ${e.state==="Open"&&(i?t`<${p} kind="quiet small" icon="bell" aria-label=${`End the silence of ${l}`} onClick=${async()=>{await d(`/v6/Alarms/${e.id}/Silence`,{until:null}),await s()}}>End silence<//>`:t`<${p} kind="quiet small" icon="quiet" aria-label=${`Silence ${l}`} onClick=${()=>o("silence")}>Silence<//>`)}
    ${n==="acknowledge"&&t`<${z} alarm=${e} reload=${s} onClose=${a} />`}
    ${n==="silence"&&t`<${G} alarm=${e} reload=${s} onClose=${a} />`}
  </div>`}function z({alarm:e,reload:i,onClose:s}){let{form:n,field:o}=k({note:e.note??""});return t`<${b} title="Acknowledge the alarm" action="Acknowledge" onSubmit=${async()=>{await d(`/v6/Alarms/${e.id}/Acknowledge`,{note:n.note.trim()}),await i()}} onClose=${s}>
    <p class="quiet-text wrap-name">${m($(e.message))}</p>
    <label>Note <span class="quiet-text">(optional)</span><textarea ...${o("note")} maxLength="1900" placeholder="The disk is being changed"></textarea></label>
    <p class="quiet-text">The alarm keeps your name. You are still told when it worsens or ends.</p>
  <//>`}function G({alarm:e,reload:i,onClose:s}){let{form:n,field:o,change:a}=k({hours:"24",until:"",note:e.note??""});return t`<${b} title="Silence the alarm" action="Silence" onSubmit=${async()=>{let r=n.hours?new Date(Date.now()+Number(n.hours)*36e5):new Date(n.until);if(Number.isNaN(r.getTime()))throw new Error("Give the day and the time at which the silence ends.");await d(`/v6/Alarms/${e.id}/Silence`,{until:r.toISOString(),...n.note.trim()&&{note:n.note.trim()}}),C("Nobody is told of it until then."),await i()}} onClose=${s}>
    <p class="quiet-text wrap-name">${m($(e.message))}</p>
    <${D} label="For" value=${n.hours} options=${[...q,["","Until\u2026"]]} onChange=${r=>a({hours:r})} />
    ${!n.hours&&t`<label>Until<input type="datetime-local" required ...${o("until")} /></label>`}
    <label>Note <span class="quiet-text">(optional)</span><textarea ...${o("note")} maxLength="1900"></textarea></label>
    <p class="quiet-text">Nobody is told of the alarm until then, whatever happens to it. It stays in the list.</p>
  <//>`}export{L as a,K as b};
