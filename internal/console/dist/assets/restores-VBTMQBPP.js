import{a as D,b as M,c as U,d as Y,e as _,h as k,j as b}from"./chunk-VFPSQSAS.js";import{a as B,e as R}from"./chunk-RP7JTFPU.js";import{$ as W,D as u,E as P,G as I,H as p,I as f,J as h,Q as y,S as L,T as S,U as F,W as d,Y as g,Z as v,_ as w,aa as C,b as t,da as J,fa as N,n as T,na as O,q as m,s as x,sa as q,xa as A}from"./chunk-MDNIE6SY.js";var E=50;function $e({job:e,who:r}){let[i,s]=R("restores",E),a=T(r,"restore"),o=u($=>a?m(`/v6/RestoreJobs?limit=${i}`,{signal:$}):Promise.resolve([]),["jobs",i,e],{every:5e3}),l=P(a?"/v6/RestoreTargets":null),n=B(),c=new Map((n.data??[]).map($=>[$.id,$.name]));return t`
    <${N} title="Restores" />
    ${!a&&t`<${w} title="Your role does not restore"><p>Administrators and restorers get files back.</p><//>`}
    <${g} error=${o.error?.status?o.error:null} retry=${o.reload} />
    ${!o.data&&!o.error&&t`<${v} />`}
    ${a&&o.data?.length===0&&l.data&&t`<${G} targets=${l.data} />`}
    ${o.data?.length>0&&t`<div class="sessions">
      <ul class="session-list restores" data-keep-scroll="restores" aria-label="Restores">${o.data.map($=>t`<${H} key=${$.id} known=${$} shown=${e} name=${c.get($.repositoryId)} />`)}</ul>
      ${o.data.length===i&&i<1e3&&t`<button class="small" onClick=${()=>s(Math.min(1e3,i*4))}>Show older restores</button>`}
    </div>`}
    ${a&&e&&o.data&&t`<${K} key=${e} id=${e} listed=${o.data.find($=>$.id===e)} names=${c} reload=${o.reload} />`}`}function G({targets:e}){return t`<${w} title="Nothing has been restored on the server yet"><p>${e.length>0?"Open a restore point, choose files or a folder, and restore them from there.":t`The server may not write restores anywhere. Its operator allows it a folder with <code>syncline serve --restore-root DIR</code>; downloads need nothing of the kind.`}</p><//>`}function z(e){return[...e.paths.map(r=>({path:r})),...(e.rawPaths??[]).map(r=>O(new URLSearchParams({rawPath:r})))]}function H({known:e,shown:r,name:i}){let s=b(e.startTime?e:void 0)??e;return t`<li class=${s.id===r?"open":""}>
    <a href="/restores/${s.id}" aria-current=${s.id===r?"true":void 0}>
      <span class="badge ${M(s)}">${U(s)}</span>
      <span class="grow two-lines"><span class="cut"><${k} entries=${z(s)} /></span>
        <span class="quiet-text cut">${i!==void 0&&t`<${d} text=${i} /> `}→ <${d} text=${s.targetPath} /></span></span>
      <span class="quiet-text wide number">${_(s)}</span>
      <span class="quiet-text"><${F} at=${s.startTime} /></span>
    </a></li>`}function K({id:e,listed:r,names:i,reload:s}){let a=u($=>m(`/v6/RestoreJobs/${e}`,{signal:$}),[`job ${e}`,r?.state]),o=r&&(!a.data||a.data.state==="Running")?r:a.data,l=b(o),n=l?.state==="Running";if(!l)return a.error?t`<${g} error=${a.error} retry=${a.reload} />`:t`<${v} />`;let c=async()=>{await x(`/v6/RestoreJobs/${e}/Stop`),J("The restore stops. What it has restored stays."),s(),a.reload()};return t`<section class="card session" aria-label="Restore">
    ${n&&t`<${W} percent=${l.progressPercent} label="Progress of the restore" />`}
    ${l.error&&t`<p class="why">${L(y(l.error))}</p>`}
    <${Q} job=${l} name=${i.get(l.repositoryId)} />
    ${n&&t`<div class="actions"><${C} icon="stop" onClick=${c}>Stop<//></div>`}
    <${X} id=${e} job=${l} />
  </section>`}function Q({job:e,name:r}){let i=I(1e3),s=e.statistics,a=z(e),o=a.length===1&&a[0].path!=="/"?A(e.restorePointId,a[0]):q(e.restorePointId,{path:"/"}),l=[["From",t`<a href=${o}><${k} entries=${a} /></a>`],["Repository",r!==void 0&&t`<a href="/repositories/${e.repositoryId}"><${d} text=${r} /></a>`],["Into",t`<${d} text=${e.targetPath} />`],["Files",e.state==="Running"&&s.totalFiles===0?"Counting\u2026":`${p(s.files)} of ${p(s.totalFiles)}`],["Written",`${h(s.bytes)} of ${h(s.totalBytes)}`],["Unchanged",s.unchanged>0&&p(s.unchanged)],["Left as they were",s.skipped>0&&p(s.skipped)],["Failed",s.failed>0&&t`<span class="why">${p(s.failed)}</span>`],["Files that were there",D.find(([n])=>n===e.overwrite)?.[1]],["Read back",e.verify&&"Yes"],["Started",e.startTime?t`<${S} at=${e.startTime} /> by <${d} text=${e.startedBy} />`:t`Waits for others to end; asked for by <${d} text=${e.startedBy} />`],["Took",Y(e,i)]];return t`<div class="facts">${l.filter(([,n])=>n).map(([n,c])=>t`<div key=${n}><span class="label">${n}</span>${c}</div>`)}</div>`}var V=500;function X({id:e,job:r}){let[i,s]=R("log",V),a=r.state==="Running",o=u(n=>m(`/v6/RestoreJobs/${e}/LogItems?limit=${i}`,{signal:n}),[`job log ${e}`,i,r.state],{every:a?2e3:0}),l=o.data?.results??[];return t`<${g} error=${o.error?.status?o.error:null} retry=${o.reload} />
    ${l.length>0&&t`<h2>What was not restored as it was</h2><ol class="log" tabIndex="0" aria-label="What was not restored as it was">${l.map(n=>t`<li key=${n.usn} class="log-${n.level.toLowerCase()}">
      <time dateTime=${n.creationTime} title=${n.creationTime}>${new Date(n.creationTime).toLocaleTimeString()}</time>
      <span class="log-level">${n.level}</span><span class="log-text">${y(n.message)}</span></li>`)}</ol>`}
    ${l.length===i&&i<1e4&&t`<div class="actions"><button class="small" onClick=${()=>s(Math.min(1e4,i*4))}>Show more</button></div>`}
    ${o.data&&l.length===0&&!a&&r.state==="Succeeded"&&t`<p class="quiet-text">Nothing failed: ${f(r.statistics.folders,"folder")}, ${f(r.statistics.files,"file")}${r.statistics.others>0&&`, ${f(r.statistics.others,"other item")}`}.</p>`}`}export{$e as Restores};
