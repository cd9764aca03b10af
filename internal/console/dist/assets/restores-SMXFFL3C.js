import{a as A,b as D,c as M,d as U,e as Y,h as b}from"./chunk-22PM42DJ.js";import{A as p,B as f,C as w,J as R,L as S,M as L,N as F,P as d,R as g,S as k,T,U as W,V as B,X as C,Z as J,b as t,c as h,fa as N,ka as O,l as x,n as m,o as P,pa as q,v as u,w as y,y as v,z as I}from"./chunk-OEWYKPU6.js";var z=50;function ne({job:e,who:r}){let[i,s]=h(z),o=x(r,"restore"),a=u($=>o?m(`/v6/RestoreJobs?limit=${i}`,{signal:$}):Promise.resolve([]),["jobs",i,e],{every:5e3}),l=y(o?"/v6/RestoreTargets":null),n=y("/v6/BackupRepositories"),c=new Map((n.data??[]).map($=>[$.id,$.name]));return t`
    <${J} title="Restores" />
    ${!o&&t`<${T} title="Your role does not restore"><p>Administrators and restorers get files back.</p><//>`}
    <${g} error=${a.error?.status?a.error:null} retry=${a.reload} />
    ${!a.data&&!a.error&&t`<${k} />`}
    ${o&&a.data?.length===0&&l.data&&t`<${E} targets=${l.data} />`}
    ${a.data?.length>0&&t`<div class="sessions">
      <ul class="session-list restores" aria-label="Restores">${a.data.map($=>t`<${G} key=${$.id} known=${$} shown=${e} name=${c.get($.repositoryId)} />`)}</ul>
      ${a.data.length===i&&i<1e3&&t`<button class="small" onClick=${()=>s(Math.min(1e3,i*4))}>Show older restores</button>`}
    </div>`}
    ${o&&e&&a.data&&t`<${H} key=${e} id=${e} listed=${a.data.find($=>$.id===e)} names=${c} reload=${a.reload} />`}`}function E({targets:e}){return t`<${T} title="Nothing has been restored on the server yet"><p>${e.length>0?"Open a restore point, choose files or a folder, and restore them from there.":t`The server may not write restores anywhere. Its operator allows it a folder with <code>syncline serve --restore-root DIR</code>; downloads need nothing of the kind.`}</p><//>`}function _(e){return[...e.paths.map(r=>({path:r})),...(e.rawPaths??[]).map(r=>N(new URLSearchParams({rawPath:r})))]}function G({known:e,shown:r,name:i}){let s=v(e.startTime?e:void 0)??e;return t`<li class=${s.id===r?"open":""}>
    <a href="/restores/${s.id}" aria-current=${s.id===r?"true":void 0}>
      <span class="badge ${D(s)}">${M(s)}</span>
      <span class="grow two-lines"><span class="cut"><${b} entries=${_(s)} /></span>
        <span class="quiet-text cut">${i!==void 0&&t`<${d} text=${i} /> `}→ <${d} text=${s.targetPath} /></span></span>
      <span class="quiet-text wide number">${Y(s)}</span>
      <span class="quiet-text"><${F} at=${s.startTime} /></span>
    </a></li>`}function H({id:e,listed:r,names:i,reload:s}){let o=u($=>m(`/v6/RestoreJobs/${e}`,{signal:$}),[e,r?.state]),a=r&&(!o.data||o.data.state==="Running")?r:o.data,l=v(a),n=l?.state==="Running";if(!l)return o.error?t`<${g} error=${o.error} retry=${o.reload} />`:t`<${k} />`;let c=async()=>{await P(`/v6/RestoreJobs/${e}/Stop`),C("The restore stops. What it has restored stays."),s(),o.reload()};return t`<section class="card session" aria-label="Restore">
    ${n&&t`<${W} percent=${l.progressPercent} label="Progress of the restore" />`}
    ${l.error&&t`<p class="why">${S(R(l.error))}</p>`}
    <${K} job=${l} name=${i.get(l.repositoryId)} />
    ${n&&t`<div class="actions"><${B} icon="stop" onClick=${c}>Stop<//></div>`}
    <${V} id=${e} job=${l} />
  </section>`}function K({job:e,name:r}){let i=I(1e3),s=e.statistics,o=_(e),a=o.length===1&&o[0].path!=="/"?q(e.restorePointId,o[0]):O(e.restorePointId,{path:"/"}),l=[["From",t`<a href=${a}><${b} entries=${o} /></a>`],["Repository",r!==void 0&&t`<a href="/repositories/${e.repositoryId}"><${d} text=${r} /></a>`],["Into",t`<${d} text=${e.targetPath} />`],["Files",e.state==="Running"&&s.totalFiles===0?"Counting\u2026":`${p(s.files)} of ${p(s.totalFiles)}`],["Written",`${w(s.bytes)} of ${w(s.totalBytes)}`],["Unchanged",s.unchanged>0&&p(s.unchanged)],["Left as they were",s.skipped>0&&p(s.skipped)],["Failed",s.failed>0&&t`<span class="why">${p(s.failed)}</span>`],["Files that were there",A.find(([n])=>n===e.overwrite)?.[1]],["Read back",e.verify&&"Yes"],["Started",e.startTime?t`<${L} at=${e.startTime} /> by <${d} text=${e.startedBy} />`:t`Waits for others to end; asked for by <${d} text=${e.startedBy} />`],["Took",U(e,i)]];return t`<div class="facts">${l.filter(([,n])=>n).map(([n,c])=>t`<div key=${n}><span class="label">${n}</span>${c}</div>`)}</div>`}var Q=500;function V({id:e,job:r}){let[i,s]=h(Q),o=r.state==="Running",a=u(n=>m(`/v6/RestoreJobs/${e}/LogItems?limit=${i}`,{signal:n}),[e,i,r.state],{every:o?2e3:0}),l=a.data?.results??[];return t`<${g} error=${a.error?.status?a.error:null} retry=${a.reload} />
    ${l.length>0&&t`<h2>What was not restored as it was</h2><ol class="log" tabIndex="0" aria-label="What was not restored as it was">${l.map(n=>t`<li key=${n.usn} class="log-${n.level.toLowerCase()}">
      <time dateTime=${n.creationTime} title=${n.creationTime}>${new Date(n.creationTime).toLocaleTimeString()}</time>
      <span class="log-level">${n.level}</span><span class="log-text">${R(n.message)}</span></li>`)}</ol>`}
    ${l.length===i&&i<1e4&&t`<div class="actions"><button class="small" onClick=${()=>s(Math.min(1e4,i*4))}>Show more</button></div>`}
    ${a.data&&l.length===0&&!o&&r.state==="Succeeded"&&t`<p class="quiet-text">Nothing failed: ${f(r.statistics.folders,"folder")}, ${f(r.statistics.files,"file")}${r.statistics.others>0&&`, ${f(r.statistics.others,"other item")}`}.</p>`}`}export{ne as Restores};
