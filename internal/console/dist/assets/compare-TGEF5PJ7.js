import{a as Z,c as _}from"./chunk-DY4N3MVY.js";import{a as ee}from"./chunk-WGYFVGB3.js";import{$ as N,A as I,B as q,E as K,H as g,M as k,N as w,O as C,P as x,Q as P,R as z,X as V,_ as Y,b as r,c as v,da as j,e as R,ea as J,g as W,h as E,ha as B,ia as D,ka as Q,l as H,la as M,m as O,na as U,q as T,sa as X,u as F,v as y,y as m,z as G}from"./chunk-HCONMKCS.js";function te({label:e,points:a,value:n,pick:s}){let l=E(()=>{let o=new Map;for(let i of a){let t=o.get(i.hostName);t?t.push(i):o.set(i.hostName,[i])}return[...o]},[a]);return r`<label>${e}<select value=${n} onChange=${o=>s(o.target.value)}>
    ${l.map(([o,i])=>r`<optgroup key=${o} label=${g(o)}>
      ${i.map(t=>r`<option key=${t.id} value=${t.id}>${K(t.backupTime)} · ${t.snapshotId.slice(0,8)}</option>`)}</optgroup>`)}
    </select></label>`}var S=[["Added","added","added","synced"],["Removed","removed","removed","failed"],["ContentChanged","content changed","contentChanged","running"],["MetadataChanged","attributes changed","metadataChanged",""],["TypeChanged","type changed","typeChanged","behind"]],A=e=>S.reduce((a,[,,n])=>a+e[n],0);function ne(e,a){let n=e.filter(s=>s.id!==a.id);return n.find(s=>s.hostName===a.hostName)??n[0]??null}function Te({id:e,params:a,who:n}){let s=j(a),l=y(`/v6/RestorePoints/${e}`),o=l.data?.repositoryId,i=y(o?`/v6/BackupRepositories/${o}`:null),t=y(o?`/v6/RestorePoints?repositoryId=${o}`:null),c=a.get("with"),$=t.data&&l.data&&(c??ne(t.data,l.data)?.id);R(()=>{$&&!c&&N({with:$})},[$,c]);let d=l.error??t.error;return r`
    <${V} title="Compare two restore points" above=${r`<a class="crumb" href="/">Overview</a>${o&&r` / <a class="crumb" href="/repositories/${o}">${i.data?r`<${w} text=${i.data.name} />`:"Repository"}</a>`}`} />
    <${x} error=${d?.status?d:null} retry=${d?.status===404?null:t.reload} />
    ${!t.data&&!d&&r`<${P} what="Loading the restore points" />`}
    ${t.data&&r`<${oe} points=${t.data} before=${e} after=${$} place=${s} kind=${a.get("kind")} />`}
    ${t.data&&!$&&r`<${z} title="There is nothing to compare with"><p>The repository has only this restore point.</p><//>`}
    ${c&&t.data&&r`<${re} repositoryId=${o} before=${e} after=${c} place=${s} kind=${a.get("kind")} who=${n} />`}`}function oe({points:e,before:a,after:n,place:s,kind:l}){let o=(i,t)=>Y(M(i,t,s,{kind:l}));return r`<div class="card pickers">
    <${ae} label="Before" points=${e} value=${a} pick=${i=>o(i,n)} place=${s} />
    <button class="quiet icon-only" title="Swap the two" aria-label="Swap the two restore points" disabled=${!n} onClick=${()=>o(n,a)}><${C} name="compare" /></button>
    <${ae} label="After" points=${e} value=${n} pick=${i=>o(a,i)} place=${s} />
  </div>`}function ae({label:e,points:a,value:n,pick:s,place:l}){return r`<div class="picker"><${te} label=${e} points=${a} value=${n} pick=${s} />
    ${n&&r`<a class="quiet-text" href=${D(n,l)}>Browse this one</a>`}</div>`}function re({repositoryId:e,before:a,after:n,place:s,kind:l,who:o}){let i={with:n,...J(s)},t=y(T(`/v6/RestorePoints/${a}/DifferenceSummary`,i)),c=d=>M(a,n,d,{kind:l}),$=S.find(([d])=>d===l);return r`
    <${X} place=${s} link=${c} label="Compared folder" />
    <${x} error=${t.error?.status?t.error:null} retry=${t.error?.status===404?null:t.reload} />
    ${!t.data&&!t.error&&r`<${P} what="Comparing" />`}
    ${t.data&&r`
      <${le} summary=${t.data} kind=${$?.[0]} />
      ${A(t.data)===0?r`<${z} title="No differences"><p>The folder is the same in both.</p><//>`:r`
        <${ie} folders=${t.data.folders} link=${c} />
        <${de} key=${`${a} ${n} ${s.rawPath??s.path} ${l}`} url=${`/v6/RestorePoints/${a}/Differences`}
          params=${{...i,kind:$?.[0]}} total=${$?t.data[$[2]]:A(t.data)} word=${$?.[1]}
          sides=${{before:a,after:n,repositoryId:e,place:s,who:o}} />`}`}`}function le({summary:e,kind:a}){let n=s=>N({kind:s===a?null:s},{replace:!1});return r`<div class="totals">
    <div role="group" aria-label="Kinds of changes" class="kinds">
      <button class="chip" aria-pressed=${!a} onClick=${()=>n(null)}>All <b>${m(A(e))}</b></button>
      ${S.map(([s,l,o])=>r`<button key=${s} class="chip" aria-pressed=${s===a} disabled=${e[o]===0&&s!==a} onClick=${()=>n(s)}>
        ${l} <b>${m(e[o])}</b></button>`)}</div>
    <p><${se} of=${e} /> <span class="quiet-text">in files that are new, gone or have other content</span></p>
  </div>`}function se({of:{bytesAdded:e,bytesRemoved:a}}){return r`<span class="number"><span class="plus" title=${q(e)}>+${I(e)}</span>
    ${a>0&&r` <span class="minus" title=${q(a)}>−${I(a)}</span>`}</span>`}function ie({folders:e,link:a}){let[n,s]=v(!1);if(e.length<2&&e[0]?.type!=="dir")return null;let l=Math.max(1,...e.map(t=>t.bytesAdded+t.bytesRemoved)),o=n?e:e.slice(0,6),i=t=>({width:`${100*t/l}%`});return r`<section aria-labelledby="where-title"><div class="section-head"><h2 id="where-title">Where</h2></div>
    <ul class="where">${o.map(t=>r`<li key=${t.rawPath??t.path}>
      <${C} name=${t.type==="dir"?"folder":t.type==="file"?"file":"other"} size="15" />
      ${t.type==="dir"?r`<a class="cut" href=${a(t)}><${w} text=${B(t)} /></a>`:r`<${w} text=${B(t)} />`}
      <span class="delta" aria-hidden="true"><span class="delta-plus" style=${i(t.bytesAdded)}></span><span class="delta-minus" style=${i(t.bytesRemoved)}></span></span>
      <${se} of=${t} />
      <span class="quiet-text number">${G(A(t),"change")}</span></li>`)}</ul>
    ${e.length>6&&r`<button class="quiet small" onClick=${()=>s(!n)}>${n?"Show fewer":`Show all ${m(e.length)}${e.length===200?" largest":""}`}</button>`}
  </section>`}function $e(e,a){let[n,s]=v(1),[l,o]=v({list:[],pages:0,cursor:""}),i=F(async c=>{if(l.pages>=n||l.cursor===null)return;let $=await O(T(e,{...a,limit:500,cursor:l.cursor}),{signal:c});o(d=>({list:[...d.list,...$.results],pages:d.pages+1,cursor:$.nextCursor??null}))},[e,n,l.pages]),t=()=>l.cursor!==null&&n===l.pages&&s(l.pages+1);return{list:l.list,more:t,begun:l.pages>0,done:l.cursor===null,error:i.error,reload:i.reload}}function de({url:e,params:a,total:n,word:s,sides:l}){let{list:o,more:i,begun:t,done:c,error:$,reload:d}=$e(e,a),f=W(),b=Z(o.length,_()?92:52,f),h=b.getVirtualItems(),p=h[h.length-1]?.index??-1;return R(()=>{t&&p>=o.length-60&&i()},[t,p,o.length]),r`<section aria-labelledby="changes-title">
    <div class="section-head"><h2 id="changes-title">${s?`Changes: ${s}`:"Changes"}</h2><span class="quiet-text">${m(n)}${t&&!c?`, ${m(o.length)} loaded`:""}</span></div>
    <${x} error=${$?.status?$:null} retry=${d} />
    <div class="grid changes" role="table" aria-label="Changes" aria-rowcount=${c?o.length+1:-1}>
      <div class="grid-head" role="row"><span role="columnheader">Change</span><span role="columnheader">Path</span><span role="columnheader">Size</span><span role="columnheader">Look at</span></div>
      <div ref=${f} class="grid-body" role="rowgroup" style=${{height:`${b.getTotalSize()}px`}}>
        ${h.map(u=>r`<${ce} key=${u.index} change=${o[u.index]} index=${u.index} top=${u.start-b.options.scrollMargin} ...${l} />`)}
      </div></div>
    ${!t&&!$&&r`<${P} what="Loading the changes" />`}
  </section>`}function ce({change:e,index:a,top:n,before:s,after:l,repositoryId:o,place:i,who:t}){let[,c,,$]=S.find(([p])=>p===e.change),d=e.after??e.before,f=i.path==="/"?"/":`${i.path}/`,b=e.path.startsWith(f)?e.path.slice(f.length):e.path,h=(p,u,L)=>u&&r`<a class="button small" href=${u.type==="dir"?D(p,e):U(p,e)}
    aria-label=${`${L}: ${g(e.path)}`}>${L}</a>`;return r`<div class="grid-row" role="row" aria-rowindex=${a+2} style=${{transform:`translateY(${n}px)`}}>
    <span role="cell"><span class="badge ${$}">${c}</span></span>
    <span role="cell" class="cut path-cell"><${C} name=${d.type==="dir"?"folder":d.type==="symlink"?"link":d.type==="file"?"file":"other"} size="15" />
      <a class="cut" href=${Q(o,e)} title=${`History of ${g(e.path)}`}><${w} text=${b} /></a></span>
    <span role="cell" class="number"><${pe} before=${e.before} after=${e.after} /></span>
    <span role="cell" class="actions">${h(s,e.before,"Before")}${h(l,e.after,"After")}
      ${d.type==="file"&&H(t,"restore")&&r`<${ee} point=${e.after?l:s} place=${e} label=${`Download ${g(e.path)}`} />`}</span>
  </div>`}function pe({before:e,after:a}){let n=e?.type==="file"?e.size:null,s=a?.type==="file"?a.size:null;return n!=null&&s!=null&&n!==s?r`<${k} n=${n} /> → <${k} n=${s} />`:r`<${k} n=${s??n} />`}export{Te as Compare,ne as neighbour};
