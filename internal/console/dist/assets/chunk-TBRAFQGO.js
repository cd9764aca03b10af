import{a as d,b as h,c as o}from"./chunk-WBZVKYOI.js";import{a as c}from"./chunk-QKG4GXTG.js";import{A as p,e as n,ma as m,z as r}from"./chunk-2M5QBSSA.js";var A="00000000-0000-0000-0000-000000000000";function R({rule:s=void 0,initial:$={},onClose:b,reload:f}){let a=s??$,g=c(),{form:e,field:l,check:y,change:i}=h({name:a.name??"",repositoryId:a.repositoryId??"",hostPattern:a.hostPattern??"",paths:(a.paths??[]).join(`
`),tag:a.tag??"",maxAge:a.maxAge??"26h",severity:a.severity??"Warning",enabled:a.enabled??!0}),u=async()=>{let t={name:e.name.trim(),repositoryId:e.repositoryId||A,hostPattern:e.hostPattern.trim(),paths:e.paths.split(`
`).map(x=>x.trim()).filter(Boolean),tag:e.tag.trim(),maxAge:e.maxAge.trim(),severity:e.severity,enabled:e.enabled};s?await p(`/v6/AlarmRules/${s.id}`,t):await r("/v6/AlarmRules",t),m(s?"Saved.":"The rule is added."),await f()},v=[["","Every repository"],...(g.data??[]).map(t=>[t.id,t.name])];return n`<${d} title=${s?`Edit ${s.name}`:"Add a rule"} action=${s?"Save":"Add"} onSubmit=${u} onClose=${b}>
    <label>Name<input ...${l("name")} required maxLength="255" /></label>
    <div class="two-fields"><label>At least every<input ...${l("maxAge")} required maxLength="32" placeholder="26h" spellCheck=${!1} /><span class="quiet-text">such as 26h, 90m or 7d12h</span></label>
      <${o} label="Severity" value=${e.severity} options=${[["Info","Info"],["Warning","Warning"],["Critical","Critical"]]} onChange=${t=>i({severity:t})} /></div>
    <${o} label="Repository" value=${e.repositoryId} options=${v} onChange=${t=>i({repositoryId:t})} />
    <div class="two-fields"><label>Hosts<input ...${l("hostPattern")} maxLength="255" placeholder="all" spellCheck=${!1} /><span class="quiet-text">web* for all that begin so</span></label>
      <label>Tag<input ...${l("tag")} maxLength="255" placeholder="any" spellCheck=${!1} /></label></div>
    <label>Paths <span class="quiet-text">(exactly these, one a line; empty for all)</span><textarea ...${l("paths")} spellCheck=${!1}></textarea></label>
    <label class="check"><input ...${y("enabled")} />In force</label>
  <//>`}export{R as a};
