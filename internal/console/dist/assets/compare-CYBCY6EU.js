import{a as ee,c as te}from"./chunk-LSF7LPQT.js";import{a as ae}from"./chunk-DH4ZIWQC.js";import"./chunk-36JTJUMG.js";import{a as se}from"./chunk-I5FQUQFA.js";import{a as Z}from"./chunk-KBMFRAQT.js";import{b as Q,c as U,d as X}from"./chunk-B6PJOAGO.js";import{$ as x,Aa as J,Ba as _,F as H,G as K,I as m,J as O,K as q,L as z,T as w,Y as v,Z as y,_ as k,aa as C,b as o,ba as T,e as S,h as N,ia as F,k as L,la as G,ma as I,o as E,qa as V,r as W,ra as Y,ua as R,va as B,w as b,xa as j,ya as D}from"./chunk-4EFARV7O.js";var A=[["Added","added","added","synced"],["Removed","removed","removed","failed"],["ContentChanged","content changed","contentChanged","running"],["MetadataChanged","attributes changed","metadataChanged",""],["TypeChanged","type changed","typeChanged","behind"]],P=e=>A.reduce((s,[,,a])=>s+e[a],0);function re(e,s){let a=e.filter(n=>n.id!==s.id);return a.find(n=>n.hostName===s.hostName)??a[0]??null}function Te({id:e,params:s,who:a}){let n=V(s),i=U(e),r=i.data?.repositoryId,l=Q(r),t=X(r),p=s.get("with"),$=t.data&&i.data&&(p??re(t.data,i.data)?.id);S(()=>{$&&!p&&I({with:$})},[$,p]);let d=i.error??t.error;return o`
    <${F} title="Compare two restore points" above=${o`<a class="crumb" href="/">Overview</a>${r&&o` / <a class="crumb" href="/repositories/${r}">${l.data?o`<${y} text=${l.data.name} />`:"Repository"}</a>`}`} />
    <${x} error=${d?.status?d:null} retry=${d?.status===404?null:t.reload} />
    ${!t.data&&!d&&o`<${C} what="Loading the restore points" />`}
    ${t.data&&o`<${ie} points=${t.data} before=${e} after=${$} place=${n} kind=${s.get("kind")} />`}
    ${t.data&&!$&&o`<${T} title="There is nothing to compare with"><p>The repository has only this restore point.</p><//>`}
    ${p&&t.data&&o`<${le} repositoryId=${r} before=${e} after=${p} place=${n} kind=${s.get("kind")} who=${a} />`}`}function ie({points:e,before:s,after:a,place:n,kind:i}){let r=(l,t)=>G(D(l,t,n,{kind:i}));return o`<div class="card pickers">
    <${ne} label="Before" points=${e} value=${s} pick=${l=>r(l,a)} place=${n} />
    <button class="quiet icon-only" title="Swap the two" aria-label="Swap the two restore points" disabled=${!a} onClick=${()=>r(a,s)}><${k} name="compare" /></button>
    <${ne} label="After" points=${e} value=${a} pick=${l=>r(s,l)} place=${n} />
  </div>`}function ne({label:e,points:s,value:a,pick:n,place:i}){return o`<div class="picker"><${se} label=${e} points=${s} value=${a} pick=${n} />
    ${a&&o`<a class="quiet-text" href=${B(a,i)}>Browse this one</a>`}</div>`}function le({repositoryId:e,before:s,after:a,place:n,kind:i,who:r}){let l={with:a,...Y(n)},t=H(b(`/v6/RestorePoints/${s}/DifferenceSummary`,l)),p=d=>D(s,a,d,{kind:i}),$=A.find(([d])=>d===i);return o`
    <${Z} place=${n} link=${p} label="Compared folder" />
    <${x} error=${t.error?.status?t.error:null} retry=${t.error?.status===404?null:t.reload} />
    ${!t.data&&!t.error&&o`<${C} what="Comparing" />`}
    ${t.data&&o`
      <${$e} summary=${t.data} kind=${$?.[0]} />
      ${P(t.data)===0?o`<${T} title="No differences"><p>The folder is the same in both.</p><//>`:o`
        <${de} folders=${t.data.folders} link=${p} />
        <${ce} key=${`${s} ${a} ${n.rawPath??n.path} ${i}`} url=${`/v6/RestorePoints/${s}/Differences`}
          params=${{...l,kind:$?.[0]}} total=${$?t.data[$[2]]:P(t.data)} word=${$?.[1]}
          sides=${{before:s,after:a,repositoryId:e,place:n,who:r}} />`}`}`}function $e({summary:e,kind:s}){let a=n=>I({kind:n===s?null:n},{replace:!1});return o`<div class="totals">
    <div role="group" aria-label="Kinds of changes" class="kinds">
      <button class="chip" aria-pressed=${!s} onClick=${()=>a(null)}>All <b>${m(P(e))}</b></button>
      ${A.map(([n,i,r])=>o`<button key=${n} class="chip" aria-pressed=${n===s} disabled=${e[r]===0&&n!==s} onClick=${()=>a(n)}>
        ${i} <b>${m(e[r])}</b></button>`)}</div>
    <p><${oe} of=${e} /> <span class="quiet-text">in files that are new, gone or have other content</span></p>
  </div>`}function oe({of:{bytesAdded:e,bytesRemoved:s}}){return o`<span class="number"><span class="plus" title=${z(e)}>+${q(e)}</span>
    ${s>0&&o` <span class="minus" title=${z(s)}>−${q(s)}</span>`}</span>`}function de({folders:e,link:s}){let[a,n]=_("folders",!1);if(e.length<2&&e[0]?.type!=="dir")return null;let i=Math.max(1,...e.map(t=>t.bytesAdded+t.bytesRemoved)),r=a?e:e.slice(0,6),l=t=>({width:`${100*t/i}%`});return o`<section aria-labelledby="where-title"><div class="section-head"><h2 id="where-title">Where</h2></div>
    <ul class="where">${r.map(t=>o`<li key=${t.rawPath??t.path}>
      <${k} name=${t.type==="dir"?"folder":t.type==="file"?"file":"other"} size="15" />
      ${t.type==="dir"?o`<a class="cut" href=${s(t)}><${y} text=${R(t)} /></a>`:o`<${y} text=${R(t)} />`}
      <span class="delta" aria-hidden="true"><span class="delta-plus" style=${l(t.bytesAdded)}></span><span class="delta-minus" style=${l(t.bytesRemoved)}></span></span>
      <${oe} of=${t} />
      <span class="quiet-text number">${O(P(t),"change")}</span></li>`)}</ul>
    ${e.length>6&&o`<button class="quiet small" onClick=${()=>n(!a)}>${a?"Show fewer":`Show all ${m(e.length)}${e.length===200?" largest":""}`}</button>`}
  </section>`}function pe(e,s){let a=K((i,r)=>W(b(e,{...s,limit:500,cursor:i}),{signal:r}),[b(e,s)]);return{list:N(()=>a.pages.flatMap(i=>i.results),[a.pages]),more:()=>a.next&&!a.loading&&a.more(),begun:a.pages.length>0,done:a.pages.length>0&&!a.next,error:a.error,reload:a.retry}}function ce({url:e,params:s,total:a,word:n,sides:i}){let{list:r,more:l,begun:t,done:p,error:$,reload:d}=pe(e,s),g=L(),f=ee(r.length,te()?92:52,g),u=f.getVirtualItems(),c=u[u.length-1]?.index??-1;return S(()=>{t&&!$&&c>=r.length-60&&l()},[t,c,r.length,$]),o`<section aria-labelledby="changes-title">
    <div class="section-head"><h2 id="changes-title">${n?`Changes: ${n}`:"Changes"}</h2><span class="quiet-text">${m(a)}${t&&!p?`, ${m(r.length)} loaded`:""}</span></div>
    <${x} error=${$?.status?$:null} retry=${d} />
    <div class="grid changes" role="table" aria-label="Changes" aria-rowcount=${p?r.length+1:-1}>
      <div class="grid-head" role="row"><span role="columnheader">Change</span><span role="columnheader">Path</span><span role="columnheader">Size</span><span role="columnheader">Look at</span></div>
      <div ref=${g} class="grid-body" role="rowgroup" style=${{height:`${f.getTotalSize()}px`}}>
        ${u.map(h=>o`<${he} key=${h.index} change=${r[h.index]} index=${h.index} top=${h.start-f.options.scrollMargin} ...${i} />`)}
      </div></div>
    ${!t&&!$&&o`<${C} what="Loading the changes" />`}
  </section>`}function he({change:e,index:s,top:a,before:n,after:i,repositoryId:r,place:l,who:t}){let[,p,,$]=A.find(([c])=>c===e.change),d=e.after??e.before,g=l.path==="/"?"/":`${l.path}/`,f=e.path.startsWith(g)?e.path.slice(g.length):e.path,u=(c,h,M)=>h&&o`<a class="button small" href=${h.type==="dir"?B(c,e):J(c,e)}
    aria-label=${`${M}: ${w(e.path)}`}>${M}</a>`;return o`<div class="grid-row" role="row" aria-rowindex=${s+2} style=${{transform:`translateY(${a}px)`}}>
    <span role="cell"><span class="badge ${$}">${p}</span></span>
    <span role="cell" class="cut path-cell"><${k} name=${d.type==="dir"?"folder":d.type==="symlink"?"link":d.type==="file"?"file":"other"} size="15" />
      <a class="cut" href=${j(r,e)} title=${`History of ${w(e.path)}`}><${y} text=${f} /></a></span>
    <span role="cell" class="number"><${ue} before=${e.before} after=${e.after} /></span>
    <span role="cell" class="actions">${u(n,e.before,"Before")}${u(i,e.after,"After")}
      ${d.type==="file"&&E(t,"restore")&&o`<${ae} point=${e.after?i:n} place=${e} label=${`Download ${w(e.path)}`} />`}</span>
  </div>`}function ue({before:e,after:s}){let a=e?.type==="file"?e.size:null,n=s?.type==="file"?s.size:null;return a!=null&&n!=null&&a!==n?o`<${v} n=${a} /> → <${v} n=${n} />`:o`<${v} n=${n??a} />`}export{Te as Compare,re as neighbour};
