import{B as d,G as h,H as u,P as k,b as c,c as x,f as g,g as b}from"./chunk-OEWYKPU6.js";var f=11;function w(i){let[o,n]=x(0);return g(()=>{let a=new ResizeObserver(([e])=>n(Math.floor(e.contentRect.width)));return a.observe(i.current),()=>a.disconnect()},[]),o}function y(i,o){let n=i.map(r=>Date.parse(r.backupTime)),a=Math.max(...n),e=Math.min(...n),s=Math.max(a-e,36e5),t=r=>f+(r-e)/s*(o-2*f),l=new Map;return i.forEach((r,v)=>{let m=t(n[v]),p=l.get(r.hostName)??[],$=p[p.length-1];$&&$.x-m<f?$.points.push(r):p.push({x:m,points:[r]}),l.set(r.hostName,p)}),{first:e,last:e+s,hosts:[...l]}}function S({points:i,host:o,pick:n}){let a=b(),e=w(a),s=e>0?y(i,e):null;return c`<div class="timeline" ref=${a}>${s&&c`
    <ul class="lanes">${s.hosts.map(([t,l])=>c`<${M} key=${t} hostName=${t} marks=${l} width=${e}
      chosen=${o===t} pick=${n} />`)}</ul>
    <div class="axis" aria-hidden="true"><span>${u(s.first)}</span><span>${u((s.first+s.last)/2)}</span><span>${u(s.last)}</span></div>`}
  </div>`}function M({hostName:i,marks:o,width:n,chosen:a,pick:e}){let s=o.reduce((t,l)=>t+l.points.length,0);return c`<li class="lane">
    <button class="lane-name" aria-pressed=${a} title="Show the restore points of this host only" onClick=${()=>e(a?null:i)}>
      <${k} text=${i} /><span class="quiet-text">${d(s,"restore point")}</span></button>
    <svg width=${n} height="26" aria-hidden="true" focusable="false">
      <line x1="0" x2=${n} y1="13" y2="13" class="lane-line" />
      ${o.map(t=>c`<circle key=${t.points[0].id} cx=${t.x} cy="13" r=${Math.min(3.5+Math.log2(t.points.length)*.9,10)}
        class="mark"><title>${t.points.length===1?h(t.points[0].backupTime):`${d(t.points.length,"restore point")}, ${h(t.points[t.points.length-1].backupTime)} \u2013 ${h(t.points[0].backupTime)}`}</title></circle>`)}
    </svg></li>`}export{w as a,S as b};
