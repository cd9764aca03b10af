import{a,b}from"./chunk-JW3LPJOT.js";import"./chunk-4KLAVBK2.js";import"./chunk-TQDLPU6A.js";import"./chunk-MEQD3JOO.js";import"./chunk-2M5QBSSA.js";export{a as AlarmList,b as AlarmsOf};
