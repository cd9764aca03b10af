import{a as Y,b as U,c as _,d as z,e as E,h as x}from"./chunk-KT6M7QVA.js";import{b as T}from"./chunk-VK7CURWE.js";import{a as M}from"./chunk-27VYBZE5.js";import{a as O,f as q,k as D,t as k}from"./chunk-LAIYFLGO.js";import"./chunk-STDI2AP6.js";import{$ as B,I as f,J as I,L as F,M as c,N as h,O as w,U as L,X as R,Z as S,_ as N,ba as d,da as g,e as t,ea as b,fa as y,ga as W,ha as A,ka as C,ma as J,s as v,v as u,x as P}from"./chunk-HEZLVPOX.js";var H=50;function ce({job:e,who:o}){let[i,n]=k("restores",H),s=v(o,"follow"),l=v(o,"restore"),r=f($=>s?u(`/v6/RestoreJobs?limit=${i}`,{signal:$}):Promise.resolve([]),["jobs",i,e],{every:5e3}),a=I(l?"/v6/RestoreTargets":null),p=M(),m=new Map((p.data??[]).map($=>[$.id,$.name]));return t`
    <${J} title="Restores" />
    ${!s&&t`<${y} title="Your role does not restore"><p>Administrators and restorers get files back, and operators follow the restores.</p><//>`}
    <${g} error=${r.error?.status?r.error:null} retry=${r.reload} />
    ${!r.data&&!r.error&&t`<${b} />`}
    ${s&&r.data?.length===0&&(a.data||!l)&&t`<${K} targets=${a.data} />`}
    ${r.data?.length>0&&t`<div class="sessions">
      <ul class="session-list restores" data-keep-scroll="restores" aria-label="Restores">${r.data.map($=>t`<${Q} key=${$.id} known=${$} shown=${e} name=${m.get($.repositoryId)} who=${o} />`)}</ul>
      ${r.data.length===i&&i<1e3&&t`<button class="small" onClick=${()=>n(Math.min(1e3,i*4))}>Show older restores</button>`}
    </div>`}
    ${s&&e&&r.data&&t`<${V} key=${e} id=${e} listed=${r.data.find($=>$.id===e)} names=${m} reload=${r.reload} />`}`}function K({targets:e}){return e?t`<${y} title="Nothing has been restored on the server yet"><p>${e.length>0?"Open a restore point, choose files or a folder, and restore them from there.":t`The server may not write restores anywhere. Its operator allows it a folder with <code>syncline serve --restore-root DIR</code>; downloads need nothing of the kind.`}</p><//>`:t`<${y} title="Nothing has been restored on the server yet"><p>Administrators and restorers start restores. You can follow and stop them here.</p><//>`}function G(e){return[...e.paths.map(o=>({path:o})),...(e.rawPaths??[]).map(o=>O(new URLSearchParams({rawPath:o})))]}function Q({known:e,shown:o,name:i,who:n}){let s=T(e.startTime?e:void 0)??e,l=s.startedBy===n.userName;return t`<li class=${s.id===o?"open":""}>
    <a href="/restores/${s.id}" aria-current=${s.id===o?"true":void 0}>
      <span class="badge ${U(s)}">${_(s)}</span>
      <span class="grow two-lines"><span class="cut"><${x} entries=${G(s)} /></span>
        <span class="quiet-text cut">${i!==void 0&&t`<${d} text=${i} /> `}→ <${d} text=${s.targetPath} />${l?"":t`, by <${d} text=${s.startedBy} />`}</span></span>
      <span class="quiet-text wide number">${E(s)}</span>
      <span class="quiet-text"><${B} at=${s.startTime} /></span>
    </a></li>`}function V({id:e,listed:o,names:i,reload:n}){let s=f(m=>u(`/v6/RestoreJobs/${e}`,{signal:m}),[`job ${e}`,o?.state]),l=o&&(!s.data||s.data.state==="Running")?o:s.data,r=T(l),a=r?.state==="Running";if(!r)return s.error?t`<${g} error=${s.error} retry=${s.reload} />`:t`<${b} />`;let p=async()=>{await P(`/v6/RestoreJobs/${e}/Stop`),C("The restore stops. What it has restored stays."),n(),s.reload()};return t`<section class="card session" aria-label="Restore">
    ${a&&t`<${W} percent=${r.progressPercent} label="Progress of the restore" />`}
    ${r.error&&t`<p class="why">${S(R(r.error))}</p>`}
    <${X} job=${r} name=${i.get(r.repositoryId)} />
    ${a&&t`<div class="actions"><${A} icon="stop" onClick=${p}>Stop<//></div>`}
    <${j} id=${e} job=${r} />
  </section>`}function X({job:e,name:o}){let i=F(1e3),n=e.statistics,s=G(e),l=s.length===1&&s[0].path!=="/"?D(e.restorePointId,s[0]):q(e.restorePointId,{path:"/"}),r=[["From",t`<a href=${l}><${x} entries=${s} /></a>`],["Repository",o!==void 0&&t`<a href="/repositories/${e.repositoryId}"><${d} text=${o} /></a>`],["Into",t`<${d} text=${e.targetPath} />`],["Files",e.state==="Running"&&n.totalFiles===0?"Counting\u2026":`${c(n.files)} of ${c(n.totalFiles)}`],["Written",`${w(n.bytes)} of ${w(n.totalBytes)}`],["Unchanged",n.unchanged>0&&c(n.unchanged)],["Left as they were",n.skipped>0&&c(n.skipped)],["Failed",n.failed>0&&t`<span class="why">${c(n.failed)}</span>`],["Files that were there",Y.find(([a])=>a===e.overwrite)?.[1]],["Read back",e.verify&&"Yes"],["Started",e.startTime?t`<${N} at=${e.startTime} /> by <${d} text=${e.startedBy} />`:t`Waits for others to end; asked for by <${d} text=${e.startedBy} />`],["Took",z(e,i)]];return t`<div class="facts">${r.filter(([,a])=>a).map(([a,p])=>t`<div key=${a}><span class="label">${a}</span>${p}</div>`)}</div>`}var Z=500;function j({id:e,job:o}){let[i,n]=k("log",Z),s=o.state==="Running",l=f(a=>u(`/v6/RestoreJobs/${e}/LogItems?limit=${i}`,{signal:a}),[`job log ${e}`,i,o.state],{every:s?2e3:0}),r=l.data?.results??[];return t`<${g} error=${l.error?.status?l.error:null} retry=${l.reload} />
    ${r.length>0&&t`<h2>What was not restored as it was</h2><ol class="log" tabIndex="0" aria-label="What was not restored as it was">${r.map(a=>t`<li key=${a.usn} class="log-${a.level.toLowerCase()}">
      <time dateTime=${a.creationTime} title=${a.creationTime}>${L(a.creationTime)}</time>
      <span class="log-level">${a.level}</span><span class="log-text">${R(a.message)}</span></li>`)}</ol>`}
    ${r.length===i&&i<1e4&&t`<div class="actions"><button class="small" onClick=${()=>n(Math.min(1e4,i*4))}>Show more</button></div>`}
    ${l.data&&r.length===0&&!s&&o.state==="Succeeded"&&t`<p class="quiet-text">Nothing failed: ${h(o.statistics.folders,"folder")}, ${h(o.statistics.files,"file")}${o.statistics.others>0&&`, ${h(o.statistics.others,"other item")}`}.</p>`}`}export{ce as Restores};
