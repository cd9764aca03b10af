import{a as ne}from"./chunk-6PFDN5KN.js";import{a as te,c as ae}from"./chunk-SHOGBCLU.js";import{a as se}from"./chunk-DK5KD7AE.js";import"./chunk-GOZCWMC6.js";import{a as _}from"./chunk-XXOQNVF5.js";import{b as U,c as X,d as Z}from"./chunk-QKG4GXTG.js";import{a as V,b as Y,e as I,f as R,h as j,i as B,k as J,s as Q}from"./chunk-FPUQB2RO.js";import{a as ee}from"./chunk-IQTJTWD4.js";import{b as G,c as F}from"./chunk-MEQD3JOO.js";import{C as b,L as H,M as K,O as m,P as q,Q as z,R as T,Z as w,ca as v,da as y,e as o,ea as k,fa as x,ga as C,h as S,ha as P,k as M,o as L,oa as O,t as W,w as E}from"./chunk-2M5QBSSA.js";var N=[["Added","added","added","synced"],["Removed","removed","removed","failed"],["ContentChanged","content changed","contentChanged","running"],["MetadataChanged","attributes changed","metadataChanged",""],["TypeChanged","type changed","typeChanged","behind"]],A=e=>N.reduce((s,[,,a])=>s+e[a],0);function ie(e,s){let a=e.filter(n=>n.id!==s.id);return a.find(n=>n.hostName===s.hostName)??a[0]??null}function Fe({id:e,params:s,who:a}){let n=V(s),i=X(e),r=i.data?.repositoryId,l=U(r),t=Z(r),p=s.get("with"),$=t.data&&i.data&&(p??ie(t.data,i.data)?.id);S(()=>{$&&!p&&F({with:$})},[$,p]);let d=i.error??t.error;return o`
    <${O} title="Compare two restore points" above=${o`<a class="crumb" href="/">Overview</a>${r&&o` / <a class="crumb" href="/repositories/${r}">${l.data?o`<${y} text=${l.data.name} />`:"Repository"}</a>`}`} />
    <${x} error=${d?.status?d:null} retry=${d?.status===404?null:t.reload} />
    ${!t.data&&!d&&o`<${C} what="Loading the restore points" />`}
    ${t.data&&o`<${le} points=${t.data} before=${e} after=${$} place=${n} kind=${s.get("kind")} />`}
    ${t.data&&!$&&o`<${P} title="There is nothing to compare with"><p>The repository has only this restore point.</p><//>`}
    ${p&&t.data&&o`<${$e} repositoryId=${r} before=${e} after=${p} place=${n} kind=${s.get("kind")} who=${a} />`}`}function le({points:e,before:s,after:a,place:n,kind:i}){let r=(l,t)=>G(B(l,t,n,{kind:i}));return o`<div class="card pickers">
    <${oe} label="Before" points=${e} value=${s} pick=${l=>r(l,a)} place=${n} />
    <button class="quiet icon-only" title="Swap the two" aria-label="Swap the two restore points" disabled=${!a} onClick=${()=>r(a,s)}><${k} name="compare" /></button>
    <${oe} label="After" points=${e} value=${a} pick=${l=>r(s,l)} place=${n} />
  </div>`}function oe({label:e,points:s,value:a,pick:n,place:i}){return o`<div class="picker"><${ne} label=${e} points=${s} value=${a} pick=${n} />
    ${a&&o`<a class="quiet-text" href=${R(a,i)}>Browse this one</a>`}</div>`}function $e({repositoryId:e,before:s,after:a,place:n,kind:i,who:r}){let l={with:a,...Y(n)},t=H(b(`/v6/RestorePoints/${s}/DifferenceSummary`,l)),p=d=>B(s,a,d,{kind:i}),$=N.find(([d])=>d===i);return o`
    <${_} place=${n} link=${p} label="Compared folder" />
    <${x} error=${t.error?.status?t.error:null} retry=${t.error?.status===404?null:t.reload} />
    ${!t.data&&!t.error&&o`<${C} what="Comparing" />`}
    ${t.data?.missingFolders>0&&o`<${Q}>${q(t.data.missingFolders,"folder")} ${t.data.missingFolders===1?"differs":"differ"} in a way that nobody knows, because the repository has lost what was in ${t.data.missingFolders===1?"it":"them"}. Nothing of that is counted or listed here.<//>`}
    ${t.data&&o`
      <${de} summary=${t.data} kind=${$?.[0]} />
      ${A(t.data)===0?t.data.missingFolders>0?o`<${P} title="No differences are known"><p>What is left of the folder is the same in both.</p><//>`:o`<${P} title="No differences"><p>The folder is the same in both.</p><//>`:o`
        <${pe} folders=${t.data.folders} link=${p} />
        <${he} key=${`${s} ${a} ${n.rawPath??n.path} ${i}`} url=${`/v6/RestorePoints/${s}/Differences`}
          params=${{...l,kind:$?.[0]}} total=${$?t.data[$[2]]:A(t.data)} word=${$?.[1]}
          sides=${{before:s,after:a,repositoryId:e,place:n,who:r}} />`}`}`}function de({summary:e,kind:s}){let a=n=>F({kind:n===s?null:n},{replace:!1});return o`<div class="totals">
    <div role="group" aria-label="Kinds of changes" class="kinds">
      <button class="chip" aria-pressed=${!s} onClick=${()=>a(null)}>All <b>${m(A(e))}</b></button>
      ${N.map(([n,i,r])=>o`<button key=${n} class="chip" aria-pressed=${n===s} disabled=${e[r]===0&&n!==s} onClick=${()=>a(n)}>
        ${i} <b>${m(e[r])}</b></button>`)}</div>
    <p><${re} of=${e} /> <span class="quiet-text">in files that are new, gone or have other content</span></p>
  </div>`}function re({of:{bytesAdded:e,bytesRemoved:s}}){return o`<span class="number"><span class="plus" title=${T(e)}>+${z(e)}</span>
    ${s>0&&o` <span class="minus" title=${T(s)}>−${z(s)}</span>`}</span>`}function pe({folders:e,link:s}){let[a,n]=ee("folders",!1);if(e.length<2&&e[0]?.type!=="dir")return null;let i=Math.max(1,...e.map(t=>t.bytesAdded+t.bytesRemoved)),r=a?e:e.slice(0,6),l=t=>({width:`${100*t/i}%`});return o`<section aria-labelledby="where-title"><div class="section-head"><h2 id="where-title">Where</h2></div>
    <ul class="where">${r.map(t=>o`<li key=${t.rawPath??t.path}>
      <${k} name=${t.type==="dir"?"folder":t.type==="file"?"file":"other"} size="15" />
      ${t.type==="dir"?o`<a class="cut" href=${s(t)}><${y} text=${I(t)} /></a>`:o`<${y} text=${I(t)} />`}
      <span class="delta" aria-hidden="true"><span class="delta-plus" style=${l(t.bytesAdded)}></span><span class="delta-minus" style=${l(t.bytesRemoved)}></span></span>
      <${re} of=${t} />
      <span class="quiet-text number">${q(A(t),"change")}</span></li>`)}</ul>
    ${e.length>6&&o`<button class="quiet small" onClick=${()=>n(!a)}>${a?"Show fewer":`Show all ${m(e.length)}${e.length===200?" largest":""}`}</button>`}
  </section>`}function ce(e,s){let a=K((i,r)=>E(b(e,{...s,limit:500,cursor:i}),{signal:r}),[b(e,s)]);return{list:M(()=>a.pages.flatMap(i=>i.results),[a.pages]),more:()=>a.next&&!a.loading&&a.more(),begun:a.pages.length>0,done:a.pages.length>0&&!a.next,error:a.error,reload:a.retry}}function he({url:e,params:s,total:a,word:n,sides:i}){let{list:r,more:l,begun:t,done:p,error:$,reload:d}=ce(e,s),g=L(),f=te(r.length,ae()?92:52,g),u=f.getVirtualItems(),c=u[u.length-1]?.index??-1;return S(()=>{t&&!$&&c>=r.length-60&&l()},[t,c,r.length,$]),o`<section aria-labelledby="changes-title">
    <div class="section-head"><h2 id="changes-title">${n?`Changes: ${n}`:"Changes"}</h2><span class="quiet-text">${m(a)}${t&&!p?`, ${m(r.length)} loaded`:""}</span></div>
    <${x} error=${$?.status?$:null} retry=${d} />
    <div class="grid changes" role="table" aria-label="Changes" aria-rowcount=${p?r.length+1:-1}>
      <div class="grid-head" role="row"><span role="columnheader">Change</span><span role="columnheader">Path</span><span role="columnheader">Size</span><span role="columnheader">Look at</span></div>
      <div ref=${g} class="grid-body" role="rowgroup" style=${{height:`${f.getTotalSize()}px`}}>
        ${u.map(h=>o`<${ue} key=${h.index} change=${r[h.index]} index=${h.index} top=${h.start-f.options.scrollMargin} ...${i} />`)}
      </div></div>
    ${!t&&!$&&o`<${C} what="Loading the changes" />`}
  </section>`}function ue({change:e,index:s,top:a,before:n,after:i,repositoryId:r,place:l,who:t}){let[,p,,$]=N.find(([c])=>c===e.change),d=e.after??e.before,g=l.path==="/"?"/":`${l.path}/`,f=e.path.startsWith(g)?e.path.slice(g.length):e.path,u=(c,h,D)=>h&&o`<a class="button small" href=${h.type==="dir"?R(c,e):J(c,e)}
    aria-label=${`${D}: ${w(e.path)}`}>${D}</a>`;return o`<div class="grid-row" role="row" aria-rowindex=${s+2} style=${{transform:`translateY(${a}px)`}}>
    <span role="cell"><span class="badge ${$}">${p}</span></span>
    <span role="cell" class="cut path-cell"><${k} name=${d.type==="dir"?"folder":d.type==="symlink"?"link":d.type==="file"?"file":"other"} size="15" />
      <a class="cut" href=${j(r,e)} title=${`History of ${w(e.path)}`}><${y} text=${f} /></a></span>
    <span role="cell" class="number"><${me} before=${e.before} after=${e.after} /></span>
    <span role="cell" class="actions">${u(n,e.before,"Before")}${u(i,e.after,"After")}
      ${d.type==="file"&&W(t,"restore")&&o`<${se} point=${e.after?i:n} place=${e} label=${`Download ${w(e.path)}`} />`}</span>
  </div>`}function me({before:e,after:s}){let a=e?.type==="file"?e.size:null,n=s?.type==="file"?s.size:null;return a!=null&&n!=null&&a!==n?o`<${v} n=${a} /> → <${v} n=${n} />`:o`<${v} n=${n??a} />`}export{Fe as Compare,ie as neighbour};
