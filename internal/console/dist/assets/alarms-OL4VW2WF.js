import{a as k}from"./chunk-QW532UO7.js";import{a as g}from"./chunk-4KLAVBK2.js";import"./chunk-WBZVKYOI.js";import{a as x}from"./chunk-QKG4GXTG.js";import{c as m}from"./chunk-MEQD3JOO.js";import{C as w,K as N,L as O,O as $,Z as C,e as t,fa as h,ga as y,ha as c,ja as v,oa as b,pa as _,w as E}from"./chunk-2M5QBSSA.js";var d=100,H=1e3;function F({alarm:i="",params:l,who:r}){if(i)return t`<${L} id=${i} who=${r} />`;let o=l.get("state")==="Ended",p=g.some(([e])=>e===l.get("kind"))?l.get("kind"):"",u=/^[\w-]+$/.test(l.get("repository")??"")?l.get("repository"):"",n=o?Math.max(0,Math.min(1e6,Number.parseInt(l.get("from")??"0",10)||0)):0,q=o?d:H,a=N(e=>E(w("/v6/Alarms",{state:o?"Ended":"Open",kind:p,repositoryId:u,limit:q,offset:n||null}),{signal:e}),["alarms",o,p,u,n],{every:1e4}),A=(x().data??[]).toSorted((e,f)=>e.name.localeCompare(f.name)),B=!o&&a.data&&!a.old?` (${$(a.data.total)})`:"",s=a.data&&!(a.old&&a.data.results.some(e=>e.state==="Ended"!==o))?a.data.results:null;return t`
    <${b} title="Alarms" />
    <${_} label="Alarms" tabs=${[["/alarms",`Open${B}`],["/alarms?state=Ended","History"]]} current=${o?"/alarms?state=Ended":"/alarms"} />
    <div class="filters">
      <label><span>Kind</span><select value=${p} onChange=${e=>m({kind:e.target.value,from:null})}>
        <option value="">All</option>${g.map(([e,f])=>t`<option key=${e} value=${e}>${f}</option>`)}</select></label>
      ${A.length>1&&t`<label><span>Repository</span><select value=${u} onChange=${e=>m({repository:e.target.value,from:null})}>
        <option value="">All</option>${A.map(e=>t`<option key=${e.id} value=${e.id}>${C(e.name)}</option>`)}</select></label>`}
    </div>
    <${h} error=${a.error?.status?a.error:null} retry=${a.reload} />
    ${!s&&!a.error&&t`<${y} />`}
    ${s?.length===0&&t`<${I} ended=${o} filtered=${!!(p||u)} />`}
    ${s&&s.length>0&&t`<${k} alarms=${s} who=${r} reload=${a.reload} label=${o?"Ended alarms":"Open alarms"} sorted=${!o} />`}
    ${s&&!o&&a.data.total>s.length&&t`<p class="why-late">The newest ${$(s.length)} of ${$(a.data.total)} are listed.</p>`}
    ${s&&o&&a.data.total>d&&t`<div class="pager">
      <${v} kind="small" disabled=${n===0} onClick=${()=>m({from:n>d?n-d:null},{replace:!1})}>Newer<//>
      <${v} kind="small" disabled=${n+d>=a.data.total} onClick=${()=>m({from:n+d},{replace:!1})}>Older<//>
      <span class="quiet-text">${$(n+1)} to ${$(n+s.length)} of ${$(a.data.total)}</span></div>`}`}function I({ended:i,filtered:l}){return l?t`<${c} title="No alarm fits" />`:i?t`<${c} title="No alarm has ended yet"><p>Ended alarms stay here for a year.</p><//>`:t`<${c} title="Nothing is wrong"><p>No alarm is open.</p><//>`}function L({id:i,who:l}){let r=O(`/v6/Alarms/${i}`,{every:1e4});return t`<${b} title="Alarm" above=${t`<a class="crumb" href="/alarms">Alarms</a>`} />
    <${h} error=${r.error?.status?r.error:null} retry=${r.error?.status===404?null:r.reload} />
    ${!r.data&&!r.error&&t`<${y} />`}
    ${r.data&&t`<${k} alarms=${[r.data]} who=${l} reload=${r.reload} label="Alarm" shown=${i} />`}`}export{F as Alarms};
