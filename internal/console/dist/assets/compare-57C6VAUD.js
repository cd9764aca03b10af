import{a as U,c as X}from"./chunk-JKLBQVV5.js";import{a as Z}from"./chunk-EHBYLML5.js";import"./chunk-S3DNIFP6.js";import{a as _}from"./chunk-7DGEY6BO.js";import{a as Q}from"./chunk-QGMHVCCG.js";import{A as g,B as F,C as z,D as I,J as v,O as k,P as b,Q as C,R as x,S as P,T,Z as G,aa as K,b as r,ba as B,c as w,e as R,fa as V,g as M,ga as Y,ja as D,ka as N,l as E,ma as j,n as H,na as L,pa as J,r as q,v as O,w as y}from"./chunk-OEWYKPU6.js";var S=[["Added","added","added","synced"],["Removed","removed","removed","failed"],["ContentChanged","content changed","contentChanged","running"],["MetadataChanged","attributes changed","metadataChanged",""],["TypeChanged","type changed","typeChanged","behind"]],A=e=>S.reduce((a,[,,n])=>a+e[n],0);function ae(e,a){let n=e.filter(s=>s.id!==a.id);return n.find(s=>s.hostName===a.hostName)??n[0]??null}function Ce({id:e,params:a,who:n}){let s=V(a),o=y(`/v6/RestorePoints/${e}`),l=o.data?.repositoryId,i=y(l?`/v6/BackupRepositories/${l}`:null),t=y(l?`/v6/RestorePoints?repositoryId=${l}`:null),c=a.get("with"),$=t.data&&o.data&&(c??ae(t.data,o.data)?.id);R(()=>{$&&!c&&B({with:$})},[$,c]);let d=o.error??t.error;return r`
    <${G} title="Compare two restore points" above=${r`<a class="crumb" href="/">Overview</a>${l&&r` / <a class="crumb" href="/repositories/${l}">${i.data?r`<${b} text=${i.data.name} />`:"Repository"}</a>`}`} />
    <${x} error=${d?.status?d:null} retry=${d?.status===404?null:t.reload} />
    ${!t.data&&!d&&r`<${P} what="Loading the restore points" />`}
    ${t.data&&r`<${se} points=${t.data} before=${e} after=${$} place=${s} kind=${a.get("kind")} />`}
    ${t.data&&!$&&r`<${T} title="There is nothing to compare with"><p>The repository has only this restore point.</p><//>`}
    ${c&&t.data&&r`<${ne} repositoryId=${l} before=${e} after=${c} place=${s} kind=${a.get("kind")} who=${n} />`}`}function se({points:e,before:a,after:n,place:s,kind:o}){let l=(i,t)=>K(L(i,t,s,{kind:o}));return r`<div class="card pickers">
    <${ee} label="Before" points=${e} value=${a} pick=${i=>l(i,n)} place=${s} />
    <button class="quiet icon-only" title="Swap the two" aria-label="Swap the two restore points" disabled=${!n} onClick=${()=>l(n,a)}><${C} name="compare" /></button>
    <${ee} label="After" points=${e} value=${n} pick=${i=>l(a,i)} place=${s} />
  </div>`}function ee({label:e,points:a,value:n,pick:s,place:o}){return r`<div class="picker"><${_} label=${e} points=${a} value=${n} pick=${s} />
    ${n&&r`<a class="quiet-text" href=${N(n,o)}>Browse this one</a>`}</div>`}function ne({repositoryId:e,before:a,after:n,place:s,kind:o,who:l}){let i={with:n,...Y(s)},t=y(q(`/v6/RestorePoints/${a}/DifferenceSummary`,i)),c=d=>L(a,n,d,{kind:o}),$=S.find(([d])=>d===o);return r`
    <${Q} place=${s} link=${c} label="Compared folder" />
    <${x} error=${t.error?.status?t.error:null} retry=${t.error?.status===404?null:t.reload} />
    ${!t.data&&!t.error&&r`<${P} what="Comparing" />`}
    ${t.data&&r`
      <${re} summary=${t.data} kind=${$?.[0]} />
      ${A(t.data)===0?r`<${T} title="No differences"><p>The folder is the same in both.</p><//>`:r`
        <${oe} folders=${t.data.folders} link=${c} />
        <${ie} key=${`${a} ${n} ${s.rawPath??s.path} ${o}`} url=${`/v6/RestorePoints/${a}/Differences`}
          params=${{...i,kind:$?.[0]}} total=${$?t.data[$[2]]:A(t.data)} word=${$?.[1]}
          sides=${{before:a,after:n,repositoryId:e,place:s,who:l}} />`}`}`}function re({summary:e,kind:a}){let n=s=>B({kind:s===a?null:s},{replace:!1});return r`<div class="totals">
    <div role="group" aria-label="Kinds of changes" class="kinds">
      <button class="chip" aria-pressed=${!a} onClick=${()=>n(null)}>All <b>${g(A(e))}</b></button>
      ${S.map(([s,o,l])=>r`<button key=${s} class="chip" aria-pressed=${s===a} disabled=${e[l]===0&&s!==a} onClick=${()=>n(s)}>
        ${o} <b>${g(e[l])}</b></button>`)}</div>
    <p><${te} of=${e} /> <span class="quiet-text">in files that are new, gone or have other content</span></p>
  </div>`}function te({of:{bytesAdded:e,bytesRemoved:a}}){return r`<span class="number"><span class="plus" title=${I(e)}>+${z(e)}</span>
    ${a>0&&r` <span class="minus" title=${I(a)}>−${z(a)}</span>`}</span>`}function oe({folders:e,link:a}){let[n,s]=w(!1);if(e.length<2&&e[0]?.type!=="dir")return null;let o=Math.max(1,...e.map(t=>t.bytesAdded+t.bytesRemoved)),l=n?e:e.slice(0,6),i=t=>({width:`${100*t/o}%`});return r`<section aria-labelledby="where-title"><div class="section-head"><h2 id="where-title">Where</h2></div>
    <ul class="where">${l.map(t=>r`<li key=${t.rawPath??t.path}>
      <${C} name=${t.type==="dir"?"folder":t.type==="file"?"file":"other"} size="15" />
      ${t.type==="dir"?r`<a class="cut" href=${a(t)}><${b} text=${D(t)} /></a>`:r`<${b} text=${D(t)} />`}
      <span class="delta" aria-hidden="true"><span class="delta-plus" style=${i(t.bytesAdded)}></span><span class="delta-minus" style=${i(t.bytesRemoved)}></span></span>
      <${te} of=${t} />
      <span class="quiet-text number">${F(A(t),"change")}</span></li>`)}</ul>
    ${e.length>6&&r`<button class="quiet small" onClick=${()=>s(!n)}>${n?"Show fewer":`Show all ${g(e.length)}${e.length===200?" largest":""}`}</button>`}
  </section>`}function le(e,a){let[n,s]=w(1),[o,l]=w({list:[],pages:0,cursor:""}),i=O(async c=>{if(o.pages>=n||o.cursor===null)return;let $=await H(q(e,{...a,limit:500,cursor:o.cursor}),{signal:c});l(d=>({list:[...d.list,...$.results],pages:d.pages+1,cursor:$.nextCursor??null}))},[e,n,o.pages]),t=()=>o.cursor!==null&&n===o.pages&&s(o.pages+1);return{list:o.list,more:t,begun:o.pages>0,done:o.cursor===null,error:i.error,reload:i.reload}}function ie({url:e,params:a,total:n,word:s,sides:o}){let{list:l,more:i,begun:t,done:c,error:$,reload:d}=le(e,a),m=M(),f=U(l.length,X()?92:52,m),u=f.getVirtualItems(),p=u[u.length-1]?.index??-1;return R(()=>{t&&p>=l.length-60&&i()},[t,p,l.length]),r`<section aria-labelledby="changes-title">
    <div class="section-head"><h2 id="changes-title">${s?`Changes: ${s}`:"Changes"}</h2><span class="quiet-text">${g(n)}${t&&!c?`, ${g(l.length)} loaded`:""}</span></div>
    <${x} error=${$?.status?$:null} retry=${d} />
    <div class="grid changes" role="table" aria-label="Changes" aria-rowcount=${c?l.length+1:-1}>
      <div class="grid-head" role="row"><span role="columnheader">Change</span><span role="columnheader">Path</span><span role="columnheader">Size</span><span role="columnheader">Look at</span></div>
      <div ref=${m} class="grid-body" role="rowgroup" style=${{height:`${f.getTotalSize()}px`}}>
        ${u.map(h=>r`<${$e} key=${h.index} change=${l[h.index]} index=${h.index} top=${h.start-f.options.scrollMargin} ...${o} />`)}
      </div></div>
    ${!t&&!$&&r`<${P} what="Loading the changes" />`}
  </section>`}function $e({change:e,index:a,top:n,before:s,after:o,repositoryId:l,place:i,who:t}){let[,c,,$]=S.find(([p])=>p===e.change),d=e.after??e.before,m=i.path==="/"?"/":`${i.path}/`,f=e.path.startsWith(m)?e.path.slice(m.length):e.path,u=(p,h,W)=>h&&r`<a class="button small" href=${h.type==="dir"?N(p,e):J(p,e)}
    aria-label=${`${W}: ${v(e.path)}`}>${W}</a>`;return r`<div class="grid-row" role="row" aria-rowindex=${a+2} style=${{transform:`translateY(${n}px)`}}>
    <span role="cell"><span class="badge ${$}">${c}</span></span>
    <span role="cell" class="cut path-cell"><${C} name=${d.type==="dir"?"folder":d.type==="symlink"?"link":d.type==="file"?"file":"other"} size="15" />
      <a class="cut" href=${j(l,e)} title=${`History of ${v(e.path)}`}><${b} text=${f} /></a></span>
    <span role="cell" class="number"><${de} before=${e.before} after=${e.after} /></span>
    <span role="cell" class="actions">${u(s,e.before,"Before")}${u(o,e.after,"After")}
      ${d.type==="file"&&E(t,"restore")&&r`<${Z} point=${e.after?o:s} place=${e} label=${`Download ${v(e.path)}`} />`}</span>
  </div>`}function de({before:e,after:a}){let n=e?.type==="file"?e.size:null,s=a?.type==="file"?a.size:null;return n!=null&&s!=null&&n!==s?r`<${k} n=${n} /> → <${k} n=${s} />`:r`<${k} n=${s??n} />`}export{Ce as Compare,ae as neighbour};
