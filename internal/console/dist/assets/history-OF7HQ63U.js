import{a as J}from"./chunk-DH4ZIWQC.js";import"./chunk-36JTJUMG.js";import{b as G}from"./chunk-5ANHZRNC.js";import{a as W}from"./chunk-KBMFRAQT.js";import{b as K}from"./chunk-B6PJOAGO.js";import{$ as D,Aa as j,Ba as _,E as C,I as h,J as q,K as w,O as m,P as x,T as u,U as H,W as f,X as M,Y as A,Z as y,_ as g,aa as O,b as i,ba as B,h as P,ia as V,k as R,ma as F,o as v,qa as L,r as I,ra as N,ta as T,ua as S,va as b,w as z,xa as k,ya as E}from"./chunk-4EFARV7O.js";var U=5e3,X=50;async function Y(t,e,s){let o=[];for(let n;;){let r=await I(z(`/v6/BackupRepositories/${t}/History`,{...N(e),limit:1e3,cursor:n}),{signal:s});if(o.push(...r.results),n=r.nextCursor,!n||o.length>=U)return{versions:o,cut:!!n}}}function Z(t){let e=new Map;for(let s of t){let o=e.get(s.hostName)??[];o.push({...s,before:o[o.length-1]??null}),e.set(s.hostName,o)}return[...e].sort(([s],[o])=>s.localeCompare(o))}function tt(t,e){let s=[],o=(n,r,a)=>r!==a&&s.push(`${n} ${r||"none"} \u2192 ${a||"none"}`);if(t.type!==e.type?s.push(`type ${t.type} \u2192 ${e.type}`):e.type==="file"&&t.size!==e.size&&s.push("size"),t.modifyTime!==e.modifyTime&&s.push("time of modification"),o("rights",t.mode,e.mode),t.uid!==e.uid||t.gid!==e.gid||c(t)!==c(e)){let n=c(t)===c(e);s.push(`owner ${n?`${t.uid}:${t.gid}`:c(t)} \u2192 ${n?`${e.uid}:${e.gid}`:c(e)}`)}return e.type==="symlink"&&o("target",t.linkTarget,e.linkTarget),s.length>0?s.join(", "):e.type==="dir"?"what is in it, or its attributes":"its content or attributes"}function c(t){return`${t.user||t.uid}:${t.group||t.gid}`}function bt({id:t,params:e,who:s}){let o=L(e),n=e.get("host"),r=K(t),a=C($=>Y(t,o,$),[`history ${t} ${o.rawPath??o.path}`]),p=P(()=>Z(a.data?.versions??[]),[a.data]),d=r.error??a.error,l=n?p.filter(([$])=>$===n):p;return i`
    <${V} title=${`History of ${H(S(o))}`} above=${i`<a class="crumb" href="/">Overview</a> / <a class="crumb" href="/repositories/${t}">${r.data?i`<${y} text=${r.data.name} />`:"Repository"}</a>`} />
    <${W} place=${o} link=${$=>k(t,$,{host:n})} label="Folders of this path" />
    <${D} error=${d?.status?d:null} retry=${d?.status===404?null:a.reload} />
    ${!a.data&&!a.error&&i`<${O} what="Looking through the restore points" />`}
    ${a.data&&i`
      ${p.length>1&&i`<${et} hosts=${p} host=${n} />`}
      ${l.length===0&&i`<${B} title="This host never had it"><p><a href=${k(t,o)}>Show all hosts</a></p><//>`}
      ${l.length>0&&i`<${st} hosts=${l} />`}
      ${l.map(([$,Q])=>i`<${it} key=${$} id=${t} name=${$} versions=${Q} place=${o} who=${s} />`)}
      ${a.data.cut&&i`<p class="quiet-text">Only the oldest ${h(a.data.versions.length)} versions are shown.</p>`}`}`}function et({hosts:t,host:e}){return i`<label class="inline">Host<select value=${e??""} onChange=${s=>F({host:s.target.value})}>
    <option value="">All ${h(t.length)}</option>
    ${t.map(([s])=>i`<option key=${s} value=${s}>${u(s)}</option>`)}</select></label>`}function st({hosts:t}){let e=R(),s=G(e),o=t.flatMap(([,p])=>p.flatMap(d=>[Date.parse(d.firstTime),Date.parse(d.lastTime)])),n=Math.min(...o),r=Math.max(...o,n+36e5),a=p=>(Date.parse(p)-n)/(r-n)*(s-4);return i`<div class="timeline strips" ref=${e} aria-hidden="true">${s>0&&i`
    ${t.slice(0,12).map(([p,d])=>i`<div key=${p} class="strip">
      <${y} text=${p} />
      <svg width=${s} height="18"><line x1="0" x2=${s} y1="9" y2="9" class="lane-line" />
        ${d.filter(l=>l.entry).map(l=>i`<rect key=${l.firstRestorePointId} x=${a(l.firstTime)} y="3" height="12" rx="2"
          width=${Math.max(4,a(ot(l,d))-a(l.firstTime))} class="strip-part"><title>${`${m(l.firstTime)} \u2013 ${m(l.lastTime)}, ${l.entry.type==="file"?w(l.entry.size):l.entry.type}`}</title></rect>`)}
      </svg></div>`)}
    <div class="axis"><span>${x(n)}</span><span>${x(r)}</span></div>`}
  </div>`}function ot(t,e){return e[e.indexOf(t)+1]?.firstTime??t.lastTime}function it({id:t,name:e,versions:s,place:o,who:n}){let[r,a]=_(`versions ${e}`,X),p=s[s.length-1],d=s.filter($=>$.entry),l=s.slice(-r).reverse();return i`<section class="host-history" aria-label=${`On ${u(e)}`}>
    <div class="section-head"><h2><${g} name="host" /> <${y} text=${e} /></h2>
      <span class="quiet-text">${q(d.length,"version")}${p.entry?"":", gone now"}</span></div>
    <ol class="versions">${l.map($=>i`<${rt} key=${$.firstRestorePointId+$.event} id=${t} version=${$} place=${o} who=${n} />`)}</ol>
    ${s.length>r&&i`<button class="small" onClick=${()=>a(r*4)}>Show older versions</button>`}
  </section>`}var nt={Appeared:["appeared","synced"],Changed:["changed","running"],Vanished:["vanished","behind"]};function rt({version:t,place:e,who:s}){let[o,n]=nt[t.event],r=m(t.firstTime),a=t.entry?.type==="file";return i`<li>
    <span class="badge ${n}">${o}</span>
    <div class="version-when"><${f} at=${t.firstTime} /> <span class="quiet-text block"><${M} at=${t.firstTime} />, ${t.restorePoints===1?"in one restore point":i`in ${h(t.restorePoints)} restore points, until <${f} at=${t.lastTime} />`}</span></div>
    <div class="version-what">${t.entry?i`<${at} version=${t} />`:i`<span class="quiet-text">no longer there</span>`}</div>
    <div class="actions">
      ${a&&v(s,"restore")&&i`<${J} point=${t.lastRestorePointId} place=${e} label=${`Download the version of ${r}`}>Download<//>`}
      <a class="button small" href=${t.entry?.type==="dir"?b(t.lastRestorePointId,e):t.entry?j(t.lastRestorePointId,e):b(t.lastRestorePointId,T(e))}
        aria-label=${`Browse the restore point of ${r}`}><${g} name="folder" size="15" />Browse</a>
      ${t.before&&i`<a class="button small" href=${E(t.before.lastRestorePointId,t.firstRestorePointId,t.before.entry?.type==="dir"&&t.entry?.type==="dir"?e:T(e))}
        aria-label=${`Compare the folder of ${r} with the version before`}><${g} name="compare" size="15" />Compare</a>`}
    </div></li>`}function at({version:{entry:t,event:e,before:s}}){let o=s?.entry?.type==="file"&&t.type==="file"?t.size-s.entry.size:0;return i`<span>${t.type==="file"?i`<${A} n=${t.size} />`:t.type==="dir"?"folder":t.type}
      ${o!==0&&i` <span class="quiet-text number">(${o>0?"+":"\u2212"}${w(Math.abs(o))})</span>`}</span>
    ${t.modifyTime&&i`<span class="quiet-text">modified <${f} at=${t.modifyTime} /></span>`}
    ${e==="Changed"&&s?.entry&&i`<span class="quiet-text block">changed: <bdi>${u(tt(s.entry,t))}</bdi></span>`}`}export{bt as History,Z as byHost,tt as changes};
