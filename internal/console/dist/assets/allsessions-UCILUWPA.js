import{e as A,g as C,h as q,i as F}from"./chunk-X2B53KWD.js";import{a as z}from"./chunk-XI4P56AW.js";import"./chunk-4KLAVBK2.js";import{c as $}from"./chunk-MEQD3JOO.js";import{$ as u,C as y,K as v,L as b,O as c,Z as d,aa as S,ba as w,da as N,e as t,fa as k,ga as T,ha as p,ja as f,oa as x,w as g}from"./chunk-2M5QBSSA.js";var a=100,_=30,I=[["","All"],["Failed","Failed"],["Synchronizing","Running"],["None","Succeeded or stopped"]];function Q({params:r}){let n=I.some(([s])=>s===r.get("state"))?r.get("state")??"":"",i=/^[\w-]+$/.test(r.get("repository")??"")?r.get("repository"):"",e=Math.max(0,Math.min(1e6,Number.parseInt(r.get("from")??"0",10)||0)),O=b("/v6/BackupRepositories",{every:1e4}),o=v(s=>g(y("/v6/SynchronizeSessions",{state:n,repositoryId:i,limit:a+1,offset:e||null}),{signal:s}),["all sessions",n,i,e],{every:4e3}),h=new Map((O.data??[]).map(s=>[s.id,s.name])),R=[...h].sort((s,l)=>s[1].localeCompare(l[1])),m=o.data?.slice(0,a)??[],M=0;return t`
    <${x} title="Sessions" />
    <div class="filters">
      <label><span>Show</span><select value=${n} onChange=${s=>$({state:s.target.value,from:null})}>
        ${I.map(([s,l])=>t`<option key=${s} value=${s}>${l}</option>`)}</select></label>
      <label><span>Repository</span><select value=${i} onChange=${s=>$({repository:s.target.value,from:null})}>
        <option value="">All</option>${R.map(([s,l])=>t`<option key=${s} value=${s}>${d(l)}</option>`)}</select></label>
    </div>
    <${k} error=${o.error?.status?o.error:null} retry=${o.reload} />
    ${!o.data&&!o.error&&t`<${T} />`}
    ${o.data&&m.length===0&&t`<${B} from=${e} state=${n} repository=${i} />`}
    ${m.length>0&&t`<ul class="session-list all-sessions" aria-label="Sessions" aria-busy=${o.old}>${m.map(s=>t`<${P} key=${s.id} listed=${s}
      name=${h.get(s.repositoryId)} follow=${s.state==="Synchronizing"&&++M<=_} />`)}</ul>`}
    ${o.data&&(e>0||o.data.length>a)&&t`<div class="pager">
      <${f} kind="small" disabled=${e===0} onClick=${()=>$({from:e>a?e-a:null},{replace:!1})}>Newer<//>
      <${f} kind="small" disabled=${o.data.length<=a} onClick=${()=>$({from:e+a},{replace:!1})}>Older<//>
      <span class="quiet-text">${c(e+1)} to ${c(e+m.length)}</span></div>`}`}function B({from:r,state:n,repository:i}){return r>0?t`<${p} title="There are no older sessions" />`:n==="Failed"?t`<${p} title="No session has failed"><p>${i?"None of this repository\u2019s.":"None of any repository\u2019s."} Older ones may have been removed from the history.</p><//>`:n==="Synchronizing"?t`<${p} title="No session is running"><p>Sessions start by themselves when a repository has something new.</p><//>`:t`<${p} title="No sessions"><p>${i?"This repository has":"The repositories have"} not been synchronized yet.</p><//>`}function P({listed:r,name:n,follow:i}){let e=z(i?r:null)??r;return t`<li><a href="/repositories/${e.repositoryId}/sessions/${e.id}">
    <span class="badge ${C(e)}">${q(e)}</span>
    <${N} text=${n??"A removed repository"} />
    <span class=${`cut ${e.error?"why":"quiet-text"}`}>${e.error?u(d(e.error)).slice(0,300):u(A(e))}</span>
    <span class="two-lines end"><span class="number">${e.startTime?t`<${S} at=${e.startTime} />`:"Waiting to start"}</span>
      <span class="quiet-text number">${e.startTime&&t`<${w} at=${e.startTime} />, ${e.endTime?"took":"running for"} ${F(e)}`}</span></span>
  </a></li>`}export{Q as AllSessions};
