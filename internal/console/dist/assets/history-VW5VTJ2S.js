import{a as J}from"./chunk-CE424I6C.js";import{b as Q}from"./chunk-SY7HVXIA.js";import{a as U}from"./chunk-DK5KD7AE.js";import"./chunk-GOZCWMC6.js";import{a as _}from"./chunk-XXOQNVF5.js";import{b as W}from"./chunk-QKG4GXTG.js";import{a as F,b as L,d as T,e as S,f as k,h as v,i as E,k as j,s as K}from"./chunk-FPUQB2RO.js";import{a as G}from"./chunk-IQTJTWD4.js";import{c as V}from"./chunk-MEQD3JOO.js";import{C,K as M,O as c,P as w,Q as x,U as m,V as b,Z as u,_ as q,aa as f,ba as H,ca as A,da as y,e as i,ea as g,fa as D,ga as O,ha as B,k as P,o as R,oa as N,t as I,w as z}from"./chunk-2M5QBSSA.js";var Y=5e3,Z=50;async function tt(t,e,s){let o=[],r=0;for(let a;;){let n=await z(C(`/v6/BackupRepositories/${t}/History`,{...L(e),limit:1e3,cursor:a}),{signal:s});if(o.push(...n.results),r=Math.max(r,n.unknownRestorePoints??0),a=n.nextCursor,!a||o.length>=Y)return{versions:o,unknown:r,cut:!!a}}}function et(t){let e=new Map;for(let s of t){let o=e.get(s.hostName)??[];o.push({...s,before:o[o.length-1]??null}),e.set(s.hostName,o)}return[...e].sort(([s],[o])=>s.localeCompare(o))}function st(t,e){let s=[],o=(r,a,n)=>a!==n&&s.push(`${r} ${a||"none"} \u2192 ${n||"none"}`);if(t.type!==e.type?s.push(`type ${t.type} \u2192 ${e.type}`):e.type==="file"&&t.size!==e.size&&s.push("size"),t.modifyTime!==e.modifyTime&&s.push("time of modification"),o("rights",t.mode,e.mode),t.uid!==e.uid||t.gid!==e.gid||h(t)!==h(e)){let r=h(t)===h(e);s.push(`owner ${r?`${t.uid}:${t.gid}`:h(t)} \u2192 ${r?`${e.uid}:${e.gid}`:h(e)}`)}return e.type==="symlink"&&o("target",t.linkTarget,e.linkTarget),s.length>0?s.join(", "):e.type==="dir"?"what is in it, or its attributes":"its content or attributes"}function h(t){return`${t.user||t.uid}:${t.group||t.gid}`}function Rt({id:t,params:e,who:s}){let o=F(e),r=e.get("host"),a=W(t),n=M(p=>tt(t,o,p),[`history ${t} ${o.rawPath??o.path}`]),$=P(()=>et(n.data?.versions??[]),[n.data]),d=a.error??n.error,l=r?$.filter(([p])=>p===r):$;return i`
    <${N} title=${`History of ${q(S(o))}`} above=${i`<a class="crumb" href="/">Overview</a> / <a class="crumb" href="/repositories/${t}">${a.data?i`<${y} text=${a.data.name} />`:"Repository"}</a>`} />
    <${_} place=${o} link=${p=>v(t,p,{host:r})} label="Folders of this path" />
    <${D} error=${d?.status?d:null} retry=${d?.status===404?null:n.reload} />
    ${!n.data&&!n.error&&i`<${O} what="Looking through the restore points" />`}
    ${n.data&&i`
      ${n.data.unknown>0&&i`<${K}>${w(n.data.unknown,"restore point")} ${n.data.unknown===1?"says":"say"} nothing about this path, because the repository has lost folders on the way to it. It may have been there, and have had other versions.<//>`}
      ${$.length>1&&i`<${ot} hosts=${$} host=${r} />`}
      ${l.length===0&&i`<${B} title="This host never had it"><p><a href=${v(t,o)}>Show all hosts</a></p><//>`}
      ${l.length>0&&i`<${it} hosts=${l} />`}
      ${l.map(([p,X])=>i`<${rt} key=${p} id=${t} name=${p} versions=${X} place=${o} who=${s} />`)}
      ${n.data.cut&&i`<p class="quiet-text">Only the oldest ${c(n.data.versions.length)} versions are shown.</p>`}`}`}function ot({hosts:t,host:e}){return i`<label class="inline">Host<select value=${e??""} onChange=${s=>V({host:s.target.value})}>
    <option value="">All ${c(t.length)}</option>
    ${t.map(([s])=>i`<option key=${s} value=${s}>${u(s)}</option>`)}</select></label>`}function it({hosts:t}){let e=R(),s=Q(e),o=t.flatMap(([,$])=>$.flatMap(d=>[Date.parse(d.firstTime),Date.parse(d.lastTime)])),r=Math.min(...o),a=Math.max(...o,r+36e5),n=$=>(Date.parse($)-r)/(a-r)*(s-4);return i`<div class="timeline strips" ref=${e} aria-hidden="true">${s>0&&i`
    ${t.slice(0,12).map(([$,d])=>i`<div key=${$} class="strip">
      <${y} text=${$} />
      <svg width=${s} height="18"><line x1="0" x2=${s} y1="9" y2="9" class="lane-line" />
        ${d.filter(l=>l.entry).map(l=>i`<rect key=${l.firstRestorePointId} x=${n(l.firstTime)} y="3" height="12" rx="2"
          width=${Math.max(4,n(nt(l,d))-n(l.firstTime))} class="strip-part"><title>${`${m(l.firstTime)} \u2013 ${m(l.lastTime)}, ${l.entry.type==="file"?x(l.entry.size):l.entry.type}`}</title></rect>`)}
      </svg></div>`)}
    <div class="axis"><span>${b(r)}</span><span>${b(a)}</span></div>`}
  </div>`}function nt(t,e){return e[e.indexOf(t)+1]?.firstTime??t.lastTime}function rt({id:t,name:e,versions:s,place:o,who:r}){let[a,n]=G(`versions ${e}`,Z),$=s[s.length-1],d=s.filter(p=>p.entry),l=s.slice(-a).reverse();return i`<section class="host-history" aria-label=${`On ${u(e)}`}>
    <div class="section-head"><h2><${g} name="host" /> <${y} text=${e} /></h2>
      <span class="quiet-text">${w(d.length,"version")}${$.entry?"":", gone now"}<${J} of=${$.entry?"versions":"vanished"} /></span></div>
    <ol class="versions">${l.map(p=>i`<${lt} key=${p.firstRestorePointId+p.event} id=${t} version=${p} place=${o} who=${r} />`)}</ol>
    ${s.length>a&&i`<button class="small" onClick=${()=>n(a*4)}>Show older versions</button>`}
  </section>`}var at={Appeared:["appeared","synced"],Changed:["changed","running"],Vanished:["vanished","behind"]};function lt({version:t,place:e,who:s}){let[o,r]=at[t.event],a=m(t.firstTime),n=t.entry?.type==="file";return i`<li>
    <span class="badge ${r}">${o}</span>
    <div class="version-when"><${f} at=${t.firstTime} /> <span class="quiet-text block"><${H} at=${t.firstTime} />, ${t.restorePoints===1?"in one restore point":i`in ${c(t.restorePoints)} restore points, until <${f} at=${t.lastTime} />`}</span></div>
    <div class="version-what">${t.entry?i`<${$t} version=${t} />`:i`<span class="quiet-text">no longer there</span>`}</div>
    <div class="actions">
      ${n&&I(s,"restore")&&i`<${U} point=${t.lastRestorePointId} place=${e} label=${`Download the version of ${a}`}>Download<//>`}
      <a class="button small" href=${t.entry?.type==="dir"?k(t.lastRestorePointId,e):t.entry?j(t.lastRestorePointId,e):k(t.lastRestorePointId,T(e))}
        aria-label=${`Browse the restore point of ${a}`}><${g} name="folder" size="15" />Browse</a>
      ${t.before&&i`<a class="button small" href=${E(t.before.lastRestorePointId,t.firstRestorePointId,t.before.entry?.type==="dir"&&t.entry?.type==="dir"?e:T(e))}
        aria-label=${`Compare the folder of ${a} with the version before`}><${g} name="compare" size="15" />Compare</a>`}
    </div></li>`}function $t({version:{entry:t,event:e,before:s}}){let o=s?.entry?.type==="file"&&t.type==="file"?t.size-s.entry.size:0;return i`<span>${t.type==="file"?i`<${A} n=${t.size} />`:t.type==="dir"?"folder":t.type}
      ${o!==0&&i` <span class="quiet-text number">(${o>0?"+":"\u2212"}${x(Math.abs(o))})</span>`}</span>
    ${t.modifyTime&&i`<span class="quiet-text">modified <${f} at=${t.modifyTime} /></span>`}
    ${e==="Changed"&&s?.entry&&i`<span class="quiet-text block">changed: <bdi>${u(st(s.entry,t))}</bdi></span>`}`}export{Rt as History,et as byHost,st as changes};
