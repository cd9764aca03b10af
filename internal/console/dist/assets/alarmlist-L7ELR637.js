import{a,b}from"./chunk-K3SBHLXT.js";import"./chunk-4KLAVBK2.js";import"./chunk-FCTNKP2T.js";import"./chunk-IPHUXPU2.js";import"./chunk-COCVOCAU.js";export{a as AlarmList,b as AlarmsOf};
