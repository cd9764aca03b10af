import{a,b}from"./chunk-BUADR2EM.js";import"./chunk-4KLAVBK2.js";import"./chunk-B6Y46WFP.js";import"./chunk-WB6Y5U7O.js";import"./chunk-CKW6AM74.js";export{a as AlarmList,b as AlarmsOf};
