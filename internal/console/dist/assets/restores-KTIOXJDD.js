import{a as M,b as U,c as Y,d as _,e as z,h as k,j as b}from"./chunk-6NWHJPW2.js";import{a as D}from"./chunk-PDY3KIUZ.js";import{$ as g,Aa as B,E as u,F as P,H as I,I as p,J as f,Ja as R,K as h,Q as F,T as y,V as L,W as S,X as W,Z as d,aa as v,b as t,ba as w,ca as C,da as J,ga as N,ia as O,o as x,qa as q,r as m,t as T,va as A}from"./chunk-5DEXIBBZ.js";var G=50;function de({job:e,who:r}){let[i,s]=R("restores",G),a=x(r,"restore"),o=u($=>a?m(`/v6/RestoreJobs?limit=${i}`,{signal:$}):Promise.resolve([]),["jobs",i,e],{every:5e3}),l=P(a?"/v6/RestoreTargets":null),n=D(),c=new Map((n.data??[]).map($=>[$.id,$.name]));return t`
    <${O} title="Restores" />
    ${!a&&t`<${w} title="Your role does not restore"><p>Administrators and restorers get files back.</p><//>`}
    <${g} error=${o.error?.status?o.error:null} retry=${o.reload} />
    ${!o.data&&!o.error&&t`<${v} />`}
    ${a&&o.data?.length===0&&l.data&&t`<${H} targets=${l.data} />`}
    ${o.data?.length>0&&t`<div class="sessions">
      <ul class="session-list restores" data-keep-scroll="restores" aria-label="Restores">${o.data.map($=>t`<${K} key=${$.id} known=${$} shown=${e} name=${c.get($.repositoryId)} />`)}</ul>
      ${o.data.length===i&&i<1e3&&t`<button class="small" onClick=${()=>s(Math.min(1e3,i*4))}>Show older restores</button>`}
    </div>`}
    ${a&&e&&o.data&&t`<${Q} key=${e} id=${e} listed=${o.data.find($=>$.id===e)} names=${c} reload=${o.reload} />`}`}function H({targets:e}){return t`<${w} title="Nothing has been restored on the server yet"><p>${e.length>0?"Open a restore point, choose files or a folder, and restore them from there.":t`The server may not write restores anywhere. Its operator allows it a folder with <code>syncline serve --restore-root DIR</code>; downloads need nothing of the kind.`}</p><//>`}function E(e){return[...e.paths.map(r=>({path:r})),...(e.rawPaths??[]).map(r=>q(new URLSearchParams({rawPath:r})))]}function K({known:e,shown:r,name:i}){let s=b(e.startTime?e:void 0)??e;return t`<li class=${s.id===r?"open":""}>
    <a href="/restores/${s.id}" aria-current=${s.id===r?"true":void 0}>
      <span class="badge ${U(s)}">${Y(s)}</span>
      <span class="grow two-lines"><span class="cut"><${k} entries=${E(s)} /></span>
        <span class="quiet-text cut">${i!==void 0&&t`<${d} text=${i} /> `}→ <${d} text=${s.targetPath} /></span></span>
      <span class="quiet-text wide number">${z(s)}</span>
      <span class="quiet-text"><${W} at=${s.startTime} /></span>
    </a></li>`}function Q({id:e,listed:r,names:i,reload:s}){let a=u($=>m(`/v6/RestoreJobs/${e}`,{signal:$}),[`job ${e}`,r?.state]),o=r&&(!a.data||a.data.state==="Running")?r:a.data,l=b(o),n=l?.state==="Running";if(!l)return a.error?t`<${g} error=${a.error} retry=${a.reload} />`:t`<${v} />`;let c=async()=>{await T(`/v6/RestoreJobs/${e}/Stop`),N("The restore stops. What it has restored stays."),s(),a.reload()};return t`<section class="card session" aria-label="Restore">
    ${n&&t`<${C} percent=${l.progressPercent} label="Progress of the restore" />`}
    ${l.error&&t`<p class="why">${L(y(l.error))}</p>`}
    <${V} job=${l} name=${i.get(l.repositoryId)} />
    ${n&&t`<div class="actions"><${J} icon="stop" onClick=${c}>Stop<//></div>`}
    <${Z} id=${e} job=${l} />
  </section>`}function V({job:e,name:r}){let i=I(1e3),s=e.statistics,a=E(e),o=a.length===1&&a[0].path!=="/"?B(e.restorePointId,a[0]):A(e.restorePointId,{path:"/"}),l=[["From",t`<a href=${o}><${k} entries=${a} /></a>`],["Repository",r!==void 0&&t`<a href="/repositories/${e.repositoryId}"><${d} text=${r} /></a>`],["Into",t`<${d} text=${e.targetPath} />`],["Files",e.state==="Running"&&s.totalFiles===0?"Counting\u2026":`${p(s.files)} of ${p(s.totalFiles)}`],["Written",`${h(s.bytes)} of ${h(s.totalBytes)}`],["Unchanged",s.unchanged>0&&p(s.unchanged)],["Left as they were",s.skipped>0&&p(s.skipped)],["Failed",s.failed>0&&t`<span class="why">${p(s.failed)}</span>`],["Files that were there",M.find(([n])=>n===e.overwrite)?.[1]],["Read back",e.verify&&"Yes"],["Started",e.startTime?t`<${S} at=${e.startTime} /> by <${d} text=${e.startedBy} />`:t`Waits for others to end; asked for by <${d} text=${e.startedBy} />`],["Took",_(e,i)]];return t`<div class="facts">${l.filter(([,n])=>n).map(([n,c])=>t`<div key=${n}><span class="label">${n}</span>${c}</div>`)}</div>`}var X=500;function Z({id:e,job:r}){let[i,s]=R("log",X),a=r.state==="Running",o=u(n=>m(`/v6/RestoreJobs/${e}/LogItems?limit=${i}`,{signal:n}),[`job log ${e}`,i,r.state],{every:a?2e3:0}),l=o.data?.results??[];return t`<${g} error=${o.error?.status?o.error:null} retry=${o.reload} />
    ${l.length>0&&t`<h2>What was not restored as it was</h2><ol class="log" tabIndex="0" aria-label="What was not restored as it was">${l.map(n=>t`<li key=${n.usn} class="log-${n.level.toLowerCase()}">
      <time dateTime=${n.creationTime} title=${n.creationTime}>${F(n.creationTime)}</time>
      <span class="log-level">${n.level}</span><span class="log-text">${y(n.message)}</span></li>`)}</ol>`}
    ${l.length===i&&i<1e4&&t`<div class="actions"><button class="small" onClick=${()=>s(Math.min(1e4,i*4))}>Show more</button></div>`}
    ${o.data&&l.length===0&&!a&&r.state==="Succeeded"&&t`<p class="quiet-text">Nothing failed: ${f(r.statistics.folders,"folder")}, ${f(r.statistics.files,"file")}${r.statistics.others>0&&`, ${f(r.statistics.others,"other item")}`}.</p>`}`}export{de as Restores};
