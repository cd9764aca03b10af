import{a,b}from"./chunk-7CVSICZX.js";import"./chunk-4KLAVBK2.js";import"./chunk-EQAZBBBP.js";import"./chunk-VUVVULLR.js";import"./chunk-KPLVUOVL.js";export{a as AlarmList,b as AlarmsOf};
