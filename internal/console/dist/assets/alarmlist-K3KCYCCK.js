import{a,b}from"./chunk-QW532UO7.js";import"./chunk-4KLAVBK2.js";import"./chunk-WBZVKYOI.js";import"./chunk-MEQD3JOO.js";import"./chunk-2M5QBSSA.js";export{a as AlarmList,b as AlarmsOf};
