import{a as f,b as q,c as R,e as A,f as F,g as I}from"./chunk-7EI7ZLL5.js";import{a as T}from"./chunk-QKG4GXTG.js";import{a as w}from"./chunk-IQTJTWD4.js";import{c as m}from"./chunk-MEQD3JOO.js";import{C as v,K as k,N as x,O as h,P as c,Z as $,ba as N,da as S,e as s,fa as L,ga as C,ha as u,k as y,oa as M,w as b}from"./chunk-2M5QBSSA.js";var g=1e4,B=200,D=e=>f.some(([a])=>a===e);function X({params:e}){let a=D(e.get("state"))?e.get("state"):"",r=/^[\w-]+$/.test(e.get("repository")??"")?e.get("repository"):"",[i,n]=w("host",""),t=k(o=>b(v("/v6/Machines",{repositoryId:r,limit:g}),{signal:o}),["machines",r],{every:15e3}),l=T(),p=(l.data??[]).toSorted((o,d)=>o.name.localeCompare(d.name)),P=y(()=>{let o=i.trim().toLowerCase();return(t.data?.results??[]).filter(d=>(!a||d.state===a)&&(!o||d.hostName.toLowerCase().includes(o)))},[t.data,a,i]);return s`
    <${M} title="Machines" />
    <${L} error=${t.error?.status?t.error:null} retry=${t.reload} />
    ${!t.data&&!t.error&&s`<${C} />`}
    ${t.data&&s`<${H} summary=${t.data.summary} state=${a} />
      <div class="filters">
        <label><span>Host</span><input type="search" value=${i} placeholder="Part of its name" onInput=${o=>n(o.target.value)} /></label>
        ${p.length>1&&s`<label><span>Repository</span><select value=${r} onChange=${o=>m({repository:o.target.value})}>
          <option value="">All</option>${p.map(o=>s`<option key=${o.id} value=${o.id}>${$(o.name)}</option>`)}</select></label>`}
      </div>
      <${_} found=${P} state=${a} filtered=${i.trim()!==""} repositories=${l.data} />
      ${t.data.summary.unwatchedSeries>0&&s`<p class="why-late">${c(t.data.summary.unwatchedSeries,"series","series")} of a repository with more than 10,000 are not watched.</p>`}
      ${t.data.results.length===g&&s`<p class="why-late">Only the first ${h(g)} machines are listed.</p>`}`}`}function H({summary:e,state:a}){let{text:r,kind:i}=I(e),n={Late:e.late,Unknown:e.unknown,InTime:e.inTime,Retired:e.retired};return s`<div class="machine-line ${i}"><strong>${r}</strong>
    <div class="state-choice" role="group" aria-label="Show the machines in a state">
      ${[["","All",""],...f].map(([t,l])=>s`<button key=${t} class="small chip" aria-pressed=${a===t} onClick=${()=>m({state:t})}>
        ${l} <span class="number">${h(t===""?e.machines+e.retired:n[t])}</span></button>`)}</div></div>`}function _({found:e,state:a,filtered:r,repositories:i}){let[n,t]=w("drawn",B),l=x();return e.length===0?r?s`<p class="quiet-text">No machine fits.</p>`:a?s`<${u} title=${a==="Late"?"No machine is late":"No machine is in this state"} />`:s`<${u} title="No machines yet"><p>${i?.length===0?s`<a href="/attach">Add a repository</a>, and the hosts that are backed up to it are listed here.`:"The hosts that are backed up are listed when their repository is synchronized."}</p><//>`:s`<div class="machines" role="table" aria-label="Machines" aria-rowcount=${e.length+1}>
      <div class="machines-head" role="row">${["State","Machine","Last backup","Why"].map(p=>s`<span key=${p} role="columnheader">${p}</span>`)}</div>
      ${e.slice(0,n).map(p=>s`<${j} key=${p.id} machine=${p} now=${l} />`)}</div>
    ${e.length>n&&s`<div><button class="small" onClick=${()=>t(5*n)}>Show more of ${c(e.length,"machine")}</button></div>`}`}function j({machine:e,now:a}){let r=F(e),i=[...new Set(e.series.map(t=>t.repositoryName))],n=e.series.reduce((t,l)=>t+(l.futureSnapshots??0),0);return s`<div class="machine" role="row">
    <span role="cell"><span class="badge ${R(e.state)}">${q(e.state)}</span></span>
    <span role="cell" class="two-lines"><a href="/machines/${e.id}"><${S} text=${e.hostName} /></a>
      <span class="quiet-text cut">${e.series.length===1?s`${e.series[0].paths.map(t=>s`<bdi key=${t}>${$(t)} </bdi>`)}in `:`${e.series.length} series in `}${i.length===1?s`<bdi>${$(i[0])}</bdi>`:c(i.length,"repository","repositories")}</span></span>
    <span role="cell">${e.lastBackupTime?s`<${N} at=${e.lastBackupTime} />`:s`<span class="quiet-text">none that counts</span>`}</span>
    <span role="cell" class=${e.state==="Late"?"":"quiet-text"}>${r&&e.series.length>1&&s`<bdi>${$(r.paths.join(", "))}</bdi>: `}${r&&A(r,a)}${n>0&&s` <span class="why-late">${c(n,"snapshot")} claim the future</span>`}</span>
  </div>`}export{X as Machines};
